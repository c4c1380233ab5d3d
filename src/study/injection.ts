/** The first thread: is the list worth sorting on insertion, is unblocking enough, and how long are interrupts off? */

import { formatDecimal, formatInteger, formatShare } from '../base/number-format.js';
import { comparator } from '../explore/models/comparator.js';
import { injectIsr } from '../explore/models/inject-isr.js';
import { kick } from '../explore/models/kick.js';
import { migrate } from '../explore/models/migrate.js';
import { queue } from '../explore/models/queue.js';
import { quantileAtMost, type SectionCost } from '../replay/sections.js';
import { sortOnFlush } from '../strategy/sort-on-flush.js';
import { sortOnInsert } from '../strategy/sort-on-insert.js';
import { METRIC_COMPARISONS, METRIC_STEPS, NR_METRICS, NR_PATHS } from '../vgic/counters.js';
import { explore, exploredTable } from './explored.js';
import {
  type Cell,
  createLoads,
  createStanding,
  FLAVOURS,
  type Load,
  ORDINARY,
  runCell,
  STRATEGIES,
  type StudyFlavour,
} from './injection-cells.js';
import { edgeTable } from './injection-edges.js';
import { KICK_VARIANTS, type KickCounts, kickTable, simulateKicks } from './injection-kicks.js';
import { exhaustionTable, windowTable } from './injection-window.js';
import type { Study, StudyCell, StudyChart, StudyKind, StudyTable } from './study.js';

const RARE = 0.9999;
const USUAL = 0.99;
const CHART_DEPTHS = [4, 16, 64, 256, 944];

const percent = (part: number, whole: number): number => (whole === 0 ? 0 : Math.round((1000 * part) / whole) / 10);
const rounded = (value: number): number => Math.round(100 * value) / 100;

function stepsOf({ vgic }: Cell): number {
  const { sum } = vgic.state.cost;
  let steps = 0;
  for (let path = 0; path < NR_PATHS; path++) steps += sum[path * NR_METRICS + METRIC_STEPS];
  return steps;
}

const sumOf = ({ vgic }: Cell, path: number, metric: number): number => vgic.state.cost.sum[path * NR_METRICS + metric];

/** All of them: an ordered list compares at insertion, and when a key changes at a write, an exit or an entry. */
function comparisonsOf(cell: Cell): number {
  let comparisons = 0;
  for (let path = 0; path < NR_PATHS; path++) comparisons += sumOf(cell, path, METRIC_COMPARISONS);
  return comparisons;
}

const sectionOf = (cell: Cell, id: string): SectionCost | undefined =>
  cell.sections.find(({ section }) => section.id === id);

function cellOf(cells: readonly Cell[], load: string, flavour: string, strategy: string): Cell {
  const cell = cells.find(
    (candidate) => candidate.load.name === load && candidate.flavour === flavour && candidate.strategy === strategy,
  );
  if (cell === undefined) throw new RangeError(`no cell ${load}/${flavour}/${strategy}`);
  return cell;
}

interface Lengths {
  readonly entries: number;
  readonly mean: number;
  /** 99 % of the entries find no longer list. */
  readonly usual: number;
  readonly longest: number;
  /** Entries that find more than the LRs hold. */
  readonly overLrs: number;
}

/** Over all entries of the cells together. */
function lengthsOf(cells: readonly Cell[]): Lengths {
  let entries = 0;
  let sum = 0;
  let longest = 0;
  let overLrs = 0;
  const depth: number[] = [];
  for (const { vgic } of cells) {
    const { state } = vgic;
    state.cost.depth.forEach((count, length) => {
      while (depth.length <= length) depth.push(0);
      depth[length] += count;
      if (count === 0) return;
      entries += count;
      sum += count * length;
      longest = Math.max(longest, length);
      if (length > state.nrLr) overLrs += count;
    });
  }
  let seen = 0;
  let usual = 0;
  while (seen < USUAL * entries) seen += depth[usual++];
  return { entries, mean: sum / entries, usual: usual - 1, longest, overLrs };
}

function lengthTable(cells: readonly Cell[]): StudyTable {
  const rows: StudyCell[][] = [];
  for (const onFlush of cells) {
    if (onFlush.flavour !== 'kvm-6.1' || onFlush.strategy !== sortOnFlush.id) continue;
    const onInsert = cellOf(cells, onFlush.load.name, 'kvm-6.1', sortOnInsert.id);
    const { entries, mean, usual, longest, overLrs } = lengthsOf([onFlush]);
    if (entries === 0) continue;
    rows.push([
      onFlush.load.name,
      onFlush.load.what,
      entries,
      rounded(mean),
      usual,
      longest,
      percent(overLrs, entries),
      rounded(comparisonsOf(onFlush) / entries),
      rounded(comparisonsOf(onInsert) / entries),
      rounded(stepsOf(onFlush) / entries),
      rounded(stepsOf(onInsert) / entries),
    ]);
  }
  return {
    caption: 'List lengths at guest entry and what the order costs, kvm-6.1, 4 list registers',
    columns: [
      'workload',
      'what it is',
      'entries',
      'mean length',
      '99 % at most',
      'longest',
      '% longer than the LRs',
      'comparisons an entry: sort on flush',
      'sort on insert',
      'all steps an entry: sort on flush',
      'sort on insert',
    ],
    rowHeads: 2,
    rows,
  };
}

