import assert from 'node:assert/strict';
import { test } from 'node:test';
import { mergeRows } from './merged-rows.js';

test('rows that differ in the one column alone become one, in the place of the first', () => {
  const rows = [
    ['level', 'kvm-6.1', 1],
    ['level', 'xen-new', 2],
    ['level', 'kvm-7.2', 1],
    ['edge', 'kvm-6.1', 1],
  ];
  assert.deepEqual(mergeRows(rows, 1), [
    ['level', 'kvm-6.1, kvm-7.2', 1],
    ['level', 'xen-new', 2],
    ['edge', 'kvm-6.1', 1],
  ]);
});

test('a number and its text are not the same, and rows keep their lengths', () => {
  assert.equal(
    mergeRows(
      [
        ['a', 1],
        ['b', '1'],
      ],
      0,
    ).length,
    2,
  );
  assert.deepEqual(mergeRows([], 0), []);
});
