/**
 * Guest entry: our tables → list registers. Counterpart: sync.ts.
 * Flush and populate of kvm-6.1: vgic-spec 1.11 and 1.14. Which entries get an LR, and in which order, is the
 * strategy's decision; what goes into the LR is decided here.
 */
import * as Counting from '#counting';
import * as Intid from '../gic/intid.js';
import * as Lr from '../gic/lr.js';
import type { ApList } from './ap-list.js';
import * as ApLists from './ap-list.js';
import * as Counters from './counters.js';
import type { VgicState } from './state.js';
import * as Word from './word.js';

// V8 folds a module's own constants, not imported ones: 1.2-2x in hot loops (bench/README.md).
const { COUNTED } = Counting;
const { NR_PRIVATE_IRQS, NR_SGIS } = Intid;
const { HCR_EN, HCR_UIE, LR_ACTIVE, LR_CPUID_SHIFT, LR_EOI, LR_GROUP, LR_HW, LR_PENDING, LR_PRIORITY_SHIFT } = Lr;
const { OVERFLOW } = ApLists;
const { PATH_FLUSH } = Counters;
const { ACTIVE, GROUP, HW, LATCH, LEVEL, LINE, PENDING, PRIORITY_SHIFT, WIRE } = Word;

export interface Flush {
  flush(vcpu: number): void;
}

export function createFlush(s: VgicState, list: ApList): Flush {
  const {
    word,
    source,
    activeSource,
    hwintid,
    intidOfSlot,
    lrLo,
    lrHi,
    lrSlot,
    usedLrs,
    lrDirty,
    hcr,
    inGuest,
    picks,
    cost,
    nrLr,
    isV2Guest,
  } = s;
  const { length, select, touch } = list;

  /** Fills LR `lr` (index into the LR planes) from row `slot`; edge latches and SGI sources move into the LR. */
  function populateLr(lr: number, slot: number): void {
    let w = word[slot];
    const intid = intidOfSlot[slot];
    const isV2Sgi = isV2Guest && intid < NR_SGIS;
    let lo = intid;
    let hi = 0;
    let allowPending = true;
    if ((w & ACTIVE) !== 0) {
      hi = LR_ACTIVE;
      if (isV2Sgi) {
        lo |= activeSource[slot] << LR_CPUID_SHIFT;
        // More senders wait behind the active one: come back when it is deactivated.
        if (source[slot] !== 0) {
          allowPending = false;
          hi |= LR_EOI;
        }
      }
    }
    if ((w & HW) !== 0) {
      hi |= LR_HW | hwintid[slot];
      if ((w & ACTIVE) !== 0) allowPending = false;
    } else if ((w & LEVEL) !== 0) {
      hi |= LR_EOI;
      if ((w & ACTIVE) !== 0) allowPending = false;
    }
    if (allowPending && (w & PENDING) !== 0) {
      hi |= LR_PENDING;
      if ((w & LEVEL) === 0) w &= ~LATCH;
      if (isV2Sgi) {
        const senders = source[slot];
        if (senders === 0) {
          // An SGI without sender: 6.1 warns and leaves the LR as it was. No fold will come back to this row.
          word[slot] = w;
          touch(slot);
          return;
        }
        const lowest = senders & -senders;
        lo |= (31 - Math.clz32(lowest)) << LR_CPUID_SHIFT;
        source[slot] = senders & ~lowest;
        if (senders !== lowest) {
          w |= LATCH;
          hi |= LR_EOI;
        }
      }
      // A mapped level is treated like an edge, so that the next injection passes validation.
      if ((w & (HW | LEVEL)) === (HW | LEVEL)) w &= ~(LINE | WIRE);
    }
    word[slot] = w;
    if ((w & GROUP) !== 0) hi |= LR_GROUP;
    lrLo[lr] = lo;
    lrHi[lr] = hi | (((w >>> PRIORITY_SHIFT) & 0xff) << LR_PRIORITY_SHIFT);
    lrSlot[lr] = slot;
  }

  return {
    flush(vcpu) {
      inGuest[vcpu] = 1;
      const depth = length(vcpu);
      if (COUNTED) cost.depth[depth] += 1;
      // Nothing queued: no lock, and the LR shadow stays as it is.
      if (depth === 0) {
        if (COUNTED) {
          cost.used[usedLrs[vcpu]] += 1;
          cost.end(PATH_FLUSH);
        }
        return;
      }
      const chosen = select(vcpu);
      const count = chosen & (OVERFLOW - 1);
      const base = vcpu * nrLr;
      for (let i = 0; i < count; i++) populateLr(base + i, picks[i]);
      const dirty = lrDirty[vcpu];
      for (let i = count; i < dirty; i++) {
        lrLo[base + i] = 0;
        lrHi[base + i] = 0;
        // An empty word names INTID 0: what a fold of this LR would find if populate leaves it stale.
        lrSlot[base + i] = vcpu * NR_PRIVATE_IRQS;
      }
      lrDirty[vcpu] = count;
      usedLrs[vcpu] = count;
      // 6.1 only ever sets UIE here; the fold clears it.
      if (chosen >= OVERFLOW) hcr[vcpu] |= HCR_UIE;
      hcr[vcpu] |= HCR_EN;
      if (COUNTED) {
        cost.lrWrites += count;
        cost.used[count] += 1;
        cost.end(PATH_FLUSH);
      }
    },
  };
}
