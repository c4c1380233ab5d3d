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
/** List registers folded: all; of a private interrupt, of an LPI, of a mapped one, with an acknowledge to notify. */
export const OP_FOLDED = 14;
export const OP_FOLDED_PRIVATE = 15;
export const OP_FOLDED_LPI = 16;
export const OP_FOLDED_MAPPED = 17;
export const OP_FOLDED_NOTIFIED = 18;
/** Prune: active entries that stay, entries that leave the list, entries that move to another vCPU's. */
export const OP_KEPT_ACTIVE = 19;
export const OP_RELEASED = 20;
export const OP_MIGRATED = 21;
/** Ends of queue_irq_unlock: appended; queued already, so only a kick; neither. */
export const OP_QUEUED = 22;
export const OP_KICKED = 23;
export const OP_UNQUEUED = 24;
/** The same ends of an injection, and injections of an LPI, refused ones included. */
export const OP_INJECTED = 25;
export const OP_INJECTED_KICKED = 26;
export const OP_INJECTED_UNQUEUED = 27;
export const OP_INJECT_LPI = 28;
/** Strategies: entries compared by an order test, looked at by a pick of the most urgent, distributed over classes. */
export const OP_ORDER_TESTED = 29;
export const OP_PICKED = 30;
export const OP_DISTRIBUTED = 31;
/** The guest's side: list registers that an acknowledge, and an EOI, looked at. */
export const OP_ACK_LRS = 32;
export const OP_EOI_LRS = 33;
export const NR_OPERATIONS = 34;
