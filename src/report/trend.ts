/** The trend section: how exact counters and times went over earlier runs, apart, with the changes marked. */
import { formatChange, formatDecimal, formatInteger, joinWords, plural } from '../base/number-format.js';
import { shortCommit } from '../history/record.js';
import {
  type CounterSeries,
  type CounterStep,
  type HistoryView,
  isWorse,
  type SeriesPoint,
  type TimeChange,
  type TimeSeries,
} from '../history/series.js';
import { describeChanges, summarise } from '../history/words.js';
import { quantile } from '../stats/quantile.js';
import { seriesStyle } from './chart-spec.js';
import type { Block, ChartBlock, Section, Table } from './document.js';
import { numberColumn, textColumn } from './document.js';
import type { ReportModel } from './model.js';

/** Runs are binned to this many points a series. */
const MAX_BINS = 50;
/** More lines than this make a chart nobody can read; more charts a page nobody can load. */
const MAX_LINES = 6;
const MAX_CHARTS = 6;
const MAX_ROWS = 100;
const MAX_MARKS = 12;
/** A time series is drawn against the median of its first so many runs. */
const FIRST_RUNS = 10;

/** One line of a chart. */
interface Trend {
  readonly name: string;
  readonly cell: string;
  readonly points: readonly SeriesPoint[];
  /** 100 per cent. */
  readonly base: number;
  readonly changes: readonly (TimeChange | CounterStep)[];
}

export function trendSection({ history }: ReportModel): Section | null {
  if (history === null) return null;
  const { runs, changes } = history;
  const counters = counterTrends(history);
  const times = timeTrends(history);
  const said = describeChanges(changes);
  return {
    id: 'trend',
    title: 'How it went: earlier runs',
    short: 'Trend',
    blocks: [
      { kind: 'text', text: `${summarise(runs, changes)}.` },
      ...(said.length === 0 ? [] : [changeTable(history)]),
      {
        kind: 'text',
        text: counterWords(history, counters.length),
      },
      ...chartsOf('trend-steps', 'Steps', counters, runs, formatInteger),
      {
        kind: 'text',
        text:
          times.length === 0
            ? 'No run has times.'
            : 'Times are of one machine each: another CPU, kernel, Node version or runner image begins a series of its own and is never a change. ' +
              'A change point is a level that differs by 5 % or more from the one before it (E-divisive means on logarithms, permutation test).',
      },
      ...chartsOf('trend-time', 'Time per event', times, runs, formatDecimal),
      ...(times.length === 0 ? [] : [seriesTable(times)]),
    ],
  };
}

function counterWords({ series, runs }: HistoryView, moved: number): string {
  const all = series.counters.length;
  if (all === 0) return 'No run has exact counters.';
  const stable = all - moved;
  return (
    `Exact counters: ${formatInteger(stable)} of ${plural(all, 'series', 'series')} never moved in ${plural(runs, 'run')}` +
    `${moved === 0 ? '.' : '; drawn are those that did, each against its first value.'}`
  );
}

/** Only those that moved: the others are flat by definition. */
const counterTrends = ({ series, changes }: HistoryView): Trend[] =>
  series.counters.flatMap((each: CounterSeries): Trend[] => {
    const own = changes.counters.filter((step) => step.counter === each.counter && isOf(step, each));
    if (own.length === 0) return [];
    // Per cent of nothing is nothing: a series that begins with 0 is drawn against its first other value.
    const base = each.points.find(({ value }) => value > 0)?.value ?? 1;
    return [
      { name: `${strategyOf(each.cell)}, ${each.counter}`, cell: each.cell, points: each.points, base, changes: own },
    ];
  });

const timeTrends = ({ series, changes }: HistoryView): Trend[] =>
  series.times.map((each: TimeSeries): Trend => {
    const first = each.points.slice(0, FIRST_RUNS).map(({ value }) => value);
    return {
      name: `${strategyOf(each.cell)} on ${each.machine.fingerprint}`,
      cell: each.cell,
      points: each.points,
      base: quantile(first, 0.5),
      changes: changes.times.filter(
        (change) => change.machine.fingerprint === each.machine.fingerprint && isOf(change, each),
      ),
    };
  });

