/**
 * Leftist heaps over rows: the one with the smallest key on top, of equal keys the one with the smallest sequence number. A
 * merge goes down two right spines, none of which is longer than log2 of the rows below it. A row is in one heap at most.
 */
import { int32Column, uint8Column, uint16Column } from '../vgic/columns.js';

const NONE = -1;

export interface LeftistHeaps {
  readonly key: Uint16Array;
  readonly sequence: Float64Array;
  /** Children of a row, NONE (-1) if it has none. */
  readonly left: Int32Array;
  readonly right: Int32Array;
  /** Row on top of a heap, or NONE. */
  readonly top: Int32Array;
  precedes(a: number, b: number): boolean;
  /** Each returns the number of comparisons. */
  insert(heap: number, row: number): number;
  remove(heap: number, row: number): number;
  /** Makes a heap of rows that are in it, by their present keys. */
  rebuild(heap: number, rows: readonly number[]): number;
}

export function createLeftistHeaps(nrRows: number, nrHeaps: number): LeftistHeaps {
  const key = uint16Column(nrRows);
  const sequence = new Float64Array(nrRows);
  const left = int32Column(nrRows);
  const right = int32Column(nrRows);
  const parent = int32Column(nrRows);
  /** Rows on the right spine from here down. */
  const rank = uint8Column(nrRows);
  const top = int32Column(nrHeaps).fill(NONE);
  let compared = 0;

  const precedes = (a: number, b: number): boolean =>
    key[a] < key[b] || (key[a] === key[b] && sequence[a] < sequence[b]);
  const rankOf = (row: number): number => (row === NONE ? 0 : rank[row]);

  /** The longer spine on the left; true: the rank changed. */
  function settle(row: number): boolean {
    if (rankOf(left[row]) < rankOf(right[row])) {
      const was = left[row];
      left[row] = right[row];
      right[row] = was;
    }
    const before = rank[row];
    rank[row] = rankOf(right[row]) + 1;
    return rank[row] !== before;
  }

  function merge(a: number, b: number): number {
    if (a === NONE) return b;
    if (b === NONE) return a;
    compared++;
    const first = precedes(b, a) ? b : a;
    const below = merge(right[first], first === a ? b : a);
    right[first] = below;
    parent[below] = first;
    settle(first);
    return first;
  }

  function setTop(heap: number, row: number): void {
    top[heap] = row;
    if (row !== NONE) parent[row] = NONE;
  }

  function single(row: number): void {
    left[row] = right[row] = parent[row] = NONE;
    rank[row] = 1;
  }

  function build(rows: readonly number[], from: number, to: number): number {
    if (to - from === 1) return rows[from];
    const middle = (from + to) >> 1;
    return merge(build(rows, from, middle), build(rows, middle, to));
  }

  return {
    key,
    sequence,
    left,
    right,
    top,
    precedes,
    insert(heap, row) {
      compared = 0;
      single(row);
      setTop(heap, merge(top[heap], row));
      return compared;
    },
    remove(heap, row) {
      compared = 0;
      const below = merge(left[row], right[row]);
      let above = parent[row];
      if (above === NONE) {
        setTop(heap, below);
        return compared;
      }
      if (left[above] === row) left[above] = below;
      else right[above] = below;
      if (below !== NONE) parent[below] = above;
      while (above !== NONE && settle(above)) above = parent[above];
      return compared;
    },
    rebuild(heap, rows) {
      compared = 0;
      for (const row of rows) single(row);
      setTop(heap, rows.length === 0 ? NONE : build(rows, 0, rows.length));
      return compared;
    },
  };
}

/** Rows on the longest right spine of a heap of n. */
const spine = (n: number): number => Math.floor(Math.log2(n + 1));

/** Most comparisons of an insertion into a heap of n rows. */
export const mostInsertComparisons = (n: number): number => spine(n);

/** Most comparisons of a removal from a heap of n rows: two spines of what is below the row. */
export const mostRemoveComparisons = (n: number): number => 2 * spine(n >> 1);

/** Most comparisons of a rebuild of n rows. */
export function mostRebuildComparisons(n: number): number {
  if (n < 2) return 0;
  const older = n >> 1;
  const merged = spine(older) + spine(n - older);
  return mostRebuildComparisons(older) + mostRebuildComparisons(n - older) + merged;
}