/** The flavour that the figures of the typical workload are of. */
const TYPICAL_FLAVOUR = 'kvm-6.1';

/** A row a section and way to keep the list, one for both ways if they agree; sections that never ran are left out. */
function sectionTable(cells: readonly Cell[]): StudyTable {
  const rows: StudyCell[][] = [];
  for (const { section } of cells[0].sections) {
    const scope = section.isPartOf === null ? section.title : `${section.title} (part of ${section.isPartOf})`;
    const stretch = section.interrupts === 'off' ? 'one' : 'in parts';
    const found = STRATEGIES.flatMap(({ id }) => {
      const figures = sectionFigures(
        section.id,
        cells.filter(({ strategy }) => strategy === id),
      );
      return figures === undefined ? [] : [{ strategy: id, figures }];
    });
    const [first, second] = found;
    const agree = second !== undefined && first.figures.every((figure, at) => figure === second.figures[at]);
    for (const { strategy, figures } of agree ? [{ ...first, strategy: 'both' }] : found)
      rows.push([section.id, strategy, scope, stretch, ...figures]);
  }
  return {
    caption: `Critical sections: the most steps with interrupts off (list nodes visited, comparisons, locks, list registers written), and those of the typical workload on ${TYPICAL_FLAVOUR}`,
    columns: [
      'section',
      'strategy',
      'what it is',
      'stretch',
      ...FLAVOURS.map((flavour) => `most steps, ${flavour}`),
      'the most in workload',
      'typical: 99.99 % at most',
      'typical: mean',
      'typical: % of all steps',
    ],
    rowHeads: 2,
    rows,
  };
}

/** Of the cells of one strategy; undefined: the section ran in none. */
function sectionFigures(id: string, cells: readonly Cell[]): StudyCell[] | undefined {
  const ran = cells.flatMap((cell) => {
    const cost = sectionOf(cell, id);
    return cost === undefined || cost.calls === 0 ? [] : [{ cell, cost }];
  });
  if (ran.length === 0) return undefined;
  const worst = ran.reduce((most, one) => (one.cost.max > most.cost.max ? one : most));
  const mostOf = (flavour: string): StudyCell => {
    const maxima = ran.filter(({ cell }) => cell.flavour === flavour).map(({ cost }) => cost.max);
    return maxima.length === 0 ? null : Math.max(...maxima);
  };
  const usual = ran.find(({ cell }) => cell.load.name === 'typical' && cell.flavour === TYPICAL_FLAVOUR);
  return [
    ...FLAVOURS.map(mostOf),
    worst.cell.load.name,
    usual === undefined ? null : quantileAtMost(usual.cost, RARE),
    usual === undefined ? null : rounded(usual.cost.sum / usual.cost.calls),
    usual === undefined ? null : percent(usual.cost.sum, stepsOf(usual.cell)),
  ];
}

function stoppedTable(cells: readonly Cell[]): StudyTable | undefined {
  const rows = cells
    .filter(({ stopped }) => stopped !== null)
    .map(({ load, flavour, strategy, stopped }) => [load.name, flavour, strategy, stopped]);
  if (rows.length === 0) return undefined;
  return {
    caption: 'Hosts that did not survive: their sections are counted up to the stop',
    columns: ['workload', 'flavour', 'strategy', 'what happened'],
    rowHeads: 3,
    rows,
  };
}

/** Longest section of a kind over the depth of a standing list. */
function sectionChart(seed: number): StudyChart {
  const loads = CHART_DEPTHS.map((depth) => createStanding(depth, seed));
  const curve = (strategy: (typeof STRATEGIES)[number], id: string) =>
    loads.map((load) => sectionOf(runCell(load, 'kvm-6.1', strategy), id)?.max ?? 0);
  const flush = curve(sortOnFlush, 'flush');
  const append = curve(sortOnInsert, 'append');
  const entry = curve(sortOnInsert, 'flush');
  const last = CHART_DEPTHS.length - 1;
  return {
    id: 'injection-sections',
    title: 'Longest stretch with interrupts off, by length of the list',
    finding: `With ${CHART_DEPTHS[last]} entries sorting takes ${formatInteger(flush[last])} steps at one entry; kept in order the list costs an injector up to ${formatInteger(append[last])}, and the entry ${entry[last]}.`,
    xAxis: 'entries on the list',
    yAxis: 'steps',
    xs: CHART_DEPTHS,
    series: [
      { name: 'entry, sort on flush', values: flush },
      { name: 'injection, sort on insert', values: append },
      { name: 'entry, sort on insert', values: entry },
      { name: 'exit, sort on flush', values: curve(sortOnFlush, 'exit') },
    ],
  };
}

