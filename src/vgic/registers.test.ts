/** Register effects that random streams found to differ from the specification. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Machine } from '../gic/intid.js';
import { createEngine } from '../replay/engine.js';
import { reference } from '../strategy/index.js';
import * as K from '../trace/events.js';
import { createVgic } from './vgic.js';

const MACHINE: Machine = {
  flavour: 'kvm-6.1',
  model: 'gicv3',
  nrVcpus: 2,
  nrSpis: 32,
  nrLpis: 0,
  nrLr: 4,
  distEnabledAtStart: true,
  pmrAtStart: 0xf8,
};
const IROUTER_OF_32 = 0x6000 + 8 * 32;

test('an SPI routed to no vCPU does not read as routed to vCPU 0', () => {
  const vgic = createVgic(MACHINE, reference.create({}));
  vgic.setTarget(32, 1);
  assert.equal(vgic.mmioRead(0, false, IROUTER_OF_32, 4), 1);
  vgic.setTarget(32, 2);
  assert.notEqual(vgic.mmioRead(0, false, IROUTER_OF_32, 4), 0);
});

test('Xen: the vCPU of an exit is the current one, also when it comes in two parts', () => {
  for (const kind of [K.FOLD, K.PRUNE]) {
    const vgic = createVgic({ ...MACHINE, flavour: 'xen-new', model: 'gicv2' }, reference.create({}));
    const engine = createEngine(vgic);
    const step = (kind: number, vcpu: number, intid: number, value: number): void =>
      engine.step(K.packWord(kind, vcpu, intid), value);
    step(K.ENABLE, 1, 27, 1);
    step(K.RUNNING, 1, 0, 1);
    step(K.CURRENT, 0, 0, 0);
    step(kind, 1, 0, 0);
    step(K.INJECT, 1, 27, 1);
    assert.equal(vgic.kicks.ipis[1], 0);
  }
});
