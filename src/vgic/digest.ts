/** FNV-1a style mixing of 32-bit words: pins every LR word of a replay in one number, and keeps the work alive. */
export const DIGEST_SEED = 0x811c9dc5 | 0;
export const mix = (digest: number, word: number): number => Math.imul(digest ^ word, 0x01000193);
export const digestHex = (digest: number): string => (digest >>> 0).toString(16).padStart(8, '0');
