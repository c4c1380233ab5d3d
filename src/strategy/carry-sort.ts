/**
 * The older list sort, which Xen has: runs of 1, 2, 4, ... elements are merged as a binary counter carries, then what is
 * left from the smallest run up. Stable, as merge-sort.ts is; the number of comparisons differs. While it links the rest
 * of the last merge it calls the comparator with one element twice every 256 elements, a hook for rescheduling; without a
 * guard that call takes one spinlock twice (vgic-spec 1.13).
 */
import * as Counting from '#counting';
import { int32Column } from '../vgic/columns.js';
import { HostStop } from '../vgic/host-stop.js';
import type { MergeSort } from './merge-sort.js';

// V8 folds a module's own constants, not imported ones: 1.2-2x in hot loops (bench/README.md).
const { COUNTED } = Counting;

const NR_LEVELS = 32;
const SELF_COMPARE_EVERY = 256;
const EMPTY = -1;

/** Arguments and result: merge-sort.ts. `guarded`: the comparator returns at once for one element against itself. */
export function createCarrySort(next: Int32Array, keyOf: Uint16Array, guarded: boolean): MergeSort {
  const anchor = next.length - 1;
  /** Run of 2^level elements, or EMPTY. */
  const runs = int32Column(NR_LEVELS);
  let compared = 0;
  /** What the latest merge linked without comparing. */
  let rest = EMPTY;

  /** On equal keys the older run wins. Either may be EMPTY. */
  function merge(older: number, newer: number): number {
    let a = older;
    let b = newer;
    let tail = anchor;
    let count = 0;
    while (a >= 0 && b >= 0) {
      if (COUNTED) count++;
      if (keyOf[a] <= keyOf[b]) {
        next[tail] = a;
        tail = a;
        a = next[a];
      } else {
        next[tail] = b;
        tail = b;
        b = next[b];
      }
    }
    rest = a >= 0 ? a : b;
    next[tail] = rest;
    if (COUNTED) compared += count;
    return next[anchor];
  }

  return {
    comparisons: () => compared,
    // A class of the cost model, which knows the other sort.
    withActive: () => 0,
    sort(head, end) {
      compared = 0;
      runs.fill(EMPTY);
      let highest = 0;
      for (let slot = head; slot !== end; ) {
        const following = next[slot];
        next[slot] = EMPTY;
        let level = 0;
        let run = slot;
        for (; runs[level] !== EMPTY; level++) {
          run = merge(runs[level], run);
          runs[level] = EMPTY;
        }
        if (level > highest) highest = level;
        runs[level] = run;
        slot = following;
      }
      let sorted = EMPTY;
      for (let level = 0; level < highest; level++) if (runs[level] !== EMPTY) sorted = merge(runs[level], sorted);
      sorted = merge(runs[highest], sorted);
      if (!guarded) {
        let linked = 0;
        for (let slot = rest; slot >= 0 && linked < SELF_COMPARE_EVERY; slot = next[slot]) linked++;
        if (linked === SELF_COMPARE_EVERY)
          throw new HostStop(
            'host-deadlock',
            `the comparator locks one interrupt twice after ${linked} linked in a row`,
          );
      }
      return sorted;
    },
  };
}

/** Most comparisons that this sort can take for `n` rows. */
export function mostCarryComparisons(n: number): number {
  let comparisons = 0;
  // Carries: 2^level rows from two runs of half as many.
  for (let size = 2; size <= n; size *= 2) comparisons += Math.floor(n / size) * (size - 1);
  // The runs that are left, from the smallest up.
  let sorted = 0;
  for (let size = 1; size <= n; size *= 2) {
    if (Math.floor(n / size) % 2 === 0) continue;
    if (sorted > 0) comparisons += sorted + size - 1;
    sorted += size;
  }
  return comparisons;
}
