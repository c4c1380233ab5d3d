/** Entries of saved tables (vgic-spec 6.8): 64-bit words. */
import { NO_VCPU } from '../../gic/intid.js';
import { bitsOf, fieldOf, hasBit } from './bits.js';
import type { Collection, Device } from './its-state.js';

/** Caps of the distance to the next entry. */
export const MAX_NEXT_EVENT = 0xffff;
export const MAX_NEXT_DEVICE = 0x3fff;

const UNMAPPED_TARGET = 0xffff_ffff;
const VALID = 1n << 63n;

export interface SavedIte {
  /** Distance to the next one; 0: the last. */
  readonly next: number;
  /** 0: none. */
  readonly lpi: number;
  readonly collection: number;
}

export const encodeIte = ({ next, lpi, collection }: SavedIte): bigint =>
  (BigInt(next) << 48n) | (BigInt(lpi) << 16n) | BigInt(collection);

export const decodeIte = (word: bigint): SavedIte => ({
  next: bitsOf(word, 48, 16),
  lpi: bitsOf(word, 16, 32),
  collection: bitsOf(word, 0, 16),
});

export const encodeDevice = ({ itt, bits }: Device, next: number): bigint =>
  VALID | (BigInt(next) << 49n) | ((BigInt(itt) >> 8n) << 5n) | BigInt(bits - 1);

export interface SavedDevice {
  readonly isValid: boolean;
  readonly next: number;
  readonly itt: number;
  readonly bits: number;
}

export const decodeDevice = (word: bigint): SavedDevice => ({
  isValid: hasBit(word, 63),
  next: bitsOf(word, 49, 14),
  itt: fieldOf(word, 48, 5) * 8,
  bits: bitsOf(word, 0, 5) + 1,
});

export const encodeCollection = ({ id, target }: Collection): bigint =>
  VALID | (BigInt(target === NO_VCPU ? UNMAPPED_TARGET : target) << 16n) | BigInt(id);

export interface SavedCollection {
  readonly isValid: boolean;
  readonly id: number;
  /** NO_VCPU: unmapped. */
  readonly target: number;
}

export function decodeCollection(word: bigint): SavedCollection {
  const target = bitsOf(word, 16, 36);
  return {
    isValid: hasBit(word, 63),
    id: bitsOf(word, 0, 16),
    target: target === UNMAPPED_TARGET ? NO_VCPU : target,
  };
}
