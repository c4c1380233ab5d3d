/**
 * What a search looks for: one figure a dimension, each with a worst guest of its own (PerfFuzz keeps the best input per
 * counter, not only of the total). All are counted; the same program gives the same figures everywhere.
 */
import { METRIC_NAMES, type MetricName, PATH_NAMES, type PathName } from '../replay/result.js';
import * as Counters from '../vgic/counters.js';

export interface Dimension {
  /** Stable: names of findings and of archive cells. */
  readonly id: string;
  readonly title: string;
  /** The path whose call it counts, or undefined. */
  readonly path: PathName | undefined;
  /** The path whose declared worst case bounds it, or undefined. */
  readonly boundedBy: PathName | undefined;
}

/** What a replay counted behind the program's prologue. */
export interface Counted {
  readonly cost: Counters.CostCounters;
  /** Modelled steps of all calls, and of LPI lookups. */
  readonly steps: number;
  readonly instructions: number;
  /** Did the hypervisor stop for good? */
  readonly stopped: boolean;
}

interface Reading extends Dimension {
  read(counted: Counted): number;
}

const PATH_METRICS: readonly MetricName[] = ['steps', 'comparisons', 'locks'];

function pathReading(path: number, metric: MetricName): Reading {
  const name = PATH_NAMES[path];
  const at = path * Counters.NR_METRICS + METRIC_NAMES.indexOf(metric);
  return {
    id: `${name}-${metric}`,
    title: `most ${metric} of one ${name} call`,
    path: name,
    boundedBy: metric === 'steps' ? name : undefined,
    read: ({ cost }) => cost.max[at],
  };
}

/** `sections`: how many counters from `first` on it has, one a payer if it is split by payer. */
function sectionReading(id: string, title: string, first: number, sections = 1): Reading {
  const read: Reading['read'] = ({ cost }) => {
    let most = 0;
    for (let section = first; section < first + sections; section++) most = Math.max(most, cost.sectionMax[section]);
    return most;
  };
  return { id, title, path: undefined, boundedBy: undefined, read };
}

/** A step of a broadcast is a vCPU that is asked. */
function requestsOf({ kicks, sectionSum }: Counters.CostCounters): number {
  let requests = kicks;
  for (let payer = 0; payer < Counters.NR_PAYERS; payer++) requests += sectionSum[Counters.SECTION_BROADCAST + payer];
  return requests;
}

const perInstruction = (figure: number, instructions: number): number => figure / Math.max(1, instructions);

const READINGS: readonly Reading[] = [
  ...PATH_NAMES.flatMap((_name, path) => PATH_METRICS.map((metric) => pathReading(path, metric))),
  sectionReading('exit-steps', 'most steps of one exit: fold, its LPI lookups and prune', Counters.SECTION_EXIT),
  sectionReading(
    'key-change-steps',
    'most steps of one register write that re-keys',
    Counters.SECTION_KEY_CHANGE,
    Counters.NR_PAYERS,
  ),
  sectionReading(
    'dist-on-steps',
    'most steps of the pending tests of one GICD_CTLR write',
    Counters.SECTION_DIST_ON_ALL,
  ),
  sectionReading('lpis-off-steps', 'most steps of EnableLPIs 1 to 0', Counters.SECTION_LPIS_OFF),
  {
    id: 'amplification',
    title: 'steps of the host for one instruction of the guest',
    path: undefined,
    boundedBy: undefined,
    read: ({ steps, instructions }) => perInstruction(steps, instructions),
  },
  {
    id: 'kicks',
    title: 'requests and IPIs for one instruction of the guest',
    path: undefined,
    boundedBy: undefined,
    read: ({ cost, instructions }) => perInstruction(requestsOf(cost) + cost.ipis, instructions),
  },
  {
    id: 'host-stop',
    title: 'the hypervisor stops for good',
    path: undefined,
    boundedBy: undefined,
    read: ({ stopped }) => (stopped ? 1 : 0),
  },
];

export const dimensions: readonly Dimension[] = READINGS.map(({ id, title, path, boundedBy }) => ({
  id,
  title,
  path,
  boundedBy,
}));

/** Figures by index into `dimensions`. */
export const readFigures = (counted: Counted): number[] => READINGS.map(({ read }) => read(counted));

export function dimensionIndex(id: string): number {
  return dimensions.findIndex((dimension) => dimension.id === id);
}

/** The dimensions of the same path, itself first. */
export function siblingsOf(dimension: number): number[] {
  const isOfPath = (other: number): boolean => READINGS[other].path === READINGS[dimension].path;
  const others = READINGS.flatMap((_reading, other) => (other !== dimension && isOfPath(other) ? [other] : []));
  return READINGS[dimension].path === undefined ? [dimension] : [dimension, ...others];
}
