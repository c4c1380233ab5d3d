/**
 * LPI descriptors as rows: made, held, let go of and changed by row, whoever asks (LPI events by number, the ITS).
 * vgic-spec 1.6, 6.4-6.7. A number below LPI_END has a row of its own; one above gets one of NR_WIDE_LPIS.
 */
import * as Counting from '#counting';
import * as Intid from '../gic/intid.js';
import { PATH_REKEY } from './counters.js';
import type { LpiOrder } from './lpi-order.js';
import type { Queue } from './queue.js';
import { isPinned, type VgicState } from './state.js';
import * as Word from './word.js';

// V8 folds a module's own constants, not imported ones: 1.2-2x in hot loops (bench/README.md).
const { COUNTED } = Counting;
const { LPI_BASE, LPI_END, NO_SLOT } = Intid;
const { ENABLED, EXISTS, LATCH, newLpi, PRIORITY_FIELD, PRIORITY_SHIFT, QUEUED_FIELD, TARGET_FIELD, TARGET_SHIFT } =
  Word;

export interface LpiRows {
  /** Row of a known LPI, mapped or only queued, or NO_SLOT. */
  find(intid: number): number;
  /** The same where the hypervisor looks it up by number, which costs a walk in kvm-6.1 (lpi-order.ts). */
  lookUp(intid: number): number;
  /** The walk alone, to a row that is known. */
  walkTo(slot: number): void;
  /**
   * A new descriptor with one reference, disabled, of priority 0; `target` may be NO_VCPU. NO_SLOT: there is no row left.
   * Only for a number that find does not know.
   */
  create(intid: number, target: number): number;
  /** Rows that ever stood for an LPI, ascending; some may not stand for one now. */
  everUsed(): readonly number[];
  hold(slot: number): void;
  /** Drops one reference; the last one frees the descriptor. */
  drop(slot: number): void;
  /** New configuration byte: priority in bits 7:2, enable in bit 0; queues if pending. */
  setConfig(slot: number, config: number): void;
  /** New target; does not move a queued entry. */
  setTarget(slot: number, target: number): void;
  /** Latch := 0 or 1, then queue. */
  setLatch(slot: number, latch: number): void;
  /** Latch := 0 without locks. */
  clearLatch(slot: number): void;
  /** Its target is looked at under the irq_lock, and nothing follows. */
  glance(): void;
}

export function createLpiRows(s: VgicState, { queueIrq, rekeyIrq, rekeyLockless }: Queue, order: LpiOrder): LpiRows {
  const { word, intidOfSlot, lpiRefs, lpiSlotBase, nrSlots, onLr, lrSlot, cost } = s;
  const tracksLr = s.flavour.activeOutsideLrs !== 'none';
  const wideSlotBase = lpiSlotBase + s.machine.nrLpis;
  /** Rows from here on never stood for an LPI. */
  let wideEnd = wideSlotBase;
  const used: number[] = [];
  const isUsed = new Uint8Array(nrSlots - lpiSlotBase);
  let isSorted = true;

  /** 32 bits, unlike the column's. */
  const numberOf = (slot: number): number => intidOfSlot[slot] >>> 0;

  function find(intid: number): number {
    if (intid < LPI_BASE || nrSlots === lpiSlotBase) return NO_SLOT;
    if (intid < LPI_END) {
      const slot = lpiSlotBase + intid - LPI_BASE;
      return (word[slot] & EXISTS) !== 0 ? slot : NO_SLOT;
    }
    for (let slot = wideSlotBase; slot < wideEnd; slot++) {
      if (numberOf(slot) === intid && (word[slot] & EXISTS) !== 0) return slot;
    }
    return NO_SLOT;
  }

  /** A list register still names its row after the descriptor is gone: such a row serves its old number only. */
  function freeWideRow(intid: number): number {
    let free = NO_SLOT;
    for (let slot = wideSlotBase; slot < wideEnd; slot++) {
      if ((word[slot] & EXISTS) !== 0) continue;
      if (numberOf(slot) === intid) return slot;
      if (free === NO_SLOT && !lrSlot.includes(slot)) free = slot;
    }
    if (free === NO_SLOT && wideEnd < nrSlots) free = wideEnd++;
    if (free !== NO_SLOT) intidOfSlot[free] = intid;
    return free;
  }

  return {
    find,
    lookUp(intid) {
      const slot = find(intid);
      if (COUNTED) order.lookUp(slot);
      return slot;
    },
    walkTo(slot) {
      if (COUNTED) order.lookUp(slot);
    },
    create(intid, target) {
      const slot = intid < LPI_END ? lpiSlotBase + intid - LPI_BASE : freeWideRow(intid);
      if (slot === NO_SLOT) return NO_SLOT;
      lpiRefs[slot - lpiSlotBase] = 1;
      if (isUsed[slot - lpiSlotBase] === 0) {
        isUsed[slot - lpiSlotBase] = 1;
        isSorted &&= used.length === 0 || used[used.length - 1] < slot;
        used.push(slot);
      }
      // A new descriptor is in no LR, whatever an LR still holds of the old one.
      if (tracksLr) onLr[slot] = 0;
      word[slot] = newLpi(target, 0, false);
      if (COUNTED) order.append(slot);
      return slot;
    },
    everUsed() {
      if (!isSorted) used.sort((a, b) => a - b);
      isSorted = true;
      return used;
    },
    hold(slot) {
      lpiRefs[slot - lpiSlotBase] += 1;
    },
    drop(slot) {
      lpiRefs[slot - lpiSlotBase] -= 1;
      const isHeld = lpiRefs[slot - lpiSlotBase] > 0 || (word[slot] & QUEUED_FIELD) !== 0 || isPinned(s, slot);
      if (isHeld) return;
      word[slot] = 0;
      if (COUNTED) order.remove(slot);
    },
    setConfig(slot, config) {
      const w = word[slot] & ~(PRIORITY_FIELD | ENABLED);
      queueIrq(slot, w | ((config & 0xfc) << PRIORITY_SHIFT) | ((config & 1) !== 0 ? ENABLED : 0));
    },
    setTarget(slot, target) {
      word[slot] = (word[slot] & ~TARGET_FIELD) | ((target + 1) << TARGET_SHIFT);
      rekeyIrq(slot);
    },
    setLatch(slot, latch) {
      queueIrq(slot, latch !== 0 ? word[slot] | LATCH : word[slot] & ~LATCH);
    },
    clearLatch(slot) {
      word[slot] &= ~LATCH;
      rekeyLockless(slot);
    },
    glance() {
      if (!COUNTED) return;
      cost.locks += 1;
      cost.end(PATH_REKEY);
    },
  };
}
