/** Events of the timers, as a replay runs them. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createGenerator } from '../base/rng.js';
import type { Machine } from '../gic/intid.js';
import { apListStrategies, strategyNamed } from '../strategy/index.js';
import * as K from '../trace/events.js';
import { slotOf } from '../vgic/state.js';
import type { Vgic } from '../vgic/vgic.js';
import { HW, isPending } from '../vgic/word.js';
import { createModel, referenceFor } from './create-model.js';
import { createEngine } from './engine.js';
import type { Violation } from './invariants.js';
import { replayTrace } from './replay.js';
import type { SystemCounts } from './systems.js';
import { collectEvents, readVgr1, sourceOf } from './test-traces.js';

type Event = readonly [kind: number, intid?: number, value?: number, vcpu?: number];
const ARMED = 1;
const EXPIRED = 5;

const machineOf = (flavour: string): Machine => ({
  flavour,
  model: flavour.startsWith('xen') ? 'gicv2' : 'gicv3',
  nrVcpus: 2,
  nrSpis: 32,
  nrLpis: 0,
  nrLr: 2,
  distEnabledAtStart: true,
  pmrAtStart: 0xf8,
});

function play(flavour: string, events: readonly Event[]): { counts: SystemCounts; vgic: Vgic } {
  const machine = machineOf(flavour);
  const vgic = createModel(machine, referenceFor(machine));
  const engine = createEngine(vgic);
  for (const [kind, intid = 0, value = 0, vcpu = 0] of [[K.ENABLE, 27, 1], ...events] as Event[])
    engine.step(K.packWord(kind, vcpu, intid), value);
  return { counts: engine.systemCounts().timer, vgic };
}

const wordOf = ({ state }: Vgic, intid: number): number => state.word[slotOf(state, 0, intid)];

/** One expiry in the guest, handled. */
const TICK: readonly Event[] = [
  [K.FLUSH],
  [K.TIMER, 0, EXPIRED],
  [K.SYNC],
  [K.FLUSH],
  [K.ACK],
  [K.TIMER, 0, ARMED],
  [K.EOI, 27],
  [K.SYNC],
];

test('a tick of each flavour: one host interrupt, one exit, one acknowledge', () => {
  for (const flavour of ['kvm-6.1', 'kvm-7.2', 'xen-new', 'xen-old']) {
    const { counts, vgic } = play(flavour, [[K.VCPU_LOAD], [K.TIMER, 0, ARMED], ...TICK, ...TICK]);
    assert.equal(counts['host interrupts'], 2);
    assert.equal(counts['exits by host interrupt'], 2);
    assert.equal(vgic.state.cost.acks, 2);
    assert.equal(vgic.state.cost.spurious, 0);
  }
});

test('a trace that never says VCPU_LOAD: a vCPU in the guest is on a CPU', () => {
  const { counts } = play('kvm-7.2', [...TICK, ...TICK]);
  assert.equal(counts['host interrupts'], 2);
});

test('a vCPU whose timer is due does not block: its own thread sees it; a later expiry wakes one that did', () => {
  for (const flavour of ['kvm-6.1', 'kvm-7.2', 'xen-new', 'xen-old']) {
    const start: Event[] = [[K.VCPU_LOAD], [K.TIMER, 0, ARMED], [K.FLUSH], [K.SYNC]];
    const halt: Event[] = [[K.VCPU_PUT, 0, 1], [K.WFI]];
    // The expiry comes as the vCPU leaves, while the guest has its interrupt switched off: the vGIC has nothing for it.
    const due = play(flavour, [...start, [K.ENABLE, 27, 0], [K.TIMER, 0, EXPIRED], ...halt]);
    assert.equal(due.vgic.kicks.isBlocked(0), false, flavour);
    assert.equal(due.counts['wake-ups'], 1);
    const waiting = play(flavour, [...start, ...halt]);
    assert.equal(waiting.vgic.kicks.isBlocked(0), true, flavour);
    const woken = play(flavour, [...start, ...halt, [K.TIMER, 0, EXPIRED]]);
    assert.equal(woken.vgic.kicks.isBlocked(0), false, flavour);
    assert.equal(woken.vgic.state.cost.wakeups, 1);
  }
});

test('xen-new: the lines are recomputed at each FLUSH', () => {
  const { counts } = play('xen-new', [[K.TIMER, 0, ARMED], [K.FLUSH], [K.SYNC], [K.FLUSH], [K.SYNC]]);
  assert.equal(counts['redundant injections'], 4);
});

test('xen-new: steps and runs of a userspace irqchip are counted as not modelled', () => {
  const events: Event[] = [[K.SYSTEM, 0, 0], [K.VM_STEP], [K.RUN_ENTRY], [K.RUN_EXIT]];
  assert.equal(play('xen-new', events).counts['events not modelled'], 3);
  assert.equal(play('kvm-7.2', events).counts['events not modelled'], 0);
});

test('loads alone touch neither vgic nor mapping', () => {
  const { counts, vgic } = play('kvm-7.2', [[K.VCPU_LOAD], [K.VCPU_PUT], [K.VCPU_LOAD]]);
  assert.equal(counts, undefined);
  assert.equal(wordOf(vgic, 27) & HW, 0);
});

