/** Modelled cost per path and strategy, for one trace or several together. */

import { formatDecimal } from '../base/number-format.js';
import type { ExactPart, MetricName, PathName } from '../replay/result.js';
import { METRIC_NAMES, PATH_NAMES } from '../replay/result.js';
import type { Table, TableCell } from './document.js';
import { groupColumns, numberColumn, textColumn } from './document.js';
import type { TraceFacts } from './facts.js';

const METRIC_HEADS: Readonly<Record<MetricName, string>> = {
  visits: 'visits',
  comparisons: 'comparisons',
  locks: 'locks',
  lrWrites: 'LR writes',
  steps: 'steps',
};

/** Mean of a count over calls, as text; null for no calls. */
const perCall = (sum: number, calls: number): string | null => (calls === 0 ? null : formatDecimal(sum / calls));

/** Columns shared by the cost tables: every metric as sum and largest call, steps per call too. */
const costColumns = [
  numberColumn('calls'),
  ...METRIC_NAMES.flatMap((metric) =>
    groupColumns(METRIC_HEADS[metric], [
      numberColumn('sum'),
      ...(metric === 'steps' ? [numberColumn('per call')] : []),
      numberColumn('max per call'),
    ]),
  ),
];

interface CostSum {
  calls: number;
  readonly metrics: Record<MetricName, { sum: number; max: number }>;
}

function costCells({ calls, metrics }: CostSum): TableCell[] {
  return [
    calls,
    ...METRIC_NAMES.flatMap((metric): TableCell[] => {
      const { sum, max } = metrics[metric];
      return metric === 'steps' ? [sum, perCall(sum, calls), max] : [sum, max];
    }),
  ];
}

const zeroCost = (): CostSum => ({
  calls: 0,
  metrics: {
    visits: { sum: 0, max: 0 },
    comparisons: { sum: 0, max: 0 },
    locks: { sum: 0, max: 0 },
    lrWrites: { sum: 0, max: 0 },
    steps: { sum: 0, max: 0 },
  },
});

function addCost(total: CostSum, exact: ExactPart, path: PathName): void {
  const cost = exact.paths[path];
  total.calls += cost.calls;
  for (const metric of METRIC_NAMES) {
    total.metrics[metric].sum += cost[metric].sum;
    total.metrics[metric].max = Math.max(total.metrics[metric].max, cost[metric].max);
  }
}

/** All calls of one trace, or of several together: path by path, strategy by strategy. */
export function costTable(caption: string, traces: readonly TraceFacts[], strategies: readonly string[]): Table {
  const rows: TableCell[][] = [];
  for (const path of PATH_NAMES) {
    for (const strategy of strategies) {
      const total = zeroCost();
      let runs = 0;
      for (const trace of traces) {
        const run = trace.runs.find(({ label }) => label === strategy);
        if (!run) continue;
        runs++;
        addCost(total, run.exact, path);
      }
      // A sum over fewer traces than its neighbours would look like a saving.
      const isComparable = runs === traces.length;
      if (total.calls > 0 && isComparable) rows.push([path, strategy, ...costCells(total)]);
    }
  }
  return { caption, columns: [textColumn('path'), textColumn('strategy'), ...costColumns], rowHeads: 2, rows };
}

/** Paths called at all on these traces. */
const pathsCalled = (traces: readonly TraceFacts[]): PathName[] =>
  PATH_NAMES.filter((path) => traces.some(({ runs }) => runs.some(({ exact }) => exact.paths[path].calls > 0)));

/** One row a strategy: steps per call and longest call of every path, over several traces together. */
export function costOverview(caption: string, traces: readonly TraceFacts[], strategies: readonly string[]): Table {
  const paths = pathsCalled(traces);
  const rows = strategies.flatMap((strategy): TableCell[][] => {
    const runs = traces.flatMap((trace) => trace.runs.filter(({ label }) => label === strategy));
    if (runs.length < traces.length) return [];
    const cells = paths.flatMap((path): TableCell[] => {
      const total = zeroCost();
      for (const { exact } of runs) addCost(total, exact, path);
      return [perCall(total.metrics.steps.sum, total.calls), total.metrics.steps.max];
    });
    const steps = runs.reduce((sum, run) => sum + run.steps, 0);
    return [[strategy, ...cells, steps]];
  });
  return {
    caption,
    columns: [
      textColumn('strategy'),
      ...paths.flatMap((path) => groupColumns(path, [numberColumn('per call'), numberColumn('max')])),
      numberColumn('steps in all'),
    ],
    rowHeads: 1,
    rows,
  };
}

/** Strategies left out of a group's cost table because they did not run on all of its traces. */
export const partialStrategies = (traces: readonly TraceFacts[], strategies: readonly string[]): string[] =>
  strategies.filter((strategy) => {
    const runs = traces.filter((trace) => trace.runs.some(({ label }) => label === strategy)).length;
    return runs > 0 && runs < traces.length;
  });
