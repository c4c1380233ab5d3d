/** The reference of xen-old against every scenario of its flavour, and rules that no scenario states. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { runScenario } from '../../conform/run.js';
import { readShipped } from '../../conform/test-scenarios.js';
import type { GicModel, Machine } from '../../gic/intid.js';
import * as ev from '../../trace/events.js';
import { XenOldReference } from './xen-old-reference.js';

const ISENABLER = 0x100;
const ICENABLER = 0x180;
const ISPENDR = 0x200;
const ISACTIVER = 0x300;
const IPRIORITYR = 0x400;
const ITARGETSR = 0x800;
const IROUTER = 0x6000;
const SGI_FRAME = 0x10000;

const createMachine = (model: GicModel, nrVcpus = 2): Machine => ({
  flavour: 'xen-old',
  model,
  nrVcpus,
  nrSpis: 64,
  nrLpis: 0,
  nrLr: 2,
  distEnabledAtStart: false,
  pmrAtStart: 0xf8,
});

/** All SPIs below 64 enabled. */
function createVgic(model: GicModel = 'gicv2'): XenOldReference {
  const vgic = new XenOldReference(createMachine(model));
  vgic.write(0, 'dist', ISENABLER + 4, 4, 0xffffffff, 0);
  return vgic;
}

test('every shipped scenario of xen-old holds', () => {
  const scenarios = readShipped().filter(({ flavours }) => flavours.includes('xen-old'));
  assert.ok(scenarios.length >= 9);
  for (const scenario of scenarios) {
    const { notRun, differences } = runScenario(scenario, 'xen-old', (machine) => new XenOldReference(machine));
    assert.equal(notRun, undefined, scenario.id);
    assert.deepEqual(differences, [], scenario.id);
  }
});

test('list registers of a GICv3 guest have the group bit and a redistributor has the private interrupts', () => {
  const vgic = createVgic('gicv3');
  assert.equal(vgic.write(0, 'dist', ISENABLER, 4, 0xff, 0), true);
  assert.equal(vgic.xenOldIrq(0, 3)?.enabled, false);
  assert.equal(vgic.write(0, 'redist', SGI_FRAME + ISENABLER, 4, 0xff, 0), true);
  vgic.write(0, 'redist', SGI_FRAME + IPRIORITYR + 3, 1, 0x48, 0);
  assert.equal(vgic.read(0, 'redist', SGI_FRAME + IPRIORITYR, 4), 0x48000000);
  vgic.apply(ev.SGI, 1, 3, 0b01);
  vgic.apply(ev.FLUSH, 0, 0, 0);
  assert.deepEqual(vgic.lrs(0), [{ slot: 0, lo: 3, hi: 0x50480000 }]);
  assert.deepEqual(vgic.acknowledge(0), { intid: 3, source: 0 });
});

test('a GICv3 guest routes by affinity; a route to nobody is ignored', () => {
  const vgic = createVgic('gicv3');
  const route = IROUTER + 8 * 40;
  vgic.write(0, 'dist', route, 8, 1, 0);
  assert.equal(vgic.read(0, 'dist', route, 8), 1);
  vgic.write(0, 'dist', route, 8, 7, 0);
  assert.equal(vgic.read(0, 'dist', route, 8), 1);
  vgic.inject(0, 40, 1);
  assert.deepEqual([vgic.list(0), vgic.list(1)], [[], [40]]);
});

test('accesses that the guest answers for with a data abort', () => {
  const vgic = createVgic();
  assert.equal(vgic.write(0, 'dist', ISACTIVER + 4, 4, 1, 0), false);
  assert.equal(vgic.write(0, 'dist', ISACTIVER + 4, 4, 0, 0), true);
  assert.equal(vgic.write(0, 'dist', ISENABLER, 1, 1, 0), false);
  assert.equal(vgic.read(0, 'redist', SGI_FRAME, 4), -1);
  assert.equal(vgic.read(0, 'dist', 0xffc, 4), -1);
});

