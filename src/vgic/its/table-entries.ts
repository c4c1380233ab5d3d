/**
 * The entries that save writes and restore reads: 8 bytes each, ABI revision 0 (vgic-spec 6.8). Halves are 32-bit words; what
 * is made of them is an unsigned number, addresses below 2^52.
 */

export const ENTRY_BYTES = 8;
const VALID_HI = 0x80000000;
/** The target field of a collection that is not mapped. */
export const UNMAPPED = 0xffffffff;
export const MAX_NEXT_EVENT = 0xffff;
export const MAX_NEXT_DEVICE = 0x3fff;

export interface Halves {
  readonly lo: number;
  readonly hi: number;
}

/** The bits of an entry, in any of which a 1 makes it one that counts: a valid device, table page or collection; an ITE. */
export const VALID_MASK: Halves = { lo: 0, hi: VALID_HI };
export const ITE_LPI_MASK: Halves = { lo: 0xffff0000, hi: 0xffff };

export const isValid = (hi: number): boolean => hi < 0;

export const encodeIte = (next: number, lpi: number, collection: number): Halves => ({
  lo: collection | (lpi << 16) | 0,
  hi: (next << 16) | (lpi >>> 16) | 0,
});
export const iteNext = (hi: number): number => hi >>> 16;
export const iteLpi = (lo: number, hi: number): number => ((lo >>> 16) | (hi << 16)) >>> 0;
export const iteCollection = (lo: number): number => lo & 0xffff;

/** `itt`: a multiple of 256. */
export function encodeDte(next: number, itt: number, bits: number): Halves {
  const page = itt / 256;
  return {
    lo: ((page % 2 ** 27) << 5) | (bits - 1) | 0,
    hi: VALID_HI | (next << 17) | Math.floor(page / 2 ** 27) | 0,
  };
}
export const dteNext = (hi: number): number => (hi >>> 17) & MAX_NEXT_DEVICE;
export const dteItt = (lo: number, hi: number): number => ((hi & 0x1ffff) * 2 ** 27 + (lo >>> 5)) * 256;
export const dteBits = (lo: number): number => (lo & 0x1f) + 1;

export const encodeCte = (target: number, collection: number): Halves => ({
  lo: collection | (target << 16) | 0,
  hi: VALID_HI | (target >>> 16) | 0,
});
/** The whole field, bits 51:16. */
export const cteTarget = (lo: number, hi: number): number => (hi & 0xfffff) * 2 ** 16 + (lo >>> 16);
export const cteCollection = (lo: number): number => lo & 0xffff;

/** First-level device entry: address of a page of entries. */
export const pageAddress = (lo: number, hi: number): number => (hi & 0xfffff) * 2 ** 32 + ((lo & 0xffff0000) >>> 0);
