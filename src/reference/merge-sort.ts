/** The list sorts of vgic-spec 1.13 and E.1: merge sorts from the bottom up, stable, without run detection or early end. */

export interface Sorted<T> {
  readonly items: T[];
  readonly nrComparisons: number;
  /** The comparator was also called with one element as both arguments; not counted as a comparison. */
  readonly hasSelfCalls: boolean;
}

type Compare<T> = (a: T, b: T) => number;

interface Merged<T> {
  readonly items: T[];
  /** How many elements were left of one run when the other was empty: these are linked without comparing. */
  readonly nrLeft: number;
}

class Merger<T> {
  nrComparisons = 0;
  private readonly compare: Compare<T>;

  constructor(compare: Compare<T>) {
    this.compare = compare;
  }

  /** `compare(a, b)` <= 0 keeps `a`, the element of the older run, in front. */
  merge(older: readonly T[], newer: readonly T[]): Merged<T> {
    const merged: T[] = [];
    let o = 0;
    let n = 0;
    while (o < older.length && n < newer.length) {
      this.nrComparisons++;
      merged.push(this.compare(older[o], newer[n]) <= 0 ? older[o++] : newer[n++]);
    }
    const left = [...older.slice(o), ...newer.slice(n)];
    return { items: [...merged, ...left], nrLeft: left.length };
  }
}

/** The sort of today: two runs of one size are merged only when a third of that size has begun (E.1). */
export function sortHalving<T>(items: readonly T[], compare: Compare<T>): Sorted<T> {
  const merger = new Merger(compare);
  /** Sorted runs, oldest first. */
  const runs: T[][] = [];
  items.forEach((item, nrTaken) => {
    let nrTrailingOnes = 0;
    while ((nrTaken >> nrTrailingOnes) & 1) nrTrailingOnes++;
    if (nrTaken >> nrTrailingOnes !== 0) {
      const at = runs.length - nrTrailingOnes - 2;
      runs.splice(at, 2, merger.merge(runs[at], runs[at + 1]).items);
    }
    runs.push([item]);
  });
  while (runs.length > 1) {
    const newer = runs.pop()!;
    const older = runs.pop()!;
    runs.push(merger.merge(older, newer).items);
  }
  return { items: runs[0] ?? [], nrComparisons: merger.nrComparisons, hasSelfCalls: false };
}

/** While the last merge links what is left, a counter of 8 bits calls the comparator at every wrap. */
const SELF_CALL_PERIOD = 256;

/**
 * The older sort, which Xen has: runs of 2^level elements are merged at once, as a binary counter carries; what remains
 * is merged from the smallest run up, and the last merge is that of the largest run with all others.
 */
export function sortCarrying<T>(items: readonly T[], compare: Compare<T>): Sorted<T> {
  const merger = new Merger(compare);
  /** By level; undefined: no run of that size. */
  const runs: (T[] | undefined)[] = [];
  for (const item of items) {
    let carried = [item];
    let level = 0;
    for (let older = runs[level]; older !== undefined; older = runs[++level]) {
      carried = merger.merge(older, carried).items;
      runs[level] = undefined;
    }
    runs[level] = carried;
  }
  const largest = runs.pop() ?? [];
  let rest: T[] = [];
  for (const run of runs) if (run !== undefined) rest = merger.merge(run, rest).items;
  const { items: sorted, nrLeft } = merger.merge(largest, rest);
  return { items: sorted, nrComparisons: merger.nrComparisons, hasSelfCalls: nrLeft >= SELF_CALL_PERIOD };
}
