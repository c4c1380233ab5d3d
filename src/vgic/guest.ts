/**
 * The guest's side of the CPU interface: only LRs (and the physical active state behind them), APR and EOIcount change.
 * vgic-spec 1.16. VGR1 files and recordings say what the guest got, so ack, eoi and deactivate ask no PMR, group or
 * running priority (native-reference 6).
 */
import * as Counting from '#counting';
import * as Intid from '../gic/intid.js';
import * as Lr from '../gic/lr.js';
import { CONTROL_EOIMODE, CONTROL_GROUP0, CONTROL_GROUP1, groupPriority, runningPriority } from './cpuif.js';
import type { VgicState } from './state.js';

// V8 folds a module's own constants, not imported ones: 1.2-2x in hot loops (bench/README.md).
const { COUNTED } = Counting;
const { LPI_BASE, NR_SGIS, SPURIOUS_INTID } = Intid;
const {
  HCR_TDIR,
  LR_ACTIVE,
  LR_CPUID_SHIFT,
  LR_GROUP,
  LR_HW,
  LR_PENDING,
  LR_PRIORITY_SHIFT,
  LR_STATE,
  LR_VINTID_V2_MASK,
} = Lr;

/** Flags of an acknowledge: trace/events.ts ACK. */
const REFUSE_NESTED = 1;
const EXACT = 2;
const MAX_EOI_COUNT = 31;

export interface GuestInterface {
  /**
   * IAR read that asks no rules; returns the INTID acknowledged, 1023 if none. Meaning of `intid` and `flags`:
   * trace/events.ts ACK.
   */
  ack(vcpu: number, intid: number, flags: number): number;
  /** IAR read by the rules of the CPU interface. */
  ackByRules(vcpu: number): number;
  /** Clears the active bit of the first LR with `intid`; returns the LR index or -1. */
  deactivate(vcpu: number, intid: number): number;
  /** EOIR write with EOImode 0 that asks no rules. */
  eoi(vcpu: number, intid: number): void;
  /** EOIR and DIR writes by the rules; `sender` of an SGI of a GICv2 guest. True: the DIR traps (vgic-spec 1.19). */
  eoiByRules(vcpu: number, intid: number, sender: number): void;
  /** EOIR write with EOImode 1: the running priority alone. */
  dropPriority(vcpu: number): void;
  dirByRules(vcpu: number, intid: number, sender: number): boolean;
  /** The CPUIF event: PMR, group enables, EOImode, BPRs. */
  setCpuif(vcpu: number, value: number): void;
  /** Sender of the SGI acknowledged last; 0 for everything else. */
  lastSource(): number;
  /** Sets the state bits of an LR: bit 0 pending, bit 1 active. */
  setLrState(vcpu: number, lr: number, state: number): void;
  /** Acknowledges and ends what is pending, most urgent first: at most `limit` interrupts, everything with limit 0. */
  drain(vcpu: number, limit: number): void;
}

