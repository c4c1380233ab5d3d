/** Litmus tests whose outcome on a multi-copy-atomic machine is known (Arm ARM, appendix on barrier litmus tests). */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { countExecutions } from './executions.js';
import { search } from './search.js';
import type { System } from './system.js';
import { createWeakSystem, type Operation } from './weak-memory.js';

const [X, Y, A, B] = [0, 1, 2, 3];
const write = (at: number): Operation => ({ kind: 'write', at, value: 1 });
const read = (at: number): Operation => ({ kind: 'read', at });
/** Notes in `at` that operation `given` read `equals`. */
const note = (at: number, given: number, equals: number): Operation => ({
  kind: 'write-if',
  at,
  value: 1,
  given,
  equals,
  wmb: false,
});

/** Two threads; the outcome asked for is that both notes were made. */
function litmus(...threads: readonly (readonly Operation[])[]): System {
  return createWeakSystem({
    locations: ['x', 'y', 'a', 'b'].map((name) => [name, 0] as const),
    threads: threads.map((operations, at) => ({ name: `P${at}`, turn: { operations } })),
    sleeps: { at: X, equals: 2 },
    maxTurns: 1,
    valueName: (_, value) => String(value),
    atRest: (memory) => (memory[A] === 1 && memory[B] === 1 ? { kind: 'lost-wakeup', text: 'both' } : null),
  });
}

const isReachable = (system: System): boolean => {
  const full = search(system).problem !== null;
  assert.equal(search(system, { reduced: true }).problem !== null, full);
  assert.equal((countExecutions(system)?.failing ?? 0) > 0, full);
  return full;
};

test('store buffering: both read 0 unless both have a full barrier; write and read barriers do not help', () => {
  const side = (mine: number, other: number, result: number, kind?: 'mb' | 'wmb' | 'rmb'): Operation[] => [
    write(mine),
    ...(kind === undefined ? [] : [{ kind }]),
    read(other),
    note(result, kind === undefined ? 1 : 2, 0),
  ];
  assert.ok(isReachable(litmus(side(X, Y, A), side(Y, X, B))));
  assert.ok(isReachable(litmus(side(X, Y, A, 'wmb'), side(Y, X, B, 'rmb'))));
  assert.ok(isReachable(litmus(side(X, Y, A, 'mb'), side(Y, X, B))));
  assert.ok(!isReachable(litmus(side(X, Y, A, 'mb'), side(Y, X, B, 'mb'))));
});

test('message passing: the flag is seen without the data unless the writes and the reads are ordered', () => {
  const sender = (...barrier: Operation[]): Operation[] => [write(X), ...barrier, write(Y)];
  const receiver = (...barrier: Operation[]): Operation[] => {
    const data = 1 + barrier.length;
    return [read(Y), ...barrier, read(X), note(A, 0, 1), note(B, data, 0)];
  };
  assert.ok(isReachable(litmus(sender(), receiver())));
  assert.ok(isReachable(litmus(sender({ kind: 'wmb' }), receiver())));
  assert.ok(isReachable(litmus(sender(), receiver({ kind: 'rmb' }))));
  assert.ok(!isReachable(litmus(sender({ kind: 'wmb' }), receiver({ kind: 'rmb' }))));
});

test('coherence: two reads of one location do not go back', () => {
  assert.ok(!isReachable(litmus([write(X)], [read(X), read(X), note(A, 0, 1), note(B, 1, 0)])));
});

test('operations of one thread: k without order have k! executions, a barrier between leaves one', () => {
  const executions = (...operations: Operation[]): number | undefined => countExecutions(litmus(operations))?.all;
  assert.equal(executions(write(X), write(Y), write(A)), 6);
  assert.equal(executions(write(X), { kind: 'wmb' }, write(Y), { kind: 'wmb' }, write(A)), 1);
  assert.equal(executions(write(X), { kind: 'rmb' }, write(Y)), 2);
  assert.equal(executions(write(X), { kind: 'mb' }, read(Y)), 1);
  // Two threads of two writes without order: (4 choose 2) interleavings of 2 * 2 orders.
  assert.equal(countExecutions(litmus([write(X), write(Y)], [write(A), write(B)]))?.all, 24);
});
