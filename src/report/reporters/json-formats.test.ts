/** The formats that are JSON, each against the schema of who reads it; and what they say of the same cells. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { recordCalls } from '../../replay/call-record.js';
import type { MeasuredPart } from '../../replay/result.js';
import { firstEvents, tracesFolder } from '../../replay/test-traces.js';
import { strategyNamed } from '../../strategy/index.js';
import { openTrace } from '../../trace/reader.js';
import { createMemorySource } from '../../trace/source.js';
import { createModel } from '../model.js';
import { makeCell, makeFullModel } from '../test-fixture.js';
import { bmf } from './bmf.js';
import { ghaBench } from './gha-bench.js';
import { json, jsonl } from './json.js';
import { speedscope } from './speedscope.js';
import { makeCellComparison, makeComparison } from './test-comparison.js';
import { SPEEDSCOPE_SCHEMA } from './test-speedscope.js';

const ajv = new Ajv2020({ allErrors: true });
const readSchema = (name: string): object =>
  JSON.parse(readFileSync(new URL(`../../../../reports/${name}.schema.json`, import.meta.url), 'utf8')) as object;
const isCell = ajv.compile(readSchema('cell'));
const isReport = ajv.compile(readSchema('report'));
const isSpeedscope = ajv.compile(SPEEDSCOPE_SCHEMA);
/** bencher.dev/bmf.json, closed: only what it names. */
const isBmf = ajv.compile({
  type: 'object',
  additionalProperties: {
    type: 'object',
    minProperties: 1,
    additionalProperties: {
      type: 'object',
      required: ['value'],
      additionalProperties: false,
      properties: { value: { type: 'number' }, lower_value: { type: 'number' }, upper_value: { type: 'number' } },
    },
  },
});
/** BenchmarkResult of github-action-benchmark's extract.ts, which refuses an empty array. */
const isGhaBench = ajv.compile({
  type: 'array',
  minItems: 1,
  items: {
    type: 'object',
    required: ['name', 'value', 'unit'],
    additionalProperties: false,
    properties: {
      name: { type: 'string', minLength: 1 },
      value: { type: 'number' },
      unit: { type: 'string', minLength: 1 },
      range: { type: 'string' },
      extra: { type: 'string' },
    },
  },
});

const measured: MeasuredPart = {
  nsPerEvent: [12, 13],
  estimate: 12.25,
  low: 12,
  high: 13,
  ratio: null,
  seed: 1,
  blocks: 2,
  node: 'v20.0.0',
  cpu: 'A CPU',
};
const model = makeFullModel();
const few = createModel(model.tool, [
  makeCell({ measured, paths: { flush: { calls: 3, visits: [7, 5], locks: [4, 2] } } }),
  makeCell({ strategy: 'fifo' }),
]);

interface Bench {
  readonly name: string;
  readonly value: number;
  readonly unit: string;
  readonly range?: string;
}

test('json is the report, jsonl a cell a line', () => {
  assert.ok(isReport(JSON.parse(json.cells!(model) as string)), ajv.errorsText(isReport.errors));
  const lines = (jsonl.cells!(model) as string).trimEnd().split('\n');
  assert.equal(lines.length, model.cells.length);
  for (const line of lines) assert.ok(isCell(JSON.parse(line)), ajv.errorsText(isCell.errors));
  const comparison = makeComparison();
  assert.deepEqual(JSON.parse(json.comparison!(comparison) as string), comparison);
  assert.deepEqual(
    (jsonl.comparison!(comparison) as string)
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line)),
    comparison.cells,
  );
});

test('gha-bench has every figure of every cell once, the time with its interval', () => {
  const benches = JSON.parse(ghaBench.cells!(few) as string) as Bench[];
  assert.ok(isGhaBench(benches), ajv.errorsText(isGhaBench.errors));
  assert.equal(new Set(benches.map(({ name }) => name)).size, benches.length);
  const find = (name: string): Bench => benches.find((bench) => bench.name === `linux-boot/kvm-6.1/${name}`)!;
  const { value, unit, range } = find('sort-on-flush: time');
  assert.deepEqual([value, unit, range], [12.25, 'ns/event', '12 - 13']);
  assert.equal(find('sort-on-flush: flush-max-steps').value, 7);
  assert.equal(find('fifo: time'), undefined);
  assert.ok(isGhaBench(JSON.parse(ghaBench.cells!(model) as string)));
});

