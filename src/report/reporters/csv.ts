/** Tidy CSV: a row a cell and path, or a row a counter that changed. */
import type { CellComparison } from '../../compare/comparison.js';
import { type CsvValue, csvLines, renderCsv } from '../csv.js';
import type { Reporter } from './reporter.js';

const HEAD = [
  ...['cell', 'verdict', 'reason', 'counter', 'before', 'after', 'before_event', 'after_event'],
  ...['ratio', 'low', 'high', 'holm_p', 'command'],
];

/** A cell without a change has one row, without a counter. */
function rowsOf({ cell, verdict, reason, changes, time, command }: CellComparison): CsvValue[][] {
  const name = [cell, verdict, reason];
  const times = [time?.ratio ?? null, time?.low ?? null, time?.high ?? null, time?.holmP ?? null, command];
  if (changes.length === 0) return [[...name, null, null, null, null, null, ...times]];
  return changes.map(({ counter, before, after, beforeAt, afterAt }) => [
    ...name,
    counter,
    before,
    after,
    beforeAt?.event ?? null,
    afterAt?.event ?? null,
    ...times,
  ]);
}

export const csv: Reporter = {
  id: 'csv',
  summary: 'a row a cell and path, for spreadsheets and data frames',
  cells: renderCsv,
  comparison: ({ cells }) => csvLines([HEAD, ...cells.flatMap(rowsOf)]),
};
