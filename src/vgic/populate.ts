/** One row of the tables into one LR. vgic-spec 1.14: KVM, and Xen, which builds pending and active together. */
import * as Counting from '#counting';
import * as Intid from '../gic/intid.js';
import * as Lr from '../gic/lr.js';
import { int32Column } from './columns.js';
import * as HostMapping from './host-mapping.js';
import { HostStop } from './host-stop.js';
import * as Operations from './operations.js';
import type { VgicState } from './state.js';
import * as Word from './word.js';

// V8 folds a module's own constants, not imported ones: 1.2-2x in hot loops (bench/README.md).
const { BY_SOFTWARE } = HostMapping;
const { COUNTED } = Counting;
const { NR_SGIS } = Intid;
const { LR_ACTIVE, LR_CPUID_SHIFT, LR_EOI, LR_GROUP, LR_HW, LR_PENDING, LR_PRIORITY_SHIFT } = Lr;
const { OP_FILLED_ACTIVE, OP_FILLED_EDGE, OP_FILLED_LEVEL, OP_FILLED_MAPPED, OP_FILLED_SENDER } = Operations;
const { ACTIVE, GROUP, HW, LATCH, LEVEL, LINE, PENDING, PRIORITY_FIELD, PRIORITY_SHIFT, WIRE } = Word;

export interface Populate {
  /** Fills LR `lr` (index into the LR planes) from row `slot`; edge latches and SGI sources move into the LR. */
  populate(lr: number, slot: number): void;
  /** SGIs that lost their latch without an LR since the last call: their keys changed. Hands each to `touch`. */
  reportUnsent(touch: (slot: number) => void): void;
}

export function createPopulate(s: VgicState): Populate {
  return s.flavour.populate === 'kvm' ? createKvmPopulate(s) : createXenPopulate(s);
}

