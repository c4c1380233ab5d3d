import assert from 'node:assert/strict';
import { test } from 'node:test';
import { injectionStudy } from './injection.js';
import { KICK_VARIANTS, simulateKicks } from './injection-kicks.js';
import { CHANGES, createWindowBench, exhaust, injectAcross } from './injection-window.js';

const change = (name: string) => {
  const found = CHANGES.find((candidate) => candidate.name === name);
  assert.ok(found, name);
  return found;
};

for (const flavour of ['kvm-6.1', 'kvm-7.2', 'xen-new']) {
  for (const trigger of ['edge', 'level'] as const) {
    test(`window W, ${flavour}, ${trigger}: nothing is lost, and the owner is told`, () => {
      const { sequences, byRetries, byEnd, lost, untold } = exhaust(createWindowBench(flavour, trigger), 2);
      assert.deepEqual([lost, untold], [0, 0]);
      assert.equal(
        byRetries.reduce((sum, count) => sum + count, 0),
        sequences,
      );
      assert.equal(byRetries.length, 3, 'as many turns as windows that change something');
      assert.deepEqual(Object.keys(byEnd).sort(), ['nobody', 'queued', 'queued-already']);
    });
  }
}

test('the interleavings that vgic-spec 1.8 names', () => {
  const bench = createWindowBench('kvm-6.1', 'edge');
  const across = (...names: readonly string[]) => injectAcross(bench, [names.map(change), [], []]);
  const disabled = across('disabled');
  assert.deepEqual([disabled.end, disabled.retries, disabled.list], ['nobody', 1, -1]);
  const retargeted = across('retargeted');
  assert.deepEqual([retargeted.end, retargeted.retries, retargeted.list], ['queued', 1, 1]);
  const queued = across('queued by another injector');
  assert.deepEqual([queued.end, queued.retries, queued.isTold], ['queued-already', 1, true]);
  // There and back: the oracle says what it said, so nobody notices.
  assert.equal(across('retargeted', 'retargeted').retries, 0);
  assert.equal(across('distributor off').isStranded, true);
});

test('each turn of the loop takes a change: three in a row', () => {
  const bench = createWindowBench('kvm-6.1', 'edge');
  const retarget = [change('retargeted')];
  const outcome = injectAcross(bench, [retarget, retarget, retarget, []]);
  assert.deepEqual([outcome.end, outcome.retries, outcome.list], ['queued', 3, 1]);
});

test('only the posted version leaves running vCPUs untold, and only then somebody waits', () => {
  for (const variant of KICK_VARIANTS) {
    const counts = simulateKicks(variant, 7);
    assert.deepEqual(simulateKicks(variant, 7), counts);
    assert.equal(counts.untold > 0, variant.unblocksOnly, variant.name);
    assert.equal(counts.longestWait > 0, variant.unblocksOnly, variant.name);
    assert.equal(counts.ended + counts.unacknowledged + counts.active + counts.notInLr, counts.untold);
  }
});

test('the study: whole tables, and figures that agree with the cost formula', () => {
  const study = injectionStudy.run({ seed: 1 });
  for (const { caption, columns, rows, rowHeads } of study.tables) {
    assert.ok(rows.length > 0, caption);
    assert.ok(rowHeads >= 1 && rowHeads < columns.length);
    for (const row of rows) assert.equal(row.length, columns.length, caption);
  }
  const { chart } = study;
  assert.ok(chart);
  const curve = (name: string) => chart.series.find((series) => series.name === name)?.values ?? [];
  chart.xs.forEach((depth, at) => {
    // Fold of four LRs, prune of the list with the newcomer on it (vgic-spec 1.23, A).
    assert.equal(curve('exit, either')[at], 8 + 1 + 2 * (depth + 1));
    // An ordered list: the list lock, four entries walked and populated.
    assert.equal(curve('entry, sort on insert')[at], 1 + 4 * 3);
  });
  assert.match(study.answer[1], /lost no interrupt/);
});
