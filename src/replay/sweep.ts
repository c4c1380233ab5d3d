/** Modelled cost against list depth: one workload at growing depths, every path, every strategy. */

import type { Machine } from '../gic/intid.js';
import type { ChosenStrategy } from '../strategy/index.js';
import type { EventBlock } from '../trace/events.js';
import { type CostCounters, METRIC_STEPS, NR_METRICS, PATH_FLUSH } from '../vgic/counters.js';
import { HostStop } from '../vgic/host-stop.js';
import { createModel } from './create-model.js';
import { createEngine } from './engine.js';
import { PATH_NAMES, type PathName } from './result.js';

/** One depth: the events that build the list, then the events that are counted. */
export interface SweepPoint {
  readonly depth: number;
  readonly machine: Machine;
  readonly block: EventBlock;
  /** Events before counting begins. */
  readonly setUp: number;
}

export interface SweepPathColumns {
  readonly calls: number[];
  readonly steps: number[];
  readonly maxSteps: number[];
}

export interface SweepColumns {
  readonly strategy: string;
  readonly paths: Readonly<Record<PathName, SweepPathColumns>>;
}

/** A depth at which a strategy's host stopped. */
export interface SweepStop {
  readonly strategy: string;
  readonly depth: number;
  readonly reason: string;
}

export interface SweepResult {
  readonly depths: number[];
  /** Guest entries counted at each depth. */
  readonly entries: number[];
  readonly strategies: SweepColumns[];
  /** The sweep ends before the depth of the first one. */
  readonly stops: readonly SweepStop[];
}

/** Replays every point under every strategy; counts only what comes after the set-up. */
export function sweepDepths(points: readonly SweepPoint[], chosen: readonly ChosenStrategy[]): SweepResult {
  const depths: number[] = [];
  const entries: number[] = [];
  const strategies = chosen.map(({ label }): SweepColumns => ({ strategy: label, paths: emptyColumns() }));
  for (const point of points) {
    const counts: CostCounters[] = [];
    const stops: SweepStop[] = [];
    for (const candidate of chosen) {
      try {
        counts.push(countPoint(point, candidate));
      } catch (error) {
        if (!(error instanceof HostStop)) throw error;
        stops.push({ strategy: candidate.label, depth: point.depth, reason: error.message });
      }
    }
    if (stops.length > 0) return { depths, entries, strategies, stops };
    depths.push(point.depth);
    entries.push(counts[0].calls[PATH_FLUSH]);
    counts.forEach((cost, at) => {
      appendCosts(strategies[at].paths, cost);
    });
  }
  return { depths, entries, strategies, stops: [] };
}

function emptyColumns(): Record<PathName, SweepPathColumns> {
  const columns = PATH_NAMES.map((name): [PathName, SweepPathColumns] => [
    name,
    { calls: [], steps: [], maxSteps: [] },
  ]);
  return Object.fromEntries(columns) as Record<PathName, SweepPathColumns>;
}

function countPoint({ machine, block, setUp }: SweepPoint, candidate: ChosenStrategy): CostCounters {
  const vgic = createModel(machine, candidate);
  const engine = createEngine(vgic);
  const { cost } = vgic.state;
  engine.run(block.word, block.value, setUp);
  cost.reset();
  engine.run(block.word.subarray(setUp), block.value.subarray(setUp), block.count - setUp);
  return cost;
}

function appendCosts(paths: Readonly<Record<PathName, SweepPathColumns>>, cost: CostCounters): void {
  PATH_NAMES.forEach((name, path) => {
    const at = path * NR_METRICS + METRIC_STEPS;
    paths[name].calls.push(cost.calls[path]);
    paths[name].steps.push(cost.sum[at]);
    paths[name].maxSteps.push(cost.max[at]);
  });
}
