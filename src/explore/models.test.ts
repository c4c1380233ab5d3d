/** Every model, exhausted: what it must show, and the counts of the search, which are the same on every machine. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { countExecutions } from './executions.js';
import { exploreAll, modelNamed, models, variantNamed } from './index.js';
import type { Variant } from './model.js';
import { doorbellWake, wakeVariants } from './models/doorbell-wake.js';
import { kick, kickVariants } from './models/kick.js';
import { replayMoves } from './replay-schedule.js';
import { search } from './search.js';
import type { Move, ProblemKind } from './system.js';

type Pin = readonly [
  variant: string,
  problem: ProblemKind | null,
  states: number,
  transitions: number,
  executions: number,
  failing: number,
  steps: number,
];

const PINS: Readonly<Record<string, readonly Pin[]>> = {
  'doorbell-lock': [
    ['irqs-on-test', 'deadlock', 30, 29, 12, 5, 6],
    ['irqs-on', null, 60, 70, 12, 0, 0],
    ['irqs-off-test', null, 60, 61, 4, 0, 0],
    ['irqs-off', null, 44, 46, 4, 0, 0],
  ],
  'doorbell-wake': [
    ['p1', null, 23, 27, 10, 0, 0],
    ['p1-no-wmb', 'lost-wakeup', 33, 47, 30, 8, 5],
    ['p1-no-mb', 'lost-wakeup', 29, 38, 28, 1, 5],
    ['p1-if', 'lost-wakeup', 51, 84, 81, 22, 6],
    ['p1-if-mb', null, 32, 42, 20, 0, 0],
    ['p1-if-no-mb', 'lost-wakeup', 42, 61, 51, 3, 6],
    ['p2', 'lost-wakeup', 26, 32, 15, 13, 6],
    ['p2-reread', 'lost-wakeup', 27, 32, 15, 8, 6],
    ['p3-no-kick-mb', 'lost-wakeup', 103, 196, 848, 414, 8],
    ['p3', null, 51, 74, 70, 0, 0],
    ['p3-no-rmb', null, 83, 136, 242, 0, 0],
    ['p3-no-mb', 'lost-wakeup', 77, 130, 438, 31, 8],
    ['p3-request', null, 36, 49, 35, 0, 0],
  ],
  queue: [
    ['disable', null, 40, 49, 15, 0, 0],
    ['disable-no-recheck', 'queued-disabled', 33, 38, 15, 4, 10],
    ['retarget', null, 46, 55, 15, 0, 0],
    ['retarget-no-recheck', 'wrong-list', 35, 40, 15, 4, 10],
    ['retarget-no-retry', 'lost-interrupt', 42, 49, 15, 4, 12],
    ['twice', null, 100, 144, 162, 0, 0],
    ['twice-no-recheck', 'queued-twice', 83, 115, 90, 48, 16],
    ['twice-no-owner-recheck', 'queued-twice', 91, 125, 102, 60, 18],
    ['queued', null, 108, 177, 1559, 0, 0],
    ['queued-no-owner', 'two-lists', 39, 55, 17640, 17640, 8],
    ['enable', null, 516, 852, 39681, 0, 0],
    ['all', null, 8717, 20212, 5656385632, 0, 0],
  ],
  kick: [
    ['kvm', null, 202, 347, 40936, 0, 0],
    ['kvm-no-recheck', 'lost-wakeup', 93, 149, 1950, 6, 10],
    ['kvm-no-mode-mb', 'lost-wakeup', 194, 350, 549598, 18, 11],
    ['kvm-no-kick-mb', 'lost-wakeup', 230, 450, 102688, 1688, 11],
    ['kvm-no-consume-mb', 'lost-wakeup', 200, 347, 702548, 28, 11],
    ['xen', null, 49, 74, 312, 0, 0],
    ['xen-unblock', 'lost-wakeup', 19, 28, 24, 10, 6],
  ],
  'inject-isr': [
    ['irqsave', null, 80, 82, 4, 0, 0],
    ['plain', 'deadlock', 72, 71, 12, 5, 10],
    ['same-irqsave', null, 70, 72, 4, 0, 0],
    ['same-plain', 'deadlock', 8, 7, 12, 7, 2],
  ],
  migrate: [
    ['crossing', null, 362, 614, 2409554466, 0, 0],
    ['crossing-own-first', 'lock-order', 52, 85, 37917, 37917, 8],
    ['crossing-abba', 'deadlock', 83, 131, 7186929464, 3432, 14],
    ['leaving', null, 40, 48, 14, 0, 0],
    ['leaving-no-kick', 'lost-wakeup', 38, 46, 14, 10, 21],
    ['returning', null, 80, 116, 150, 0, 0],
    ['returning-no-oracle', 'wrong-list', 52, 69, 150, 20, 15],
    ['flushed', null, 450, 824, 136550, 0, 0],
    ['flushed-no-owner', 'not-on-list', 331, 568, 76063, 377, 21],
  ],
  comparator: [
    ['guard', null, 156, 256, 1551, 0, 0],
    ['no-guard', 'deadlock', 43, 59, 150, 150, 7],
    ['no-list-lock', 'lock-order', 9, 10, 32, 32, 2],
    ['no-list-lock-abba', 'deadlock', 10, 11, 2448, 16, 2],
  ],
  'translation-cache': [
    ['hit', null, 33, 49, 31, 0, 0],
    ['hit-no-reference', 'use-after-free', 32, 48, 31, 1, 9],
    ['twice', null, 20, 26, 8, 0, 0],
    ['twice-put-twice', 'use-after-free', 51, 66, 28, 20, 14],
    ['all', null, 129, 251, 771, 0, 0],
  ],
};

const explorations = exploreAll();

test('every broken variant is found by what it breaks, every correct one exhausted, in the same counts everywhere', () => {
  const got: Record<string, Pin[]> = {};
  for (const { model, variant, problem, states, transitions, executions, failing, length } of explorations) {
    assert.ok(executions !== null && failing !== null, `${model}:${variant}`);
    got[model] ??= [];
    got[model].push([variant, problem?.kind ?? null, states, transitions, executions, failing, length]);
  }
  assert.deepEqual(got, PINS);
});

test('what is found is what the variant declares', () => {
  for (const { model, variant, expected, isBroken, verdict, problem, isAsDeclared, failing } of explorations) {
    assert.equal(problem?.kind ?? null, expected, `${model}:${variant}`);
    assert.ok(isAsDeclared);
    assert.equal(verdict, isBroken ? 'found' : 'exhausted');
    // The count of executions is made by another walk over the states.
    assert.equal((failing ?? 0) > 0, isBroken);
  }
  for (const { id } of models) {
    const ofModel = explorations.filter(({ model }) => model === id);
    assert.ok(ofModel.some(({ isBroken }) => isBroken) && ofModel.some(({ isBroken }) => !isBroken), id);
  }
});

test('the reduced search has the same verdict and problem everywhere, in fewer states', () => {
  const reduced = exploreAll({ reduced: true });
  let [before, after] = [0, 0];
  for (const [at, full] of explorations.entries()) {
    const name = `${full.model}:${full.variant}`;
    assert.equal(reduced[at].verdict, full.verdict, name);
    assert.equal(reduced[at].problem?.kind, full.problem?.kind, name);
    // The full search is breadth first: nothing shorter exists.
    assert.ok(reduced[at].length >= full.length, name);
    if (full.isBroken) continue;
    before += full.states;
    after += reduced[at].states;
    assert.ok(reduced[at].states <= full.states, name);
  }
  assert.ok(after < 0.8 * before, `${after} of ${before}`);
});

/** The table of vgic-spec 4.4: distinct complete executions, and those in which the wake-up is lost. */
const EXECUTIONS_4_4: readonly (readonly [number, number])[] = [
  [10, 0],
  [30, 8],
  [28, 1],
  [81, 22],
  [20, 0],
  [51, 3],
  [15, 13],
  [15, 8],
  [848, 414],
  [70, 0],
  [242, 0],
  [438, 31],
  [35, 0],
];

