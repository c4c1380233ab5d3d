import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  createLeftistHeaps,
  mostInsertComparisons,
  mostRebuildComparisons,
  mostRemoveComparisons,
} from './leftist-heap.js';

const NR_ROWS = 64;
const actions = fc.array(fc.record({ row: fc.nat(NR_ROWS - 1), key: fc.nat(9), rebuilds: fc.nat(20) }), {
  maxLength: 300,
});

test('a heap has its first row on top, and no call compares more than it may', () => {
  fc.assert(
    fc.property(actions, (steps) => {
      const heaps = createLeftistHeaps(NR_ROWS, 1);
      const held = new Set<number>();
      let arrivals = 0;
      for (const { row, key, rebuilds } of steps) {
        if (held.has(row)) {
          assert.ok(heaps.remove(0, row) <= mostRemoveComparisons(held.size));
          held.delete(row);
        } else {
          heaps.key[row] = key;
          heaps.sequence[row] = arrivals++;
          assert.ok(heaps.insert(0, row) <= mostInsertComparisons(held.size));
          held.add(row);
        }
        if (rebuilds === 0) {
          for (const other of held) heaps.key[other] = (heaps.key[other] * 7) % 10;
          assert.ok(heaps.rebuild(0, [...held]) <= mostRebuildComparisons(held.size));
        }
        const [first = -1] = [...held].sort((a, b) => (heaps.precedes(a, b) ? -1 : 1));
        assert.equal(heaps.top[0], first);
      }
    }),
    { seed: 2 },
  );
});
