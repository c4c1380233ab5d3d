/** What the blocks of one stage measured, and the figures that are taken of them. */
import { createGenerator } from '../base/rng.js';
import { resampleBlocks } from './bootstrap.js';
import { quantileOfSorted } from './quantile.js';
import { estimateTime } from './randomisation.js';

/** One value a fresh process, block by block; any unit of time. `control` is A once more. */
export interface BlockSamples {
  readonly a: readonly number[];
  readonly b: readonly number[];
  readonly control: readonly number[];
}

/** The limit: what is less is not called a difference. */
const LEAST_DELTA = 0.02;
const FLOOR_FACTOR = 1.5;
const FLOOR_P = 0.95;
/** Coverage of the two-sided interval whose ends decide. */
const LEVEL = 0.9;
const TAIL = (1 - LEVEL) / 2;
const POWER = 0.8;

/** How often blocks are drawn anew, or labels swapped; fewer for simulations of many runs. */
export interface Draws {
  readonly bootstrap: number;
  readonly swaps: number;
}
export const FULL_DRAWS: Draws = { bootstrap: 10_000, swaps: 9999 };

export interface RatioEstimate {
  /** q25 of the minima of one arm over that of A. */
  readonly ratio: number;
  /** Its 90 % percentile interval from a bootstrap over blocks. */
  readonly low: number;
  readonly high: number;
}

const pick = (values: readonly number[], blocks: Int32Array): Float64Array =>
  Float64Array.from(blocks, (block) => values[block]);

const resampledRatios = (over: readonly number[], under: readonly number[], seed: number, draws: number) =>
  resampleBlocks({
    blocks: under.length,
    draws,
    generator: createGenerator(seed),
    statistic: (picked) => estimateTime(pick(over, picked)) / estimateTime(pick(under, picked)),
  });

export function estimateArms({ a, b }: BlockSamples, seed: number, draws: Draws): RatioEstimate {
  const ratios = resampledRatios(b, a, seed, draws.bootstrap);
  return {
    ratio: estimateTime(b) / estimateTime(a),
    low: quantileOfSorted(ratios, TAIL),
    high: quantileOfSorted(ratios, 1 - TAIL),
  };
}

/** What identical programs differ by here and now. */
export interface Noise {
  /** q25 of the control arm over that of A. */
  readonly control: number;
  /** 95th percentile of |control / A - 1| over resampled blocks. */
  readonly floor: number;
  /** max(2 %, 1.5 × floor), as a share. */
  readonly delta: number;
  /**
   * Smallest slowdown, as a share, of which 80 % of runs as noisy as this one have the whole interval beyond the limit. The
   * noise is that of the control arm against A, centred.
   */
  readonly smallestDetectable: number;
}

export function estimateNoise({ a, control }: Pick<BlockSamples, 'a' | 'control'>, seed: number, draws: Draws): Noise {
  const centre = estimateTime(control) / estimateTime(a);
  const ratios = resampledRatios(control, a, seed, draws.bootstrap);
  const floor = quantileOfSorted(ratios.map((ratio) => Math.abs(ratio - 1)).sort(), FLOOR_P);
  const delta = Math.max(LEAST_DELTA, FLOOR_FACTOR * floor);
  // A run finds the slowdown 1 + e if its ratio, lowered by the half width of its interval, is beyond 1 + delta.
  const lowered = quantileOfSorted(ratios, TAIL) / centre;
  const unlucky = quantileOfSorted(ratios, 1 - POWER) / centre;
  return { control: centre, floor, delta, smallestDetectable: (1 + delta) / (lowered * unlucky) - 1 };
}

/** More would take longer than anybody waits. */
const MOST_BLOCKS = 1000;

/**
 * About how many blocks would bring the whole interval to one side of the limit that its middle is on already; null:
 * more than 1,000. Its width goes with 1 / √n.
 */
export function blocksToDecide({ ratio, low, high }: RatioEstimate, delta: number, blocks: number): number | null {
  const limit = Math.log1p(delta);
  const middle = Math.log(ratio);
  const half = Math.max(middle - Math.log(low), Math.log(high) - middle);
  const room = Math.abs(Math.abs(middle) - limit);
  const needed = room === 0 ? Number.POSITIVE_INFINITY : Math.ceil(blocks * (half / room) ** 2);
  return needed > MOST_BLOCKS ? null : Math.max(needed, blocks + 1);
}
