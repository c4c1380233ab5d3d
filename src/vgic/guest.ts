/**
 * The guest's side of the CPU interface: only LRs (and the physical active state behind them) change.
 * vgic-spec 1.16 as far as VGR1 and recordings need it: no PMR, group or running-priority checks (native-reference 6).
 */
import * as Counting from '#counting';
import * as Intid from '../gic/intid.js';
import * as Lr from '../gic/lr.js';
import type { VgicState } from './state.js';

// V8 folds a module's own constants, not imported ones: 1.2-2x in hot loops (bench/README.md).
const { COUNTED } = Counting;
const { SPURIOUS_INTID } = Intid;
const { LR_ACTIVE, LR_HW, LR_PENDING, LR_PRIORITY_SHIFT, LR_STATE, LR_VINTID_V2_MASK } = Lr;

/** Flags of an acknowledge: trace/events.ts ACK. */
const REFUSE_NESTED = 1;
const EXACT = 2;

export interface GuestInterface {
  /** IAR read; returns the INTID acknowledged, 1023 if none. Meaning of `intid` and `flags`: trace/events.ts ACK. */
  ack(vcpu: number, intid: number, flags: number): number;
  /** Clears the active bit of the first LR with `intid`; returns the LR index or -1. EOI (EOImode 0) and DIR. */
  deactivate(vcpu: number, intid: number): number;
  /** Sets the state bits of an LR: bit 0 pending, bit 1 active. */
  setLrState(vcpu: number, lr: number, state: number): void;
  /** Acknowledges and ends everything pending, most urgent first. */
  drain(vcpu: number): void;
}

export function createGuestInterface(s: VgicState): GuestInterface {
  const { lrLo, lrHi, lrSlot, usedLrs, physRow, physActive, cost, nrLr, isV2Guest } = s;
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

  const ack = (vcpu: number, intid: number, flags: number): number =>
    (flags & EXACT) !== 0 ? ackExactly(vcpu, intid) : ackBest(vcpu, intid, flags);

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
    drain(vcpu) {
      const base = vcpu * nrLr;
      while (bestPendingLr(base, base + usedLrs[vcpu]) >= 0) deactivate(vcpu, ack(vcpu, 0, 0));
    },
  };
}
