/**
 * Seeded generator: xoshiro128** 1.1 (Blackman and Vigna), state filled from the seed by SplitMix32.
 * Integers only: the same seed gives the same sequence on every machine and Node version.
 */
export interface Generator {
  /** Next value, an integer in [0, 2^32). */
  nextUint32(): number;
  /** Uniform integer in [0, bound); bound in [1, 2^32]. Without modulo bias. */
  nextBelow(bound: number): number;
}

const TWO_32 = 0x1_0000_0000;

const rotateLeft = (value: number, by: number): number => (value << by) | (value >>> (32 - by));

/** `seed`: only its low 32 bits count. */
export function createGenerator(seed: number): Generator {
  let mix = seed >>> 0;
  const splitMix = (): number => {
    mix = (mix + 0x9e3779b9) >>> 0;
    let z = mix;
    z = Math.imul(z ^ (z >>> 16), 0x85ebca6b);
    z = Math.imul(z ^ (z >>> 13), 0xc2b2ae35);
    return (z ^ (z >>> 16)) | 0;
  };
  return createGeneratorFromState([splitMix(), splitMix(), splitMix(), splitMix()]);
}

/** For test vectors: the four state words given outright; not all may be 0. */
export function createGeneratorFromState(state: readonly [number, number, number, number]): Generator {
  let [a, b, c, d] = state;
  if ((a | b | c | d) === 0) throw new RangeError('xoshiro128**: the state must not be all zero');
  const nextUint32 = (): number => {
    const result = Math.imul(rotateLeft(Math.imul(b, 5), 7), 9) >>> 0;
    const t = b << 9;
    c ^= a;
    d ^= b;
    b ^= c;
    a ^= d;
    c ^= t;
    d = rotateLeft(d, 11);
    return result;
  };
  const nextBelow = (bound: number): number => {
    if (!Number.isInteger(bound) || bound < 1 || bound > TWO_32) {
      throw new RangeError(`nextBelow: bound ${bound} is not an integer in [1, 2^32]`);
    }
    // Values at or above the largest multiple of bound would favour the low residues: draw again.
    const limit = TWO_32 - (TWO_32 % bound);
    let value = nextUint32();
    while (value >= limit) value = nextUint32();
    return value % bound;
  };
  return { nextUint32, nextBelow };
}
