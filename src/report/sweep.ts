/** What a depth sweep says: cost per guest entry, longest call, crossovers, growth. */
import { PATH_NAMES } from '../replay/result.js';
import type { SweepColumns } from '../replay/sweep.js';
import type { Crossover } from '../stats/crossover.js';
import { findCrossovers } from '../stats/crossover.js';
import { fitGrowth } from '../stats/growth.js';
import type { DepthSweep } from './model.js';

/** 'perEntry': steps of all paths for one guest entry. 'longest': steps of the longest single call of any path. */
export type SweepMeasure = 'perEntry' | 'longest';
export const SWEEP_MEASURES: readonly SweepMeasure[] = ['perEntry', 'longest'];

/** One value a depth. */
export function sweepCurve(sweep: DepthSweep, { paths }: SweepColumns, measure: SweepMeasure): number[] {
  return sweep.depths.map((_, point) => {
    if (measure === 'longest') return Math.max(...PATH_NAMES.map((path) => paths[path].maxSteps[point]));
    const steps = PATH_NAMES.reduce((sum, path) => sum + paths[path].steps[point], 0);
    return sweep.entries[point] === 0 ? 0 : steps / sweep.entries[point];
  });
}

export interface SweepComparison {
  readonly crossovers: readonly Crossover[];
  /** The lower curve at the last depth at which they differ: 'a', 'b', or 'none' if they never do. */
  readonly lowerAtEnd: 'a' | 'b' | 'none';
}

/** Compares strategies `a` and `b` (labels); null if the sweep lacks one of them. */
export function findSweepCrossovers(
  sweep: DepthSweep,
  a: string,
  b: string,
  measure: SweepMeasure,
): SweepComparison | null {
  const left = sweep.strategies.find(({ strategy }) => strategy === a);
  const right = sweep.strategies.find(({ strategy }) => strategy === b);
  if (!left || !right) return null;
  const curveA = sweepCurve(sweep, left, measure);
  const curveB = sweepCurve(sweep, right, measure);
  let lowerAtEnd: SweepComparison['lowerAtEnd'] = 'none';
  curveA.forEach((value, point) => {
    if (value !== curveB[point]) lowerAtEnd = value < curveB[point] ? 'a' : 'b';
  });
  return { crossovers: findCrossovers(sweep.depths, curveA, curveB), lowerAtEnd };
}

/**
 * Exponent of growth over the depths beyond the LRs, where strategies differ; null with fewer than two such depths.
 */
export function sweepGrowth(sweep: DepthSweep, strategy: SweepColumns, measure: SweepMeasure): number | null {
  const from = sweep.depths.findIndex((depth) => depth > sweep.nrLr);
  if (from < 0) return null;
  return fitGrowth(sweep.depths.slice(from), sweepCurve(sweep, strategy, measure).slice(from));
}
