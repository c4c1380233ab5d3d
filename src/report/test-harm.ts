/** A guest to which nothing was done, for the tests of the report. */
import type { Harm } from '../replay/result.js';

export const NO_HARM: Harm = {
  inversions: { entries: 0, interrupts: 0 },
  delay: { calls: 0, sum: 0, max: 0, hist: [] },
  waiting: { atEnd: 0, longest: 0, longestPassed: 0 },
  lost: 0,
};
