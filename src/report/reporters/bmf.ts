/**
 * Bencher Metric Format: benchmark → measure → value, with bounds where a time has an interval. Schema: bencher.dev/bmf.json.
 * "latency" is Bencher's own measure, in nanoseconds; it makes the others, named by slug (at most 64 characters), as it meets them.
 */
import type { CellComparison } from '../../compare/comparison.js';
import type { CellResult } from '../../replay/result.js';
import { quantile } from '../../stats/quantile.js';
import { figuresOf, nameCells } from './cell-figures.js';
import type { Reporter } from './reporter.js';

interface Metric {
  readonly value: number;
  readonly lower_value?: number;
  readonly upper_value?: number;
}
type Measures = Readonly<Record<string, Metric>>;

/** Longest name of a benchmark and slug of a measure. */
const MAX_NAME = 1024;
const MAX_SLUG = 64;

function measuresOf(cell: CellResult): Measures {
  const { measured } = cell;
  const exact = figuresOf(cell).map(({ id, value }): [string, Metric] => [id, { value }]);
  const latency: Metric | null = measured && {
    value: measured.estimate,
    lower_value: measured.low,
    upper_value: measured.high,
  };
  return Object.fromEntries(latency === null ? exact : [['latency', latency], ...exact]);
}

/** The newer side: how many exact counters changed, those that are numbers as they are now, and the time. */
function measuresOfComparison({ changes, time }: CellComparison): Measures {
  const exact = changes.flatMap(({ counter, after }): [string, Metric][] =>
    typeof after === 'number' ? [[slugOf(counter), { value: after }]] : [],
  );
  const latency: [string, Metric][] =
    time === null || time.samples.b.length === 0 ? [] : [['latency', { value: quantile(time.samples.b, 0.25) }]];
  return Object.fromEntries([...latency, ['changed-counters', { value: changes.length }], ...exact]);
}

const slugOf = (name: string): string =>
  name
    .replace(/([a-z])([A-Z])/g, '$1-$2')
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .slice(0, MAX_SLUG);

const document = (benches: readonly [name: string, measures: Measures][]): string =>
  `${JSON.stringify(Object.fromEntries(benches.map(([name, measures]) => [name.slice(0, MAX_NAME), measures])), null, 1)}\n`;

export const bmf: Reporter = {
  id: 'bmf',
  summary: 'Bencher Metric Format, for "bencher run --adapter json"',
  cells: ({ cells }) => document([...nameCells(cells)].map(([cell, name]) => [name, measuresOf(cell)])),
  comparison: ({ cells }) => document(cells.map((cell) => [cell.cell, measuresOfComparison(cell)])),
};
