import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import fc from 'fast-check';
import { importJsonLines } from '../import/json-lines.js';
import { strategyNamed } from '../strategy/index.js';
import { openTrace } from '../trace/reader.js';
import { createMemorySource } from '../trace/source.js';
import { type CallRecord, recordCalls, WORK_NAMES } from './call-record.js';
import { createEntryLog, type EntryColumns } from './entry-log.js';
import { type BlockSource, replayTrace } from './replay.js';
import { PATH_NAMES } from './result.js';
import { collectEvents, firstEvents, sourceOf, tracesFolder } from './test-traces.js';

const open = (name: string): BlockSource => firstEvents(readTrace(name), 20_000);
const readTrace = (name: string): BlockSource =>
  openTrace(createMemorySource(readFileSync(new URL(`recorded/${name}.vgt`, tracesFolder)), name));

/** How often each value comes up, ascending. */
function tally(values: readonly number[]): [number, number][] {
  const counts = new Map<number, number>();
  for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1);
  return [...counts].sort(([a], [b]) => a - b);
}

const all = (record: CallRecord, column: keyof EntryColumns): number[] =>
  record.entries.flatMap((entries) => entries[column]);
const most = (values: readonly number[]): number => values.reduce((max, value) => Math.max(max, value), 0);

for (const [name, strategy] of [
  ['ipi-2', 'sort-on-flush'],
  ['bare-no-eoi', 'sort-on-insert'],
  ['bare-lpi', 'fifo'],
] as const) {
  test(`${name} under ${strategy}: the record has every entry and every step of the exact result`, () => {
    const chosen = strategyNamed(strategy);
    const [exact] = replayTrace(open(name), [chosen], { path: name, sha256: '', origin: 'recorded' });
    const record = recordCalls(open(name), chosen);
    assert.equal(record.entriesPerSample, 1);
    assert.equal(record.events, exact.trace.events);
    assert.deepEqual(tally(all(record, 'depth')), exact.depthAtFlush);
    assert.deepEqual(
      tally(all(record, 'usedLrs')),
      exact.usedLrs.flatMap((count, used) => (count > 0 ? [[used, count]] : [])),
    );
    const { flush, fold, prune } = exact.paths;
    const entrySteps = all(record, 'entrySteps');
    assert.equal(most(entrySteps), flush.steps.max);
    assert.equal(
      entrySteps.reduce((sum, steps) => sum + steps, 0),
      flush.steps.sum,
    );
    assert.ok(most(all(record, 'exitSteps')) >= Math.max(fold.steps.max, prune.steps.max));
    for (const path of PATH_NAMES) {
      const steps = record.work.reduce((sum, item) => sum + (item.work === path ? item.steps : 0), 0);
      assert.equal(steps, exact.paths[path].steps.sum, path);
    }
  });
}

test('times do not run backwards, and no exit comes before its entry', () => {
  const { entries } = recordCalls(open('ipi-2'), strategyNamed('fifo'));
  for (const { entryTick, exitTick } of entries) {
    assert.ok(entryTick.length > 100);
    entryTick.forEach((tick, at) => {
      assert.ok(at === 0 || tick >= Math.max(entryTick[at - 1], exitTick[at - 1]));
      assert.ok(exitTick[at] < 0 || exitTick[at] >= tick);
    });
  }
});

test('with less memory than entries, neighbours are joined and nothing is lost', () => {
  const chosen = strategyNamed('sort-on-flush');
  const full = recordCalls(open('ipi-2'), chosen);
  const small = recordCalls(open('ipi-2'), chosen, { entries: 100, windows: 16 });
  const samples = all(small, 'count');
  assert.ok(samples.length <= 100 && samples.length > 25, String(samples.length));
  assert.equal(most(samples), small.entriesPerSample);
  assert.equal(
    samples.reduce((sum, count) => sum + count, 0),
    all(full, 'count').length,
  );
  for (const column of ['depth', 'usedLrs', 'entrySteps', 'exitSteps'] as const)
    assert.equal(most(all(small, column)), most(all(full, column)), column);
  assert.ok(most(small.work.map(({ window }) => window)) < 16);
  for (const work of WORK_NAMES) {
    const sum = ({ work: items }: CallRecord): number =>
      items.reduce((total, item) => total + (item.work === work ? item.steps : 0), 0);
    assert.equal(sum(small), sum(full), work);
  }
});

test('any order of entries and exits fits into the memory asked for', () => {
  const step = fc.record({ vcpu: fc.nat({ max: 3 }), isEntry: fc.boolean(), steps: fc.nat({ max: 9 }) });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 300 }), fc.integer({ min: 0, max: 20 }), (steps, limit) => {
      const log = createEntryLog(4, limit);
      const perVcpu = [0, 0, 0, 0];
      steps.forEach(({ vcpu, isEntry, steps: cost }, tick) => {
        if (isEntry) {
          log.enter(vcpu, tick, cost, 0, cost);
          perVcpu[vcpu] += 1;
        } else log.exit(vcpu, tick, cost, true);
      });
      const columns = log.columns();
      assert.ok(columns.reduce((sum, { count }) => sum + count.length, 0) <= Math.max(limit, 4));
      assert.deepEqual(
        columns.map(({ count }) => count.reduce((sum, own) => sum + own, 0)),
        perVcpu,
      );
      for (const { count } of columns) for (const own of count) assert.ok(own <= log.perSample());
    }),
    { seed: 1, numRuns: 500 },
  );
});

test('a host that stops ends the record', () => {
  const file = new URL('vulnerabilities/comparator-self-call.jsonl', tracesFolder);
  const { word, value, sink } = collectEvents();
  const header = importJsonLines(readFileSync(file), file.pathname, sink);
  const chosen = strategyNamed('sort-on-flush');
  const [{ stopped }] = replayTrace(sourceOf(header, word, value), [chosen], { path: '', sha256: '', origin: '' });
  assert.ok(stopped !== null);
  assert.equal(recordCalls(sourceOf(header, word, value), chosen).stoppedAt, stopped.event);
});