test('gha-bench of a comparison is the newer side, and never empty', () => {
  const benches = JSON.parse(ghaBench.comparison!(makeComparison()) as string) as Bench[];
  assert.ok(isGhaBench(benches), ajv.errorsText(isGhaBench.errors));
  const own = benches.filter(({ name }) => name.startsWith('ipi-4/'));
  assert.deepEqual(
    own.map(({ name, value }) => [name.split(': ').at(-1), value]),
    [
      ['time', 10.875],
      ['changed counters', 3],
      ['flush/steps/max', 15],
      ['harm/lost', 2],
    ],
  );
  const quiet = makeComparison([makeCellComparison({ verdict: 'unchanged', changes: [], time: null })]);
  assert.ok(isGhaBench(JSON.parse(ghaBench.comparison!(quiet) as string)));
});

test('bmf: benchmark, measure, value and bounds; slugs that Bencher takes', () => {
  for (const text of [bmf.cells!(few), bmf.cells!(model), bmf.comparison!(makeComparison())]) {
    const benches = JSON.parse(text as string) as Record<string, Record<string, { value: number }>>;
    assert.ok(isBmf(benches), ajv.errorsText(isBmf.errors));
    for (const measures of Object.values(benches))
      for (const slug of Object.keys(measures)) assert.match(slug, /^(?=.{1,64}$)[a-z0-9]+(-[a-z0-9]+)*$/);
  }
  const benches = JSON.parse(bmf.cells!(few) as string) as Record<string, Record<string, object>>;
  assert.equal(Object.keys(benches).length, 2);
  assert.deepEqual(benches['linux-boot/kvm-6.1/sort-on-flush'].latency, {
    value: 12.25,
    lower_value: 12,
    upper_value: 13,
  });
  assert.deepEqual(benches['linux-boot/kvm-6.1/sort-on-flush']['flush-steps'], { value: 11 });
  const compared = JSON.parse(bmf.comparison!(makeComparison()) as string) as typeof benches;
  assert.deepEqual(compared['ipi-4/kvm-6.1/hybrid:threshold=32'], {
    latency: { value: 10.875 },
    'changed-counters': { value: 3 },
    'flush-steps-max': { value: 15 },
    'harm-lost': { value: 2 },
  });
});

test('bmf: every counter of the baseline has its own slug, and long names that begin alike have theirs, whatever stands beside', () => {
  const baseline = new URL('../../../../reports/baseline/exact.json', import.meta.url);
  const { cells } = JSON.parse(readFileSync(baseline, 'utf8')) as { cells: Record<string, object> };
  const known = [...new Set(Object.values(cells).flatMap((figures) => Object.keys(figures)))];
  const long = ['a', 'b'].map((end) => `section ${'walk '.repeat(20)}${end}/host/steps/max`);
  const changeOf = (counter: string): (typeof base.changes)[number] => ({ ...base.changes[0], counter, after: 7 });
  const base = makeCellComparison();
  const read = (changed: ReturnType<typeof makeCellComparison>[]): Record<string, Record<string, object>> =>
    JSON.parse(bmf.comparison!(makeComparison(changed)) as string) as Record<string, Record<string, object>>;
  const slugsOf = (counters: readonly string[]): string[] => {
    const [measures] = Object.values(read([{ ...base, changes: counters.map(changeOf), time: null }]));
    return Object.keys(measures).filter((slug) => slug !== 'changed-counters');
  };
  const slugs = slugsOf([...known, ...long]);
  assert.ok(known.length > 500);
  assert.equal(slugs.length, known.length + long.length);
  for (const slug of slugs) assert.match(slug, /^(?=.{1,64}$)[a-z0-9]+(-[a-z0-9]+)*$/);
  assert.deepEqual(slugsOf(long.slice(0, 1)), slugs.slice(-2, -1));
  const names = ['x', 'y'].map((end) => `${'t'.repeat(1100)}${end}/kvm-6.1/fifo`);
  const benches = Object.keys(read(names.map((cell) => ({ ...base, cell }))));
  assert.equal(new Set(benches).size, 2);
  for (const name of benches) assert.equal(name.length, 1024);
  assert.deepEqual(Object.keys(read([base, base])), [base.cell, `${base.cell}#2`]);
});

