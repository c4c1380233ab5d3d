/** The modelled cost, against the lock counts measured on the compiled C code (vgic-spec appendix A). */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as ev from '../trace/events.js';
import { sortHalving } from './merge-sort.js';
import { TestMachine } from './test-machine.js';

const NR_LR = 4;

type PriorityOf = (index: number, n: number) => number;
const EQUAL: PriorityOf = () => 0x80;
const ASCENDING: PriorityOf = (index, n) => Math.floor((31 * index) / (n - 1)) << 3;
const DESCENDING: PriorityOf = (index, n) => (31 - Math.floor((31 * index) / (n - 1))) << 3;
const SCATTERED: PriorityOf = (index) => Number(((BigInt(index) * 2654435761n) >> 7n) % 32n) << 3;

/** n enabled SPIs pending on one vCPU, in INTID order. */
function queueSpis(n: number, priorityOf: PriorityOf): TestMachine {
  const machine = new TestMachine({ nrVcpus: 1, nrSpis: 960, nrLr: NR_LR });
  for (let index = 0; index < n; index++) {
    machine.setPriority(32 + index, priorityOf(index, n));
    machine.enable(32 + index);
    machine.inject(32 + index);
  }
  return machine;
}

function countFlushLocks(machine: TestMachine): number {
  machine.flush();
  return machine.vgic.lastCost.locks;
}

// n, flush (equal or ascending), flush (descending), flush (scattered), sync, repeated flush, pending test
const ROWS = [
  [4, 9, 9, 9, 9, 9, 5],
  [5, 22, 22, 26, 10, 22, 6],
  [16, 85, 85, 117, 21, 85, 17],
  [64, 453, 515, 699, 69, 453, 65],
  [256, 2309, 2707, 3793, 261, 2309, 257],
  [960, 10693, 12045, 17817, 965, 10693, 961],
];

for (const [n, sorted, descending, scattered, sync, repeated, pending] of ROWS) {
  test(`locks with ${n} pending SPIs`, () => {
    assert.equal(countFlushLocks(queueSpis(n, EQUAL)), sorted, 'equal');
    assert.equal(countFlushLocks(queueSpis(n, ASCENDING)), sorted, 'ascending');
    assert.equal(countFlushLocks(queueSpis(n, DESCENDING)), descending, 'descending');

    const machine = queueSpis(n, SCATTERED);
    assert.equal(countFlushLocks(machine), scattered, 'scattered');
    machine.sync();
    const { vgic } = machine;
    assert.equal(vgic.cost('fold').locks.sum + vgic.cost('prune').locks.sum, sync, 'sync');
    assert.equal(countFlushLocks(machine), repeated, 'already sorted');

    machine.apply(ev.PMR, 0, 0);
    machine.apply(ev.PENDING_QUERY, 0, 0);
    assert.equal(vgic.lastQuery, false);
    assert.equal(vgic.lastCost.locks, pending, 'pending test');
  });
}

test('visits, comparisons and populated list registers of one flush', () => {
  const machine = queueSpis(960, SCATTERED);
  machine.flush();
  assert.deepEqual(machine.vgic.lastCost, { visits: 964, comparisons: 8426, locks: 17817, lrWrites: 4 });
  assert.equal(machine.vgic.cost('flush').steps.max, 964 + 8426 + 17817 + 4);
});

test('inject: one lock, two more when it queues, none of them twice', () => {
  const machine = new TestMachine();
  machine.makeLevel(40);
  machine.inject(40);
  assert.equal(machine.vgic.lastCost.locks, 1, 'disabled: not queued');
  machine.enable(40);
  assert.equal(machine.vgic.lastCost.locks, 3, 'enabling queues');
  machine.inject(40);
  assert.equal(machine.vgic.lastCost.locks, 1, 'level unchanged');
  assert.equal(machine.vgic.cost('inject').calls, 3);
  assert.equal(machine.vgic.cost('inject').locks.max, 3);
  assert.equal(machine.vgic.cost('inject').visits.sum, 0);
});

test('prune begins again after each migration', () => {
  const machine = new TestMachine();
  for (const intid of [40, 41, 42]) {
    machine.enable(intid);
    machine.inject(intid);
  }
  machine.flush();
  machine.apply(ev.TARGET, 41, 1);
  machine.apply(ev.TARGET, 42, 1);
  machine.sync();
  // Walks: 40, 41 moves; 40, 42 moves; 40. Per walk the list lock, per move both lists and the interrupt again.
  assert.equal(machine.vgic.cost('prune').visits.sum, 2 + 2 + 1);
  assert.equal(machine.vgic.cost('prune').locks.sum, 3 + 5 + 2 * 3);
  assert.deepEqual(machine.list(1), [41, 42]);
});

test('a flush and a sync of an empty list are calls that cost nothing', () => {
  const machine = new TestMachine();
  machine.flush();
  machine.sync();
  for (const path of ['flush', 'fold', 'prune'] as const) {
    assert.equal(machine.vgic.cost(path).calls, 1, path);
    assert.equal(machine.vgic.cost(path).steps.sum, 0, path);
  }
});

test('enabling the distributor takes every list lock, empty lists included', () => {
  const machine = new TestMachine({ nrVcpus: 3 });
  machine.enable(40);
  machine.inject(40);
  machine.apply(ev.DIST_ENABLE, 0, 0);
  machine.apply(ev.DIST_ENABLE, 0, 1);
  assert.equal(machine.vgic.cost('pending').calls, 3);
  assert.equal(machine.vgic.cost('pending').locks.sum, 1 + 1 + 1 + 1);
  assert.deepEqual(machine.vgic.lastKicks, [0]);
});

test('the merge of vgic-spec E.1: comparisons on sorted input are n/2 log2 n for powers of two', () => {
  for (const exponent of [0, 1, 2, 5, 10]) {
    const n = 2 ** exponent;
    const ascending = Array.from({ length: n }, (_, index) => index);
    const { items, nrComparisons } = sortHalving(ascending, (a, b) => a - b);
    assert.deepEqual(items, ascending);
    assert.equal(nrComparisons, (n / 2) * exponent);
  }
});

test('the merge is stable and orders any input', () => {
  const items = Array.from({ length: 500 }, (_, index) => ({ key: (index * 7919) % 13, index }));
  const expected = [...items].sort((a, b) => a.key - b.key || a.index - b.index);
  assert.deepEqual(sortHalving(items, (a, b) => a.key - b.key).items, expected);
  assert.deepEqual(
    sortHalving([], () => 0),
    { items: [], nrComparisons: 0, hasSelfCalls: false },
  );
});
