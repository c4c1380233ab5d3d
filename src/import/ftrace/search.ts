/** Looks for the positions of a few concurrent steps around one observed moment that agree with what was recorded. */

export interface CutUnit {
  readonly from: number;
  readonly cuts: readonly number[];
  readonly initial: number;
}

/** A unit and how many of its atoms come before the observation. */
export interface Cut<U extends CutUnit> {
  readonly unit: U;
  readonly count: number;
}

export interface FoundCuts<U extends CutUnit> {
  /** In the order in which they are to be run. */
  readonly cuts: readonly Cut<U>[];
  /** Units that had to leave their place in time. */
  readonly changed: number;
  readonly wrong: number;
}

/** Upper bound on the arrangements tried for one observation. */
const MAX_TRIALS = 2000;

/**
 * `score` counts contradictions of an arrangement; 0 is perfect. The order by time is tried first, then single units,
 * then swaps of neighbours, then everything, until nothing contradicts or the trials are used up. The arrangement with
 * the fewest contradictions and, among those, the fewest changes wins.
 */
export function searchCuts<U extends CutUnit>(
  units: readonly U[],
  score: (cuts: readonly Cut<U>[]) => number,
): FoundCuts<U> {
  const initial = units.map((unit) => ({ unit, count: unit.initial }));
  let best = initial;
  let bestWrong = score(initial);
  let trials = 0;
  const attempt = (candidate: Cut<U>[]): boolean => {
    if (bestWrong === 0 || trials++ >= MAX_TRIALS) return true;
    const wrong = score(candidate);
    if (wrong < bestWrong) {
      best = candidate;
      bestWrong = wrong;
    }
    return bestWrong === 0;
  };

  const tryUnits = (): boolean => {
    const start = best;
    for (let i = 0; i < start.length; i++) {
      for (const count of start[i].unit.cuts) {
        if (count === start[i].count) continue;
        if (attempt(start.map((cut, at) => (at === i ? { unit: cut.unit, count } : cut)))) return true;
      }
    }
    return false;
  };
  const trySwaps = (): boolean => {
    const start = best;
    for (let i = 0; i + 1 < start.length; i++) {
      if (attempt(start.map((cut, at) => (at === i ? start[i + 1] : at === i + 1 ? start[i] : cut)))) return true;
    }
    return false;
  };
  const tryPairs = (): boolean => {
    const start = best;
    for (let i = 0; i < start.length; i++) {
      for (let j = i + 1; j < start.length; j++) {
        for (const first of start[i].unit.cuts) {
          for (const second of start[j].unit.cuts) {
            const pair = start.map((cut, at) =>
              at === i ? { unit: cut.unit, count: first } : at === j ? { unit: cut.unit, count: second } : cut,
            );
            if (attempt(pair)) return true;
            if (attempt(pair.map((cut, at) => (at === i ? pair[j] : at === j ? pair[i] : cut)))) return true;
          }
        }
      }
    }
    return false;
  };

  for (let round = 0; round < 3 && bestWrong > 0; round++) {
    const before = bestWrong;
    if (tryUnits() || trySwaps() || tryPairs() || bestWrong === before) break;
  }
  const changed = best.filter((cut, at) => cut.unit !== initial[at].unit || cut.count !== initial[at].count).length;
  return { cuts: best, changed, wrong: bestWrong };
}
