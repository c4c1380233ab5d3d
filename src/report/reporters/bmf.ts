/**
 * Bencher Metric Format: benchmark → measure → value, with bounds where a time has an interval. Schema: bencher.dev/bmf.json.
 * "latency" is Bencher's own measure, in nanoseconds; it makes the others, named by slug (at most 64 characters), as it meets them.
 */
import { createHash } from 'node:crypto';
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
/** Hex digits of the whole name's sha256 that end one that is cut: it stays itself whatever stands beside it. */
const HASH_DIGITS = 8;

function cutName(name: string, most: number, whole = name): string {
  if (name.length <= most) return name;
  const hash = createHash('sha256').update(whole).digest('hex').slice(0, HASH_DIGITS);
  return `${name.slice(0, most - HASH_DIGITS - 1).replace(/-$/, '')}-${hash}`;
}

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
  cutName(
    name
      .replace(/([a-z])([A-Z])/g, '$1-$2')
      .toLowerCase()
      .replace(/[^a-z0-9]+/g, '-'),
    MAX_SLUG,
    name,
  );

/** Cells of one name, as of two traces that are called alike, are told apart by their place: one would replace the other. */
function document(benches: readonly [name: string, measures: Measures][]): string {
  const count = new Map<string, number>();
  const named = benches.map(([name, measures]) => {
    const place = (count.get(name) ?? 0) + 1;
    count.set(name, place);
    return [cutName(place === 1 ? name : `${name}#${place}`, MAX_NAME), measures];
  });
  return `${JSON.stringify(Object.fromEntries(named), null, 1)}\n`;
}

export const bmf: Reporter = {
  id: 'bmf',
  summary: 'Bencher Metric Format, for "bencher run --adapter json"',
  cells: ({ cells }) => document([...nameCells(cells)].map(([cell, name]) => [name, measuresOf(cell)])),
  comparison: ({ cells }) => document(cells.map((cell) => [cell.cell, measuresOfComparison(cell)])),
};
