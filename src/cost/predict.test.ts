import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createModel } from '../replay/create-model.js';
import { createEngine } from '../replay/engine.js';
import { readVgr1 } from '../replay/test-traces.js';
import { strategies, strategyNamed } from '../strategy/index.js';
import { countsOfVgic, operation } from './counts.js';
import { FITTED } from './fitted.js';
import { TERMS } from './groups.js';
import { boundLongestCalls } from './longest-call.js';
import { LOCK_MODES } from './native.js';
import { predict } from './predict.js';
import { countReplay, nativeCounts, nativeSamples } from './test-native.js';

test('the groups add up to the total, and the columns to the same', () => {
  for (const locks of LOCK_MODES) {
    const { instructions, low, high, groups, columns } = predict(nativeCounts('typical'), locks);
    const sum = groups.reduce((total, group) => total + group.instructions, 0);
    assert.ok(Math.abs(sum - instructions) < 1e-6 * sum);
    assert.ok(Math.abs(columns.ir_total - instructions) < 1e-6 * sum);
    assert.ok(low < instructions && instructions < high);
  }
});

test('every measured column of native-costs lies within 3 % of the prediction, and the total within its bounds', () => {
  for (const locks of LOCK_MODES) {
    for (const { row, counts } of nativeSamples(locks)) {
      const { columns, low, high, extrapolated } = predict(counts, locks);
      for (const [name, value] of Object.entries(columns)) {
        const error = value / row.columns[name] - 1;
        assert.ok(Math.abs(error) < 0.03, `${row.workload} ${locks} ${name}: ${(100 * error).toFixed(1)} %`);
      }
      assert.ok(low <= row.columns.ir_total && row.columns.ir_total <= high);
      assert.deepEqual(extrapolated, []);
    }
  }
});

test('a replay outside of what was fitted says in what', () => {
  assert.deepEqual(predict(countReplay('golden/typical-s01.bin.gz'), 'lock').extrapolated, []);
  assert.deepEqual(predict(countReplay('golden/deep988-s02.bin.gz'), 'lock').extrapolated, [
    '16 list registers (fitted: 4)',
    'list of 988 (fitted: up to 500)',
    'mean list of 988.0 (fitted: 2.0 to 500.0)',
  ]);
  assert.match(predict(countReplay('golden/lpi-s01.bin.gz'), 'noop').extrapolated.join('; '), /LPIs/);
  assert.match(predict(countReplay('golden/hw-s01.bin.gz'), 'noop').extrapolated.join('; '), /mapped interrupts/);
});

test('xen-old is a vGIC of its own: said, not hidden', () => {
  const { header, word, value } = readVgr1('golden/typical-s02.bin.gz');
  const model = createModel(header.machine, strategyNamed('xen-old'));
  createEngine(model).run(word, value, word.length);
  assert.match(predict(countsOfVgic(model, word.length), 'lock').extrapolated[0], /vGIC of its own/);
});

test('operations agree with the metrics that they refine', () => {
  for (const stream of [
    'golden/mmio-s01',
    'golden/fuzz_v2-s01',
    'golden/affinity-s01',
    'golden/lpi-s01',
    'golden/active-s01',
  ]) {
    const counts = countReplay(`${stream}.bin.gz`);
    const { flush, prune, fold, inject } = counts.paths;
    const count = (name: Parameters<typeof operation>[1]): number => operation(counts, name);
    assert.equal(count('depth entries') + count('walked entries'), flush.visits, stream);
    assert.equal(count('sort comparisons'), flush.comparisons, stream);
    assert.equal(
      count('filled edge') + count('filled level') + count('filled active') + count('filled GICv2 SGI'),
      flush.lrWrites,
      stream,
    );
    assert.equal(count('folded'), fold.visits, stream);
    assert.ok(count('released') + count('migrated') + count('kept actives') <= prune.visits, stream);
    const queueCalls = count('queued') + count('kicked while queued') + count('not queued');
    assert.equal(queueCalls + counts.refused, inject.calls, stream);
  }
});

test('every strategy gets a prediction on a golden stream', () => {
  for (const { id, structure } of strategies.filter((strategy) => strategy.structure === 'ap-list')) {
    const counts = countReplay('golden/churn16-s01.bin.gz', id);
    const { instructions, groups } = predict(counts, 'lock');
    assert.ok(instructions > 100 * counts.events, `${id} (${structure}): ${instructions}`);
    assert.ok(
      groups.every((group) => group.instructions >= 0 && Number.isFinite(group.instructions)),
      id,
    );
  }
});