export function createGuestInterface(s: VgicState, rekeyAll: (vcpu: number) => void): GuestInterface {
  const { lrLo, lrHi, lrSlot, usedLrs, physRow, physActive, cost, nrLr, isV2Guest } = s;
  const { pmr, control, apr, eoiCount, hcr } = s;
  const { activeOutsideLrs } = s.flavour;
  let source = 0;
  const intidMask = isV2Guest ? LR_VINTID_V2_MASK : -1;

  /** The most urgent LR in state pending (exactly), ties to the lowest index; -1 if none. */
  function bestPendingLr(base: number, end: number): number {
    const words = lrHi;
    let best = -1;
    let bestPriority = 256;
    for (let lr = base; lr < end; lr++) {
      const hi = words[lr];
      if ((hi & LR_STATE) !== LR_PENDING) continue;
      const priority = (hi >>> LR_PRIORITY_SHIFT) & 0xff;
      if (priority < bestPriority) {
        bestPriority = priority;
        best = lr;
      }
    }
    return best;
  }

  /** The guest read exactly this INTID: the LR that presents it becomes active. */
  function ackExactly(vcpu: number, intid: number): number {
    if (intid === SPURIOUS_INTID) {
      if (COUNTED) cost.spurious += 1;
      return SPURIOUS_INTID;
    }
    const low = lrLo;
    const high = lrHi;
    const base = vcpu * nrLr;
    const end = base + usedLrs[vcpu];
    for (let lr = base; lr < end; lr++) {
      const hi = high[lr];
      if ((low[lr] & intidMask) === intid && (hi & LR_STATE) === LR_PENDING) {
        high[lr] = hi ^ LR_STATE;
        if (COUNTED) cost.acks += 1;
        return intid;
      }
    }
    if (COUNTED) cost.divergences += 1;
    return SPURIOUS_INTID;
  }

  /** Is an LR active that is as urgent as `lr`, or more? */
  function isNested(lr: number, base: number, end: number): boolean {
    const priority = (lrHi[lr] >>> LR_PRIORITY_SHIFT) & 0xff;
    for (let other = base; other < end; other++) {
      const hi = lrHi[other];
      if ((hi & LR_ACTIVE) !== 0 && priority >= ((hi >>> LR_PRIORITY_SHIFT) & 0xff)) return true;
    }
    return false;
  }

  function ackBest(vcpu: number, asserted: number, flags: number): number {
    const base = vcpu * nrLr;
    const end = base + usedLrs[vcpu];
    const best = bestPendingLr(base, end);
    if (best < 0 || ((flags & REFUSE_NESTED) !== 0 && isNested(best, base, end))) {
      if (COUNTED) {
        cost.spurious += 1;
        if (asserted !== 0 && asserted !== SPURIOUS_INTID) cost.divergences += 1;
      }
      return SPURIOUS_INTID;
    }
    lrHi[best] ^= LR_STATE;
    const got = lrLo[best] & intidMask;
    if (COUNTED) {
      cost.acks += 1;
      if (asserted !== 0 && asserted !== got) cost.divergences += 1;
    }
    return got;
  }

  const cpuidOf = (lr: number): number =>
    isV2Guest && (lrLo[lr] & intidMask) < NR_SGIS ? (lrLo[lr] >>> LR_CPUID_SHIFT) & 7 : 0;
  const isGroupEnabled = (vcpu: number, hi: number): boolean =>
    (control[vcpu] & ((hi & LR_GROUP) !== 0 ? CONTROL_GROUP1 : CONTROL_GROUP0)) !== 0;

  /** The most urgent pending LR whose group is enabled, if it may preempt what runs. */
  function ackByRules(vcpu: number): number {
    const base = vcpu * nrLr;
    let best = -1;
    let bestPriority = 256;
    for (let lr = base; lr < base + usedLrs[vcpu]; lr++) {
      const hi = lrHi[lr];
      const priority = (hi >>> LR_PRIORITY_SHIFT) & 0xff;
      if ((hi & LR_STATE) !== LR_PENDING || priority >= bestPriority || !isGroupEnabled(vcpu, hi)) continue;
      bestPriority = priority;
      best = lr;
    }
    source = 0;
    const group = best >= 0 && (lrHi[best] & LR_GROUP) !== 0 ? 1 : 0;
    const preempts = groupPriority(control[vcpu], group, bestPriority);
    if (best < 0 || bestPriority >= pmr[vcpu] || preempts >= runningPriority(apr[vcpu])) {
      if (COUNTED) cost.spurious += 1;
      return SPURIOUS_INTID;
    }
    lrHi[best] ^= LR_STATE;
    apr[vcpu] |= 1 << (preempts >> 3);
    source = cpuidOf(best);
    if (COUNTED) cost.acks += 1;
    return lrLo[best] & intidMask;
  }

  const ack = (vcpu: number, intid: number, flags: number): number =>
    (flags & EXACT) !== 0 ? ackExactly(vcpu, intid) : ackBest(vcpu, intid, flags);

  /** Index of the LR plane entry with `intid` (an SGI: of that sender) that is active, or -1. */
  function findActive(vcpu: number, intid: number, sender: number): number {
    const base = vcpu * nrLr;
    for (let lr = base; lr < base + usedLrs[vcpu]; lr++) {
      if ((lrLo[lr] & intidMask) !== intid || (lrHi[lr] & LR_ACTIVE) === 0) continue;
      if (cpuidOf(lr) === sender || !isV2Guest || intid >= NR_SGIS) return lr;
    }
    return -1;
  }

  function endLr(lr: number): void {
    lrHi[lr] &= ~LR_ACTIVE;
    if ((lrHi[lr] & LR_HW) !== 0) physActive[physRow[lrSlot[lr]]] = 0;
  }

  function countEoi(vcpu: number, intid: number): void {
    if (intid < LPI_BASE) eoiCount[vcpu] = (eoiCount[vcpu] + 1) & MAX_EOI_COUNT;
  }

  /** The priority drop asks for no INTID; then EOImode decides. */
  function eoiByRules(vcpu: number, intid: number, sender: number): void {
    apr[vcpu] &= apr[vcpu] - 1;
    const isDropOnly = (control[vcpu] & CONTROL_EOIMODE) !== 0 && intid < LPI_BASE;
    if (isDropOnly) return;
    const lr = findActive(vcpu, intid, sender);
    if (lr >= 0) endLr(lr);
    else countEoi(vcpu, intid);
  }

  function deactivate(vcpu: number, intid: number): number {
    const base = vcpu * nrLr;
    const end = base + usedLrs[vcpu];
    const low = lrLo;
    const high = lrHi;
    for (let lr = base; lr < end; lr++) {
      const hi = high[lr];
      if ((low[lr] & intidMask) === intid && (hi & LR_ACTIVE) !== 0) {
        high[lr] = hi & ~LR_ACTIVE;
        if ((hi & LR_HW) !== 0) physActive[physRow[lrSlot[lr]]] = 0;
        return lr - base;
      }
    }
    return -1;
  }

  return {
    ack,
    deactivate,
    ackByRules,
    eoi(vcpu, intid) {
      if (deactivate(vcpu, intid) < 0) countEoi(vcpu, intid);
    },
    eoiByRules,
    dropPriority(vcpu) {
      apr[vcpu] &= apr[vcpu] - 1;
    },
    dirByRules(vcpu, intid, sender) {
      if ((control[vcpu] & CONTROL_EOIMODE) === 0) return false;
      if (activeOutsideLrs !== 'none' && (hcr[vcpu] & HCR_TDIR) !== 0) return true;
      const lr = findActive(vcpu, intid, sender);
      if (lr >= 0) endLr(lr);
      return false;
    },
    setCpuif(vcpu, value) {
      pmr[vcpu] = value & 0xff;
      const before = control[vcpu];
      control[vcpu] = value & ~0xff;
      if (((before ^ value) & (CONTROL_GROUP0 | CONTROL_GROUP1)) !== 0) rekeyAll(vcpu);
    },
    lastSource: () => source,
    setLrState(vcpu, lr, state) {
      if (lr >= usedLrs[vcpu]) return;
      const at = vcpu * nrLr + lr;
      const hi = lrHi[at];
      const next = (hi & ~LR_STATE) | (state << 30);
      if (COUNTED && (hi & LR_PENDING) !== 0 && (next & LR_PENDING) === 0) cost.acks += 1;
      const ended = (next & LR_ACTIVE) === 0 && ((hi & LR_ACTIVE) !== 0 || (hi & ~next & LR_PENDING) !== 0);
      if (ended && (hi & LR_HW) !== 0) physActive[physRow[lrSlot[at]]] = 0;
      lrHi[at] = next;
    },
    drain(vcpu, limit) {
      const base = vcpu * nrLr;
      // Counted down past 0, which never comes again: no limit.
      for (let left = limit; bestPendingLr(base, base + usedLrs[vcpu]) >= 0; left--) {
        deactivate(vcpu, ack(vcpu, 0, 0));
        if (left === 1) return;
      }
    },
  };
}
