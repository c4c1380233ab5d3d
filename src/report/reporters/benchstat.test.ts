import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import type { MeasuredPart } from '../../replay/result.js';
import { createModel } from '../model.js';
import { makeCell } from '../test-fixture.js';
import { benchstat } from './benchstat.js';
import { parseBenchmarks } from './test-benchfmt.js';
import { makeCellComparison, makeComparison, makeTime } from './test-comparison.js';

const FIXTURE = new URL('../../../../src/report/reporters/fixtures/go-test-bench.txt', import.meta.url);
const TOOL = { name: 'vgic-replay', version: '0.1.0' };
const measured: MeasuredPart = {
  nsPerEvent: [12.5, 13, 1e-7],
  estimate: 12.6,
  low: 12,
  high: 13,
  ratio: null,
  seed: 1,
  blocks: 3,
  node: 'v20.0.0',
  cpu: 'A CPU\n@ 2 GHz',
};
const textOf = (cells: Parameters<typeof createModel>[1]): string =>
  benchstat.cells!(createModel(TOOL, cells)) as string;

test('the test parser reads what Go itself prints, metrics of its own included', () => {
  const { results } = parseBenchmarks(readFileSync(FIXTURE, 'utf8'));
  assert.equal(results.length, 12);
  assert.deepEqual(results[0], {
    base: 'SortList',
    parts: { depth: '4' },
    threads: 2,
    iterations: 2000,
    values: { 'ns/op': 667.3, 'steps/op': 6, 'B/op': 88, 'allocs/op': 3 },
    config: { goos: 'linux', goarch: 'amd64', pkg: 'example.org/vgic/fixture', cpu: 'AMD EPYC' },
  });
  assert.deepEqual(
    results.slice(6).map(({ parts, values }) => [parts.depth, values['steps/op']]),
    Array.from({ length: 6 }, () => ['64', 326]),
  );
  for (const wrong of [
    'BenchmarkX\n',
    'BenchmarkX 1\n',
    'BenchmarkX 1 2\n',
    'BenchmarkX 1.5 2 a\n',
    'Upper: x\n',
    'Unit a b\n',
  ])
    assert.throws(() => parseBenchmarks(wrong), wrong);
});

test('a counted cell is one line of exact units; no name is taken for a number of threads', () => {
  const cell = makeCell({
    trace: 'ipi-4',
    strategy: 'hybrid:threshold=32',
    paths: { flush: { calls: 3, visits: [7, 5] } },
  });
  const { results, units } = parseBenchmarks(textOf([cell]));
  assert.equal(results.length, 1);
  const [{ base, parts, threads, iterations, values, config }] = results;
  assert.deepEqual([base, threads, iterations, config], ['Replay', 1, 1000, {}]);
  assert.deepEqual(parts, { trace: 'ipi-4', flavour: 'kvm-6.1', strategy: 'hybrid:threshold=32' });
  assert.deepEqual([values['flush-steps'], values['flush-max-steps'], values['fold-steps']], [7, 5, undefined]);
  assert.deepEqual(Object.keys(units), Object.keys(values));
  for (const metadata of Object.values(units)) assert.deepEqual(metadata, { assume: 'exact', better: 'lower' });
});

test('a measured cell is one line a process; the machine stands above it, and above no cell that was not measured', () => {
  const cells = [
    makeCell({ measured }),
    makeCell({ strategy: 'a b/c', measured }),
    makeCell({ strategy: 'counted' }),
    makeCell({ strategy: 'elsewhere', measured: { ...measured, nsPerEvent: [7], node: 'v22.0.0' } }),
  ];
  const text = textOf(cells);
  const { results } = parseBenchmarks(text);
  assert.deepEqual(
    results.map(({ values, config }) => [values['ns/op'], config.cpu, config.node]),
    [
      ...[12.5, 13, 1e-7, 12.5, 13, 1e-7].map((time) => [time, 'A CPU @ 2 GHz', 'v20.0.0']),
      [undefined, undefined, undefined],
      [7, 'A CPU @ 2 GHz', 'v22.0.0'],
    ],
  );
  assert.equal(text.match(/^cpu:/gm)!.length, 3);
  assert.equal(results[3].parts.strategy, 'a_b_c');
});

test('a name with slashes keeps its flavour and strategy', () => {
  const parts = { trace: 'a_b', flavour: 'kvm-6.1', strategy: 'fifo' };
  const cell = makeCell({ trace: 'a/b', strategy: 'fifo' });
  assert.deepEqual(parseBenchmarks(textOf([cell])).results[0].parts, parts);
  const compared = makeComparison([makeCellComparison({ cell: 'a/b/kvm-6.1/fifo' })]);
  assert.deepEqual(parseBenchmarks(benchstat.comparison!(compared) as string).results[0].parts, parts);
});

test('the sides of a comparison are told apart by a configuration line', () => {
  const { results, units } = parseBenchmarks(benchstat.comparison!(makeComparison()) as string);
  assert.deepEqual(
    results.map(({ config, values }) => [config.side, values['ns/op'], values['flush-steps-max'], values['harm-lost']]),
    [
      ['main', 10, 12, undefined],
      ['main', 10.5, 12, undefined],
      ['main', 11, 12, undefined],
      ['.', 10.5, 15, 2],
      ['.', 11.25, 15, 2],
      ['.', 12, 15, 2],
    ],
  );
  assert.deepEqual(Object.keys(units), ['flush-steps-max', 'harm-lost']);
  assert.equal(units['flush-steps-max'].assume, 'exact');
  const quiet = makeComparison([
    makeCellComparison({ changes: [], time: makeTime({ samples: { a: [], b: [], control: [] } }) }),
  ]);
  assert.equal(benchstat.comparison!(quiet), '');
});
