/** One line a cell, tab separated, for scripts. No head, no grouping, "-" for what there is not. */
import type { CellComparison } from '../../compare/comparison.js';
import type { CellResult } from '../../replay/result.js';
import { nameCells, statusOf } from './cell-figures.js';
import type { Reporter } from './reporter.js';

const flat = (value: string | number | null | undefined): string =>
  value === null || value === undefined ? '-' : String(value).replace(/\s+/g, ' ');

const lines = (rows: readonly (readonly (string | number | null | undefined)[])[]): string =>
  rows.map((row) => `${row.map(flat).join('\t')}\n`).join('');

/** cell, status, events, steps, longest flush, longest prune, deepest list, ns per event. */
const cellRow = (name: string, cell: CellResult) => {
  const { trace, amplification, paths, depthAtFlush } = cell.exact;
  return [
    name,
    statusOf(cell).status,
    trace.events,
    amplification.steps,
    paths.flush.steps.max,
    paths.prune.steps.max,
    depthAtFlush.at(-1)?.[0],
    cell.measured?.estimate,
  ];
};

/** cell, verdict, counters that changed, counters compared, ratio of times, its interval. */
const comparisonRow = ({ cell, verdict, changes, counters, time }: CellComparison) => [
  cell,
  verdict,
  changes.length,
  counters,
  time?.ratio,
  time?.low,
  time?.high,
];

export const minimal: Reporter = {
  id: 'minimal',
  summary: 'one line a cell, tab separated, for scripts',
  cells: ({ cells }) => lines([...nameCells(cells)].map(([cell, name]) => cellRow(name, cell))),
  comparison: ({ cells }) => lines(cells.map(comparisonRow)),
};
