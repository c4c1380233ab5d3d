/** A list register as named fields, and the words it is written as (vgic-spec 1.15). */
import type { GicModel } from '../gic/intid.js';
import {
  GICH_LR_ACTIVE,
  GICH_LR_CPUID_SHIFT,
  GICH_LR_EOI,
  GICH_LR_GROUP,
  GICH_LR_HW,
  GICH_LR_PENDING,
  GICH_LR_PINTID_SHIFT,
  GICH_LR_PRIORITY_SHIFT,
  LR_ACTIVE,
  LR_CPUID_SHIFT,
  LR_EOI,
  LR_GROUP,
  LR_HW,
  LR_PENDING,
  LR_PINTID_MASK,
  LR_PRIORITY_SHIFT,
} from '../gic/lr.js';

export interface ListRegister {
  intid: number;
  pending: boolean;
  active: boolean;
  hw: boolean;
  /** Physical INTID if `hw`. */
  pintid: number;
  /** EOI maintenance requested; only if not `hw`. */
  eoi: boolean;
  group: 0 | 1;
  /** 0..255; a GICv2 list register keeps bits 7:3. */
  priority: number;
  /** Sender of a GICv2 guest's SGI. */
  cpuid: number;
}

/** Both words as signed 32-bit integers. */
export interface LrWords {
  readonly lo: number;
  readonly hi: number;
}

export const createListRegister = (): ListRegister => ({
  intid: 0,
  pending: false,
  active: false,
  hw: false,
  pintid: 0,
  eoi: false,
  group: 0,
  priority: 0,
  cpuid: 0,
});

function encodeGich(lr: ListRegister): LrWords {
  let lo = lr.intid;
  if (lr.pending) lo |= GICH_LR_PENDING;
  if (lr.active) lo |= GICH_LR_ACTIVE;
  if (lr.hw) lo |= GICH_LR_HW | ((lr.pintid & LR_PINTID_MASK) << GICH_LR_PINTID_SHIFT);
  else lo |= (lr.eoi ? GICH_LR_EOI : 0) | (lr.cpuid << GICH_LR_CPUID_SHIFT);
  if (lr.group) lo |= GICH_LR_GROUP;
  lo |= (lr.priority >> 3) << GICH_LR_PRIORITY_SHIFT;
  return { lo, hi: 0 };
}

function encodeIch(lr: ListRegister): LrWords {
  let hi = lr.priority << LR_PRIORITY_SHIFT;
  if (lr.pending) hi |= LR_PENDING;
  if (lr.active) hi |= LR_ACTIVE;
  if (lr.hw) hi |= LR_HW | (lr.pintid & LR_PINTID_MASK);
  else if (lr.eoi) hi |= LR_EOI;
  if (lr.group) hi |= LR_GROUP;
  return { lo: lr.intid | (lr.cpuid << LR_CPUID_SHIFT), hi };
}

/** The words of a list register on the host of `model`: 64 bit unless GICv2. */
export const encodeListRegister = (lr: ListRegister, model: GicModel): LrWords =>
  model === 'gicv2' ? encodeGich(lr) : encodeIch(lr);