function createKvmPopulate(s: VgicState): Populate {
  const { word, source, activeSource, hwintid, intidOfSlot, lrLo, lrHi, lrSlot, lrDirty, nrLr, isV2Guest } = s;
  const { ops } = s.cost;
  const keepsStaleLr = s.flavour.senderlessSgi === 'stale-lr';
  const tracksLr = s.flavour.activeOutsideLrs !== 'none';
  const { onLr } = s;
  const unsent = int32Column(NR_SGIS);
  const nrUnsent = int32Column(1);

  function book(w: number, intid: number): void {
    if (isV2Guest && intid < NR_SGIS) ops[OP_FILLED_SENDER] += 1;
    else if ((w & ACTIVE) !== 0) ops[OP_FILLED_ACTIVE] += 1;
    else ops[(w & LEVEL) !== 0 ? OP_FILLED_LEVEL : OP_FILLED_EDGE] += 1;
    if ((w & HW) !== 0) ops[OP_FILLED_MAPPED] += 1;
  }

  function populate(lr: number, slot: number): void {
    const w = word[slot];
    const intid = intidOfSlot[slot];
    if (COUNTED) book(w, intid);
    if (isV2Guest && intid < NR_SGIS) {
      populateV2Sgi(lr, slot);
      return;
    }
    lrLo[lr] = intid;
    lrSlot[lr] = slot;
    const active = (w >>> 3) & 1;
    const isLevel = (w >>> 4) & 1;
    let pending = ((w >>> 1) | (w >>> 2)) & 1;
    // Bits move from word to LR by shifts; a branch on random bits would cost more (typical: see Word.staysHere).
    let hi = ((w & ACTIVE) << 28) | ((w & GROUP) << 22) | ((w & PRIORITY_FIELD) << 8);
    if ((w & HW) !== 0) {
      if (hwintid[slot] === BY_SOFTWARE) {
        // As if it were not mapped.
        pending &= ~(active & isLevel);
        hi |= (w & LEVEL) << 5;
      } else {
        pending &= ~active;
        hi |= LR_HW | hwintid[slot];
      }
      // A mapped level is treated like an edge, so that the next injection passes validation.
      if (pending !== 0) word[slot] = isLevel !== 0 ? w & ~(LINE | WIRE) : w & ~LATCH;
    } else {
      pending &= ~(active & isLevel);
      hi |= (w & LEVEL) << 5;
      word[slot] = w & ~((pending & ~isLevel) << 1);
    }
    lrHi[lr] = hi | (pending << 30);
  }

  function populateV2Sgi(lr: number, slot: number): void {
    let w = word[slot];
    let lo = intidOfSlot[slot];
    let hi = ((w >>> PRIORITY_SHIFT) & 0xff) << LR_PRIORITY_SHIFT;
    let allowPending = true;
    if ((w & GROUP) !== 0) hi |= LR_GROUP;
    if ((w & ACTIVE) !== 0) {
      hi |= LR_ACTIVE;
      lo |= activeSource[slot] << LR_CPUID_SHIFT;
      // More senders wait behind the active one: come back when it is deactivated.
      if (source[slot] !== 0) {
        allowPending = false;
        hi |= LR_EOI;
      }
    }
    if (allowPending && (w & PENDING) !== 0) {
      hi |= LR_PENDING;
      w &= ~LATCH;
      const senders = source[slot];
      if (senders === 0) {
        word[slot] = w;
        leaveStale(lr, slot);
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
    word[slot] = w;
    lrLo[lr] = lo;
    lrHi[lr] = hi;
    lrSlot[lr] = slot;
  }

  /** An SGI without sender: 6.1 leaves the LR as it was, 7.2 empties it. No fold will come back to this row. */
  function leaveStale(lr: number, slot: number): void {
    if (nrUnsent[0] < NR_SGIS) unsent[nrUnsent[0]++] = slot;
    const vcpu = Math.floor(lr / nrLr);
    if (keepsStaleLr && lr - vcpu * nrLr < lrDirty[vcpu]) return;
    // An empty word names INTID 0, of the vCPU whose SGI it is: what a fold of this LR finds.
    lrLo[lr] = 0;
    lrHi[lr] = 0;
    lrSlot[lr] = slot - intidOfSlot[slot];
  }

  function populateTracked(lr: number, slot: number): void {
    populate(lr, slot);
    onLr[slot] = 1;
  }

  return {
    populate: tracksLr ? populateTracked : populate,
    reportUnsent(touch) {
      for (let n = 0; n < nrUnsent[0]; n++) touch(unsent[n]);
      nrUnsent[0] = 0;
    },
  };
}

/** Xen: pending first, so that an active interrupt with a new edge is both; no EOI request and no sender for an active SGI. */
function createXenPopulate(s: VgicState): Populate {
  const { word, source, hwintid, intidOfSlot, lrLo, lrHi, lrSlot } = s;
  return {
    populate(lr, slot) {
      let w = word[slot];
      const intid = intidOfSlot[slot];
      let lo = intid;
      let hi = ((w & ACTIVE) << 28) | ((w & GROUP) << 22) | ((w & PRIORITY_FIELD) << 8);
      if ((w & PENDING) !== 0) {
        hi |= LR_PENDING;
        if ((w & LEVEL) === 0) w &= ~LATCH;
        if (intid < NR_SGIS) {
          const senders = source[slot];
          if (senders === 0) throw new HostStop('host-assertion', `SGI ${intid} is pending without a sender (ISPENDR)`);
          const lowest = senders & -senders;
          lo |= (31 - Math.clz32(lowest)) << LR_CPUID_SHIFT;
          source[slot] = senders & ~lowest;
          if (senders !== lowest) w |= LATCH;
        }
      }
      if ((w & HW) !== 0) {
        hi |= LR_HW | hwintid[slot];
        // The pending half of an active mapped interrupt stays in the distributor; an edge's latch is gone by now.
        if ((w & ACTIVE) !== 0 && (w & PENDING) !== 0) hi &= ~LR_PENDING;
        if ((w & LEVEL) !== 0 && (hi & LR_PENDING) !== 0) w &= ~(LINE | WIRE);
      } else if ((w & LEVEL) !== 0) hi |= LR_EOI;
      word[slot] = w;
      lrLo[lr] = lo;
      lrHi[lr] = hi;
      lrSlot[lr] = slot;
    },
    reportUnsent: () => {},
  };
}
