/** Fields of 64-bit words. */

export const bitsOf = (word: bigint, low: number, width: number): number =>
  Number((word >> BigInt(low)) & ((1n << BigInt(width)) - 1n));

/** A field that keeps its place, such as an address without its low bits. */
export const fieldOf = (word: bigint, high: number, low: number): number =>
  bitsOf(word, low, high - low + 1) * 2 ** low;

export const hasBit = (word: bigint, position: number): boolean => bitsOf(word, position, 1) === 1;

/** The 64-bit register after `length` bytes at byte `offset` of it (0 or 4) were written. */
export function updateRegister(register: bigint, offset: number, length: number, value: number, high: number): bigint {
  const written = (BigInt(high >>> 0) << 32n) | BigInt(value >>> 0);
  if (length === 8) return written;
  const shift = BigInt(offset * 8);
  return (register & ~(0xffff_ffffn << shift)) | (BigInt(value >>> 0) << shift);
}
