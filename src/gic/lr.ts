/**
 * List-register words. GICv3: ICH_LR<n>_EL2 as two 32-bit halves (lo, hi); GICv2: GICH_LRn in lo, hi = 0.
 * Bit positions: vgic-spec 1.15. Values are signed 32-bit integers inside; `hex` prints them.
 */

// ICH_LR<n>_EL2, high half.
export const LR_ACTIVE = 1 << 31; // [63]
export const LR_PENDING = 1 << 30; // [62]
export const LR_HW = 1 << 29; // [61]
export const LR_GROUP = 1 << 28; // [60]
export const LR_PRIORITY_SHIFT = 16; // [55:48]
export const LR_EOI = 1 << 9; // [41], HW = 0
export const LR_PINTID_MASK = 0x3ff; // [41:32], HW = 1 (KVM uses 10 of 13 bits)
export const LR_STATE = LR_ACTIVE | LR_PENDING;
// ICH_LR<n>_EL2, low half.
export const LR_VINTID_V2_MASK = 0x3ff; // [9:0] for a GICv2 guest
export const LR_CPUID_SHIFT = 10; // [12:10] for an SGI of a GICv2 guest

// GICH_LRn.
export const GICH_LR_HW = 1 << 31;
export const GICH_LR_GROUP = 1 << 30;
export const GICH_LR_ACTIVE = 1 << 29;
export const GICH_LR_PENDING = 1 << 28;
export const GICH_LR_STATE = GICH_LR_ACTIVE | GICH_LR_PENDING;
export const GICH_LR_PRIORITY_SHIFT = 23; // [27:23] = priority >> 3
export const GICH_LR_EOI = 1 << 19; // HW = 0
export const GICH_LR_CPUID_SHIFT = 10; // [12:10], HW = 0
export const GICH_LR_PINTID_SHIFT = 10; // [19:10], HW = 1
export const GICH_LR_VINTID_MASK = 0x3ff;

// HCR, the same bits in GICH_HCR and ICH_HCR_EL2.
export const HCR_EN = 1 << 0;
export const HCR_UIE = 1 << 1;
export const HCR_LRENPIE = 1 << 2;
export const HCR_NPIE = 1 << 3;
export const HCR_VGRP0EIE = 1 << 4;
export const HCR_VGRP0DIE = 1 << 5;
export const HCR_VGRP1EIE = 1 << 6;
export const HCR_VGRP1DIE = 1 << 7;
/** ICH_HCR_EL2 only. */
export const HCR_VSGIEOICOUNT = 1 << 8;
export const HCR_TDIR = 1 << 14;

const hex8 = (word: number): string => (word >>> 0).toString(16).padStart(8, '0');

/** The word as the golden dumps print it: 16 hex digits, 8 on a GICv2 host. */
export function lrHex(lo: number, hi: number, isV2Host: boolean): string {
  return isV2Host ? hex8(lo) : hex8(hi) + hex8(lo);
}

/** High half of the GICv3 layout from a GICH_LR word. */
export function gichToHi(gich: number): number {
  let hi = ((gich >>> GICH_LR_PRIORITY_SHIFT) & 0x1f) << (LR_PRIORITY_SHIFT + 3);
  if ((gich & GICH_LR_PENDING) !== 0) hi |= LR_PENDING;
  if ((gich & GICH_LR_ACTIVE) !== 0) hi |= LR_ACTIVE;
  if ((gich & GICH_LR_GROUP) !== 0) hi |= LR_GROUP;
  if ((gich & GICH_LR_HW) !== 0) return hi | LR_HW | ((gich >>> GICH_LR_PINTID_SHIFT) & LR_PINTID_MASK);
  return (gich & GICH_LR_EOI) !== 0 ? hi | LR_EOI : hi;
}
