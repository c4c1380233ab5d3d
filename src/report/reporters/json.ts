/** JSON whole, and JSON Lines: one record a line. Schemas: reports/report.schema.json, reports/cell.schema.json. */
import { canonicalJson, renderJson } from '../json.js';
import type { Reporter } from './reporter.js';

export const json: Reporter = {
  id: 'json',
  summary: 'everything, as one JSON document',
  cells: renderJson,
  comparison: (comparison) => `${canonicalJson(comparison, 1)}\n`,
};

const lines = (records: readonly object[]): string => records.map((record) => `${canonicalJson(record)}\n`).join('');

export const jsonl: Reporter = {
  id: 'jsonl',
  summary: 'one JSON record a cell and line, for jq and DuckDB',
  cells: ({ cells }) => lines(cells),
  comparison: ({ cells }) => lines(cells),
};
