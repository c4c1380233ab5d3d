/**
 * The kernel's bottom-up merge sort of a linked list (list_sort): stable, the same runs, the same comparisons.
 * Order of merges: vgic-spec E.1.
 */

export interface MergeSort {
  /** Sorts the chain that begins at `head` by key; returns its new head. */
  sort(head: number): number;
  /** Comparator calls of the last sort. */
  comparisons(): number;
}

/**
 * `next` links the rows of a chain (-1 ends it) and has one element more than there are rows: the anchor of a merge.
 * `keyOf` holds the sort key of every row in the chain.
 */
export function createMergeSort(next: Int32Array, keyOf: Uint8Array): MergeSort {
  const anchor = next.length - 1;
  /** Heads of the sorted runs, oldest first: at most 2 log2(n) of them. */
  const runs = new Int32Array(64);
  let compared = 0;

  /** Merges two chains that are not empty; on equal keys the older one wins. */
  function merge(older: number, newer: number): number {
    let a = older;
    let b = newer;
    let keyA = keyOf[a];
    let keyB = keyOf[b];
    let tail = anchor;
    let count = 0;
    for (;;) {
      count++;
      if (keyA <= keyB) {
        next[tail] = a;
        tail = a;
        a = next[a];
        if (a < 0) {
          next[tail] = b;
          break;
        }
        keyA = keyOf[a];
      } else {
        next[tail] = b;
        tail = b;
        b = next[b];
        if (b < 0) {
          next[tail] = a;
          break;
        }
        keyB = keyOf[b];
      }
    }
    compared += count;
    return next[anchor];
  }

  return {
    comparisons: () => compared,
    sort(head) {
      compared = 0;
      let nrRuns = 0;
      let taken = 0;
      for (let slot = head; slot >= 0; taken++) {
        const rest = next[slot];
        // Skip the k newest runs (k = trailing ones of the count); merge the two below them if a higher bit is set.
        const k = 31 - Math.clz32((taken + 1) & ~taken);
        if (taken >> k !== 0) {
          const newer = nrRuns - k - 1;
          runs[newer - 1] = merge(runs[newer - 1], runs[newer]);
          nrRuns--;
          for (let run = newer; run < nrRuns; run++) runs[run] = runs[run + 1];
        }
        next[slot] = -1;
        runs[nrRuns++] = slot;
        slot = rest;
      }
      // From the newest run to the oldest.
      let sorted = runs[nrRuns - 1];
      for (let run = nrRuns - 2; run >= 0; run--) sorted = merge(runs[run], sorted);
      return sorted;
    },
  };
}
