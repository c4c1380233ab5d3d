/**
 * The kernel's bottom-up merge sort of a linked list (list_sort), on arrays: stable, same runs, same comparisons.
 * Order of merges: vgic-spec E.1. An element is key << 16 | row; only keys are compared.
 */

export interface MergeSort {
  /** Elements to sort; filled by the caller. */
  readonly items: Int32Array;
  /** Sorts items[0..n) by key, stable; returns the number of comparator calls. */
  sort(n: number): number;
}

export const itemOf = (key: number, slot: number): number => (key << 16) | slot;
export const slotOfItem = (item: number): number => item & 0xffff;

export function createMergeSort(capacity: number): MergeSort {
  const items = new Int32Array(capacity);
  const older = new Int32Array(capacity);
  /** Start of each sorted run; runs are adjacent, run r ends where run r + 1 starts. At most 2 log2(n) of them. */
  const runs = new Int32Array(64);

  /** Merges the adjacent runs [from, middle) and [middle, to); on equal keys the older one, in front, wins. */
  function merge(from: number, middle: number, to: number): number {
    const nrOlder = middle - from;
    for (let i = 0; i < nrOlder; i++) older[i] = items[from + i];
    let a = 0;
    let b = middle;
    let out = from;
    let compared = 0;
    let itemA = older[0];
    let itemB = items[b];
    for (;;) {
      compared++;
      if (itemA >> 16 <= itemB >> 16) {
        items[out++] = itemA;
        if (++a === nrOlder) return compared;
        itemA = older[a];
      } else {
        items[out++] = itemB;
        if (++b === to) break;
        itemB = items[b];
      }
    }
    while (a < nrOlder) items[out++] = older[a++];
    return compared;
  }

  return {
    items,
    sort(n) {
      let nrRuns = 0;
      let compared = 0;
      for (let taken = 0; taken < n; taken++) {
        // Skip the k newest runs (k = trailing ones of the count); merge the two below them if a higher bit is set.
        let bits = taken;
        let k = 0;
        while ((bits & 1) !== 0) {
          bits >>= 1;
          k++;
        }
        if (bits !== 0) {
          const second = nrRuns - k - 1;
          const end = k === 0 ? taken : runs[second + 1];
          compared += merge(runs[second - 1], runs[second], end);
          nrRuns--;
          for (let r = second; r < nrRuns; r++) runs[r] = runs[r + 1];
        }
        runs[nrRuns++] = taken;
      }
      // From the newest run to the oldest.
      while (nrRuns > 1) {
        compared += merge(runs[nrRuns - 2], runs[nrRuns - 1], n);
        nrRuns--;
      }
      return compared;
    },
  };
}
