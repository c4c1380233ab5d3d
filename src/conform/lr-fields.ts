/** A list-register word taken apart into the fields scenarios name (vgic-spec 1.15). */

import type { GicModel } from '../gic/intid.js';
import {
  GICH_LR_CPUID_SHIFT,
  gichToHi,
  LR_ACTIVE,
  LR_CPUID_SHIFT,
  LR_EOI,
  LR_GROUP,
  LR_HW,
  LR_PENDING,
  LR_PINTID_MASK,
  LR_PRIORITY_SHIFT,
  LR_VINTID_V2_MASK,
} from '../gic/lr.js';
import { LR_STATES } from './steps.js';
import type { LrWord } from './target.js';

const CPUID_MASK = 7;

/** Every field there is; `eoi` and `source` exist without HW, `pintid` with it. */
export interface LrFields {
  readonly raw: bigint;
  readonly slot: number;
  readonly intid: number;
  readonly state: string;
  readonly priority: number;
  readonly group: number;
  readonly hw: number;
  readonly pintid: number | undefined;
  readonly eoi: number | undefined;
  readonly source: number | undefined;
}

const bit = (word: number, mask: number): number => ((word & mask) === 0 ? 0 : 1);

export function decodeLr({ slot, lo, hi }: LrWord, model: GicModel): LrFields {
  const isV2Host = model === 'gicv2';
  const high = isV2Host ? gichToHi(lo) : hi;
  const hw = bit(high, LR_HW);
  const sender = isV2Host ? lo >>> GICH_LR_CPUID_SHIFT : lo >>> LR_CPUID_SHIFT;
  return {
    raw: (BigInt(isV2Host ? 0 : hi >>> 0) << 32n) | BigInt(lo >>> 0),
    slot,
    intid: model === 'gicv3' ? lo >>> 0 : lo & LR_VINTID_V2_MASK,
    state: LR_STATES[bit(high, LR_PENDING) + 2 * bit(high, LR_ACTIVE)],
    priority: (high >>> LR_PRIORITY_SHIFT) & 0xff,
    group: bit(high, LR_GROUP),
    hw,
    pintid: hw === 1 ? high & LR_PINTID_MASK : undefined,
    eoi: hw === 0 ? bit(high, LR_EOI) : undefined,
    source: hw === 0 && model !== 'gicv3' ? sender & CPUID_MASK : undefined,
  };
}
