/**
 * Guest exit: list registers → our tables (fold), then prune. Counterpart: flush.ts.
 * Fold and resampling of kvm-6.1: vgic-spec 1.18 and 3.3; prune: 1.20.
 */
import * as Counting from '#counting';
import * as Intid from '../gic/intid.js';
import * as Lr from '../gic/lr.js';
import type { ApList } from './ap-list.js';
import * as Counters from './counters.js';
import type { VgicState } from './state.js';
import * as Word from './word.js';

// V8 folds a module's own constants, not imported ones: 1.2-2x in hot loops (bench/README.md).
const { COUNTED } = Counting;
const { NR_SGIS, SPI_BASE, SPI_END } = Intid;
const { HCR_UIE, LR_ACTIVE, LR_CPUID_SHIFT, LR_EOI, LR_HW, LR_PENDING, LR_STATE } = Lr;
const { PATH_FOLD, PATH_PRUNE } = Counters;
const { ACTIVE, EXISTS, HW, LATCH, LEVEL, LINE, QUEUED_FIELD, WIRE } = Word;

export interface Sync {
  /** Fold and prune in one step. */
  sync(vcpu: number): void;
  /** The parts, for recordings in which another CPU's step lies between them. */
  fold(vcpu: number): void;
  prune(vcpu: number): void;
}

export function createSync(s: VgicState, list: ApList): Sync {
  const {
    word,
    source,
    activeSource,
    physLine,
    physPending,
    physActive,
    physRow,
    lrLo,
    lrHi,
    lrSlot,
    usedLrs,
    hcr,
    cost,
    nrLr,
    isV2Guest,
  } = s;
  const { nrLpis } = s.machine;
  const { length, touch, prune: pruneList } = list;

  /** One LR back into the tables. `lr` is an index into the LR planes. */
  function foldLr(lr: number): void {
    const hi = lrHi[lr];
    const slot = lrSlot[lr];
    const w = word[slot];
    if (COUNTED && (hi & (LR_STATE | LR_HW | LR_EOI)) === LR_EOI) {
      const intid = s.intidOfSlot[slot];
      if (intid >= SPI_BASE && intid < SPI_END) cost.notifications += 1;
    }
    // An LPI that was unmapped and left the list meanwhile: nobody is there to tell.
    if (nrLpis > 0 && (w & EXISTS) === 0) {
      if (COUNTED) cost.locks -= 1;
      return;
    }
    if (isV2Guest || (w & HW) !== 0) {
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

  /** The word of a mapped interrupt, or of one of a GICv2 guest, after the fold of its LR. */
  function foldSpecial(lr: number, slot: number, before: number): number {
    const hi = lrHi[lr];
    let w = before;
    const wasActive = w & ACTIVE;
    const isV2Sgi = isV2Guest && s.intidOfSlot[slot] < NR_SGIS;
    const cpuid = isV2Sgi ? (lrLo[lr] >>> LR_CPUID_SHIFT) & 7 : 0;
    if ((hi & LR_ACTIVE) !== 0) {
      w |= ACTIVE;
      if (isV2Sgi) activeSource[slot] = cpuid;
    } else {
      w &= ~ACTIVE;
    }
    if ((w & LEVEL) === 0) {
      if ((hi & LR_PENDING) !== 0) {
        w |= LATCH;
        if (isV2Sgi) source[slot] |= 1 << cpuid;
      }
    } else {
      // Acknowledged and deactivated: the soft pend is over. State A leaves it alone.
      if ((hi & LR_STATE) === 0) w &= ~LATCH;
      if ((w & HW) !== 0) {
        const deactivated = wasActive !== 0 && (hi & LR_ACTIVE) === 0;
        if ((hi & LR_PENDING) !== 0 || (deactivated && (w & LINE) !== 0)) {
          const row = physRow[slot];
          if ((physLine[row] | physPending[row]) !== 0) {
            w |= LINE | WIRE;
          } else {
            w &= ~(LINE | WIRE);
            physActive[row] = 0;
          }
        }
      }
    }
    return w;
  }

  function fold(vcpu: number): void {
    // 6.1 trusts an empty list to mean that no LR is used, which LPI_FLUSH can falsify: the LRs then stay (appendix D).
    if (length(vcpu) !== 0) foldLrs(vcpu);
    else if (COUNTED) cost.end(PATH_FOLD);
  }

  function foldLrs(vcpu: number): void {
    hcr[vcpu] &= ~HCR_UIE;
    const used = usedLrs[vcpu];
    const base = vcpu * nrLr;
    const end = base + used;
    for (let lr = base; lr < end; lr++) foldLr(lr);
    usedLrs[vcpu] = 0;
    if (COUNTED) {
      cost.visits += used;
      cost.locks += used;
      cost.end(PATH_FOLD);
    }
  }

  function prune(vcpu: number): void {
    pruneList(vcpu);
    if (COUNTED) cost.end(PATH_PRUNE);
  }

  return {
    fold,
    prune,
    sync(vcpu) {
      if (length(vcpu) !== 0) {
        foldLrs(vcpu);
        prune(vcpu);
      } else if (COUNTED) {
        cost.end(PATH_FOLD);
        cost.end(PATH_PRUNE);
      }
    },
  };
}
