/**
 * Guest exit: list registers → our tables (fold), then prune. Counterpart: flush.ts.
 * Fold: vgic-spec 1.18, resampling 3.3, interrupts that are active outside the LRs 1.19; prune: 1.20.
 */
import * as Counting from '#counting';
import * as Intid from '../gic/intid.js';
import * as Lr from '../gic/lr.js';
import type { ApList } from './ap-list.js';
import * as Counters from './counters.js';
import { CONTROL_EOIMODE } from './cpuif.js';
import * as HostMapping from './host-mapping.js';
import type { Kicks } from './kicks.js';
import type { LpiOrder } from './lpi-order.js';
import * as Operations from './operations.js';
import type { Populate } from './populate.js';
import { isPinned, type VgicState } from './state.js';
import * as Word from './word.js';

// V8 folds a module's own constants, not imported ones: 1.2-2x in hot loops (bench/README.md).
const { COUNTED } = Counting;
const { BY_SOFTWARE } = HostMapping;
const { NO_SLOT, NR_SGIS, SPI_BASE, SPI_END } = Intid;
const { HCR_LRENPIE, HCR_UIE, LR_ACTIVE, LR_CPUID_SHIFT, LR_EOI, LR_HW, LR_PENDING, LR_STATE } = Lr;
const { PATH_FOLD, PATH_PRUNE, SECTION_EXIT } = Counters;
const { OP_FOLDED, OP_FOLDED_MAPPED, OP_FOLDED_NOTIFIED, OP_SYNC_LISTED } = Operations;
const { ACTIVE, EXISTS, HW, LATCH, LEVEL, LINE, QUEUED_FIELD, queuedOn, staysHere, targetField, WIRE } = Word;

export interface Sync {
  /** Fold and prune in one step. */
  sync(vcpu: number): void;
  /** The parts, for recordings in which another CPU's step lies between them. */
  fold(vcpu: number): void;
  prune(vcpu: number): void;
}

export interface ApListSync extends Sync {
  /**
   * Deactivates an interrupt that is in no LR: the word that populate would write, without its active bit, is folded
   * (vgic-spec 1.19, E.2). Flavours that deactivate outside the LRs only.
   */
  foldOutside(slot: number): void;
}

