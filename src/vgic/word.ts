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

export const isPending = (word: number): boolean => (word & PENDING) !== 0;
export const priorityOf = (word: number): number => (word >>> PRIORITY_SHIFT) & 0xff;
export const targetOf = (word: number): number => ((word >>> TARGET_SHIFT) & 0x7f) - 1;
export const queuedOn = (word: number): number => ((word >>> QUEUED_SHIFT) & 0x7f) - 1;

/** WIRE brought in step with LINE and LEVEL. */
export const withWire = (word: number): number =>
  (word & LINE) !== 0 && (word & LEVEL) !== 0 ? word | WIRE : word & ~WIRE;

/** The vCPU that should hold the interrupt now, or NO_VCPU (-1). vgic-spec 1.4. */
export function targetOracle(word: number, distEnabled: boolean): number {
  // Active: it must stay where the guest acknowledged it.
  if ((word & ACTIVE) !== 0) return (word & QUEUED_FIELD) !== 0 ? queuedOn(word) : targetOf(word);
  if ((word & ENABLED) !== 0 && (word & PENDING) !== 0 && distEnabled) return targetOf(word);
  return -1;
}

/** Number of distinct sort keys. */
export const NR_KEYS = 66;
export const KEY_ACTIVE = 0;
export const KEY_REST = 65;

/**
 * The comparator's key: active first, then enabled-and-pending by priority (6 bits serve LPIs), then the rest.
 * Comparing keys is the kernel's comparison; equal keys keep their list order. vgic-spec 1.13 and appendix C.
 */
export function sortKey(word: number): number {
  if ((word & ACTIVE) !== 0) return KEY_ACTIVE;
  if ((word & ENABLED) !== 0 && (word & PENDING) !== 0) return 1 + ((word >>> (PRIORITY_SHIFT + 2)) & 0x3f);
  return KEY_REST;
}
