/**
 * Operations of the hypervisor's code that differ in instructions although the metrics of counters.ts count them alike: the
 * cost model (cost/) puts a weight on each. Booked by the counted build only. vgic-spec 1.8, 1.11-1.14, 1.18, 1.20.
 */

/** Depth pass: entries, and those of them with GICv2 senders, whose bits are counted. */
export const OP_DEPTH = 0;
export const OP_DEPTH_SENDERS = 1;
/** Guest entries that found the list not empty, or do not look. */
export const OP_FLUSH_LISTED = 2;
/** List sort: entries, comparisons, and those of them in which an entry is active. */
export const OP_SORTED = 3;
export const OP_COMPARED = 4;
export const OP_COMPARED_ACTIVE = 5;
/** Walk that fills the LRs: entries, and the active ones of them. */
export const OP_WALKED = 6;
export const OP_WALKED_ACTIVE = 7;
/** List registers filled: pending edge, pending level, active, SGI of a GICv2 guest; and those of a mapped interrupt again. */
export const OP_FILLED_EDGE = 8;
export const OP_FILLED_LEVEL = 9;
export const OP_FILLED_ACTIVE = 10;
export const OP_FILLED_SENDER = 11;
export const OP_FILLED_MAPPED = 12;
/** Guest exits that found the list not empty, or do not look. */
export const OP_SYNC_LISTED = 13;
/** List registers folded: all; of a mapped interrupt; with an acknowledge to notify. */
export const OP_FOLDED = 14;
export const OP_FOLDED_MAPPED = 15;
export const OP_FOLDED_NOTIFIED = 16;
/** Prune: visits of active entries that stay; entries that leave the list, and that move to another vCPU's. */
export const OP_KEPT_ACTIVE = 17;
export const OP_RELEASED = 18;
export const OP_MIGRATED = 19;
/** Ends of queue_irq_unlock: appended; queued already, so only a kick; neither. */
export const OP_QUEUED = 20;
export const OP_KICKED = 21;
export const OP_UNQUEUED = 22;
/** The same ends of an injection, and nodes walked to find an LPI by number for one. */
export const OP_INJECTED = 23;
export const OP_INJECTED_KICKED = 24;
export const OP_INJECTED_UNQUEUED = 25;
export const OP_INJECT_LOOKUP = 26;
/** Interrupts that an SGI pends. */
export const OP_SGI_TARGET = 27;
/** Strategies: entries of lists whose order is tested; picks of the most urgent, and entries they look at; entries distributed. */
export const OP_ORDER_TESTED = 28;
export const OP_PICKS = 29;
export const OP_PICKED = 30;
export const OP_DISTRIBUTED = 31;

/** Index → name in results. */
export const OPERATION_NAMES = [
  'depth entries',
  'depth entries with senders',
  'flushes of a list',
  'sorted entries',
  'sort comparisons',
  'sort comparisons with an active',
  'walked entries',
  'walked actives',
  'filled edge',
  'filled level',
  'filled active',
  'filled GICv2 SGI',
  'filled mapped',
  'exits of a list',
  'folded',
  'folded mapped',
  'folded notified',
  'kept actives',
  'released',
  'migrated',
  'queued',
  'kicked while queued',
  'not queued',
  'injections queued',
  'injections kicked while queued',
  'injections not queued',
  'LPI nodes of injections',
  'SGI targets',
  'order-tested entries',
  'picks',
  'picked-over entries',
  'distributed entries',
] as const;
export type OperationName = (typeof OPERATION_NAMES)[number];
export const NR_OPERATIONS = OPERATION_NAMES.length;
