import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { createCarrySort, mostCarryComparisons } from './carry-sort.js';
import { createMergeSort, mostMergeComparisons } from './merge-sort.js';
import { hardestKeys, hardestPartition } from './test-hardest.js';

const sorts = {
  halving: mostMergeComparisons,
  carry: mostCarryComparisons,
} as const;

/** Comparisons of the sort of a list with these keys. */
function comparisonsOf(sort: keyof typeof sorts, keys: ArrayLike<number>): number {
  const n = keys.length;
  const next = new Int32Array(n + 2);
  for (let at = 0; at < n; at++) next[at] = at + 1;
  const keyOf = Uint16Array.from(keys);
  const list = sort === 'carry' ? createCarrySort(next, keyOf, true) : createMergeSort(next, keyOf);
  list.sort(0, n);
  return list.comparisons();
}

for (const [name, most] of Object.entries(sorts)) {
  const sort = name as keyof typeof sorts;
  test(`${sort}: the most comparisons are reached, and with few keys`, () => {
    for (const n of [2, 3, 5, 16, 17, 100, 255, 256, 257, 960, 992]) {
      const keys = hardestKeys(sort, n).map((key) => 100 - key);
      assert.equal(comparisonsOf(sort, keys), most(n), `n = ${n}`);
      // 32 priorities, and the deliverable ones at the end.
      assert.ok(new Set(keys).size <= 2 * Math.log2(n) + 1, `n = ${n}: ${new Set(keys).size} keys`);
    }
  });

  test(`${sort}: no list takes more comparisons`, () => {
    const lists = fc.array(fc.nat(40), { minLength: 1, maxLength: 300 });
    fc.assert(
      fc.property(lists, (keys) => comparisonsOf(sort, keys) <= most(keys.length)),
      { seed: 3 },
    );
  });

  test(`${sort}: a list in order of which some go behind the others takes what its partition says`, () => {
    for (const n of [5, 16, 100]) {
      const { behind, comparisons } = hardestPartition(sort, n);
      const keys = behind.map((isBehind, at) => (isBehind ? n : 0) + at);
      assert.equal(comparisonsOf(sort, keys), comparisons, `n = ${n}`);
    }
  });
}

test('the comparisons of vgic-spec appendix A are below', () => {
  const scattered = Array.from({ length: 960 }, (_, i) => Number(((BigInt(i) * 2654435761n) >> 7n) % 32n));
  assert.equal(comparisonsOf('halving', scattered), 8426);
  assert.equal(mostMergeComparisons(960), 8577);
});