type Named = Pick<TimeSeries, 'cell' | 'traceSha256'>;
const isOf = (change: Named, series: Named): boolean =>
  change.cell === series.cell && change.traceSha256 === series.traceSha256;

/** "trace/flavour/strategy": what stands in one chart, and what tells its lines apart. */
const groupOf = (cell: string): string => cell.slice(0, Math.max(0, cell.lastIndexOf('/')));
const strategyOf = (cell: string): string => cell.slice(cell.lastIndexOf('/') + 1);

/** Groups with changes first; what is not drawn is said. */
function chartsOf(
  id: string,
  title: string,
  trends: readonly Trend[],
  runs: number,
  format: (value: number) => string,
): Block[] {
  const groups = new Map<string, Trend[]>();
  for (const trend of trends) groups.set(groupOf(trend.cell), [...(groups.get(groupOf(trend.cell)) ?? []), trend]);
  const nrChanges = (group: readonly Trend[]): number => group.reduce((sum, { changes }) => sum + changes.length, 0);
  const sorted = [...groups].sort(([, a], [, b]) => nrChanges(b) - nrChanges(a));
  const left = sorted.slice(MAX_CHARTS).map(([group]) => group);
  return [
    ...sorted
      .slice(0, MAX_CHARTS)
      .map(([group, own], at) => trendChart(`${id}-${at}`, `${title}: ${group}`, own, runs, format)),
    ...(left.length === 0
      ? []
      : [
          {
            kind: 'text' as const,
            text: `Not drawn, with fewer changes or none: ${joinWords(left.slice(0, MAX_ROWS))}.`,
          },
        ]),
  ];
}

function trendChart(
  id: string,
  title: string,
  trends: readonly Trend[],
  runs: number,
  format: (value: number) => string,
): ChartBlock {
  const drawn = [...trends].sort((a, b) => b.changes.length - a.changes.length).slice(0, MAX_LINES);
  const changes = drawn.flatMap((trend) => trend.changes);
  const binWidth = Math.ceil(runs / MAX_BINS);
  const binned = drawn.map(({ points }) => binPoints(points, binWidth));
  const worse = changes.filter(isWorse).length;
  return {
    kind: 'chart',
    id,
    title,
    finding:
      `${plural(changes.length, 'change')}, ${formatInteger(worse)} of them for the worse, in ${plural(drawn.length, 'series', 'series')}` +
      `${drawn.length < trends.length ? ` drawn of ${formatInteger(trends.length)}` : ''} over ${plural(runs, 'run')}.`,
    spec: {
      form: 'trend',
      xAxis: binWidth === 1 ? 'run' : `run (a point is the mean of up to ${formatInteger(binWidth)})`,
      yAxis: 'per cent of where the series began',
      runs,
      series: drawn.map(({ name, base }, at) => ({
        name,
        style: seriesStyle(at),
        points: [...binned[at].values()].map(({ mean, run }) => [run, roundPercent((100 * mean) / base)] as const),
      })),
      marks: markChanges(changes),
    },
    table: {
      caption: binWidth === 1 ? 'Value of each run' : `Mean of every ${formatInteger(binWidth)} runs`,
      columns: [numberColumn('from run'), ...drawn.map(({ name }) => numberColumn(name))],
      rowHeads: 1,
      rows: Array.from({ length: Math.ceil(runs / binWidth) }, (_, bin) => [
        bin * binWidth + 1,
        ...binned.map((bins) => {
          const value = bins.get(bin);
          return value === undefined ? null : format(value.mean);
        }),
      ]),
    },
  };
}

/** A tenth of a per cent is less than a pixel. */
const roundPercent = (percent: number): number => Math.round(10 * percent) / 10;

