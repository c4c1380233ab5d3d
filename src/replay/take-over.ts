/** Resynchronisation after a mismatch: the recorded LRs become the model's. */
import { isSgi } from '../gic/intid.js';
import { gichToHi, LR_CPUID_SHIFT, LR_EOI, LR_HW, LR_PENDING, LR_PRIORITY_SHIFT } from '../gic/lr.js';
import { slotOf } from '../vgic/state.js';
import type { Vgic } from '../vgic/vgic.js';
import {
  ACTIVE,
  HW,
  LATCH,
  LEVEL,
  LINE,
  PRIORITY_FIELD,
  PRIORITY_SHIFT,
  QUEUED_FIELD,
  QUEUED_SHIFT,
  WIRE,
} from '../vgic/word.js';

/** Makes `used` recorded words (in the host's format) the LRs of `vcpu`, with the state and list order they imply. */
export type TakeOver = (vcpu: number, used: number, lowWords: Int32Array, highWords: Int32Array) => void;

export function createTakeOver({ state, list }: Vgic): TakeOver {
  const { word, usedLrs, lrLo, lrHi, lrSlot, nrLr, isV2Host, isV2Guest } = state;
  const intidMask = isV2Guest ? 0x3ff : -1;

  /** Resynchronises: the recorded LRs become the model's, with the state and the list order that they imply. */
  function takeOver(vcpu: number, used: number, lowWords: Int32Array, highWords: Int32Array): void {
    const base = vcpu * nrLr;
    const presented: number[] = [];
    for (let lr = base; lr < base + usedLrs[vcpu]; lr++) {
      const slot = lrSlot[lr];
      presented.push(slot);
      if ((lrHi[lr] & LR_PENDING) === 0) continue;
      // Undo what populate took.
      if ((word[slot] & LEVEL) === 0) word[slot] |= LATCH;
      else if ((word[slot] & HW) !== 0) word[slot] |= LINE | WIRE;
      if (isV2Guest && isSgi(lrLo[lr] & intidMask)) state.source[slot] |= 1 << ((lrLo[lr] >>> LR_CPUID_SHIFT) & 7);
    }
    const recorded: number[] = [];
    for (let i = 0; i < used; i++) {
      const hi = isV2Host ? gichToHi(lowWords[i]) : highWords[i];
      const lo = isV2Host ? lowWords[i] & ((hi & LR_HW) !== 0 ? 0x3ff : 0x1fff) : lowWords[i];
      const intid = lo & intidMask;
      const slot = slotOf(state, vcpu, intid);
      if (slot < 0) continue;
      recorded.push(slot);
      lrLo[base + i] = lo;
      lrHi[base + i] = hi;
      lrSlot[base + i] = slot;
      let w = (word[slot] & ~(ACTIVE | PRIORITY_FIELD)) | (((hi >>> LR_PRIORITY_SHIFT) & 0xff) << PRIORITY_SHIFT);
      if (hi < 0) w |= ACTIVE;
      if ((hi & LR_PENDING) !== 0) {
        if ((w & LEVEL) === 0) w &= ~LATCH;
        else if ((w & HW) !== 0) w &= ~(LINE | WIRE);
        if (isV2Guest && isSgi(intid)) {
          state.source[slot] &= ~(1 << ((lo >>> LR_CPUID_SHIFT) & 7));
          if (state.source[slot] !== 0) w |= LATCH;
        }
      } else if ((w & LEVEL) === 0 && (hi & LR_EOI) === 0) {
        // Active alone: an edge that waits would be in the LR too, unless an SGI has several senders (then EOI is set).
        w &= ~LATCH;
      }
      word[slot] = w;
    }
    for (let lr = base + used; lr < base + nrLr; lr++) lrLo[lr] = lrHi[lr] = 0;
    usedLrs[vcpu] = used;
    state.lrDirty[vcpu] = used;
    reorderList(vcpu, recorded, presented);
  }

  /** The recorded rows in their order, where they stand; what the model presented instead comes behind them. */
  function reorderList(vcpu: number, recorded: readonly number[], presented: readonly number[]): void {
    const listed = list.order(vcpu);
    // What an LR still holds may have left this list: a flush of an empty list leaves the LRs as they are.
    const wrong = presented.filter((slot) => !recorded.includes(slot) && listed.includes(slot));
    const rest = listed.filter((slot) => !wrong.includes(slot));
    const places = rest.map((slot, at) => (recorded.includes(slot) ? at : -1)).filter((at) => at >= 0);
    // Rows on another vCPU's list stay there: they will be migrated.
    const mine = recorded.filter((slot) => rest.includes(slot) || (word[slot] & QUEUED_FIELD) === 0);
    mine.forEach((slot, i) => {
      if (i < places.length) rest[places[i]] = slot;
      else rest.push(slot);
    });
    const last = rest.reduce((found, slot, at) => (recorded.includes(slot) ? at : found), -1);
    const order = [...rest.slice(0, last + 1), ...wrong, ...rest.slice(last + 1)];
    // Through the port all strategies have: rows that are nothing but queued leave at a prune, then join again in order.
    const saved = order.map((slot) => (word[slot] & ~QUEUED_FIELD) | ((vcpu + 1) << QUEUED_SHIFT));
    for (const slot of listed) word[slot] &= QUEUED_FIELD;
    list.prune(vcpu);
    order.forEach((slot, at) => {
      word[slot] = saved[at];
      list.insert(vcpu, slot);
    });
  }

  return takeOver;
}
