/**
 * What a pending_irq and a vCPU of xen-old hold beyond the shared columns (vgic-spec 1.22). Shared ones in their xen-old
 * meaning, in `VgicState.word`: ENABLED, ACTIVE and HW (desc) as named; LATCH is QUEUED; the queued field names the vCPU
 * whose inflight list holds the row. WIRE and LINE stay clear: xen-old knows no line.
 */
import * as Intid from '../../gic/intid.js';
import * as Columns from '../columns.js';
import { CONTROL_GROUP0, CONTROL_GROUP1 } from '../cpuif.js';
import { createKicks, type Kicks } from '../kicks.js';
import { createState, resetState, type VgicState } from '../state.js';
import * as Word from '../word.js';
import { createPriorityList, type PriorityList } from './priority-list.js';

// V8 folds a module's own constants, not imported ones: 1.2-2x in hot loops (bench/README.md).
const { NR_PRIVATE_IRQS, NR_SGIS } = Intid;
const { int16Column, int32Column, uint8Column } = Columns;
const { ENABLED, LEVEL } = Word;

export const NO_LR = -1;
/** Running priority of a guest that serves nothing: above every 5-bit priority. */
export const IDLE_PRIORITY = 32;

export interface XenOldState {
  readonly s: VgicState;
  /** Everything not finished, by snapshot. */
  readonly inflight: PriorityList;
  /** What waits for a list register, by snapshot. */
  readonly lrPending: PriorityList;

  // One entry a row.
  /** Priority as it was at the injection that put the row into inflight. */
  readonly snapshot: Uint8Array;
  /** List register, or NO_LR. VISIBLE is `lrOf >= 0`: the two never differ. */
  readonly lrOf: Int16Array;
  readonly migrating: Uint8Array;

  // One entry a list register.
  /** lr_mask, a byte a bit. */
  readonly lrUsed: Uint8Array;

  // One entry a vCPU.
  /** Bits set in its lr_mask. */
  readonly nrUsed: Int32Array;

  readonly kicks: Kicks;
  /** kicks.current: the list registers of that vCPU are live, an injection may write them. */
  readonly current: Int32Array;
}

/** The machine of `s`, in its state after reset. */
export function createXenOldState(machine: VgicState['machine']): XenOldState {
  const s = createState(machine);
  const { nrSlots, nrVcpus, nrLr } = s;
  const snapshot = uint8Column(nrSlots);
  const kicks = createKicks(s);
  const x: XenOldState = {
    s,
    inflight: createPriorityList(s, snapshot),
    lrPending: createPriorityList(s, snapshot),
    snapshot,
    lrOf: int16Column(nrSlots),
    migrating: uint8Column(nrSlots),
    lrUsed: uint8Column(nrVcpus * nrLr),
    nrUsed: int32Column(nrVcpus),
    kicks,
    current: kicks.current,
  };
  resetXenOldState(x);
  return x;
}

export function resetXenOldState(x: XenOldState): void {
  const { s } = x;
  resetState(s);
  // Unlike the other machines: every configuration reads as level, and SGIs are disabled. A trace that begins with the
  // distributor on begins behind the guest's set-up, of which enabled SGIs are a part.
  const enabled = s.machine.distEnabledAtStart ? ENABLED : 0;
  for (let slot = 0; slot < s.lpiSlotBase; slot++) {
    s.word[slot] |= LEVEL;
    if (slot < s.spiSlotBase && slot % NR_PRIVATE_IRQS < NR_SGIS) s.word[slot] &= ~ENABLED | enabled;
  }
  x.inflight.clear();
  x.lrPending.clear();
  x.lrOf.fill(NO_LR);
  s.control.fill(CONTROL_GROUP0 | CONTROL_GROUP1);
  for (const column of [x.snapshot, x.migrating, x.lrUsed, x.nrUsed]) column.fill(0);
  x.kicks.reset();
}