test('pending and active state read as zero; the target of a private interrupt is its own vCPU', () => {
  const vgic = createVgic();
  vgic.inject(0, 33, 1);
  assert.equal(vgic.read(0, 'dist', ISPENDR + 4, 4), 0);
  assert.equal(vgic.read(0, 'dist', ISACTIVER + 4, 4), 0);
  assert.equal(vgic.read(1, 'dist', ITARGETSR, 4), 0x02020202);
});

test('a disabled interrupt stays in flight and in its list register, but no longer waits', () => {
  const vgic = createVgic();
  for (const intid of [33, 34, 35]) vgic.inject(0, intid, 1);
  assert.deepEqual(vgic.lrPending(0), [35]);
  vgic.write(0, 'dist', ICENABLER + 4, 4, 0b1010, 0);
  assert.deepEqual([vgic.list(0), vgic.lrPending(0)], [[33, 34, 35], []]);
  assert.deepEqual(
    vgic.lrs(0).map(({ lo }) => lo & 0x3ff),
    [33, 34],
  );
  vgic.write(0, 'dist', ISENABLER + 4, 4, 0b1000, 0);
  assert.deepEqual(vgic.lrPending(0), [35]);
});

test('a priority write counts for the next injection only', () => {
  const vgic = createVgic();
  vgic.inject(0, 33, 1);
  vgic.write(0, 'dist', IPRIORITYR + 33, 1, 0x50, 0);
  assert.equal(vgic.xenOldIrq(0, 33)?.prioritySnapshot, 0);
});

test('an interrupt tied to the host moves when it is done, or at once while it waits', () => {
  const vgic = createVgic();
  for (const intid of [33, 34, 35]) vgic.apply(ev.HW_MAP, 0, intid, 200 + intid);
  for (const intid of [33, 34, 35]) vgic.inject(0, intid, 1);
  for (const intid of [33, 35]) vgic.write(0, 'dist', ITARGETSR + intid, 1, 0b10, 0);
  assert.deepEqual([vgic.list(0), vgic.list(1)], [[33, 34], [35]]);
  assert.equal(vgic.xenOldIrq(0, 33)?.migrating, true);
  vgic.apply(ev.PHYS_ACTIVE, 0, 233, 1);
  assert.equal(vgic.acknowledge(0).intid, 33);
  vgic.apply(ev.EOI, 0, 33, 1);
  assert.equal(vgic.phys(0, 233).active, false);
  vgic.apply(ev.SYNC, 0, 0, 0);
  assert.deepEqual([vgic.list(0), vgic.xenOldIrq(0, 33)?.migrating], [[34], false]);
  vgic.inject(0, 33, 1);
  assert.deepEqual(vgic.list(1), [35, 33]);
});

test('ISPENDR of an interrupt tied to the host goes to the host', () => {
  const vgic = createVgic();
  vgic.apply(ev.HW_MAP, 0, 33, 233);
  vgic.write(0, 'dist', ISPENDR + 4, 4, 0b110, 0);
  assert.deepEqual(vgic.list(0), [34]);
  assert.equal(vgic.phys(0, 233).pending, true);
});

test('the pending test stops at the first masked interrupt, and at the running priority', () => {
  const vgic = createVgic();
  vgic.write(0, 'dist', IPRIORITYR + 32, 4, 0x40_30_20_10, 0);
  vgic.inject(0, 34, 1);
  assert.equal(vgic.pendingTest(0), true);
  vgic.apply(ev.PMR, 0, 0, 0x30);
  assert.equal(vgic.pendingTest(0), false);
  vgic.apply(ev.PMR, 0, 0, 0xf8);
  vgic.acknowledge(0);
  vgic.inject(0, 35, 1);
  assert.equal(vgic.pendingTest(0), false);
});

test('a kick wakes, and reaches a running vCPU on another CPU by an IPI', () => {
  const vgic = createVgic();
  vgic.apply(ev.RUNNING, 1, 0, 1);
  vgic.apply(ev.CURRENT, 0, 0, 0);
  vgic.apply(ev.SGI, 0, 4, 0b11);
  assert.deepEqual(
    [vgic.kicks().unblocks, vgic.kicks().ipis],
    [
      [1, 1],
      [0, 1],
    ],
  );
});
