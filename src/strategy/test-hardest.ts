/** Test support: list orders for which the list sorts compare the most. */
import type { Flavour } from '../gic/flavour/flavour.js';

/** A merge of two runs of list positions, the older one first; a leaf is one position. */
type Run = { readonly size: number; readonly parts: readonly [Run, Run] } | { readonly size: 1; readonly at: number };

const merged = (older: Run, newer: Run): Run => ({ size: older.size + newer.size, parts: [older, newer] });

function halvingTree(n: number): Run {
  const runs: Run[] = [];
  for (let at = 0; at < n; at++) {
    const k = 31 - Math.clz32((at + 1) & ~at);
    if (at >> k !== 0) {
      const [older, newer] = runs.slice(runs.length - k - 2);
      runs.splice(runs.length - k - 2, 2, merged(older, newer));
    }
    runs.push({ size: 1, at });
  }
  return runs.reduceRight((sorted, older) => merged(older, sorted));
}

function carryTree(n: number): Run {
  const runs: (Run | undefined)[] = [];
  for (let at = 0; at < n; at++) {
    let run: Run = { size: 1, at };
    let level = 0;
    for (let held = runs[level]; held !== undefined; held = runs[++level]) {
      run = merged(held, run);
      runs[level] = undefined;
    }
    runs[level] = run;
  }
  return runs.filter((run) => run !== undefined).reduce((sorted, older) => merged(older, sorted));
}

export const mergeTree = (sort: Flavour['sort'], n: number): Run => (sort === 'carry' ? carryTree : halvingTree)(n);

/**
 * A key per list position, 0 the least urgent and larger numbers more urgent: as many as there are levels of merges. In
 * every run only one entry has the last key and one the next to it, and they come from its two parts: no merge runs dry.
 */
export function hardestKeys(sort: Flavour['sort'], n: number): Int32Array {
  const keys = new Int32Array(n);
  const assign = (run: Run, key: number): void => {
    if ('at' in run) keys[run.at] = key;
    else {
      assign(run.parts[0], key);
      assign(run.parts[1], key + 1);
    }
  };
  assign(mergeTree(sort, n), 0);
  return keys;
}

interface Colouring {
  /** Most comparisons in the run by number of entries that go behind the others. */
  readonly most: Float64Array;
  readonly ofOlder: Int32Array;
}

const NONE = Number.NEGATIVE_INFINITY;

/**
 * Which positions of a list that is in order must go behind the others, so that the sort that follows compares the most:
 * what an enable of the distributor can do to an ordered list. By the number that goes behind, over all runs.
 */
export function hardestPartition(
  sort: Flavour['sort'],
  n: number,
): { readonly behind: boolean[]; readonly comparisons: number } {
  const solved = new Map<Run, Colouring>();
  const solve = (run: Run): Float64Array => {
    if ('at' in run) return Float64Array.of(0, 0);
    const [older, newer] = run.parts;
    const a = solve(older);
    const b = solve(newer);
    const most = new Float64Array(run.size + 1).fill(NONE);
    const ofOlder = new Int32Array(run.size + 1);
    for (let i = 0; i < a.length; i++) {
      for (let j = 0; j < b.length; j++) {
        // The older run is used up at once if none of it goes behind; else what is left over of one is not compared.
        const compared = i === 0 ? older.size : run.size - (j > 0 ? j : i);
        if (a[i] + b[j] + compared <= most[i + j]) continue;
        most[i + j] = a[i] + b[j] + compared;
        ofOlder[i + j] = i;
      }
    }
    solved.set(run, { most, ofOlder });
    return most;
  };
  const root = mergeTree(sort, n);
  const most = solve(root);
  const behind = new Array<boolean>(n).fill(false);
  const mark = (run: Run, count: number): void => {
    if ('at' in run) behind[run.at] = count === 1;
    else {
      const i = solved.get(run)?.ofOlder[count] ?? 0;
      mark(run.parts[0], i);
      mark(run.parts[1], count - i);
    }
  };
  const best = most.indexOf(Math.max(...most));
  mark(root, best);
  return { behind, comparisons: most[best] };
}
