/** The depth sweep of the report: modelled cost of every path against the length of the ap_list. */

import { sweepDepths } from '../replay/sweep.js';
import type { DepthSweep } from '../report/model.js';
import type { ChosenStrategy } from '../strategy/index.js';
import { generateColumns, workloadNamed } from '../workload/index.js';
import { standingRound, standingSetUp } from '../workload/standing.js';
import { resolveParams } from '../workload/workload.js';

/** Entries that stand on the list; with the one that arrives the last is the architectural 988 SPIs less slack. */
export const SWEEP_DEPTHS: readonly number[] = [
  0, 1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512, 768, 960,
];
export const SWEEP_NR_LRS: readonly number[] = [4, 16];
const ARRIVALS = 1;
/** Guest entries counted at each depth. */
const ROUNDS = 64;

export function runSweep(nrLr: number, chosen: readonly ChosenStrategy[], seed: number): DepthSweep {
  const workload = workloadNamed('standing');
  const points = SWEEP_DEPTHS.map((depth) => {
    const setUp = standingSetUp(depth, ARRIVALS);
    const params = resolveParams(workload, {
      depth,
      arrivals: ARRIVALS,
      lrs: nrLr,
      seed,
      events: setUp + ROUNDS * standingRound(ARRIVALS),
    });
    // The newcomer makes the list one entry longer than what stands on it.
    return {
      depth: depth + ARRIVALS,
      machine: workload.machine(params),
      block: generateColumns(workload, params),
      setUp,
    };
  });
  return {
    workload: `${workload.summary}.`,
    nrLr,
    ...sweepDepths(points, chosen),
    command: `vgic-replay report --seed ${seed}`,
  };
}
