import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { machineOf } from './from-result.js';
import type { HistoryRun } from './record.js';
import { changesAfter, findChanges, seriesOf } from './series.js';
import { findDouble, historyLine, readHistory } from './store-text.js';
import { createNoise, makeRun } from './test-runs.js';
import { describeChanges, sparkline } from './words.js';

const textOf = (runs: readonly HistoryRun[]): string => runs.map(historyLine).join('');
const changesOf = (runs: readonly HistoryRun[]) => findChanges(seriesOf(runs));

test('whole lines are read back; a history that was cut anywhere loses its last line alone, and says so', () => {
  const runs = [0, 1, 2].map((at) => makeRun({ at }));
  const text = textOf(runs);
  const size = Buffer.byteLength(text);
  assert.deepEqual(readHistory(text, 'h'), { runs, torn: null, bytes: size, size, isOpen: false });
  fc.assert(
    fc.property(fc.nat(text.length), (cut) => {
      // A record that lacks its line feed alone is whole.
      const isOpen = text[cut] === '\n';
      const whole = text.slice(0, cut).split('\n').length - (isOpen ? 0 : 1);
      const store = readHistory(text.slice(0, cut), 'h');
      assert.deepEqual(store.runs, runs.slice(0, whole));
      assert.equal(store.isOpen, isOpen);
      assert.equal(store.torn, isOpen || cut === 0 || text[cut - 1] === '\n' ? null : whole + 1);
      assert.equal(store.bytes, Buffer.byteLength(textOf(runs.slice(0, whole))) - (isOpen ? 1 : 0));
    }),
    { seed: 1, numRuns: 200 },
  );
});

test('a whole line that is no run is refused by its number', () => {
  const line = historyLine(makeRun({ at: 0 }));
  const changed = (change: Partial<Record<keyof HistoryRun, unknown>>): string =>
    `${JSON.stringify({ ...makeRun({ at: 1 }), ...change })}\n`;
  for (const [bad, what] of [
    ['<<<<<<< HEAD\n', /h: line 2: is no JSON; lines are only ever appended/],
    ['null\n', /line 2: schema null is not vgic-replay\/history\/1/],
    [changed({ schema: 'vgic-replay/history/2' }), /line 2: schema "vgic-replay\/history\/2"/],
    [changed({ when: 7 }), /line 2: is not a whole record/],
    [changed({ machine: {} }), /line 2: is not a whole record/],
    [changed({ cells: [null] }), /line 2: is not a whole record/],
    [
      changed({ cells: [{ cell: 'a/b/c', traceSha256: null, counters: { x: '1' }, time: null }] }),
      /not a whole record/,
    ],
    [changed({ cells: [{ cell: 'a/b/c', traceSha256: null, counters: {}, time: { estimate: 0 } }] }), /not a whole/],
  ] as const)
    assert.throws(() => readHistory(line + bad, 'h'), what);
});

test('the same commit, machine and cell is a double; another of any of them is not, nor times beside counters', () => {
  const store = readHistory(textOf([makeRun({ at: 1 })]), 'h');
  assert.match(findDouble(store, makeRun({ at: 1 }))!, /^line 1 has linux-boot\/kvm-6.1\/buckets of commit 0001cccccc/);
  assert.equal(findDouble(store, makeRun({ at: 2 })), null);
  const counters = readHistory(textOf([makeRun({ at: 1, time: null })]), 'h');
  assert.equal(findDouble(counters, makeRun({ at: 1, counters: {} })), null);
  assert.match(findDouble(counters, makeRun({ at: 1, time: null }))!, /^line 1 has/);
  assert.equal(findDouble(store, makeRun({ at: 1, machine: { node: 'v22.0.0' } })), null);
  assert.equal(findDouble(store, makeRun({ at: 1, cell: 'linux-boot/kvm-6.1/fifo' })), null);
  assert.equal(
    findDouble(readHistory(textOf([makeRun({ at: 1, commit: null })]), 'h'), makeRun({ at: 1, commit: null })),
    null,
  );
});

test('a slowdown of 10 % in noise of 3 % is one change, with the commits it lies between', () => {
  const noise = createNoise(1, 0.03);
  const runs = Array.from({ length: 60 }, (_, at) => makeRun({ at, time: 40 * noise() * (at >= 33 ? 1.1 : 1) }));
  const { times, counters } = changesOf(runs);
  assert.deepEqual(counters, []);
  assert.equal(times.length, 1);
  const [{ first, last, size }] = times;
  assert.ok(first.run >= 32 && first.run <= 34 && last.run === first.run - 1, `run ${first.run}`);
  assert.ok(size! > 0.08 && size! < 0.12);
  assert.match(
    describeChanges({ times, counters })[0],
    /^slower: linux-boot\/kvm-6.1\/buckets on machine [0-9a-f]{12}, \+\d+\.?\d*\u00a0% \(.* ns per event\), after 003[123]c{6}, at the latest with 003[234]c{6} \(2026-02-0\d\); p = 0.0001$/,
  );
  assert.deepEqual(changesAfter({ times, counters }, 40).times, []);
  assert.deepEqual(changesAfter({ times, counters }, 20).times, times);
});

