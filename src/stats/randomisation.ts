import type { Generator } from '../base/rng.js';
import { quantile } from './quantile.js';

/** Up to this many blocks every assignment of labels is tried. */
export const MAX_EXHAUSTIVE_BLOCKS = 13;
export const RANDOMISATION_DRAWS = 9999;
/** The 25th percentile of per-process minima: the steadiest estimate on noisy machines. */
const ESTIMATE_P = 0.25;

/** 25th percentile (type 7) of per-process minima. */
export const estimateTime = (minima: ArrayLike<number>): number => quantile(minima, ESTIMATE_P);

/** estimate(b) / estimate(a): above 1 means b is slower. */
export const estimateRatio = (a: ArrayLike<number>, b: ArrayLike<number>): number => estimateTime(b) / estimateTime(a);

export interface RandomisationResult {
  readonly ratio: number;
  /** One-sided: probability of a ratio at least this large if the labels meant nothing. */
  readonly pSlower: number;
  /** One-sided: of a ratio at most this large. */
  readonly pFaster: number;
  /** Assignments tried; 2^n when exhaustive. */
  readonly draws: number;
}

/**
 * Paired randomisation test: within each block the labels A and B are swapped with probability 1/2, statistic
 * log(estimate(B) / estimate(A)). Exhaustive up to 13 blocks, else `draws` (9,999) with p = (1 + hits) / (1 + draws).
 * `a`, `b`: one positive value per block, same length.
 */
export function testPairs(
  a: readonly number[],
  b: readonly number[],
  generator: Generator,
  draws = RANDOMISATION_DRAWS,
): RandomisationResult {
  const n = a.length;
  if (n === 0 || b.length !== n) throw new RangeError(`testPairs: ${n} and ${b.length} values`);
  const observed = Math.log(estimateRatio(a, b));
  // Sums of logarithms that are equal on paper differ in their last bits.
  const slack = 1e-12;
  const left = new Float64Array(n);
  const right = new Float64Array(n);
  let atLeast = 0;
  let atMost = 0;
  const tryAssignment = (isSwapped: (block: number) => boolean): void => {
    for (let block = 0; block < n; block++) {
      const swap = isSwapped(block);
      left[block] = swap ? b[block] : a[block];
      right[block] = swap ? a[block] : b[block];
    }
    const value = Math.log(estimateRatio(left, right));
    if (value >= observed - slack) atLeast++;
    if (value <= observed + slack) atMost++;
  };
  const ratio = Math.exp(observed);
  if (n <= MAX_EXHAUSTIVE_BLOCKS) {
    const masks = 2 ** n;
    for (let mask = 0; mask < masks; mask++) tryAssignment((block) => ((mask >>> block) & 1) === 1);
    return { ratio, pSlower: atLeast / masks, pFaster: atMost / masks, draws: masks };
  }
  for (let draw = 0; draw < draws; draw++) {
    // The top bit: the low ones of some generators are weaker, and one rule is simpler than knowing which.
    tryAssignment(() => generator.nextUint32() >= 0x8000_0000);
  }
  return { ratio, pSlower: (1 + atLeast) / (1 + draws), pFaster: (1 + atMost) / (1 + draws), draws };
}

/** Holm's step-down adjustment for several tests at once; same order as given, each at most 1. */
export function adjustHolm(pValues: readonly number[]): number[] {
  const order = pValues.map((_, index) => index).sort((x, y) => pValues[x] - pValues[y]);
  const adjusted = new Array<number>(pValues.length).fill(1);
  let running = 0;
  order.forEach((index, rank) => {
    running = Math.max(running, Math.min(1, pValues[index] * (pValues.length - rank)));
    adjusted[index] = running;
  });
  return adjusted;
}
