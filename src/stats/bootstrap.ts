import type { Generator } from '../base/rng.js';
import { quantileOfSorted } from './quantile.js';

export interface Interval {
  readonly low: number;
  readonly high: number;
}

export interface BootstrapPlan {
  /** Number of blocks: the unit that is drawn with replacement (one block = one fresh process per arm). */
  readonly blocks: number;
  /** Number of resamples. */
  readonly draws: number;
  /** Coverage of the two-sided percentile interval, e.g. 0.9. */
  readonly level: number;
  readonly generator: Generator;
  /** Value of the statistic on the blocks `picked` (indexes in [0, blocks), repeats allowed; valid during the call). */
  readonly statistic: (picked: Int32Array) => number;
}

/** Values of the statistic on all resamples, ascending. */
export function resampleBlocks(plan: Omit<BootstrapPlan, 'level'>): Float64Array {
  const { blocks, draws, generator, statistic } = plan;
  if (blocks < 1 || draws < 1) throw new RangeError(`bootstrap: ${blocks} blocks, ${draws} draws`);
  const picked = new Int32Array(blocks);
  const values = new Float64Array(draws);
  for (let draw = 0; draw < draws; draw++) {
    for (let block = 0; block < blocks; block++) picked[block] = generator.nextBelow(blocks);
    values[draw] = statistic(picked);
  }
  return values.sort();
}

/** Percentile bootstrap over blocks, never over samples within a process: those are not independent. */
export function bootstrapInterval(plan: BootstrapPlan): Interval {
  const values = resampleBlocks(plan);
  const tail = (1 - plan.level) / 2;
  return { low: quantileOfSorted(values, tail), high: quantileOfSorted(values, 1 - tail) };
}
