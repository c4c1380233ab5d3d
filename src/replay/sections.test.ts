import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LPI_BASE, type Machine, NR_LPIS } from '../gic/intid.js';
import { strategyNamed } from '../strategy/index.js';
import * as K from '../trace/events.js';
import { createVgic, type Vgic } from '../vgic/vgic.js';
import { generateColumns, workloadHeader, workloadNamed } from '../workload/index.js';
import { resolveParams } from '../workload/workload.js';
import { createEngine } from './engine.js';
import { replayTrace } from './replay.js';
import type { SectionFigures } from './result.js';
import {
  criticalSections,
  PAYER_IDS,
  quantileAtMost,
  SECTION_IDS,
  type SectionId,
  sectionFigures,
  sectionNamed,
} from './sections.js';
import { sourceOf } from './test-traces.js';

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

/** Most steps and locks of a section by payer. */
const byPayer = (vgic: Vgic, wanted: SectionId): Record<string, [calls: number, steps: number, locks: number]> =>
  Object.fromEntries(
    sectionFigures(vgic, undefined)
      .filter(({ id }) => id === wanted)
      .map(({ payer, calls, steps, locks }) => [payer, [calls, steps.max, locks.max]]),
  );

test('an injection costs the host, a write whoever makes it, and an SGI its sender', () => {
  const vgic = createMachine('kvm-6.1');
  const engine = createEngine(vgic);
  const step = (kind: number, vcpu: number, intid: number, value: number): void =>
    engine.step(K.packWord(kind, vcpu, intid), value);
  // SPIs go to vCPU 0 after reset. Disabled: the irq_lock alone.
  step(K.INJECT, 0, 40, 1);
  step(K.ENABLE, 0, 40, 1);
  step(K.ENABLE, 1, 41, 1);
  step(K.ENABLE, 1, 41, 3);
  step(K.SGI, 0, 3, 0b11);
  step(K.PRIORITY, 0, 40, 0x20);
  step(K.PRIORITY, 1, 40, 0x20);
  step(K.LPI_MAP, 0, LPI_BASE, 0x1a000);
  step(K.PENDING_QUERY, 0, 0, 0);
  step(K.WFI, 0, 0, 0);
  step(K.DIST_ENABLE, 1, 0, 0);
  step(K.DIST_ENABLE, 1, 0, 1);
  assert.deepEqual(byPayer(vgic, 'append'), {
    // The other two: user space that enables what is enabled, locked once.
    host: [2, 1, 1],
    // Enabling 40 queues it; the SGI to itself; enabling 41, which is not pending, concerns vCPU 0.
    own: [2, 3, 3],
    'other-vcpu': [2, 3, 3],
    'its-command': [2, 1, 1],
  });
  assert.deepEqual(byPayer(vgic, 'key-change'), { own: [1, 1, 1], 'other-vcpu': [1, 1, 1] });
  const pending = byPayer(vgic, 'pending-test');
  assert.deepEqual(
    Object.entries(pending).map(([payer, [calls]]) => [payer, calls]),
    [
      ['host', 1],
      ['own', 2],
      ['other-vcpu', 1],
    ],
  );
  // Of the vCPU that writes, and of the other one, whose list it locks (vgic-spec 8.2 row 16).
  assert.deepEqual(byPayer(vgic, 'dist-enable'), { own: [1, 3, 2], 'other-vcpu': [1, 5, 3] });
});

