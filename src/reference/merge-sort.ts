/** The bottom-up merge sort whose comparisons vgic-spec E.1 counts: stable, no run detection, no early end. */

export interface Sorted<T> {
  readonly items: T[];
  readonly nrComparisons: number;
}

/** `compare(a, b)` <= 0 keeps `a`, the element of the older run, in front. */
export function sortCounting<T>(items: readonly T[], compare: (a: T, b: T) => number): Sorted<T> {
  let nrComparisons = 0;

  const merge = (older: readonly T[], newer: readonly T[]): T[] => {
    const merged: T[] = [];
    let o = 0;
    let n = 0;
    while (o < older.length && n < newer.length) {
      nrComparisons++;
      merged.push(compare(older[o], newer[n]) <= 0 ? older[o++] : newer[n++]);
    }
    return [...merged, ...older.slice(o), ...newer.slice(n)];
  };

  /** Sorted runs, oldest first. */
  const runs: T[][] = [];
  items.forEach((item, nrTaken) => {
    let nrTrailingOnes = 0;
    while ((nrTaken >> nrTrailingOnes) & 1) nrTrailingOnes++;
    if (nrTaken >> nrTrailingOnes !== 0) {
      const at = runs.length - nrTrailingOnes - 2;
      runs.splice(at, 2, merge(runs[at], runs[at + 1]));
    }
    runs.push([item]);
  });
  while (runs.length > 1) {
    const newer = runs.pop()!;
    const older = runs.pop()!;
    runs.push(merge(older, newer));
  }
  return { items: runs[0] ?? [], nrComparisons };
}