export function createSync(
  s: VgicState,
  list: ApList,
  { populate, reportUnsent }: Populate,
  kicks: Kicks,
  lpiOrder: LpiOrder,
): ApListSync {
  const {
    word,
    source,
    activeSource,
    physLine,
    physPending,
    physActive,
    physRow,
    hwintid,
    lrLo,
    lrHi,
    lrSlot,
    usedLrs,
    hcr,
    cost,
    nrLr,
    isV2Guest,
    inGuest,
    flavour,
    onLr,
    lastLr,
    eoiCount,
    control,
    dist,
    activeSpis,
    lpiSlotBase,
    lpiRefs,
  } = s;
  const { nrLpis } = s.machine;
  const { ops } = cost;
  const { length, touch, prune: pruneList } = list;
  const behind = list.nextActive ?? list.after;
  const { resamplesAfterDeactivation, levelLatchEnds } = flavour;
  const isXen = flavour.isXen;
  const { notified } = kicks;
  /** A GICv3 host of kvm-7.2 tells only of the end of what was seen active. */
  const notifiesDeactivated = flavour.ackNotification === 'deactivated' && !s.isV2Host;
  const notifiesAlways = flavour.ackNotification !== 'none' && !notifiesDeactivated;
  const dropsLpiActive = flavour.dropsLpiActive && !s.isV2Host;
  const special = isV2Guest || isXen;
  const isSpi = (slot: number): boolean => s.intidOfSlot[slot] >= SPI_BASE && s.intidOfSlot[slot] < SPI_END;

  function notify(slot: number): void {
    cost.notifications += 1;
    notified[slot - s.spiSlotBase] += 1;
  }

  function book(slot: number, w: number, hi: number): void {
    ops[OP_FOLDED] += 1;
    if ((hi & (LR_STATE | LR_HW | LR_EOI)) === LR_EOI && isSpi(slot)) ops[OP_FOLDED_NOTIFIED] += 1;
    if ((w & HW) !== 0) ops[OP_FOLDED_MAPPED] += 1;
  }

  /** One LR back into the tables. `lr` is an index into the LR planes. */
  function foldLr(lr: number): void {
    const hi = lrHi[lr];
    const slot = lrSlot[lr];
    const w = word[slot];
    if (COUNTED) book(slot, w, hi);
    if (COUNTED && notifiesAlways && (hi & (LR_STATE | LR_HW | LR_EOI)) === LR_EOI && isSpi(slot)) notify(slot);
    // An LPI that was unmapped and left the list meanwhile: nobody is there to tell.
    if (nrLpis > 0 && (w & EXISTS) === 0) {
      if (COUNTED) cost.locks -= 1;
      return;
    }
    if (special || (w & HW) !== 0) {
      word[slot] = foldSpecial(lr, slot, w);
    } else {
      const active = hi >>> 31;
      const pending = (hi >>> 30) & 1;
      const isEdge = ((w >>> 4) & 1) ^ 1;
      // Edge: a pending state goes back to the latch. Level: acknowledged and deactivated, the soft pend is over.
      // Shifts, no branches, as in populate.
      const keep = active | pending | isEdge;
      word[slot] = (w & ~(ACTIVE | ((keep ^ 1) << 1))) | (active << 3) | ((pending & isEdge) << 1);
    }
    if ((w & QUEUED_FIELD) !== 0) touch(slot);
  }

  const latchKeepers = levelLatchEnds === 'empty' ? LR_STATE : LR_PENDING;

  /** The word of a mapped interrupt, or of one of a GICv2 guest, after the fold of its LR. */
  function foldSpecial(lr: number, slot: number, before: number): number {
    const hi = lrHi[lr];
    let w = before;
    const wasActive = w & ACTIVE;
    const isV2Sgi = isV2Guest && s.intidOfSlot[slot] < NR_SGIS;
    const cpuid = isV2Sgi ? (lrLo[lr] >>> LR_CPUID_SHIFT) & 7 : 0;
    if ((hi & LR_ACTIVE) !== 0) {
      w |= ACTIVE;
      if (isV2Sgi && !isXen) activeSource[slot] = cpuid;
    } else {
      w &= ~ACTIVE;
    }
    if ((w & LEVEL) === 0) {
      if ((hi & LR_PENDING) !== 0) {
        w |= LATCH;
        if (isV2Sgi) source[slot] |= 1 << cpuid;
      }
    } else {
      // Acknowledged and deactivated: the soft pend is over. State A leaves it alone in KVM, ends it in Xen.
      if ((hi & latchKeepers) === 0) w &= ~LATCH;
      if ((w & HW) !== 0) {
        const deactivated = resamplesAfterDeactivation && wasActive !== 0 && (hi & LR_ACTIVE) === 0;
        if (hwintid[slot] === BY_SOFTWARE) {
          // The line is not read: if it is high, the host takes the interrupt again and raises it here.
          if ((w & (ACTIVE | LATCH)) === 0) physActive[physRow[slot]] = 0;
        } else if ((hi & LR_PENDING) !== 0 || (deactivated && (w & LINE) !== 0)) {
          w = resample(slot, w);
        }
      }
    }
    return w;
  }

  /** The line of a mapped interrupt is what the host's is; low: the host may take the next one. */
  function resample(slot: number, w: number): number {
    const row = physRow[slot];
    if ((physLine[row] | physPending[row]) !== 0) return w | LINE | WIRE;
    physActive[row] = 0;
    return w & ~(LINE | WIRE);
  }

  /** Each LPI is found by its number, also one that is gone. */
  function lookUpLpis(from: number, to: number): void {
    for (let lr = from; lr < to; lr++) {
      const slot = lrSlot[lr];
      if (slot >= lpiSlotBase) lpiOrder.lookUpAtFold((word[slot] & EXISTS) !== 0 ? slot : NO_SLOT);
    }
  }

  function foldUsed(vcpu: number): void {
    hcr[vcpu] &= ~HCR_UIE;
    const used = usedLrs[vcpu];
    const base = vcpu * nrLr;
    const end = base + used;
    if (COUNTED && nrLpis > 0) lookUpLpis(base, end);
    for (let lr = base; lr < end; lr++) foldLr(lr);
    usedLrs[vcpu] = 0;
    if (COUNTED) {
      cost.visits += used;
      cost.locks += used;
      ops[OP_SYNC_LISTED] += 1;
      cost.end(PATH_FOLD);
    }
  }

  /** Xen: HCR.En goes with the LRs that were in use. */
  function foldXen(vcpu: number): void {
    if (usedLrs[vcpu] > 0) hcr[vcpu] = 0;
    foldUsed(vcpu);
  }

  /** kvm-7.2 also takes the EOIs of interrupts that were in no LR. */
  function foldTracked(vcpu: number): void {
    const used = usedLrs[vcpu];
    const base = vcpu * nrLr;
    for (let lr = base; lr < base + used; lr++) foldTrackedLr(lr);
    usedLrs[vcpu] = 0;
    if (COUNTED) {
      cost.visits += used;
      cost.locks += used;
      ops[OP_SYNC_LISTED] += 1;
    }
    const counts = eoiCount[vcpu] > 0 && (hcr[vcpu] & HCR_LRENPIE) !== 0 && (control[vcpu] & CONTROL_EOIMODE) === 0;
    if (counts && lastLr[vcpu] !== NO_SLOT) deactivateCounted(vcpu);
    if (COUNTED) cost.end(PATH_FOLD);
  }

  /** As foldLr on a flavour that notes what is in an LR. */
  function foldTrackedLr(lr: number): void {
    const slot = lrSlot[lr];
    const wasActive = word[slot] & ACTIVE;
    if (dropsLpiActive && slot >= lpiSlotBase) lrHi[lr] &= ~LR_ACTIVE;
    foldLr(lr);
    onLr[slot] = 0;
    if (!notifiesDeactivated || wasActive === 0) return;
    if ((lrHi[lr] & (LR_STATE | LR_HW | LR_EOI)) !== LR_EOI || !isSpi(slot)) return;
    if (COUNTED) notify(slot);
    if (activeSpis[0] > 0) activeSpis[0] -= 1;
  }

  /** One LR plane entry behind those of the vCPUs: no vCPU's. */
  const scratch = s.nrVcpus * nrLr;

  function foldOutside(slot: number): void {
    // No LR is filled: the mark stays what it was.
    const wasOnLr = onLr[slot];
    populate(scratch, slot);
    onLr[slot] = wasOnLr;
    if (isV2Guest) reportUnsent(touch);
    if ((lrHi[scratch] & LR_HW) !== 0) physActive[physRow[slot]] = 0;
    lrHi[scratch] &= ~LR_ACTIVE;
    foldTrackedLr(scratch);
  }

  /** EOIcount deactivates the first actives behind the last LR's entry, or from the list head (1.19, 8.3). */
  function deactivateCounted(vcpu: number): void {
    const here = targetField(vcpu);
    let left = eoiCount[vcpu];
    const last = flavour.activeOutsideLrs === 'from-list-head' ? NO_SLOT : lastLr[vcpu];
    // EnableLPIs off took it off the list meanwhile: nothing is behind it.
    if (last !== NO_SLOT && queuedOn(word[last]) !== vcpu) return;
    // Read before a fold, which may move the row in a list that is kept in order.
    let following = NO_SLOT;
    for (let slot = behind(vcpu, last); slot !== NO_SLOT && left > 0; slot = following) {
      following = behind(vcpu, slot);
      if (COUNTED) {
        cost.visits += 1;
        cost.locks += 1;
      }
      if ((word[slot] & ACTIVE) === 0 || staysHere(word[slot], here, dist[0]) === 0) continue;
      // The value is built under the irq_lock, then folded under it again.
      if (COUNTED) cost.locks += 1;
      foldOutside(slot);
      left -= 1;
    }
  }

  function prune(vcpu: number): void {
    if (COUNTED) kicks.current[0] = vcpu;
    pruneList(vcpu);
    if (COUNTED) cost.end(PATH_PRUNE);
  }

  /** kvm-7.2: the reference to what filled the last LR ends here. */
  function pruneTracked(vcpu: number): void {
    prune(vcpu);
    const slot = lastLr[vcpu];
    lastLr[vcpu] = NO_SLOT;
    if (slot < lpiSlotBase || lpiRefs[slot - lpiSlotBase] !== 0) return;
    if ((word[slot] & QUEUED_FIELD) === 0 && !isPinned(s, slot)) word[slot] = 0;
  }

  const isTracked = flavour.activeOutsideLrs !== 'none';
  const pruneOnce = isTracked ? pruneTracked : prune;
  const foldOnce = isTracked ? foldTracked : isXen ? foldXen : foldUsed;

  /** The two parts of an exit are one stretch with interrupts off. */
  function pruneAfterFold(vcpu: number): void {
    const steps = COUNTED ? cost.lastSteps : 0;
    const locks = COUNTED ? cost.lastLocks : 0;
    pruneOnce(vcpu);
    if (!COUNTED) return;
    const found = lpiOrder.takeFolded();
    cost.section(SECTION_EXIT, steps + found.steps + cost.lastSteps, locks + found.locks + cost.lastLocks);
  }

  function foldAlways(vcpu: number): void {
    inGuest[vcpu] = 0;
    foldOnce(vcpu);
  }

  /** 6.1 trusts an empty list to mean that no LR is used, which LPI_FLUSH can falsify: the LRs then stay (appendix D). */
  function foldIfQueued(vcpu: number): void {
    inGuest[vcpu] = 0;
    if (COUNTED) kicks.current[0] = vcpu;
    if (length(vcpu) !== 0) foldOnce(vcpu);
    else if (COUNTED) cost.end(PATH_FOLD);
    // The exit comes in parts: no stretch is left to add them to.
    if (COUNTED) lpiOrder.takeFolded();
  }

  function syncAlways(vcpu: number): void {
    foldAlways(vcpu);
    pruneAfterFold(vcpu);
  }

  function syncIfQueued(vcpu: number): void {
    inGuest[vcpu] = 0;
    if (COUNTED) kicks.current[0] = vcpu;
    if (length(vcpu) !== 0) {
      foldOnce(vcpu);
      pruneAfterFold(vcpu);
    } else if (COUNTED) {
      cost.end(PATH_FOLD);
      cost.end(PATH_PRUNE);
      cost.section(SECTION_EXIT, 0, 0);
    }
  }

  return {
    foldOutside,
    fold: flavour.emptyListShortcut ? foldIfQueued : foldAlways,
    prune: pruneOnce,
    sync: flavour.emptyListShortcut ? syncIfQueued : syncAlways,
  };
}