test('payers of a section add up to its path, and the ITS walks as far as its own list says', () => {
  const churn = workloadNamed('its-churn');
  const params = resolveParams(churn, { events: 4000, seed: 3 });
  const { word, value, count } = generateColumns(churn, params);
  const source = sourceOf(workloadHeader(churn, params, 'test'), word.subarray(0, count), value.subarray(0, count));
  const [exact] = replayTrace(source, [strategyNamed('sort-on-flush')], { path: '', sha256: '', origin: 'made' });
  assert.equal(exact.trace.machine.flavour, 'kvm-6.1');
  const sumOf = (wanted: SectionId, pick: (figures: SectionFigures) => number): number =>
    exact.sections.filter(({ id }) => id === wanted).reduce((sum, figures) => sum + pick(figures), 0);
  for (const [id, path] of [
    ['append', 'inject'],
    ['pending-test', 'pending'],
  ] as const) {
    const { calls, steps, locks } = exact.paths[path];
    assert.deepEqual(
      [sumOf(id, (one) => one.calls), sumOf(id, (one) => one.steps.sum), sumOf(id, (one) => one.locks.sum)],
      [calls, steps.sum, locks.sum],
    );
  }
  const walked = Object.entries(exact.systems.its).filter(([name]) => name.endsWith(' LPI nodes'));
  const nodes = walked.reduce((sum, [, count]) => sum + count, 0);
  assert.ok(nodes > 1000);
  // One lock a walk.
  assert.equal(
    sumOf('lpi-lookup', (one) => one.steps.sum - one.calls),
    nodes,
  );
  assert.equal(
    sumOf('its-invall', ({ calls }) => calls),
    exact.systems.its['INVALL calls'] ?? 0,
  );
});

test('kvm-6.1 finds an LPI by number in the order of mapping, and again when it comes back in a list register', () => {
  const vgic = createMachine('kvm-6.1');
  for (const lpi of [9, 3, 7, 5]) vgic.mapLpi(LPI_BASE + lpi, 0, 0xa0, true);
  // Mapping walks what is there: 0, 1, 2, 3 nodes and the lock.
  assert.deepEqual([find(vgic, 'lpi-lookup').calls, find(vgic, 'lpi-lookup').sum], [4, 0 + 1 + 2 + 3 + 4]);
  const before = find(vgic, 'lpi-lookup').sum;
  vgic.inject(0, LPI_BASE + 7, 1);
  assert.equal(find(vgic, 'lpi-lookup').sum - before, 3 + 1);
  // 3 is gone: 7 is the second one.
  vgic.unmapLpi(LPI_BASE + 3);
  vgic.inject(0, LPI_BASE + 5, 1);
  vgic.inject(0, LPI_BASE + 3, 1);
  assert.equal(find(vgic, 'lpi-lookup').sum - before, 4 + (3 + 1) + (3 + 1));
  vgic.flush(0);
  vgic.sync(0);
  // The fold walks to 7 and 5.
  assert.deepEqual([find(vgic, 'lpi-lookup-fold').calls, find(vgic, 'lpi-lookup-fold').sum], [2, 2 + 1 + (3 + 1)]);
  const [exit, fold, prune] = (['exit', 'fold', 'prune'] as const).map((id) => find(vgic, id).sum);
  assert.equal(exit, fold + prune + 7);
  assert.deepEqual(byPayer(vgic, 'lpi-lookup').host[2], 1);
});

test('an LPI that is mapped anew stands at the end, however often', () => {
  const vgic = createMachine('kvm-6.1');
  for (let lpi = 0; lpi < 3; lpi++) vgic.mapLpi(LPI_BASE + lpi, 0, 0xa0, false);
  // More often than there are places.
  for (let round = 0; round < 70_000; round++) {
    vgic.unmapLpi(LPI_BASE + (round % 2));
    vgic.mapLpi(LPI_BASE + (round % 2), 0, 0xa0, false);
  }
  const cost = find(vgic, 'lpi-lookup');
  vgic.inject(0, LPI_BASE + 2, 1);
  assert.equal(find(vgic, 'lpi-lookup').sum - cost.sum, 1 + 1);
  vgic.inject(0, LPI_BASE + 1, 1);
  assert.equal(find(vgic, 'lpi-lookup').sum - cost.sum, 2 + 3 + 1);
});

test('an index needs no walk', () => {
  for (const flavour of ['kvm-7.2', 'kvm-6.19']) {
    const vgic = createMachine(flavour);
    vgic.mapLpi(LPI_BASE, 0, 0xa0, true);
    vgic.inject(0, LPI_BASE, 1);
    vgic.flush(0);
    vgic.sync(0);
    assert.deepEqual([find(vgic, 'lpi-lookup').calls, find(vgic, 'lpi-lookup-fold').calls], [0, 0]);
  }
});

test('every section and payer has its words', () => {
  for (const id of SECTION_IDS) assert.equal(sectionNamed(id).id, id);
  assert.equal(new Set(PAYER_IDS).size, 4);
});