test('userspace irqchip: the expiry costs a return to user space, its end another', () => {
  const events: Event[] = [
    [K.SYSTEM, 0, 0],
    [K.TIMER, 0, ARMED],
    [K.RUN_ENTRY],
    [K.TIMER, 0, EXPIRED],
    [K.RUN_EXIT],
    [K.RUN_ENTRY],
    [K.RUN_ENTRY],
    [K.TIMER, 0, ARMED],
    [K.RUN_EXIT],
    [K.RUN_ENTRY],
  ];
  for (const activeStates of [1, 0]) {
    const { counts, vgic } = play('kvm-6.1', [[K.SYSTEM, 1, activeStates], ...events]);
    const { 'exits to user space': exitsToUser, 'active-state writes': activeStateWrites } = counts;
    const { masks, unmasks, injections } = counts;
    assert.deepEqual([exitsToUser, masks, unmasks, injections], [2, 1, 1, 0]);
    assert.equal(activeStateWrites > 0, activeStates === 1);
    assert.equal(isPending(wordOf(vgic, 27)), false);
  }
});

test('the life of a VM: a vgic after a run is refused, and the irqchip stays in user space', () => {
  const { counts, vgic } = play('kvm-7.2', [
    [K.VM_STEP, 0],
    [K.VM_STEP, 3],
    [K.VM_STEP, 1],
    [K.RUN_ENTRY],
    [K.TIMER, 0, EXPIRED],
  ]);
  assert.equal(counts['refused VM steps'], 1);
  assert.deepEqual([counts['entries with a userspace irqchip'], counts.injections, wordOf(vgic, 27) & HW], [1, 0, 0]);
});

test('the life of a VM: vgic, initialised, then run: timers are mapped and injected', () => {
  const { counts, vgic } = play('kvm-7.2', [
    [K.VM_STEP, 0],
    [K.VM_STEP, 1],
    [K.VM_STEP, 3],
    [K.VM_STEP, 2],
    [K.VM_STEP, 3],
    ...TICK,
  ]);
  assert.equal(counts['refused VM steps'], 1);
  assert.equal(counts.injections, 1);
  assert.notEqual(wordOf(vgic, 27) & HW, 0);
});

/** Two vCPUs with timers, WFI, SGIs and SPIs, from a seed: what a guest may do in the order in which it may. */
function writeRandomRun(
  seed: number,
  events: number,
  write: (kind: number, vcpu: number, intid: number, value: number) => void,
): void {
  const { nextBelow } = createGenerator(seed);
  const where = ['out', 'out'];
  for (const vcpu of [0, 1]) for (const intid of [27, 28, 30]) write(K.ENABLE, vcpu, intid, 1);
  for (const intid of [32, 33, 34]) {
    write(K.ENABLE, 0, intid, 1);
    write(K.TARGET, 0, intid, intid & 1);
  }
  for (let event = 0; event < events; event++) {
    const vcpu = nextBelow(2);
    const timer = nextBelow(3);
    const isIn = where[vcpu] === 'guest';
    switch (nextBelow(isIn ? 9 : 6)) {
      case 0:
        write(K.INJECT, 0, 32 + nextBelow(3), 1);
        break;
      case 1:
        write(K.TIMER, vcpu, timer, timer === 1 && nextBelow(3) === 0 ? 8 + nextBelow(8) : nextBelow(8));
        break;
      case 2:
        write(K.TIMER, vcpu, 0, 5);
        break;
      case 3:
        write(K.SGI, vcpu, nextBelow(4), 1 + nextBelow(3));
        break;
      case 4:
      case 5:
        if (isIn) write(K.SYNC, vcpu, 0, 0);
        else {
          if (nextBelow(2) === 0) write(K.VCPU_PUT, vcpu, 0, nextBelow(2));
          write(K.VCPU_LOAD, vcpu, 0, 0);
          write(K.FLUSH, vcpu, 0, 0);
        }
        where[vcpu] = isIn ? 'out' : 'guest';
        break;
      case 6:
        write(K.GUEST_DRAIN, vcpu, 0, 0);
        break;
      case 7:
        write(K.ACK, vcpu, 0, 0);
        break;
      default:
        write(K.EOI, vcpu, 27, 0);
    }
  }
}

for (const flavour of ['kvm-6.1', 'kvm-7.2', 'xen-new']) {
  test(`random runs with timers break no invariant under any strategy (${flavour})`, () => {
    const chosen = apListStrategies.map(({ id }) => strategyNamed(id));
    const { word, value, sink } = collectEvents();
    writeRandomRun(9, 3000, (kind, vcpu, intid, bits) => sink.event(kind, vcpu, intid, bits, 1));
    const onViolation = (violation: Violation, strategy: number): void =>
      assert.fail(`${chosen[strategy].label}: ${JSON.stringify(violation)}`);
    const identity = { path: 'random', sha256: '', origin: 'test' };
    const header = { ...readVgr1('golden/typical-s01.bin.gz').header, machine: machineOf(flavour) };
    const source = sourceOf(header, word, value);
    const records = replayTrace(source, chosen, identity, { onViolation });
    const { 'host interrupts': hostInterrupts, injections } = records[0].systems.timer;
    assert.ok(hostInterrupts > 50 && injections > 100);
  });
}
