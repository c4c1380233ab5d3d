/** The 64-bit registers of ITS and redistributors as two 32-bit words; what the hypervisor keeps of a write. */

/** Address field of a register or table entry: bits 51 to `low`. */
export const addressOf = (lo: number, hi: number, low: number): number =>
  (hi & 0xfffff) * 2 ** 32 + (((lo >>> low) << low) >>> 0);

/** Where a register has its memory attributes; `outer` and `inner` 3 bits, all but shareability in the high word if so. */
interface Attributes {
  readonly shareability: number;
  readonly inner: { readonly isHigh: boolean; readonly shift: number };
  readonly outerShift: number;
}

export interface WordRules {
  readonly attributes: Attributes;
  /** Bits that a write may set. */
  readonly maskLo: number;
  readonly maskHi: number;
}

const OUTER_SHAREABLE = 2;
const INNER_SHAREABLE = 1;
const CACHE_NC = 1;
const CACHE_RAWB = 5;

/** GICR_PROPBASER: IDbits 4:0, inner 9:7, shareability 11:10, address 51:12, outer 58:56. */
export const PROPBASER_RULES: WordRules = {
  attributes: { shareability: 10, inner: { isHigh: false, shift: 7 }, outerShift: 24 },
  maskLo: 0xffffff9f,
  maskHi: 0x070fffff,
};
/** GICR_PENDBASER: inner 9:7, shareability 11:10, address 51:16, outer 58:56, PTZ 62. */
export const PENDBASER_RULES: WordRules = {
  attributes: { shareability: 10, inner: { isHigh: false, shift: 7 }, outerShift: 24 },
  maskLo: 0xffff0f80,
  maskHi: 0x470fffff,
};
export const PENDBASER_PTZ_HI = 1 << 30;
/** GITS_CBASER: size 7:0, shareability 11:10, address 51:16 (forced to 64 KiB), outer 55:53, inner 61:59, valid 63. */
export const CBASER_RULES: WordRules = {
  attributes: { shareability: 10, inner: { isHigh: true, shift: 27 }, outerShift: 21 },
  maskLo: 0xffff0cff,
  maskHi: 0xb8efffff,
};
/** GITS_BASER: size 7:0, page size 9:8, shareability 11:10, address 47:12, outer 55:53, inner 61:59, indirect 62, valid 63. */
export const BASER_RULES: WordRules = {
  attributes: { shareability: 10, inner: { isHigh: true, shift: 27 }, outerShift: 21 },
  maskLo: 0xffffffff,
  maskHi: 0xf8e0ffff,
};

/**
 * What is kept of a write: reserved bits are 0; outer shareable becomes inner shareable; memory that is not cached becomes
 * write-back; an outer cacheability other than "as inner" or "not cached" becomes "as inner" (vgic-spec 2.5: sanitised).
 */
export function sanitise(lo: number, hi: number, rules: WordRules): readonly [lo: number, hi: number] {
  const { shareability, inner, outerShift } = rules.attributes;
  const words: [number, number] = [lo & rules.maskLo, hi & rules.maskHi];
  const change = (word: 0 | 1, shift: number, width: number, replace: (field: number) => number): void => {
    const mask = (2 ** width - 1) << shift;
    const field = (words[word] & mask) >>> shift;
    words[word] = (words[word] & ~mask) | (replace(field) << shift);
  };
  change(0, shareability, 2, (field) => (field === OUTER_SHAREABLE ? INNER_SHAREABLE : field));
  change(inner.isHigh ? 1 : 0, inner.shift, 3, (field) => (field <= CACHE_NC ? CACHE_RAWB : field));
  change(1, outerShift, 3, (field) => (field <= CACHE_NC ? field : 0));
  return words;
}
