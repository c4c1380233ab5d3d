/** The order in which a VM may be put together: conformance P78, vgic-spec 5.4. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { flavourNamed } from '../../gic/flavour/index.js';
import { KVM_FLAVOURS } from './test-machine.js';
import { CREATED, createVmLife, EBUSY, EEXIST, ENODEV, guardsOf, type VmLife } from './vm-life.js';

function createLife(flavour: string): { life: VmLife; log: string[] } {
  const log: string[] = [];
  const life = createVmLife(2, guardsOf(flavourNamed(flavour)), {
    createVgic: () => log.push('vgic'),
    initVgic: () => log.push('init'),
    firstRun: (vcpu) => log.push(`run ${vcpu}`),
  });
  return { life, log };
}

function createVcpus(life: VmLife): void {
  for (const vcpu of [0, 1]) assert.ok(life.beginVcpu(vcpu) && life.finishVcpu(vcpu));
}

for (const flavour of KVM_FLAVOURS) {
  test(`P78 vgic created after a run (${flavour})`, () => {
    const { life, log } = createLife(flavour);
    createVcpus(life);
    assert.equal(life.firstRun(0), 0);
    assert.equal(life.createVgic(), EBUSY);
    assert.deepEqual([life.hasVgic(), log], [false, ['run 0']]);
  });

  test(`P78 a second vgic, and one for vCPUs that never ran (${flavour})`, () => {
    const { life, log } = createLife(flavour);
    createVcpus(life);
    assert.equal(life.createVgic(), 0);
    assert.equal(life.createVgic(), EEXIST);
    assert.deepEqual(log, ['vgic']);
  });

  test(`a first run needs an initialised vgic, or none (${flavour})`, () => {
    const { life, log } = createLife(flavour);
    createVcpus(life);
    life.createVgic();
    assert.equal(life.firstRun(0), ENODEV);
    assert.equal(life.stateOf(0), CREATED);
    assert.equal(life.initVgic(), 0);
    assert.equal(life.firstRun(0), 0);
    assert.equal(life.firstRun(0), 0);
    assert.deepEqual(log, ['vgic', 'init', 'run 0']);
  });
}

test('a vCPU in creation: 7.2 refuses the vgic, 6.1 does not', () => {
  const resultOf = (flavour: string): number => {
    const { life } = createLife(flavour);
    life.beginVcpu(1);
    return life.createVgic();
  };
  assert.deepEqual([resultOf('kvm-6.1'), resultOf('kvm-7.2')], [0, EBUSY]);
});

test('steps that have nothing to act on', () => {
  const { life, log } = createLife('kvm-7.2');
  assert.deepEqual([life.initVgic(), life.firstRun(0), life.finishVcpu(0)], [ENODEV, ENODEV, false]);
  assert.equal(life.beginVcpu(0), true);
  assert.equal(life.beginVcpu(0), false);
  assert.deepEqual(log, []);
});
