/** List registers as the host's hardware holds them, from the GICv3 layout of the planes. vgic-spec 1.15. */
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
  LR_VINTID_V2_MASK,
} from '../gic/lr.js';
import type { VgicState } from './state.js';

export interface LrWords {
  /** GICv3: the low half; GICv2: the GICH_LR word. */
  lrLo(vcpu: number, lr: number): number;
  /** GICv3: the high half; GICv2: 0. */
  lrHi(vcpu: number, lr: number): number;
}

export function createLrWords({ lrLo, lrHi, nrLr, isV2Host }: VgicState): LrWords {
  return {
    lrLo(vcpu, lr) {
      const at = vcpu * nrLr + lr;
      return isV2Host ? gichWord(lrLo[at], lrHi[at]) : lrLo[at];
    },
    lrHi: (vcpu, lr) => (isV2Host ? 0 : lrHi[vcpu * nrLr + lr]),
  };
}

function gichWord(lo: number, hi: number): number {
  let word = (lo & LR_VINTID_V2_MASK) | (((hi >>> (LR_PRIORITY_SHIFT + 3)) & 0x1f) << GICH_LR_PRIORITY_SHIFT);
  if ((hi & LR_PENDING) !== 0) word |= GICH_LR_PENDING;
  if ((hi & LR_ACTIVE) !== 0) word |= GICH_LR_ACTIVE;
  if ((hi & LR_GROUP) !== 0) word |= GICH_LR_GROUP;
  if ((hi & LR_HW) !== 0) return word | GICH_LR_HW | ((hi & LR_PINTID_MASK) << GICH_LR_PINTID_SHIFT);
  if ((hi & LR_EOI) !== 0) word |= GICH_LR_EOI;
  return word | (((lo >>> LR_CPUID_SHIFT) & 7) << GICH_LR_CPUID_SHIFT);
}
