/** Questions to one packed state word. */
import * as Layout from './word-layout.js';

export * from './word-layout.js';

// Not even an exported constant of this module would be folded: exports live in cells (bench/README.md).
const {
  ACTIVE,
  ENABLED,
  EXISTS,
  GROUP,
  KEY_ACTIVE,
  KEY_REST,
  LEVEL,
  LINE,
  PENDING,
  PRIORITY_SHIFT,
  QUEUED_FIELD,
  QUEUED_SHIFT,
  TARGET_FIELD,
  TARGET_SHIFT,
  WIRE,
} = Layout;

export const isPending = (word: number): boolean => (word & PENDING) !== 0;
export const priorityOf = (word: number): number => (word >>> PRIORITY_SHIFT) & 0xff;
export const targetOf = (word: number): number => ((word >>> TARGET_SHIFT) & 0x7f) - 1;
export const queuedOn = (word: number): number => ((word >>> QUEUED_SHIFT) & 0x7f) - 1;

/** An LPI that was mapped a moment ago: group 1, six bits of priority. */
export const newLpi = (target: number, priority: number, enabled: boolean): number =>
  EXISTS | GROUP | (enabled ? ENABLED : 0) | ((priority & 0xfc) << PRIORITY_SHIFT) | ((target + 1) << TARGET_SHIFT);

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

/**
 * The oracle for a row on vCPU v's own list: 1 if it stays there, 0 if it must leave. `here` is v's targetField(),
 * `dist` 1 if the distributor is enabled. Free of branches: which interrupt is pending, enabled or active is random,
 * and a branch on it costs more than all of this (typical 1.2x).
 */
export const staysHere = (word: number, here: number, dist: number): number =>
  ((word >>> 3) | (word & ((word >>> 1) | (word >>> 2)) & dist & ((((word ^ here) & TARGET_FIELD) - 1) >>> 31))) & 1;
/** The oracle for a row on no list: 1 if it should be on its target's, without branches as staysHere. */
export const wantsList = (word: number, dist: number): number =>
  ((word >>> 3) | (word & ((word >>> 1) | (word >>> 2)) & dist)) & 1;
export const targetField = (vcpu: number): number => (vcpu + 1) << TARGET_SHIFT;

/**
 * The comparator's key: active first, then enabled-and-pending by priority (6 bits serve LPIs), then the rest.
 * Comparing keys is the kernel's comparison; equal keys keep their list order. vgic-spec 1.13 and appendix C.
 */
export function sortKey(word: number): number {
  if ((word & ACTIVE) !== 0) return KEY_ACTIVE;
  if ((word & ENABLED) !== 0 && (word & PENDING) !== 0) return 1 + ((word >>> (PRIORITY_SHIFT + 2)) & 0x3f);
  return KEY_REST;
}