test('two traces of one name keep apart', () => {
  const twins = createModel(model.tool, [makeCell({ sha256: 'a'.repeat(64) }), makeCell({ sha256: 'b'.repeat(64) })]);
  assert.deepEqual(Object.keys(JSON.parse(bmf.cells!(twins) as string) as object), [
    'aaaaaaaaaaaa:linux-boot/kvm-6.1/sort-on-flush',
    'bbbbbbbbbbbb:linux-boot/kvm-6.1/sort-on-flush',
  ]);
});

interface Speedscope {
  readonly shared: { readonly frames: readonly { readonly name: string }[] };
  readonly profiles: readonly {
    readonly name: string;
    readonly endValue: number;
    readonly samples: readonly (readonly number[])[];
    readonly weights: readonly number[];
  }[];
}

/** What the schema cannot say: a weight a sample, frames that exist, an end that is the sum. */
function parseSpeedscope(text: string): Speedscope {
  const file = JSON.parse(text) as Speedscope;
  assert.ok(isSpeedscope(file), ajv.errorsText(isSpeedscope.errors));
  for (const { samples, weights, endValue } of file.profiles) {
    assert.equal(samples.length, weights.length);
    assert.equal(
      weights.reduce((sum, weight) => sum + weight, 0),
      endValue,
    );
    for (const frame of samples.flat()) assert.ok(frame < file.shared.frames.length);
  }
  return file;
}

test('speedscope of stored cells: paths over what they counted, all steps of the cell', () => {
  const { profiles, shared } = parseSpeedscope(speedscope.cells!(few) as string);
  assert.deepEqual(
    profiles.map(({ name, endValue }) => [name, endValue]),
    [
      ['linux-boot/kvm-6.1/sort-on-flush', 11],
      ['linux-boot/kvm-6.1/fifo', 0],
    ],
  );
  assert.deepEqual(
    profiles[0].samples.map((stack) => stack.map((frame) => shared.frames[frame].name)),
    [
      ['flush', 'visits'],
      ['flush', 'locks'],
    ],
  );
});

test('speedscope of a replay: a profile a vCPU and one of the host, as many steps as were counted', () => {
  const bytes = readFileSync(new URL('recorded/ipi-2.vgt', tracesFolder));
  const source = firstEvents(openTrace(createMemorySource(bytes, 'ipi-2')), 20_000);
  const record = recordCalls(source, strategyNamed('sort-on-flush'), { entries: 100, windows: 64 });
  const { profiles, shared } = parseSpeedscope(speedscope.calls!([record]) as string);
  const { eventsPerWindow } = record;
  assert.ok(eventsPerWindow >= 20_000 / 64);
  assert.deepEqual(
    profiles.map(({ name }) => name),
    ['vCPU 0', 'vCPU 1', 'host'].map(
      (actor) => `ipi-2/kvm-6.1/sort-on-flush: ${actor}, ${eventsPerWindow} events as one`,
    ),
  );
  assert.equal(
    profiles.reduce((sum, { endValue }) => sum + endValue, 0),
    record.work.reduce((sum, { steps }) => sum + steps, 0),
  );
  const names = shared.frames.map(({ name }) => name);
  for (const name of ['event guest entry', 'event guest exit', 'flush', 'fold', 'prune', 'inject', 'event sgi'])
    assert.ok(names.includes(name), name);
});
