/** The exact figures of a cell as a baseline keeps them. */
import type { ExactPart } from '../replay/result.js';
import type { VerifyRecord } from '../replay/verify.js';
import { type Counters, digestNumbers, flattenExact } from './counters.js';

export type Figure = number | string;
export type Figures = Counters;

/** Of a histogram without calls. */
const EMPTY = digestNumbers([]);

/** What a baseline keeps of them: what is 0 is left out, half of all. */
export const withoutZeros = (figures: Figures): Figures =>
  Object.fromEntries(
    Object.entries(figures).filter(([name, figure]) => figure !== 0 && !(figure === EMPTY && name.endsWith('/hist'))),
  );

export const figuresOf = (exact: ExactPart): Figures => flattenExact(exact);

/** The agreement of a recording with its list registers, as a cell of its own. */
export function verifyFigures(record: VerifyRecord): Figures {
  const { entries, identical, explained, unexplained, folds, foldsIdentical, sorts, sortsIdentical } = record;
  return { entries, identical, explained, unexplained, folds, foldsIdentical, sorts, sortsIdentical };
}
