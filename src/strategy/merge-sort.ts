/**
 * The kernel's bottom-up merge sort of a linked list (list_sort): stable, the same runs, the same comparisons.
 * Order of merges: vgic-spec E.1.
 */

import * as Counting from '#counting';
import { int32Column } from '../vgic/columns.js';
import * as Word from '../vgic/word.js';

// V8 folds a module's own constants, not imported ones: 1.2-2x in hot loops (bench/README.md).
const { COUNTED } = Counting;
const { KEY_ACTIVE } = Word;

export interface MergeSort {
  /** Sorts the chain from `head` up to the link to `end` by key; returns the head of a chain that -1 ends. */
  sort(head: number, end: number): number;
  /** Comparator calls of the last sort, if COUNTED. */
  comparisons(): number;
  /** Those of them in which an entry is active (keys of kvm-6.1). */
  withActive(): number;
}

/**
 * `next` links the rows of a chain; its last element is no row: a merge begins its chain there.
 * `keyOf` holds the sort key of every row in the chain.
 */
export function createMergeSort(next: Int32Array, keyOf: Uint16Array): MergeSort {
  const anchor = next.length - 1;
  /** Heads of the sorted runs, oldest first: at most 2 log2(n) of them. */
  const runs = int32Column(64);
  let compared = 0;
  let active = 0;

  /** Merges two chains that are not empty; on equal keys the older one wins. */
  function merge(older: number, newer: number): number {
    const nextOf = next;
    const keys = keyOf;
    let a = older;
    let b = newer;
    let keyA = keys[a];
    let keyB = keys[b];
    let tail = anchor;
    let count = 0;
    let withActive = 0;
    for (;;) {
      if (COUNTED) {
        count++;
        if (keyA === KEY_ACTIVE || keyB === KEY_ACTIVE) withActive++;
      }
      if (keyA <= keyB) {
        nextOf[tail] = a;
        tail = a;
        a = nextOf[a];
        if (a < 0) {
          nextOf[tail] = b;
          break;
        }
        keyA = keys[a];
      } else {
        nextOf[tail] = b;
        tail = b;
        b = nextOf[b];
        if (b < 0) {
          nextOf[tail] = a;
          break;
        }
        keyB = keys[b];
      }
    }
    if (COUNTED) {
      compared += count;
      active += withActive;
    }
    return next[anchor];
  }

  return {
    comparisons: () => compared,
    withActive: () => active,
    sort(head, end) {
      const nextOf = next;
      const heads = runs;
      compared = active = 0;
      let nrRuns = 0;
      let taken = 0;
      for (let slot = head; slot !== end; taken++) {
        const rest = nextOf[slot];
        // Skip the k newest runs (k = trailing ones of the count); merge the two below them if a higher bit is set.
        const k = 31 - Math.clz32((taken + 1) & ~taken);
        if (taken >> k !== 0) {
          const newer = nrRuns - k - 1;
          heads[newer - 1] = merge(heads[newer - 1], heads[newer]);
          nrRuns--;
          for (let run = newer; run < nrRuns; run++) heads[run] = heads[run + 1];
        }
        nextOf[slot] = -1;
        heads[nrRuns++] = slot;
        slot = rest;
      }
      // From the newest run to the oldest.
      let sorted = heads[nrRuns - 1];
      for (let run = nrRuns - 2; run >= 0; run--) sorted = merge(heads[run], sorted);
      return sorted;
    },
  };
}

/** Most comparisons that a sort of `n` rows can take: every merge but for its last element. */
export function mostMergeComparisons(n: number): number {
  /** Sizes of the runs, oldest first. */
  const runs: number[] = [];
  let comparisons = 0;
  for (let taken = 0; taken < n; taken++) {
    const k = 31 - Math.clz32((taken + 1) & ~taken);
    if (taken >> k !== 0) {
      const [older, newer] = runs.splice(runs.length - k - 2, 2, 0);
      comparisons += older + newer - 1;
      runs[runs.length - k - 1] = older + newer;
    }
    runs.push(1);
  }
  let sorted = runs.pop() ?? 0;
  for (const older of runs.reverse()) {
    sorted += older;
    comparisons += sorted - 1;
  }
  return comparisons;
}
