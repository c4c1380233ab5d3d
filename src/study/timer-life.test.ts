/** The orders of a VM's life: the count of paths against a walk along each, and what the guards prevent. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { VmGuards } from '../vgic/timer/vm-life.js';
import { countLives, describeSteps, lifeSteps } from './timer-life.js';
import {
  createLifeMachine,
  HARM_HOST,
  HARM_LOST,
  HARM_MISSED,
  HARM_NOT_READY,
  HARM_STUCK_LINE,
  HARMS,
  type StepKind,
} from './timer-life-machine.js';

const BASE = { flavour: 'kvm-7.2', nrVcpus: 2, splits: false, checksOwner: true, masksHost: true, guards: {} };
const UNGUARDED: Partial<VmGuards> = { vgicBeforeRun: false };
const orderOf = (bit: number): number => HARMS.findIndex((harm) => harm.bit === bit);

test('counted in the graph and walked one by one: the same sequences, the same harms', () => {
  for (const { guards, checksOwner, maxLength } of [
    { guards: UNGUARDED, checksOwner: true, maxLength: 6 },
    { guards: { ...UNGUARDED, oneVgic: false, initialisedAtRun: false }, checksOwner: false, maxLength: 6 },
  ]) {
    const options = { ...BASE, guards, checksOwner, maxLength };
    const machine = createLifeMachine(options);
    const steps = lifeSteps(options.nrVcpus, options.splits);
    const byHarm = HARMS.map(() => 0);
    let sequences = 0;
    let harmful = 0;
    let late = 0;
    const path: (typeof steps)[number][] = [];
    const walk = (seen: number): void => {
      if (path.length === maxLength) return;
      for (const step of steps) {
        machine.reset();
        for (const done of path) machine.apply(done);
        if (!machine.isPossible(step)) continue;
        const harms = seen | machine.apply(step);
        sequences += 1;
        if (harms !== 0) harmful += 1;
        if (machine.hasLateVgic()) late += 1;
        HARMS.forEach(({ bit }, harm) => {
          if ((harms & bit) !== 0) byHarm[harm] += 1;
        });
        path.push(step);
        walk(harms);
        path.pop();
      }
    };
    walk(0);
    const counted = countLives(options);
    assert.deepEqual(
      { sequences: counted.sequences, harmful: counted.harmful, late: counted.late, byHarm: counted.byHarm },
      { sequences, harmful, late, byHarm },
    );
    assert.ok(harmful > 0);
  }
});

test('with its guards no order does harm, in either version', () => {
  for (const flavour of ['kvm-6.1', 'kvm-6.19', 'kvm-7.2']) {
    for (const splits of [false, true]) {
      const { sequences, harmful, late } = countLives({ ...BASE, flavour, splits, maxLength: 7 });
      assert.ok(sequences > 1000);
      assert.deepEqual([harmful, late], [0, 0]);
    }
  }
});

test('without the check: the guest loses its timer, the host is never interrupted twice for an expiry', () => {
  const { shortestByHarm, harmsHost } = countLives({ ...BASE, guards: UNGUARDED, maxLength: 8 });
  assert.equal(harmsHost, 0);
  assert.equal(
    describeSteps(shortestByHarm[orderOf(HARM_NOT_READY)]!),
    'create vCPU 0, first run 0, create vgic, timer 0 fires, guest 0 runs',
  );
  assert.equal(
    describeSteps(shortestByHarm[orderOf(HARM_LOST)]!),
    'create vCPU 0, first run 0, create vgic, initialise, timer 0 fires, guest 0 runs',
  );
  assert.equal(shortestByHarm[orderOf(HARM_STUCK_LINE)], null);
});

test('without the check and the owner test: a line that stays high, then an expiry that the host misses', () => {
  const { shortestByHarm, harmsHost } = countLives({
    ...BASE,
    guards: UNGUARDED,
    checksOwner: false,
    maxLength: 8,
  });
  const start = 'create vCPU 0, first run 0, create vgic, initialise, timer 0 fires, guest 0 runs';
  assert.equal(describeSteps(shortestByHarm[orderOf(HARM_STUCK_LINE)]!), start);
  assert.equal(describeSteps(shortestByHarm[orderOf(HARM_MISSED)]!), `${start}, timer 0 fires`);
  assert.equal(harmsHost, 0);
});

test('a host that does not mask its timer interrupt is interrupted again and again, with a vgic and without', () => {
  for (const guards of [{}, UNGUARDED]) {
    const { shortestByHarm, harmsHost, harmful } = countLives({ ...BASE, masksHost: false, guards, maxLength: 6 });
    assert.equal(describeSteps(shortestByHarm[orderOf(HARM_HOST)]!), 'create vCPU 0, first run 0, timer 0 fires');
    assert.ok(harmsHost > 0 && harmsHost <= harmful);
  }
  const machine = createLifeMachine({ ...BASE, masksHost: false });
  const apply = (kind: StepKind): number => machine.apply({ kind, vcpu: 0 });
  machine.reset();
  for (const kind of ['create', 'vgic', 'init', 'run'] as const) assert.equal(apply(kind), 0);
  assert.equal(apply('fire') & HARM_HOST, HARM_HOST);
  assert.equal(apply('again') & HARM_HOST, HARM_HOST);
});

test('a second vgic alone does no harm while a vgic after a run is refused', () => {
  const harmfulOf = (guards: Partial<VmGuards>): number => countLives({ ...BASE, guards, maxLength: 8 }).harmful;
  assert.equal(harmfulOf({ oneVgic: false }), 0);
  assert.ok(harmfulOf({ oneVgic: false, vgicBeforeRun: false }) > harmfulOf({ vgicBeforeRun: false }));
  assert.ok(harmfulOf({ initialisedAtRun: false }) > 0);
});

test('a vgic during the creation of a vCPU: the guard of 7.2 removes sequences, none of them harmful', () => {
  const countOf = (noVcpuInCreation: boolean) =>
    countLives({ ...BASE, splits: true, guards: { noVcpuInCreation }, maxLength: 7 });
  assert.ok(countOf(true).sequences < countOf(false).sequences);
  assert.equal(countOf(false).harmful, 0);
});
