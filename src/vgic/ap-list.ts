/** The port between the vGIC core and an ap_list strategy. The core never knows which strategy runs. */
import type { VgicState } from './state.js';

/** What a strategy may ask of the core while it prunes. */
export interface ApListOps {
  /** The row left its list for good: clears the queued field, frees an LPI that nothing else holds. */
  release(slot: number): void;
  /** Fills the LR with this index into the LR planes from a row. */
  populate(lr: number, slot: number): void;
  /** The row moves to another vCPU's list: updates the queued field, inserts it there and kicks the new owner. */
  migrate(slot: number, to: number): void;
}

/**
 * All ap_lists of one VM. Rows are the slots of VgicState. A strategy books its modelled cost in `state.cost` if COUNTED.
 * Costs the core books itself: irq_lock of the interrupt that is injected, written or folded, LR writes.
 */
export interface ApList {
  /** Number of entries of the vCPU's list. */
  length(vcpu: number): number;
  /** A row whose queued field names `vcpu` joins that list (queue_irq_unlock and migration). */
  insert(vcpu: number, slot: number): void;
  /** Enabled, pending, active, priority, group, mapping or target of a queued row may have changed. Not called for populate. */
  touch(slot: number): void;
  /** The distributor's or the vCPU's group enables changed: with them the keys of all its entries (order.ts) may have. */
  touchAll(vcpu: number): void;
  /**
   * Guest entry: chooses the rows for the LRs, in LR order; each goes to `ops.populate` at once, and to `state.picks`.
   * Returns their number; adds OVERFLOW if a full set of LRs leaves entries behind (the caller then sets UIE). The list
   * is not empty, except in flavours without the empty-list shortcut. Flavours with depth 'ours': also fills
   * `state.summary`, and OVERFLOW is theirs to decide from it.
   */
  select(vcpu: number): number;
  /** Guest exit: takes out what the oracle no longer sends here, under the list lock. */
  prune(vcpu: number): void;
  /** Is an entry pending, enabled, not active and more urgent than `pmr`? vgic-spec 1.21. */
  hasPending(vcpu: number, pmr: number): boolean;
  /** EnableLPIs 1 → 0: every LPI loses its latch and leaves the list through `ops.release`. */
  dropLpis(vcpu: number): void;
  /** dropLpis takes some at a time, is called again while this says so, and others get the list lock in between. */
  lpisLeft?(vcpu: number): boolean;
  /**
   * The entry behind `slot` in the order of choosing, the first one for NO_SLOT (-1); -1 at the end. It is asked for actives
   * (sync.ts): all that the oracle keeps here are met, other entries may be left out. Books what a search costs beyond the step.
   */
  after(vcpu: number, slot: number): number;
  /**
   * The active entry behind `slot` in the order in which the last entry chose, the first one for NO_SLOT; -1 at the end: whom
   * counted EOIs end (vgic-spec 1.19). What it looks at and does not return is its own to book. A strategy that does not
   * know its actives apart leaves it out, and the core walks `after`.
   */
  nextActive?(vcpu: number, slot: number): number;
  /** Rows in the strategy's own order (for dumps, checks and tests; allocates). */
  order(vcpu: number): number[];
}

/** Flag in the result of `select`; the count is in the low bits. */
export const OVERFLOW = 1 << 16;

export type CreateApList = (state: VgicState, ops: ApListOps) => ApList;
