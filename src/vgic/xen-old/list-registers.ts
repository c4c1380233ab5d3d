/** How an interrupt gets into a list register, and what one tells when it is read back. vgic-spec 1.22, layout 1.15. */
import * as Counting from '#counting';
import * as Lr from '../../gic/lr.js';
import * as Word from '../word.js';
import type { XenOldState } from './columns.js';
import * as OwnColumns from './columns.js';

// V8 folds a module's own constants, not imported ones: 1.2-2x in hot loops (bench/README.md).
const { COUNTED } = Counting;
const { LR_ACTIVE, LR_HW, LR_PENDING, LR_PRIORITY_SHIFT } = Lr;
const { ACTIVE, ENABLED, GROUP, HW, LATCH, QUEUED_FIELD, QUEUED_SHIFT, queuedOn } = Word;
const { NO_LR } = OwnColumns;

export interface ListRegisters {
  /** First free list register from `from` on, or NO_LR. */
  findFree(vcpu: number, from: number): number;
  /** The row becomes pending and visible in that list register. */
  setLr(vcpu: number, lr: number, slot: number): void;
  /** gic_raise_guest_irq: into a free list register if the vCPU is current and nothing waits, else into lr_pending. */
  raise(vcpu: number, slot: number): void;
  /** gic_update_one_lr: reads one list register back. */
  updateLr(vcpu: number, lr: number): void;
  enterInflight(vcpu: number, slot: number): void;
  leaveInflight(slot: number): void;
}

export function createListRegisters(x: XenOldState): ListRegisters {
  const { s, inflight, lrPending, snapshot, lrOf, migrating, lrUsed, nrUsed, current } = x;
  const { word, intidOfSlot, hwintid, lrLo, lrHi, lrSlot, usedLrs, queuedRows, lpiSlotBase, nrLr, cost } = s;
  /** A GICH_LR has five bits for the priority. */
  const priorityMask = s.isV2Host ? 0xf8 : 0xff;

  function findFree(vcpu: number, from: number): number {
    if (nrUsed[vcpu] === nrLr) return NO_LR;
    const used = lrUsed;
    const base = vcpu * nrLr;
    for (let lr = from; lr < nrLr; lr++) if (used[base + lr] === 0) return lr;
    return NO_LR;
  }

  function setLr(vcpu: number, lr: number, slot: number): void {
    const at = vcpu * nrLr + lr;
    const w = word[slot];
    lrLo[at] = intidOfSlot[slot];
    lrHi[at] =
      LR_PENDING |
      ((w & GROUP) << 22) |
      ((snapshot[slot] & priorityMask) << LR_PRIORITY_SHIFT) |
      ((w & HW) !== 0 ? LR_HW | hwintid[slot] : 0);
    lrSlot[at] = slot;
    lrOf[slot] = lr;
    word[slot] = w & ~LATCH;
    if (lrUsed[at] === 0) {
      lrUsed[at] = 1;
      nrUsed[vcpu] += 1;
      if (lr >= usedLrs[vcpu]) usedLrs[vcpu] = lr + 1;
    }
    if (COUNTED) cost.lrWrites += 1;
  }

  /** An empty list register names INTID 0. */
  function clearLr(vcpu: number, lr: number): void {
    const base = vcpu * nrLr;
    lrLo[base + lr] = 0;
    lrHi[base + lr] = 0;
    lrSlot[base + lr] = vcpu * 32;
    if (lrUsed[base + lr] === 0) return;
    lrUsed[base + lr] = 0;
    nrUsed[vcpu] -= 1;
    let used = usedLrs[vcpu];
    while (used > 0 && lrUsed[base + used - 1] === 0) used--;
    usedLrs[vcpu] = used;
  }

  function raise(vcpu: number, slot: number): void {
    if (vcpu === current[0] && lrPending.isEmpty(vcpu)) {
      const lr = findFree(vcpu, 0);
      if (lr !== NO_LR) {
        setLr(vcpu, lr, slot);
        return;
      }
    }
    if (!lrPending.has(slot)) lrPending.insert(vcpu, slot);
  }

  function enterInflight(vcpu: number, slot: number): void {
    inflight.insert(vcpu, slot);
    word[slot] |= (vcpu + 1) << QUEUED_SHIFT;
    queuedRows[vcpu] += 1;
  }

  function leaveInflight(slot: number): void {
    if (!inflight.has(slot)) return;
    queuedRows[queuedOn(word[slot])] -= 1;
    word[slot] &= ~QUEUED_FIELD;
    inflight.remove(slot);
  }

  function updateLr(vcpu: number, lr: number): void {
    const at = vcpu * nrLr + lr;
    const hi = lrHi[at];
    const slot = lrSlot[at];
    const w = word[slot];
    if (slot >= lpiSlotBase && lrOf[slot] !== lr) {
      // The LPI was unmapped, and perhaps mapped anew, since this was written.
      clearLr(vcpu, lr);
    } else if ((hi & LR_ACTIVE) !== 0) {
      word[slot] = w | ACTIVE;
      if ((w & (ENABLED | LATCH)) !== (ENABLED | LATCH)) return;
      // A mapped interrupt cannot be pending and active: the new occurrence is lost.
      word[slot] = (w | ACTIVE) & ~LATCH;
      if ((w & HW) !== 0) return;
      lrHi[at] = hi | LR_PENDING;
      if (COUNTED) cost.lrWrites += 1;
    } else if ((hi & LR_PENDING) !== 0) {
      word[slot] = w & ~LATCH;
    } else {
      clearLr(vcpu, lr);
      word[slot] = w & ~ACTIVE;
      lrOf[slot] = NO_LR;
      if ((w & (ENABLED | LATCH)) === (ENABLED | LATCH) && migrating[slot] === 0) {
        raise(vcpu, slot);
      } else {
        leaveInflight(slot);
        migrating[slot] = 0;
      }
    }
  }

  return { findFree, setLr, raise, updateLr, enterInflight, leaveInflight };
}