function runCells(loads: readonly Load[]): Cell[] {
  return loads.flatMap((load) =>
    FLAVOURS.flatMap((flavour: StudyFlavour) => STRATEGIES.map((strategy) => runCell(load, flavour, strategy))),
  );
}

function answer(
  cells: readonly Cell[],
  kicks: ReadonlyMap<string, KickCounts>,
  { lost, sequences }: { readonly lost: number; readonly sequences: number },
): [string, string] {
  const ordinary = (strategy: string): Cell[] => ORDINARY.map((load) => cellOf(cells, load, 'kvm-6.1', strategy));
  const { entries, mean, longest, overLrs } = lengthsOf(ordinary(sortOnFlush.id));
  const perEntry = (strategy: string): string =>
    formatDecimal(ordinary(strategy).reduce((sum, cell) => sum + comparisonsOf(cell), 0) / entries);
  const posted = kicks.get('xen-new, as posted');
  const upstream = kicks.get('xen-new, upstream');
  if (posted === undefined || upstream === undefined) throw new RangeError('no counts of the kicks of xen-new');
  const worst = (strategy: string, ...ids: readonly string[]): string =>
    formatInteger(
      Math.max(
        ...cells
          .filter((cell) => cell.flavour === 'kvm-6.1' && cell.strategy === strategy)
          .flatMap((cell) => ids.map((id) => sectionOf(cell, id)?.max ?? 0)),
      ),
    );
  return [
    `No: generated guests that are fitted to recordings of Linux find ${formatDecimal(mean)} interrupts on their lists (${longest} at most; more than the list registers hold at ${formatShare(overLrs, entries)} of their entries), and sorting on insertion takes ${perEntry(sortOnInsert.id)} comparisons an entry where sorting at entry takes ${perEntry(sortOnFlush.id)}; but a hostile guest makes one entry of kvm-6.1 ${worst(sortOnFlush.id, 'flush')} steps long with interrupts off, where a list kept in order has ${worst(sortOnInsert.id, 'flush')} there, up to ${worst(sortOnInsert.id, 'append', 'key-change')} in whoever injects or writes a register, and the same ${worst(sortOnInsert.id, 'exit')} at an exit.`,
    `Unblocking is not enough: as posted ${formatInteger(posted.untold)} of ${formatInteger(posted.injections)} injections told a running vCPU nothing, and the guest took one of them up to ${posted.longestWait} injections late (${upstream.longestWait} with the kick), while the retry loop lost ${lost === 0 ? 'no interrupt' : `${formatInteger(lost)} interrupts`} in ${formatInteger(sequences)} sequences of changes in its window.`,
  ];
}

export const injectionStudy: StudyKind = {
  id: 'injection',
  title: 'The injection path',
  run({ seed }): Study {
    const loads = createLoads(seed);
    const cells = runCells(loads);
    const kicks = KICK_VARIANTS.map((variant) => [variant, simulateKicks(variant, seed)] as const);
    const { table: exhausted, found } = exhaustionTable(FLAVOURS);
    const lost = found.reduce((sum, one) => sum + one.lost, 0);
    const sequences = found.reduce((sum, one) => sum + one.sequences, 0);
    const stopped = stoppedTable(cells);
    return {
      id: injectionStudy.id,
      title: injectionStudy.title,
      topic: 'The injection path: do lists get long enough to be kept in order?',
      thread: '[Xen-devel,RFC,22/49] ARM: new VGIC: Implement virtual IRQ injection',
      question:
        'Do lists get long enough for sorting on insertion to matter, is unblocking enough for an interrupt that is queued already, and how long are the sections with interrupts off?',
      answer: answer(cells, new Map(kicks.map(([{ name }, counts]) => [name, counts])), { lost, sequences }),
      chart: sectionChart(seed),
      tables: [
        lengthTable(cells),
        sectionTable(cells),
        ...(stopped === undefined ? [] : [stopped]),
        kickTable(kicks),
        windowTable(FLAVOURS),
        exhausted,
        edgeTable(FLAVOURS),
        exploredTable(
          'Every interleaving of small programs with the locks of this path (vgic-replay explore)',
          explore([queue, kick, injectIsr, migrate, comparator]),
        ),
      ],
      limits: [
        'Steps are counted, not timed: a step is a list node visited, a comparison, a lock taken or a list register written, and they do not take the same time.',
        'The 99.99 % figures come from histograms in powers of two: they say "at most 2^b - 1", or the maximum where that is less.',
        'An injection that queues is one section here; the kernel restores interrupts for an instant between its two parts.',
        'Section lengths of ITS commands (INVALL, MOVALL, CWRITER) are not among these, and 6.1 also walks its LPIs under lpi_list_lock to find one, which is not counted.',
        "Xen's default vGIC, which inserts by priority and looks for victims at an entry, is not among the flavours.",
        'The guest of the typical workload takes what it is presented at the end of each run; the generators write KVM events, and Xen gets its SPIs targeted at vCPU 0 first.',
        'In the tables of the window a whole call of another CPU falls into it; finer interleavings are those of the last table.',
      ],
    };
  },
};
