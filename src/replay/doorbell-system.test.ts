import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LPI_BASE, type Machine, NR_LPIS } from '../gic/intid.js';
import { reference } from '../strategy/index.js';
import * as ev from '../trace/events.js';
import { createVgic } from '../vgic/vgic.js';
import { createEngine } from './engine.js';

const MACHINE: Machine = {
  flavour: 'kvm-6.1',
  model: 'gicv3',
  nrVcpus: 1,
  nrSpis: 32,
  nrLpis: NR_LPIS,
  nrLr: 4,
  distEnabledAtStart: true,
  pmrAtStart: 0xf8,
};

type Step = readonly [kind: number, intid?: number, value?: number];

function countsOf(machine: Machine, ...steps: readonly Step[]) {
  const vgic = createVgic(machine, reference.create({}));
  const engine = createEngine(vgic);
  for (const [kind, intid = 0, value = 0] of steps) engine.step(ev.packWord(kind, 0, intid), value);
  return { counts: engine.systemCounts().doorbell, cost: vgic.state.cost };
}

const GICV4 = (version: number): Step => [ev.SYSTEM, 2, version];
const HALT_AND_WAKE: readonly Step[] = [
  [ev.VCPU_LOAD],
  [ev.FLUSH],
  [ev.VLPI, LPI_BASE],
  [ev.GUEST_DRAIN],
  [ev.SYNC],
  [ev.VCPU_PUT, 0, 1],
  [ev.WFI],
  [ev.VLPI, LPI_BASE + 1],
  [ev.VCPU_LOAD],
  [ev.FLUSH],
  [ev.GUEST_DRAIN],
  [ev.SYNC],
];

for (const version of [40, 41]) {
  test(`GICv${(version / 10).toFixed(1)}: events reach the model, and the doorbell wakes who waits`, () => {
    const { counts, cost } = countsOf(MACHINE, GICV4(version), ...HALT_AND_WAKE);
    assert.equal(cost.wakeups, 1);
    assert.equal(cost.kicks, 1);
    const expected = {
      'vLPIs to a resident vPE': 1,
      'vLPIs to an absent vPE': 1,
      'vLPIs taken': 2,
      doorbells: 1,
      'doorbells of a blocked vCPU': 1,
      'doorbells of a vCPU awake': 0,
      'spurious wake-ups': 0,
      'PendingLast reads': 1,
      'doorbell disables': version === 40 ? 3 : 0,
      'doorbell enables': version === 40 ? 2 : 0,
      'vCPUs asleep at the end': 0,
      'events not modelled': 0,
    };
    assert.deepEqual(Object.fromEntries(Object.keys(expected).map((name) => [name, counts[name]])), expected);
  });
}

test('a guest that does not take what woke it was woken for nothing', () => {
  const { counts } = countsOf(
    MACHINE,
    GICV4(41),
    [ev.LPI_MAP, LPI_BASE, 0xf800 | 0x10000],
    [ev.VCPU_LOAD],
    [ev.VCPU_PUT, 0, 1],
    [ev.WFI],
    [ev.VLPI, LPI_BASE],
    [ev.VCPU_LOAD],
  );
  assert.equal(counts['spurious wake-ups'], 1);
});

test('without GICv4, and in Xen, a virtual LPI is counted as not modelled', () => {
  assert.equal(countsOf(MACHINE, ...HALT_AND_WAKE).counts['events not modelled'], 2);
  const xen: Machine = { ...MACHINE, flavour: 'xen-new', model: 'gicv2', nrLpis: 0 };
  assert.equal(countsOf(xen, GICV4(41), ...HALT_AND_WAKE).counts['events not modelled'], 6);
});

test('traces without GICv4 have no row of it', () => {
  const steps: readonly Step[] = [[ev.SYSTEM, 0, 1], [ev.VCPU_LOAD], [ev.VCPU_PUT, 0, 1], [ev.GUEST_DRAIN]];
  assert.equal(countsOf(MACHINE, ...steps).counts, undefined);
});
