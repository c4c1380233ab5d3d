/** The order in which readers want verdicts: what must be acted on, what could not be said, what is well. */
import type { CellComparison, Verdict } from '../../compare/comparison.js';

export const WORST_FIRST: readonly Verdict[] = [
  'regressed',
  'error',
  'incomparable',
  'unfit',
  'inconclusive',
  'improved',
  'unchanged',
];

/** Cells of one verdict stay in the order given. */
export const worstFirst = (cells: readonly CellComparison[]): CellComparison[] =>
  [...cells].sort((a, b) => WORST_FIRST.indexOf(a.verdict) - WORST_FIRST.indexOf(b.verdict));
