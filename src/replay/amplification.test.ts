/** Instructions of the guest, and what the dearest one costs the host. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { strategyNamed } from '../strategy/index.js';
import * as K from '../trace/events.js';
import { ACTOR_COMMAND, ACTOR_HOST } from '../vgic/counters.js';
import { workloadHeader, workloadNamed } from '../workload/index.js';
import { resolveParams } from '../workload/workload.js';
import { actorOf, instructionsOf, instructionsOfLrState } from './guest-work.js';
import { replayTrace } from './replay.js';
import { type Amplification, PATH_NAMES } from './result.js';
import { sourceOf } from './test-traces.js';

type Step = readonly [kind: number, vcpu: number, intid: number, value: number];

const workload = workloadNamed('typical');
const params = resolveParams(workload, {});

function replaySteps(steps: readonly Step[]) {
  const header = workloadHeader(workload, params, 'test');
  const word = steps.map(([kind, vcpu, intid]) => K.packWord(kind, vcpu, intid));
  const value = steps.map(([, , , given]) => given);
  const identity = { path: 'made', sha256: '', origin: 'made' };
  const [exact] = replayTrace(sourceOf(header, word, value), [strategyNamed('sort-on-flush')], identity);
  return exact;
}
const amplificationOf = (steps: readonly Step[]): Amplification => replaySteps(steps).amplification;

const enable = (intid: number): Step => [K.ENABLE, 0, intid, 1];
const inject = (intid: number): Step => [K.INJECT, 0, intid, 1];
const entry = (vcpu = 0): Step => [K.FLUSH, vcpu, 0, 0];
const exit = (vcpu = 0): Step => [K.SYNC, vcpu, 0, 0];

test('one instruction an access; nothing for devices and user space', () => {
  const rows: readonly (readonly [kind: number, value: number, instructions: number])[] = [
    [K.ACK, 0, 1],
    [K.EOI, 0, 1],
    [K.ENABLE, 1, 1],
    [K.ENABLE, 3, 0],
    [K.PENDING, 2, 0],
    [K.PRIORITY, 2, 1],
    [K.SGI, 2, 1],
    [K.WFI, 0, 1],
    [K.INJECT, 1, 0],
    [K.LINE_LEVEL, 1, 0],
    [K.FLUSH, 0, 0],
    [K.SYNC, 0, 0],
    [K.MSI, 0, 0],
    [K.MEM_WRITE, 0, 1],
    [K.ITS_MMIO, 0, 1],
    [K.LPI_MAP, 0, 4],
  ];
  for (const [kind, value, instructions] of rows)
    assert.equal(instructionsOf(kind, value), instructions, K.findKind(kind)?.name);
  assert.equal(actorOf(K.ENABLE, 3, 1), 3);
  assert.equal(actorOf(K.ENABLE, 3, 3), ACTOR_HOST);
  assert.equal(actorOf(K.INJECT, 3, 1), ACTOR_HOST);
  assert.equal(actorOf(K.LPI_CONFIG, 3, 1), ACTOR_COMMAND);
});

test('a state of a list register tells the acknowledges and ends that led to it', () => {
  const [I, P, A, PA] = [0, 1, 2, 3];
  const rows: readonly (readonly [before: number, after: number, instructions: number])[] = [
    [P, P, 0],
    [P, A, 1],
    [P, I, 2],
    [A, I, 1],
    [PA, P, 1],
    [PA, A, 2],
    [PA, I, 3],
    [I, P, 0],
  ];
  for (const [before, after, instructions] of rows)
    assert.equal(instructionsOfLrState(before, after), instructions, `${before} to ${after}`);
});

test('a drain is two instructions for each interrupt that it takes', () => {
  const steps = [enable(40), enable(41), inject(40), inject(41), entry()];
  assert.equal(amplificationOf([...steps, [K.GUEST_DRAIN, 0, 0, 0]]).guestInstructions, 2 + 4);
  assert.equal(amplificationOf([...steps, [K.GUEST_DRAIN, 0, 0, 1]]).guestInstructions, 2 + 2);
  assert.equal(amplificationOf([...steps, [K.GUEST_DRAIN, 0, 0, 3]]).guestInstructions, 2 + 4);
});

test('the window of an instruction is its exit, its access and the entry behind it', () => {
  const start = [enable(40), inject(40), entry()];
  const write: Step = [K.PRIORITY, 0, 40, 0x80];
  // Exit: fold 2 (a list register, its lock), prune 3 (list lock; an entry and its lock); write 1.
  // Entry: list lock; an entry and its lock for the depth, again for the walk; a list register.
  const before = replaySteps(start);
  const flush = before.paths.flush.steps.sum;
  const { worstWindow } = amplificationOf([...start, exit(), write, entry()]);
  assert.deepEqual(worstWindow, { steps: 2 + 3 + 1 + flush, vcpu: 0, event: start.length + 2 });
});

test('accesses on end share the exit in front of the first and the entry behind the last', () => {
  const start = [enable(40), inject(40), entry()];
  const write: Step = [K.PRIORITY, 0, 40, 0x80];
  const flush = replaySteps(start).paths.flush.steps.sum;
  const { worstWindow } = amplificationOf([...start, exit(), write, write, write, entry()]);
  assert.equal(worstWindow?.steps, Math.max(2 + 3 + 1, 1 + flush));
});

test('exits that no instruction caused are in the total alone, and vCPUs stand apart', () => {
  const start = [enable(40), inject(40), entry()];
  const rounds = Array.from({ length: 10 }, () => [exit(), entry()]).flat();
  const ack: Step = [K.ACK, 0, 40, 0];
  const short = replaySteps([...start, ack]);
  const long = replaySteps([...start, ...rounds, ack]);
  assert.deepEqual(long.amplification.worstWindow?.steps, short.amplification.worstWindow?.steps);
  assert.equal(long.amplification.guestInstructions, 2);
  const sumSteps = (exact: typeof long): number =>
    PATH_NAMES.reduce((sum, path) => sum + exact.paths[path].steps.sum, 0);
  assert.equal(long.amplification.steps, sumSteps(long));
  const before = replaySteps(start);
  const other: Step = [K.PRIORITY, 1, 40, 0x80];
  // The exit of vCPU 0 is not what a write of vCPU 1 caused.
  assert.deepEqual(amplificationOf([...start, exit(), other]).worstWindow, before.amplification.worstWindow);
});