test('a sort at an insertion is a sort, and no term is negative', () => {
  const counts = countReplay('golden/deep100-s01.bin.gz', 'hybrid');
  assert.equal(counts.paths.flush.comparisons, 0);
  assert.ok(operation(counts, 'sort comparisons') > 0);
  for (const { group, weight, count } of TERMS) assert.ok(count(counts) >= 0, `${group}/${weight}`);
});

test('the bound of the longest flush and exit is above the mean call, and near it where all calls are alike', () => {
  for (const locks of LOCK_MODES) {
    for (const { row, counts } of nativeSamples(locks)) {
      const bound = boundLongestCalls(counts, locks);
      const c = row.columns;
      const flush = c.ir_flush / c.flushes;
      const exit = c.ir_sync / c.syncs;
      assert.ok(bound.flush > flush && bound.fold + bound.prune > exit, row.workload);
      assert.ok(bound.inject > c.ir_inject / c.injects, row.workload);
      if (row.workload !== 'deep500' && row.workload !== 'deep100') continue;
      // All flushes go over lists of one length; only the comparisons of their sorts differ.
      const { comparisons, most } = counts.paths.flush;
      const further = most.comparisons - comparisons / c.flushes;
      const longest = flush + further * FITTED.weights[locks].comparison;
      assert.ok(bound.flush < 1.1 * longest, `${row.workload} ${locks}: ${bound.flush / longest}`);
      assert.ok(
        bound.fold + bound.prune < 1.3 * exit,
        `${row.workload} ${locks}: ${(bound.fold + bound.prune) / exit}`,
      );
    }
  }
});

test('the bound of the longest call of each path is above the mean call of every strategy', () => {
  for (const stream of [
    'deep100-s01',
    'affinity-s01',
    'lpi-s01',
    'hw-s01',
    'sgi_v2-s01',
    'active-s01',
    'churn16-s01',
  ]) {
    for (const { id } of strategies.filter((strategy) => strategy.structure === 'ap-list')) {
      const counts = countReplay(`golden/${stream}.bin.gz`, id);
      const { groups } = predict(counts, 'lock');
      const mean = (path: 'flush' | 'fold' | 'inject' | 'pending', ...ids: readonly string[]): number =>
        groups.filter(({ group }) => ids.includes(group)).reduce((sum, { instructions }) => sum + instructions, 0) /
        Math.max(counts.paths[path].calls, 1);
      const bound = boundLongestCalls(counts, 'lock');
      const what = `${id} on ${stream}`;
      assert.ok(bound.flush >= mean('flush', 'depth-pass', 'sort', 'populate', 'flush-loop'), `flush, ${what}`);
      assert.ok(bound.fold + bound.prune >= mean('fold', 'fold', 'prune', 'exit'), `exit, ${what}`);
      assert.ok(bound.inject >= mean('inject', 'inject'), `inject, ${what}`);
    }
  }
});

test('the bound of the longest call has what each interrupt of it can cost: a move to another vCPU, a walk to an LPI', () => {
  const weights = FITTED.weights.lock;
  const affinity = countReplay('golden/affinity-s01.bin.gz');
  assert.ok(operation(affinity, 'migrated') > 0);
  const without = { ...affinity, operations: { ...affinity.operations, migrated: 0 } };
  const [moving, staying] = [affinity, without].map((counts) => boundLongestCalls(counts, 'lock'));
  assert.ok(moving.prune - staying.prune >= weights.migrated, `${moving.prune}, ${staying.prune}`);
  const lpis = countReplay('golden/lpi-s01.bin.gz');
  assert.ok(lpis.lookupNodes.most.fold > 0 && lpis.lookupNodes.most.other > 0);
  const found = { ...lpis, lookupNodes: { fold: 0, other: 0, most: { fold: 0, other: 0 } } };
  const [walking, known] = [lpis, found].map((counts) => boundLongestCalls(counts, 'lock'));
  assert.ok(walking.fold > known.fold && walking.inject > known.inject);
});

test('an order that is kept at a fold costs the fold', () => {
  const counts = countReplay('golden/churn100-s01.bin.gz', 'sort-on-insert');
  const most = counts.paths.fold.most.comparisons;
  assert.ok(most > 0);
  assert.ok(boundLongestCalls(counts, 'lock').fold >= most * FITTED.weights.lock.passed);
});