test('the executions of the doorbell protocols are those of the specification, row by row', () => {
  const counted = doorbellWake.variants.map(({ create }) => countExecutions(create()));
  assert.deepEqual(
    counted.map((executions) => [executions?.all, executions?.failing]),
    EXECUTIONS_4_4,
  );
});

test('a wmb that also holds back a conditional wake-up changes counts, but no verdict', () => {
  const counted = wakeVariants(true).map(({ create }) => countExecutions(create()));
  assert.deepEqual(
    counted.map((executions) => (executions?.failing ?? 0) > 0),
    EXECUTIONS_4_4.map(([, lost]) => lost > 0),
  );
  assert.notDeepEqual(
    counted.map((executions) => executions?.all),
    EXECUTIONS_4_4.map(([all]) => all),
  );
});

test('no vCPU ever needs a fourth turn: the bound of three cuts nothing off', () => {
  const counts = (variants: readonly Variant[]): unknown[] =>
    variants.map(({ id, create }) => [id, countExecutions(create())]);
  assert.deepEqual(counts(wakeVariants(false, 4)), counts(doorbellWake.variants));
  assert.deepEqual(counts(kickVariants(4)), counts(kick.variants));
  // It would show: two turns are too few.
  assert.notDeepEqual(counts(kickVariants(2)), counts(kick.variants));
});

test('every counterexample, taken step by step, ends in its problem and not before', () => {
  let replayed = 0;
  for (const { model, variant, schedule, problem, threads } of explorations) {
    if (problem === null) continue;
    const system = variantNamed(modelNamed(model), variant).create();
    const moves = schedule.map(({ thread, id, value }): Move => ({ thread, id, value }));
    const { steps, problem: end, stopped } = replayMoves(system, moves);
    assert.deepEqual([steps, end, stopped], [schedule, problem, null]);
    assert.ok(schedule.every(({ thread, text }) => thread < threads.length && text.length > 0));
    assert.equal(replayMoves(system, moves.slice(0, -1)).problem, null);
    replayed++;
  }
  assert.equal(replayed, explorations.filter(({ isBroken }) => isBroken).length);
});

test('a schedule that does not fit says where', () => {
  const system = variantNamed(modelNamed('queue'), 'retarget-no-retry').create();
  const { schedule } = search(system);
  const stops = (moves: readonly Move[]): string | null => replayMoves(system, moves).stopped;
  assert.equal(stops([...schedule.slice(0, 3), schedule[7]]), 'step 4: thread 1 cannot take step 2 here');
  assert.equal(stops([{ ...schedule[0], thread: 9 }]), 'step 1: thread 9 cannot take step 0 here');
  assert.equal(stops([schedule[0], { ...schedule[1], value: 7 }]), 'step 2: the value is 1, not 7');
  assert.equal(stops([...schedule, schedule[0]]), 'step 13 comes after the failure');
});
