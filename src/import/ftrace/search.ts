/** Looks for the positions of a few concurrent steps around one observed moment that agree with what was recorded. */

export interface Movable {
  /** Steps of one interval share a number; they usually, but not always, took effect in their order. */
  readonly group: number;
  /** Does it come before the observation, going by time alone? */
  readonly initial: boolean;
}

/** A step and its side of the observation. */
export interface Placed<M extends Movable> {
  readonly item: M;
  readonly before: boolean;
}

export interface Placement<M extends Movable> {
  /** In the order in which they are to be run. */
  readonly placed: readonly Placed<M>[];
  /** Steps that had to leave their place in time. */
  readonly changed: number;
  readonly wrong: number;
}

/** Upper bound on the arrangements tried for one observation. */
export const MAX_TRIALS = 5000;
/** Upper bounds on the steps whose pairs are tried. */
const MAX_PAIRED = 64;
const MAX_SWAPPED = 16;

/**
 * `score` counts contradictions of an arrangement; 0 is perfect. The order by time is tried first, then other points
 * up to which an interval had got, then single steps, swaps of neighbours and pairs, until nothing contradicts or the
 * trials are used up. Each move is kept if it removes contradictions.
 */
export function searchPlacement<M extends Movable>(
  items: readonly M[],
  score: (placed: readonly Placed<M>[]) => number,
  maxTrials = MAX_TRIALS,
): Placement<M> {
  const initial = items.map((item) => ({ item, before: item.initial }));
  let best: readonly Placed<M>[] = initial;
  let wrong = score(initial);
  let trials = 0;
  /** Tries one arrangement; true when the search is over. */
  const attempt = (candidate: readonly Placed<M>[]): boolean => {
    if (wrong === 0 || trials++ >= maxTrials) return true;
    const found = score(candidate);
    if (found < wrong) {
      best = candidate;
      wrong = found;
    }
    return wrong === 0;
  };

  const tryProgress = (): boolean => {
    for (const group of new Set(items.map((item) => item.group))) {
      const size = items.filter((item) => item.group === group).length;
      for (let reached = 0; reached <= size; reached++) {
        let seen = 0;
        const candidate = best.map((at) =>
          at.item.group === group ? { item: at.item, before: seen++ < reached } : at,
        );
        if (attempt(candidate)) return true;
      }
    }
    return false;
  };
  const trySingles = (): boolean => {
    for (let i = 0; i < best.length; i++) if (attempt(flip(best, i))) return true;
    return false;
  };
  const trySwaps = (): boolean => {
    for (let i = 0; i + 1 < best.length; i++) if (attempt(swap(best, i, i + 1))) return true;
    return false;
  };
  const tryPairs = (): boolean => {
    if (best.length > MAX_PAIRED) return false;
    for (let i = 0; i < best.length; i++) {
      for (let j = i + 1; j < best.length; j++) {
        if (attempt(flip(flip(best, i), j))) return true;
        if (best.length > MAX_SWAPPED) continue;
        if (attempt(swap(flip(flip(best, i), j), i, j))) return true;
        if (attempt(swap(flip(best, i), i, j))) return true;
        if (attempt(swap(flip(best, j), i, j))) return true;
      }
    }
    return false;
  };

  for (let round = 0; round < 4 && wrong > 0; round++) {
    const before = wrong;
    if (tryProgress() || trySingles() || trySwaps() || tryPairs() || wrong === before) break;
  }
  const changed = best.filter((at, i) => at.item !== initial[i].item || at.before !== initial[i].before).length;
  return { placed: best, changed, wrong };
}

const flip = <M extends Movable>(placed: readonly Placed<M>[], i: number): readonly Placed<M>[] =>
  placed.map((at, position) => (position === i ? { item: at.item, before: !at.before } : at));

const swap = <M extends Movable>(placed: readonly Placed<M>[], i: number, j: number): readonly Placed<M>[] =>
  placed.map((at, position) => (position === i ? placed[j] : position === j ? placed[i] : at));
