/** The depth sweep of the report: modelled cost of every path against the length of the ap_list. */

import { flavourNamed } from '../gic/flavour/index.js';
import { SPI_BASE } from '../gic/intid.js';
import { strategiesFor } from '../replay/create-model.js';
import { quoted } from '../replay/replay.js';
import { type SweepPoint, sweepDepths } from '../replay/sweep.js';
import type { DepthSweep } from '../report/model.js';
import { type ChosenStrategy, strategiesText } from '../strategy/index.js';
import { TARGET } from '../trace/events.js';
import { createColumnSink } from '../workload/column-sink.js';
import { generateColumns, workloadNamed } from '../workload/index.js';
import { standingRound, standingSetUp } from '../workload/standing.js';
import { resolveParams } from '../workload/workload.js';

/** Entries that stand on the list; with the one that arrives the last is the architectural 988 SPIs less slack. */
export const SWEEP_DEPTHS: readonly number[] = [
  0, 1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512, 768, 960,
];
const ARRIVALS = 1;
/** Guest entries counted at each depth. */
const ROUNDS = 64;

/**
 * `chosen`: undefined for all. `flavour`: undefined for the workload's own. A host that stops on the way ends the sweep before that depth, for all
 * strategies alike.
 */
export function runSweep(
  nrLr: number,
  chosen: readonly ChosenStrategy[] | undefined,
  seed: number,
  flavour: string | undefined,
): DepthSweep {
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
    const point = {
      depth: depth + ARRIVALS,
      machine: workload.machine(params),
      block: generateColumns(workload, params),
      setUp,
    };
    return flavour === undefined ? point : asFlavour(point, flavour);
  });
  const { stops, ...columns } = sweepDepths(points, strategiesFor(points[0].machine, chosen));
  return {
    workload: `${workload.summary}.`,
    flavour: points[0].machine.flavour,
    nrLr,
    ...columns,
    stop: stops[0] ?? null,
    command: `vgic-replay report${strategyOption(chosen)}${flavour === undefined ? '' : ` --flavour ${flavour}`} --seed ${seed}`,
  };
}

const strategyOption = (chosen: readonly ChosenStrategy[] | undefined): string =>
  chosen === undefined ? '' : ` --strategy ${quoted(strategiesText(chosen))}`;

/** The same events on a machine that the flavour has; where SPIs have no target after reset they get vCPU 0 first. */
export function asFlavour(point: SweepPoint, id: string): SweepPoint {
  const flavour = flavourNamed(id);
  const { machine, block, setUp } = point;
  const model = flavour.guestModels.includes(machine.model) ? machine.model : flavour.guestModels[0];
  const sink = createColumnSink();
  if (flavour.isXen) for (let spi = 0; spi < machine.nrSpis; spi++) sink.event(TARGET, 0, SPI_BASE + spi, 0, 1);
  const prefix = sink.block.count;
  for (let event = 0; event < block.count; event++) sink.word(block.word[event], block.value[event], 1);
  return { ...point, machine: { ...machine, flavour: id, model }, block: sink.block, setUp: prefix + setUp };
}
