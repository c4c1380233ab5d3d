/** What an exit of bounded-buckets leaves behind: none of it is chosen, slept on, lost, or sent anywhere but to its target. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LPI_BASE, type Machine, NR_LPIS, SPI_BASE } from '../gic/intid.js';
import { strategyNamed } from '../strategy/index.js';
import { SECTION_LPIS_OFF } from '../vgic/counters.js';
import type { Vgic } from '../vgic/vgic.js';
import { createVgic } from '../vgic/vgic.js';
import { LATCH, queuedOn } from '../vgic/word.js';
import { slotOn0 } from './test-steps.js';

const BUDGET = 4;
const N = 10;
const MIDDLE = 0x80;
const NOBODY = -1;
const FLAVOURS = ['kvm-6.1', 'kvm-7.2', 'kvm-6.19', 'xen-new'];
const KVM = FLAVOURS.slice(0, 3);

function machineOf(flavour: string): Machine {
  const isXen = flavour === 'xen-new';
  return {
    flavour,
    model: isXen ? 'gicv2' : 'gicv3',
    nrVcpus: 2,
    nrSpis: 32,
    nrLpis: isXen ? 0 : NR_LPIS,
    nrLr: 4,
    distEnabledAtStart: true,
    pmrAtStart: 0xf8,
  };
}

const start = (flavour: string): Vgic =>
  createVgic(machineOf(flavour), strategyNamed(`bounded-buckets:budget=${BUDGET}`).create);

const spis = Array.from({ length: N }, (_, at) => SPI_BASE + at);
const ownerOf = (vgic: Vgic, intid: number): number => queuedOn(vgic.state.word[slotOn0(vgic, intid)]);
const ownersOf = (vgic: Vgic, intids: readonly number[]): number[] => intids.map((intid) => ownerOf(vgic, intid));

function raise(vgic: Vgic, intids: readonly number[]): void {
  for (const intid of intids) {
    vgic.setPriority(0, intid, MIDDLE);
    vgic.setTarget(intid, 0);
    vgic.setEnable(0, intid, true, false);
    vgic.inject(0, intid, 1);
  }
}

function visit(vgic: Vgic): void {
  vgic.flush(0);
  vgic.sync(0);
}

for (const flavour of FLAVOURS) {
  test(`${flavour}: retargeted interrupts leave the most urgent first, a few at an exit, and none is chosen meanwhile`, () => {
    const vgic = start(flavour);
    raise(vgic, spis);
    spis.forEach((intid, at) => {
      vgic.setPriority(0, intid, 8 * (N - at));
      vgic.setTarget(intid, 1);
    });
    for (const left of [6, 2, 0]) {
      // Masked, so that nothing but what waits can keep it awake.
      vgic.setCpuif(0, 0);
      assert.equal(vgic.pendingTest(0), true);
      vgic.flush(0);
      assert.equal(vgic.state.usedLrs[0], 0);
      vgic.sync(0);
      // The last ones are the most urgent.
      assert.deepEqual(
        ownersOf(vgic, spis),
        spis.map((_, at) => (at < left ? 0 : 1)),
      );
    }
    assert.equal(vgic.pendingTest(0), false);
  });

  test(`${flavour}: what an exit passed over, and is raised for another vCPU, is queued there at once`, () => {
    const vgic = start(flavour);
    raise(vgic, spis);
    for (const intid of spis) vgic.setPending(0, intid, false, false);
    visit(vgic);
    // First come, first to go.
    assert.deepEqual(
      ownersOf(vgic, spis),
      spis.map((_, at) => (at < BUDGET ? NOBODY : 0)),
    );
    const [gone, late, stays] = [spis[0], spis[BUDGET], spis[BUDGET + 1]];
    for (const intid of [gone, late]) vgic.setTarget(intid, 1);
    const before = vgic.state.cost.kicks;
    for (const intid of [gone, late, stays]) vgic.inject(0, intid, 1);
    assert.deepEqual(ownersOf(vgic, [gone, late, stays]), [1, 1, 0]);
    assert.ok(vgic.state.cost.kicks >= before + 3);
    vgic.flush(1);
    assert.equal(vgic.state.usedLrs[1], 2);
  });

  test(`${flavour}: what was not passed over stays on its list as upstream's does`, () => {
    const vgic = start(flavour);
    const [intid] = spis;
    raise(vgic, [intid]);
    vgic.setPending(0, intid, false, false);
    vgic.setTarget(intid, 1);
    vgic.inject(0, intid, 1);
    assert.equal(ownerOf(vgic, intid), 0);
    visit(vgic);
    assert.equal(ownerOf(vgic, intid), 1);
  });
}

for (const flavour of KVM) {
  test(`${flavour}: passed over with the distributor off, and another vCPU's when it is on again`, () => {
    const vgic = start(flavour);
    raise(vgic, spis);
    vgic.setDistEnable(false);
    visit(vgic);
    vgic.setDistEnable(true);
    const late = spis.filter((intid) => ownerOf(vgic, intid) === 0);
    assert.equal(late.length, N - BUDGET);
    vgic.setTarget(late[0], 1);
    vgic.inject(0, late[0], 1);
    assert.equal(ownerOf(vgic, late[0]), 1);
    // One that is in a list register stays until the exit.
    vgic.flush(0);
    vgic.setTarget(late[1], 1);
    assert.equal(ownerOf(vgic, late[1]), 0);
  });

  test(`${flavour}: EnableLPIs off comes in pieces; what had moved on keeps its pending state and goes there`, () => {
    const vgic = start(flavour);
    const { cost, word } = vgic.state;
    const lpis = Array.from({ length: N }, (_, at) => LPI_BASE + at);
    for (const lpi of lpis) {
      vgic.mapLpi(lpi, 0, MIDDLE, true);
      vgic.inject(0, lpi, 1);
    }
    const [moved, late] = [lpis.slice(0, BUDGET), lpis.slice(BUDGET, 6)];
    for (const lpi of [...moved, ...late]) vgic.moveLpi(lpi, 1);
    visit(vgic);
    vgic.moveLpi(lpis[6], 1);
    vgic.dropLpis(0);
    assert.deepEqual(
      ownersOf(vgic, lpis),
      lpis.map((_, at) => (at < 6 ? 1 : NOBODY)),
    );
    assert.deepEqual(
      lpis.map((lpi) => (word[vgic.findLpi(lpi)] & LATCH) !== 0),
      lpis.map((_, at) => at < 6),
    );
    // Six were left: four, then two. Two of the first piece migrate.
    assert.deepEqual([cost.sectionCalls[SECTION_LPIS_OFF], cost.sectionMax[SECTION_LPIS_OFF]], [2, 1 + 2 * 6 + 2 * 2]);
    assert.equal(vgic.list.length(0), 0);
  });
}

test('a reset takes everything off, however little an exit does', () => {
  const vgic = start('kvm-7.2');
  raise(vgic, spis);
  vgic.reset();
  assert.equal(vgic.list.length(0), 0);
  raise(vgic, spis);
  vgic.flush(0);
  assert.equal(vgic.state.usedLrs[0], 4);
});
