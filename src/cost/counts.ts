/** What the cost model reads off a replay: a small record, from a cell's exact part or from a vGIC that has replayed. */
import type { Machine } from '../gic/intid.js';
import { type OperationCounts, operationCounts } from '../replay/operation-counts.js';
import { pathCosts } from '../replay/replay.js';
import type { ExactPart, PathName } from '../replay/result.js';
import { sectionFigures } from '../replay/sections.js';
import type { OperationName } from '../vgic/operations.js';
import type { Vgic } from '../vgic/vgic.js';

export interface PathTotals {
  readonly calls: number;
  readonly visits: number;
  readonly comparisons: number;
  readonly locks: number;
  readonly lrWrites: number;
  /** Largest values of one call; not of the same call. */
  readonly most: { readonly visits: number; readonly comparisons: number; readonly lrWrites: number };
}

interface LookupNodes {
  readonly fold: number;
  readonly other: number;
}

export interface Counts {
  readonly machine: Pick<Machine, 'model' | 'nrLr' | 'flavour'>;
  readonly events: number;
  readonly operations: OperationCounts;
  readonly paths: Readonly<Record<PathName, PathTotals>>;
  /** Injections that changed nothing. */
  readonly refused: number;
  /** Nodes of the LPI list walked at fold, and elsewhere; `most`: in one exit, and in one look-up. */
  readonly lookupNodes: LookupNodes & { readonly most: LookupNodes };
  /** Entries of the list at a flush: mean over the flushes that found any, and largest. */
  readonly depth: { readonly mean: number; readonly max: number };
}

export const operation = ({ operations }: Counts, name: OperationName): number => operations[name] ?? 0;
/** Events of these kinds (trace/events.ts KINDS). */
export const eventsOf = ({ operations }: Counts, ...names: readonly string[]): number =>
  names.reduce((sum, name) => sum + (operations[`event ${name}`] ?? 0), 0);

type Figures = Pick<ExactPart, 'paths' | 'operations' | 'depthAtFlush' | 'sections'> & {
  readonly refused: number;
  readonly machine: Machine;
  readonly events: number;
};

export const countsOfCell = (exact: ExactPart): Counts =>
  countsOf({
    ...exact,
    refused: exact.guest.redundantInjections,
    machine: exact.trace.machine,
    events: exact.trace.events,
  });

/** Of a vGIC that has replayed `events` events since its last reset. */
export function countsOfVgic(vgic: Vgic, events: number): Counts {
  const { cost, machine } = vgic.state;
  const depthAtFlush: [number, number][] = [];
  cost.depth.forEach((flushes, depth) => {
    if (flushes > 0) depthAtFlush.push([depth, flushes]);
  });
  return countsOf({
    paths: pathCosts(vgic),
    operations: operationCounts(vgic),
    depthAtFlush,
    sections: sectionFigures(vgic, undefined),
    refused: cost.redundantInjections,
    machine,
    events,
  });
}

function countsOf({ paths, operations, depthAtFlush, sections, refused, machine, events }: Figures): Counts {
  const totals = Object.entries(paths).map(([name, { calls, visits, comparisons, locks, lrWrites }]) => [
    name,
    {
      calls,
      visits: visits.sum,
      comparisons: comparisons.sum,
      locks: locks.sum,
      lrWrites: lrWrites.sum,
      most: { visits: visits.max, comparisons: comparisons.max, lrWrites: lrWrites.max },
    },
  ]);
  const mostNodesOf = (id: 'lpi-lookup' | 'lpi-lookup-fold'): number =>
    Math.max(0, ...sections.filter((section) => section.id === id).map(({ steps }) => steps.max));
  const nodesOf = (id: 'lpi-lookup' | 'lpi-lookup-fold'): number =>
    sections.filter((section) => section.id === id).reduce((sum, { steps, locks }) => sum + steps.sum - locks.sum, 0);
  const listed = depthAtFlush.filter(([depth]) => depth > 0);
  const flushes = listed.reduce((sum, [, times]) => sum + times, 0);
  const entries = listed.reduce((sum, [depth, times]) => sum + depth * times, 0);
  return {
    machine,
    events,
    operations,
    paths: Object.fromEntries(totals) as Record<PathName, PathTotals>,
    refused,
    lookupNodes: {
      fold: nodesOf('lpi-lookup-fold'),
      other: nodesOf('lpi-lookup'),
      most: { fold: mostNodesOf('lpi-lookup-fold'), other: mostNodesOf('lpi-lookup') },
    },
    depth: { mean: flushes === 0 ? 0 : entries / flushes, max: listed.at(-1)?.[0] ?? 0 },
  };
}
