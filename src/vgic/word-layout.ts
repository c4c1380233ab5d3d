/**
 * The packed state word of one interrupt (one row of the tables). Fields: vgic-spec 1.2; layout: performance 5.2.
 * The sign bit stays clear, so every word is a small integer to the JIT.
 */
export const ENABLED = 1 << 0;
/** pending_latch: an edge was seen, or ISPENDR was written. */
export const LATCH = 1 << 1;
/** The line as it counts: LINE and LEVEL both set. Kept in step by everything that writes LINE or LEVEL. */
export const WIRE = 1 << 2;
export const ACTIVE = 1 << 3;
/** Configuration: level-triggered (else edge). */
export const LEVEL = 1 << 4;
/** Mapped to a host interrupt. */
export const HW = 1 << 5;
export const GROUP = 1 << 6;
/** The row stands for an interrupt: always for SGI, PPI, SPI; for an LPI while it is mapped or queued. */
export const EXISTS = 1 << 7;
export const PRIORITY_SHIFT = 8;
export const PRIORITY_FIELD = 0xff << PRIORITY_SHIFT;
/** Target vCPU + 1; 0 = none. */
export const TARGET_SHIFT = 16;
export const TARGET_FIELD = 0x7f << TARGET_SHIFT;
/** vCPU whose ap_list holds it + 1; 0 = on no list. */
export const QUEUED_SHIFT = 23;
export const QUEUED_FIELD = 0x7f << QUEUED_SHIFT;
/** line_level: last level told by the device, kept through changes of configuration. */
export const LINE = 1 << 30;

export const PENDING = LATCH | WIRE;

/** Number of distinct sort keys. */
export const NR_KEYS = 66;
export const KEY_ACTIVE = 0;
export const KEY_REST = 65;