/** Bin → mean value and mean number of its runs, counted from 1. */
function binPoints(points: readonly SeriesPoint[], binWidth: number): Map<number, { mean: number; run: number }> {
  const bins = new Map<number, SeriesPoint[]>();
  for (const point of points) {
    const bin = Math.floor(point.run / binWidth);
    bins.set(bin, [...(bins.get(bin) ?? []), point]);
  }
  const meanOf = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;
  return new Map(
    [...bins].map(([bin, own]) => [
      bin,
      { mean: meanOf(own.map(({ value }) => value)), run: roundPercent(meanOf(own.map(({ run }) => run + 1))) },
    ]),
  );
}

/** One mark a run, with the largest change that came with it. */
function markChanges(changes: readonly (TimeChange | CounterStep)[]): { x: number; label: string }[] {
  const byRun = new Map<number, TimeChange | CounterStep>();
  const weight = ({ size }: TimeChange | CounterStep): number =>
    size === null ? Infinity : Math.abs(Math.log1p(size));
  for (const change of changes) {
    const known = byRun.get(change.first.run);
    if (known === undefined || weight(change) > weight(known)) byRun.set(change.first.run, change);
  }
  return [...byRun]
    .sort(([, a], [, b]) => weight(b) - weight(a))
    .slice(0, MAX_MARKS)
    .sort(([a], [b]) => a - b)
    .map(([run, { before, after }]) => ({ x: run + 1, label: formatChange(before, after) }));
}

function changeTable({ changes }: HistoryView): Block {
  const all = [...changes.counters, ...changes.times].sort((a, b) => b.first.run - a.first.run);
  const table: Table = {
    caption:
      all.length <= MAX_ROWS ? 'Changes, newest first' : `The newest ${MAX_ROWS} of ${plural(all.length, 'change')}`,
    columns: [
      textColumn('cell'),
      textColumn('what'),
      textColumn('word'),
      numberColumn('before'),
      numberColumn('after'),
      numberColumn('change'),
      textColumn('last run before'),
      textColumn('first run after'),
      textColumn('day'),
      numberColumn('p'),
    ],
    rowHeads: 2,
    rows: all.slice(0, MAX_ROWS).map((change) => {
      const { cell, before, after, last, first } = change;
      const isTime = change.kind === 'time';
      const format = isTime ? formatDecimal : formatInteger;
      const [more, fewer] = isTime ? ['slower', 'faster'] : ['more', 'fewer'];
      return [
        cell,
        isTime ? `ns per event on ${change.machine.fingerprint}` : change.counter,
        isWorse(change) ? { alarm: more } : fewer,
        format(before),
        format(after),
        formatChange(before, after),
        { mono: shortCommit(last.commit) },
        { mono: shortCommit(first.commit) },
        first.when.slice(0, 10),
        isTime ? change.p.toPrecision(1) : null,
      ];
    }),
  };
  return { kind: 'table', table };
}

function seriesTable(trends: readonly Trend[]): Block {
  return {
    kind: 'details',
    summary: `Every time series: ${formatInteger(trends.length)}${trends.length > MAX_ROWS ? `, of which the first ${MAX_ROWS}` : ''}`,
    blocks: [
      {
        kind: 'table',
        table: {
          caption: 'Time series, ns per event',
          columns: [
            textColumn('cell'),
            textColumn('series'),
            numberColumn('runs'),
            numberColumn('first'),
            numberColumn('last'),
            numberColumn('least'),
            numberColumn('most'),
            numberColumn('changes'),
          ],
          rowHeads: 2,
          rows: trends.slice(0, MAX_ROWS).map(({ cell, name, points, changes }) => {
            const values = points.map(({ value }) => value);
            return [
              cell,
              name,
              values.length,
              ...[values[0], values[values.length - 1], Math.min(...values), Math.max(...values)].map(formatDecimal),
              changes.length,
            ];
          }),
        },
      },
    ],
  };
}
