/**
 * The crossover surface: steps an entry costs under each strategy over list registers × depth × arrivals × priority
 * levels, on the `backlog` guest (workload/backlog.ts).
 */
import { strategiesFor } from '../replay/create-model.js';
import { sweepDepths } from '../replay/sweep.js';
import { findCrossovers } from '../stats/crossover.js';
import type { ChosenStrategy } from '../strategy/index.js';
import { backlog, backlogBatch, backlogSetUp } from '../workload/backlog.js';
import { generateColumns } from '../workload/index.js';
import { commandFor } from '../workload/spec.js';
import { resolveParams, type WorkloadParams } from '../workload/workload.js';

export interface SurfaceAxes {
  readonly nrLrs: readonly number[];
  readonly depths: readonly number[];
  readonly arrivals: readonly number[];
  readonly spreads: readonly number[];
}

/** Doubling up to the SPIs that KVM and Xen give a guest (vgic-spec 8.1). */
export const SURFACE_AXES: SurfaceAxes = {
  nrLrs: [1, 2, 4, 8, 16],
  depths: [0, 1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 960],
  arrivals: [1, 2, 4, 8, 16],
  spreads: [1, 2, 8, 32],
};
/** Batches that are counted in each cell. */
const BATCHES = 16;

/** One line of the surface: everything but the depth is fixed. */
export interface SurfaceRow {
  readonly nrLr: number;
  readonly arrivals: number;
  readonly spread: number;
  /** Guest entries counted at each depth. */
  readonly entries: readonly number[];
  /** Strategy → steps of all paths but `rekey` at each depth. */
  readonly steps: Readonly<Record<string, readonly number[]>>;
}

export interface Surface {
  readonly axes: SurfaceAxes;
  readonly flavour: string;
  readonly batches: number;
  readonly seed: number;
  readonly rows: readonly SurfaceRow[];
}

const paramsOf = (nrLr: number, depth: number, arrivals: number, spread: number, seed: number): WorkloadParams =>
  resolveParams(backlog, {
    depth,
    arrivals,
    spread,
    lrs: nrLr,
    seed,
    events: backlogSetUp(depth, arrivals) + BATCHES * backlogBatch(arrivals, nrLr),
  });

/** The command that makes the trace of a cell. */
export const cellCommand = (nrLr: number, depth: number, arrivals: number, spread: number, seed: number): string =>
  commandFor(backlog, paramsOf(nrLr, depth, arrivals, spread, seed));

function gatherRow(
  [nrLr, arrivals, spread]: readonly [number, number, number],
  depths: readonly number[],
  chosen: readonly ChosenStrategy[],
  seed: number,
): SurfaceRow {
  const points = depths.map((depth) => {
    const params = paramsOf(nrLr, depth, arrivals, spread, seed);
    const machine = backlog.machine(params);
    return { depth, machine, block: generateColumns(backlog, params), setUp: backlogSetUp(depth, arrivals) };
  });
  const { entries, strategies } = sweepDepths(points, strategiesFor(points[0].machine, chosen));
  const steps = strategies.map(({ strategy, paths: { rekey: _rekey, ...paths } }): [string, number[]] => [
    strategy,
    // The guest re-keys idle interrupts alone: the price of drawing a priority, the same for all.
    depths.map((_, at) => Object.values(paths).reduce((sum, path) => sum + path.steps[at], 0)),
  ]);
  return { nrLr, arrivals, spread, entries, steps: Object.fromEntries(steps) };
}

export function gatherSurface(chosen: readonly ChosenStrategy[], seed: number, axes = SURFACE_AXES): Surface {
  const rows = axes.nrLrs.flatMap((nrLr) =>
    axes.spreads.flatMap((spread) =>
      axes.arrivals.map((arrivals) => gatherRow([nrLr, arrivals, spread], axes.depths, chosen, seed)),
    ),
  );
  const [{ nrLr, arrivals, spread }] = rows;
  const { flavour } = backlog.machine(paramsOf(nrLr, axes.depths[0], arrivals, spread, seed));
  return { axes, flavour, batches: BATCHES, seed, rows };
}

/** Index of the value nearest to `value` on a doubling axis. */
function nearest(axis: readonly number[], value: number): number {
  const place = (x: number): number => Math.log2(x + 1);
  let best = 0;
  for (let at = 1; at < axis.length; at++)
    if (Math.abs(place(axis[at]) - place(value)) < Math.abs(place(axis[best]) - place(value))) best = at;
  return best;
}

/** What stands on the list, besides what arrives: the surface's depth. */
export interface Place {
  readonly nrLr: number;
  readonly stand: number;
  readonly arrivals: number;
  readonly levels: number;
}

/** Steps an entry of the cell nearest to `place` under a strategy. */
export function stepsAt({ axes, rows }: Surface, place: Place, strategy: string): number {
  const nrLr = axes.nrLrs[nearest(axes.nrLrs, place.nrLr)];
  const arrivals = axes.arrivals[nearest(axes.arrivals, place.arrivals)];
  const spread = axes.spreads[nearest(axes.spreads, place.levels)];
  const row = rows.find((each) => each.nrLr === nrLr && each.arrivals === arrivals && each.spread === spread)!;
  const at = nearest(axes.depths, place.stand);
  return row.steps[strategy][at] / row.entries[at];
}

/** Where the second strategy stays the cheaper one: the depth, interpolated; 0: from the start; null: at no depth. */
export function crossoverOf({ depths }: SurfaceAxes, { steps }: SurfaceRow, from: string, to: string): number | null {
  const [a, b] = [steps[from], steps[to]];
  const last = depths.length - 1;
  if (b[last] >= a[last]) return null;
  return findCrossovers(depths, a, b).at(-1)?.x ?? 0;
}