test('another machine or runner image begins another series and is never a change', () => {
  const noise = createNoise(2, 0.02);
  for (const machine of [{ cpu: 'Another CPU' }, { image: 'ubuntu24 20261101' }, { node: 'v22.1.0' }]) {
    const runs = Array.from({ length: 60 }, (_, at) =>
      makeRun({ at, time: 40 * noise() * (at >= 30 ? 2 : 1), machine: at >= 30 ? machine : {} }),
    );
    assert.equal(seriesOf(runs).times.length, 2);
    assert.deepEqual(changesOf(runs), { times: [], counters: [] });
  }
});

test('any step of an exact counter is a change, on whatever machine, said with its commit', () => {
  const value = [30, 30, 31, 31, 30];
  const runs = value.map((max, at) =>
    makeRun({
      at,
      time: null,
      machine: { cpu: `CPU ${at}` },
      counters: { 'flush/steps/sum': 900, 'flush/steps/max': max },
    }),
  );
  const changes = changesOf(runs);
  assert.deepEqual(
    changes.counters.map(({ counter, last, first, before, after }) => [counter, last.run, first.run, before, after]),
    [
      ['flush/steps/max', 1, 2, 30, 31],
      ['flush/steps/max', 3, 4, 31, 30],
    ],
  );
  const [more, fewer] = describeChanges(changes);
  assert.match(
    more,
    /^more steps: linux-boot\/kvm-6.1\/buckets, after 0001c{6}, at the latest with 0002c{6} \(2026-01-03\): flush/,
  );
  assert.match(fewer, /^fewer steps: .* 31 to 30/);
  // Another trace under the same name cannot be compared.
  const other = runs.map((run, at) =>
    makeRun({ at, counters: run.cells[0].counters, traceSha256: `${at}`.repeat(64) }),
  );
  assert.deepEqual(changesOf(other).counters, []);
});

test('one commit that counts differently in two runs is called a fault', () => {
  const runs = [30, 31].map((max) => makeRun({ at: 1, time: null, counters: { 'flush/steps/max': max } }));
  assert.match(describeChanges(changesOf(runs))[0], /between two runs of one commit, .*: this is a fault$/);
});

test('counter steps: exactly the places where neighbours differ', () => {
  fc.assert(
    fc.property(fc.array(fc.nat(2), { maxLength: 30 }), (values) => {
      const runs = values.map((value, at) => makeRun({ at, time: null, counters: { x: value } }));
      const expected = values.flatMap((value, at) => (at > 0 && value !== values[at - 1] ? [at] : []));
      assert.deepEqual(
        changesOf(runs).counters.map(({ first }) => first.run),
        expected,
      );
    }),
    { seed: 1, numRuns: 100 },
  );
});

test('sparkline: lowest to highest, flat where all are equal, means where there are many', () => {
  assert.equal(sparkline([1, 2, 3, 8]), '▁▂▃█');
  assert.equal(sparkline([5, 5, 5]), '▁▁▁');
  assert.equal(sparkline([]), '');
  assert.equal(sparkline([0, 2, 10, 12], 2), '▁█');
  assert.equal(sparkline(Array.from({ length: 500 }, (_, at) => at)).length, 24);
});

test('the machine of a result is this one, by the fingerprint of doctor, unless the result says something else', () => {
  const facts = { cpu: 'A CPU', cores: 2, os: 'Linux 6.1', node: 'v20.1.0' };
  const here = { fingerprint: 'abcdef012345', ...facts, image: null };
  for (const said of [null, {}, facts, { cpu: 'A CPU ', os: 'Linux 6.1' }, { fingerprint: 'abcdef012345' }])
    assert.deepEqual(machineOf(said, here), here);
  const hosted = machineOf(null, { ...here, image: 'ubuntu24 1' });
  assert.match(hosted.fingerprint, /^[0-9a-f]{12}$/);
  const fingerprints = [
    here.fingerprint,
    hosted.fingerprint,
    machineOf(facts, { ...here, image: 'ubuntu24 2' }).fingerprint,
    ...[{ cpu: 'B' }, { cores: 4 }, { os: 'Linux 6.10' }, { node: 'v20.2.0' }].map(
      (other) => machineOf({ ...facts, ...other }, here).fingerprint,
    ),
  ];
  assert.equal(new Set(fingerprints).size, fingerprints.length);
  const elsewhere = machineOf({ cpu: 'B', fingerprint: '012345abcdef' }, { ...here, image: 'ubuntu24 1' });
  const unknown = { cores: null, os: 'unknown', node: 'unknown', image: null };
  assert.deepEqual(elsewhere, { fingerprint: '012345abcdef', cpu: 'B', ...unknown });
});
