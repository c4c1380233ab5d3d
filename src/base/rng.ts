/**
 * Seeded random numbers: xoshiro128** (Blackman and Vigna) on 32-bit integers, its state filled by splitmix32.
 * Integers only, so a seed gives the same numbers on every machine and Node version.
 */

export interface Rng {
  /** The next unsigned 32-bit integer. */
  next(): number;
  /** An integer in [0, n). `n` is 1 to 2^21; the bias is below n / 2^32. */
  below(n: number): number;
  /** True with probability `percent` / 100. */
  chance(percent: number): boolean;
  /** Puts the first `count` elements into random order. */
  shuffle(elements: { [index: number]: number }, count: number): void;
}

/** A generator of its own for each seed (an integer; its low 32 bits count). */
export function createRng(seed: number): Rng {
  let mixed = seed | 0;
  const splitmix = (): number => {
    mixed = (mixed + 0x9e3779b9) | 0;
    let z = mixed;
    z = Math.imul(z ^ (z >>> 16), 0x21f0aaad);
    z = Math.imul(z ^ (z >>> 15), 0x735a2d97);
    return z ^ (z >>> 15);
  };
  let s0 = splitmix();
  let s1 = splitmix();
  let s2 = splitmix();
  let s3 = splitmix();

  const rotate = (x: number, by: number): number => (x << by) | (x >>> (32 - by));
  const next = (): number => {
    const result = Math.imul(rotate(Math.imul(s1, 5), 7), 9) >>> 0;
    const shifted = s1 << 9;
    s2 ^= s0;
    s3 ^= s1;
    s1 ^= s2;
    s0 ^= s3;
    s2 ^= shifted;
    s3 = rotate(s3, 11);
    return result;
  };
  // The product is below 2^53, so both steps are exact.
  const below = (n: number): number => Math.floor((next() * n) / 0x1_0000_0000);
  return {
    next,
    below,
    chance: (percent) => below(100) < percent,
    shuffle(elements, count) {
      for (let last = count - 1; last > 0; last--) {
        const pick = below(last + 1);
        const kept = elements[last]!;
        elements[last] = elements[pick]!;
        elements[pick] = kept;
      }
    },
  };
}
