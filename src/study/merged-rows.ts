/** Rows of a table that say the same of several flavours, as one. */
import type { StudyCell } from './study.js';

/** Rows that differ in nothing but column `at` become one, in the place of the first, with those cells joined by commas. */
export function mergeRows(rows: readonly (readonly StudyCell[])[], at: number): StudyCell[][] {
  const merged = new Map<string, StudyCell[]>();
  for (const row of rows) {
    const rest = JSON.stringify(row.filter((_, column) => column !== at));
    const found = merged.get(rest);
    if (found === undefined) merged.set(rest, [...row]);
    else found[at] = `${found[at]}, ${row[at]}`;
  }
  return [...merged.values()];
}
