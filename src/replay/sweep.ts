/** Modelled cost against list depth: one workload at growing depths, every path, every strategy. */

import type { Machine } from '../gic/intid.js';
import type { ChosenStrategy } from '../strategy/index.js';
import type { EventBlock } from '../trace/events.js';
import { METRIC_STEPS, NR_METRICS, PATH_FLUSH } from '../vgic/counters.js';
import { createVgic } from '../vgic/vgic.js';
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

export interface SweepResult {
  readonly depths: number[];
  /** Guest entries counted at each depth. */
  readonly entries: number[];
  readonly strategies: SweepColumns[];
}

/** Replays every point under every strategy; counts only what comes after the set-up. */
export function sweepDepths(points: readonly SweepPoint[], chosen: readonly ChosenStrategy[]): SweepResult {
  const entries: number[] = [];
  const strategies = chosen.map((candidate): SweepColumns => {
    const columns = PATH_NAMES.map((name): [PathName, SweepPathColumns] => [
      name,
      { calls: [], steps: [], maxSteps: [] },
    ]);
    const paths = Object.fromEntries(columns) as Record<PathName, SweepPathColumns>;
    points.forEach(({ machine, block, setUp }, point) => {
      const vgic = createVgic(machine, candidate.create);
      const engine = createEngine(vgic);
      const { cost } = vgic.state;
      engine.run(block.word, block.value, setUp);
      cost.reset();
      engine.run(block.word.subarray(setUp), block.value.subarray(setUp), block.count - setUp);
      PATH_NAMES.forEach((name, path) => {
        const at = path * NR_METRICS + METRIC_STEPS;
        paths[name].calls.push(cost.calls[path]);
        paths[name].steps.push(cost.sum[at]);
        paths[name].maxSteps.push(cost.max[at]);
      });
      entries[point] = cost.calls[PATH_FLUSH];
    });
    return { strategy: candidate.label, paths };
  });
  return { depths: points.map((point) => point.depth), entries, strategies };
}
