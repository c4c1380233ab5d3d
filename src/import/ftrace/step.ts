/** One model event to be, with the interrupt it touches; and what the recording printed about an interrupt. */
import { NR_PRIVATE_IRQS } from '../../gic/intid.js';

/** Private interrupts of up to 128 vCPUs come first, then SPIs and LPIs by INTID. */
const SHARED_KEYS = 128 * NR_PRIVATE_IRQS;
/** Key of a step that touches no single interrupt. */
export const KEY_MACHINE = -1;

/** One number for one interrupt of the machine. */
export const irqKey = (vcpu: number, intid: number): number =>
  intid < NR_PRIVATE_IRQS ? vcpu * NR_PRIVATE_IRQS + intid : SHARED_KEYS + intid;

/** INTID of a key. */
export const intidOfKey = (key: number): number => (key < SHARED_KEYS ? key % NR_PRIVATE_IRQS : key - SHARED_KEYS);

/** The vCPU a private interrupt belongs to, -1 for SPIs and LPIs. */
export const ownerOfKey = (key: number): number => (key < SHARED_KEYS ? Math.floor(key / NR_PRIVATE_IRQS) : -1);

export interface Step {
  readonly kind: number;
  readonly vcpu: number;
  readonly intid: number;
  readonly value: number;
  /** irqKey of the interrupt it changes, or KEY_MACHINE. */
  readonly key: number;
  /** Write nothing if the state already is what the step makes it (words whose zeroes only clear). */
  readonly quiet?: boolean;
}

/** The fields of a vgic_queue or lr_populate line: state of the interrupt at that instant. vCPUs: -1 none, -2 unknown. */
export interface IrqFields {
  readonly intid: number;
  readonly line: number;
  readonly latch: number;
  readonly active: number;
  readonly enabled: number;
  readonly hw: number;
  readonly priority: number;
  readonly group: number;
  /** 0 edge, 1 level. */
  readonly level: number;
  readonly source: number;
  readonly queued: number;
  readonly target: number;
}

export const VCPU_UNKNOWN = -2;
