import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LPI_BASE, type Machine, NR_LPIS } from '../gic/intid.js';
import { strategyNamed } from '../strategy/index.js';
import { createVgic, type Vgic } from '../vgic/vgic.js';
import { criticalSections, quantileAtMost, type SectionId } from './sections.js';

function createMachine(flavour: string, strategy = 'sort-on-flush'): Vgic {
  const machine: Machine = {
    flavour,
    model: 'gicv3',
    nrVcpus: 2,
    nrSpis: 64,
    nrLpis: NR_LPIS,
    nrLr: 4,
    distEnabledAtStart: true,
    pmrAtStart: 0,
  };
  return createVgic(machine, strategyNamed(strategy).create);
}

/** `n` SPIs pending on a vCPU, all masked by PMR 0. */
function park(vgic: Vgic, vcpu: number, first: number, n: number): void {
  for (let intid = first; intid < first + n; intid++) {
    vgic.setTarget(intid, vcpu);
    vgic.setEnable(0, intid, true, false);
    vgic.inject(0, intid, 1);
  }
}

function find(vgic: Vgic, id: SectionId) {
  const cost = criticalSections(vgic).find(({ section }) => section.id === id);
  assert.ok(cost);
  return cost;
}

test('an exit is its fold and its prune in one stretch', () => {
  for (const flavour of ['kvm-6.1', 'kvm-7.2']) {
    const vgic = createMachine(flavour);
    park(vgic, 0, 32, 6);
    vgic.flush(0);
    vgic.sync(0);
    const [exit, fold, prune] = (['exit', 'fold', 'prune'] as const).map((id) => find(vgic, id));
    // Fold: four LRs, each looked at under its irq_lock. Prune: the list lock; six entries likewise.
    assert.deepEqual([fold.sum, prune.sum, exit.sum, exit.max], [8, 13, 21, 21]);
    assert.equal(exit.section.interrupts, 'off');
    assert.equal(fold.section.isPartOf, 'exit');
  }
});

test('GICD_CTLR 0 to 1 is a pending test a vCPU, each a stretch of its own', () => {
  const vgic = createMachine('kvm-6.1');
  park(vgic, 0, 32, 10);
  park(vgic, 1, 42, 3);
  vgic.setDistEnable(false);
  vgic.setDistEnable(true);
  const one = find(vgic, 'dist-enable');
  const all = find(vgic, 'dist-enable-all');
  assert.deepEqual([one.calls, one.sum, one.max], [2, 21 + 7, 21]);
  assert.deepEqual([all.calls, all.max], [1, 28]);
  assert.equal(all.section.interrupts, 'off-in-parts');
});

test('EnableLPIs off stands apart from the register writes that it shares a path with', () => {
  const vgic = createMachine('kvm-6.1');
  for (let lpi = LPI_BASE; lpi < LPI_BASE + 5; lpi++) {
    vgic.mapLpi(lpi, 0, 0xa0, true);
    vgic.inject(0, lpi, 1);
  }
  vgic.setPriority(0, 40, 8);
  vgic.dropLpis(0);
  // List lock; five entries visited, each under its irq_lock.
  assert.deepEqual([find(vgic, 'lpis-off').calls, find(vgic, 'lpis-off').max], [1, 11]);
  assert.deepEqual([find(vgic, 'key-change').calls, find(vgic, 'key-change').max], [1, 1]);
});

test('a broadcast asks every vCPU, once', () => {
  const vgic = createMachine('kvm-7.2');
  park(vgic, 0, 32, 3);
  assert.deepEqual([find(vgic, 'broadcast').calls, find(vgic, 'broadcast').sum], [1, 2]);
  assert.equal(find(createMachine('kvm-6.1'), 'broadcast').calls, 0);
});

test('the injector of an ordered list pays for the order', () => {
  const appended = createMachine('kvm-6.1');
  const ordered = createMachine('kvm-6.1', 'sort-on-insert');
  for (const vgic of [appended, ordered]) {
    for (let intid = 32; intid < 42; intid++) vgic.setPriority(0, intid, (42 - intid) << 3);
    park(vgic, 0, 32, 10);
  }
  assert.equal(find(appended, 'append').max, 3);
  // Three locks; nine comparisons of two locks each.
  assert.equal(find(ordered, 'append').max, 3 + 9 * 3);
});

test('histograms add up to the calls, and their quantile is an upper bound', () => {
  const vgic = createMachine('kvm-6.1');
  park(vgic, 0, 32, 40);
  for (let round = 0; round < 3; round++) {
    vgic.flush(0);
    vgic.sync(0);
  }
  for (const cost of criticalSections(vgic)) {
    const { calls, hist, sum, max } = cost;
    assert.equal(
      hist.reduce((total, count) => total + count, 0),
      calls,
    );
    assert.ok(max <= sum);
    if (calls > 0) assert.equal(quantileAtMost(cost, 1), max);
  }
  const metric = { sum: 0, max: 100, hist: [1, 0, 8, 0, 0, 0, 0, 1] };
  assert.deepEqual(
    [0.1, 0.5, 0.9, 0.91, 1].map((p) => quantileAtMost(metric, p)),
    [0, 3, 3, 100, 100],
  );
  assert.equal(quantileAtMost({ sum: 0, max: 0, hist: [] }, 0.5), null);
});
