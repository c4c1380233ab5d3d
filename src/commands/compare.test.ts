/** `compare` on real traces: what the sides are taken for, which counters moved, exit codes, the JSON. */
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { compareExact, judgeSame } from '../compare/compare-cells.js';
import type { Comparison } from '../compare/comparison.js';
import { flattenExact } from '../compare/counters.js';
import { readResults } from '../compare/read-results.js';
import { FLUSH, wordKind, wordVcpu } from '../trace/events.js';
import { injectSpin, ownBuild } from './injected-build.js';
import { openInput } from './inputs.js';
import { hashExact } from './stored-result.js';
import { run } from './test-run.js';

const root = new URL('../../../', import.meta.url);
const folder = mkdtempSync(join(tmpdir(), 'vgic-replay-'));
after(() => rmSync(folder, { recursive: true }));
const TRACE = 'traces/golden/churn16-s01.bin.gz';
const isComparison = new Ajv2020({ allErrors: true }).compile(
  JSON.parse(readFileSync(new URL('reports/comparison.schema.json', root), 'utf8')),
);

function comparisonOf(json: string): Comparison {
  const comparison = JSON.parse(json) as Comparison;
  assert.ok(isComparison(comparison), JSON.stringify(isComparison.errors));
  return comparison;
}

async function resultFile(name: string, strategies: string): Promise<string> {
  const { out, code, err } = await run(['replay', TRACE, '-s', strategies, '-r', 'json']);
  assert.equal(code, 0, err);
  const file = join(folder, name);
  writeFileSync(file, out);
  return file;
}

test('a result is as good as itself, in words first', async () => {
  const file = await resultFile('one.json', 'sort-on-flush,buckets');
  const { code, out } = await run(['compare', file, file], 80);
  assert.equal(code, 0);
  assert.match(out, /^A result .*\nB result .*\n\nB is as good as A: of 2 cells 2 unchanged\.\n/);
  assert.ok(out.split('\n').every((line) => line.length <= 80 || line.includes(folder)));
  const { cells, machine } = comparisonOf((await run(['compare', file, file, '--json'])).out);
  assert.equal(machine, undefined);
  assert.deepEqual(
    cells.map(({ verdict, changes }) => [verdict, changes.length]),
    [
      ['unchanged', 0],
      ['unchanged', 0],
    ],
  );
});

test('every counter that is changed in a stored result is named, and is a regression', async () => {
  const file = await resultFile('base.json', 'sort-on-flush');
  const text = readFileSync(file, 'utf8');
  const [exact] = readResults(file, text);
  const names = Object.keys(flattenExact(exact));
  assert.ok(names.length > 150, `${names.length} counters`);
  // One more of each figure in turn, wherever it stands in the cell.
  const { paths, guest, kicks, harm, amplification } = exact;
  const flush = { ...paths.flush, steps: { ...paths.flush.steps, max: paths.flush.steps.max + 1 } };
  const variants = [
    { ...exact, paths: { ...paths, flush } },
    { ...exact, guest: { ...guest, sorts: guest.sorts + 1 } },
    { ...exact, kicks: { ...kicks, ipis: kicks.ipis + 1 } },
    { ...exact, harm: { ...harm, lost: harm.lost + 1 } },
    { ...exact, amplification: { ...amplification, steps: amplification.steps + 1 } },
    { ...exact, usedLrs: exact.usedLrs.map((count, used) => (used === 0 ? count + 1 : count)) },
    { ...exact, lrDigest: '00000000' },
  ];
  const expected = [
    'flush/steps/max',
    'guest/sorts',
    'kicks/ipis',
    'harm/lost',
    'host steps',
    'used LRs/hist',
    'lrDigest',
  ];
  for (const [at, variant] of variants.entries()) {
    const { verdict, changes } = judgeSame(exact, variant);
    assert.equal(verdict, 'regressed');
    assert.deepEqual(
      changes.map(({ counter }) => counter),
      [expected[at]],
    );
  }
  assert.equal(judgeSame(variants[0], exact).verdict, 'improved');
  const worse = join(folder, 'worse.json');
  const max = `"max": ${paths.flush.steps.max}`;
  assert.ok(text.includes(max));
  const changed = text.replaceAll(max, `"max": ${paths.flush.steps.max + 100}`);
  writeFileSync(worse, changed);
  const refused = await run(['compare', file, worse]);
  assert.equal(refused.code, 4);
  assert.match(
    refused.err,
    /worse\.json: exactSha256: is [0-9a-f]{12}….*changed after it was counted; make the result again/,
  );
  // As a build that counts more would have written it.
  const { exact: part, exactSha256 } = JSON.parse(changed);
  writeFileSync(worse, changed.replace(exactSha256, hashExact(part)));
  const { code, out, err } = await run(['compare', file, worse], 80);
  assert.equal(code, 3);
  assert.match(
    err,
    /^vgic-replay: 1 of 1 cells regressed, the first .*sort-on-flush: \d+ exact counters? of \d+ moved/,
  );
  assert.match(out, /flush\/steps\/max .* at event [\d,]+, vCPU \d/);
});

test('the longest call is where the result says: its event is one that makes such a call', async () => {
  const [exact] = readResults('now', (await run(['replay', TRACE, '-s', 'sort-on-flush', '-r', 'json'])).out);
  const place = exact.worstCalls.flush;
  assert.ok(place !== null);
  const input = await openInput(TRACE);
  const source = input.open();
  const block = {
    count: 0,
    firstTick: 0,
    firstEvent: 0,
    word: new Int32Array(),
    value: new Int32Array(),
    dt: new Int32Array(),
  };
  let first = 0;
  let found = false;
  while (source.next(block)) {
    const at: number = place.event - first;
    if (at >= 0 && at < block.count) {
      found = true;
      assert.equal(wordKind(block.word[at]), FLUSH);
      assert.equal(wordVcpu(block.word[at]), place.vcpu);
    }
    first += block.count;
  }
  assert.ok(found);
});

test('two strategies differ in exact counters, and the better one is named so', async () => {
  const { code, out } = await run(['compare', 'sort-on-flush', 'buckets', TRACE, '--no-time', '--json']);
  const { cells, a, b } = comparisonOf(out);
  assert.deepEqual([a.kind, b.kind], ['strategy', 'strategy']);
  const [{ changes, verdict, command }] = cells;
  assert.ok(changes.length > 20);
  assert.match(command, /^vgic-replay compare sort-on-flush buckets traces\//);
  assert.equal(code, verdict === 'regressed' ? 3 : 0);
});

test('two traces are compared strategy by strategy', async () => {
  const { code, out } = await run(['compare', TRACE, TRACE, '-s', 'fifo,heap', '--json']);
  assert.equal(code, 0);
  assert.deepEqual(
    comparisonOf(out).cells.map(({ cell, verdict }) => [cell, verdict]),
    [
      ['fifo', 'unchanged'],
      ['heap', 'unchanged'],
    ],
  );
});

test('cells of one side alone cannot be compared: exit 4', async () => {
  const one = await resultFile('fifo.json', 'fifo');
  const two = await resultFile('both.json', 'fifo,heap');
  const { code, err } = await run(['compare', one, two]);
  assert.equal(code, 4);
  assert.match(err, /1 of 2 cells incomparable, the first .*heap: only in B/);
});

test('names that are of two kinds, of none, or need another option say what to do', async () => {
  const file = await resultFile('named.json', 'fifo');
  const cases: [string[], number, RegExp][] = [
    [['buckets', file], 2, /'buckets' is a strategy and '.*' a result; both must be of one kind/],
    [['nothing', 'fifo'], 4, /is no file, no folder with a build, no strategy and no git ref here; name a result/],
    [[file, file, '--time'], 2, /--time needs two builds or two strategies/],
    [[file, file, TRACE], 2, /is one too many/],
    [['fifo', 'heap', '--jobs', '2'], 2, /--jobs must be 1/],
    [['fifo', 'heap', '--blocks', '3'], 2, /--blocks must be two whole numbers/],
    [['fifo', 'heap', '--as', 'thing'], 2, /--as must be one of result, build, strategy, trace/],
    [[folder, ownBuild], 4, /there is no build in this folder/],
  ];
  for (const [args, code, message] of cases) {
    const result = await run(['compare', ...args]);
    assert.equal(result.code, code, result.err);
    assert.match(result.err, message);
  }
});

test('a build with a loop in a hot path counts the same', async () => {
  const slower = join(folder, 'slower');
  injectSpin(ownBuild, slower, 5);
  const { code, out, err } = await run(['compare', ownBuild, slower, TRACE, '--no-time', '--json']);
  assert.equal(code, 0, err);
  const { cells, b } = comparisonOf(out);
  assert.equal(b.commit, null);
  assert.equal(cells[0].verdict, 'unchanged');
  assert.ok(cells[0].counters > 150);
});

test('counters that one side does not know are changes, unless nothing of them happened', async () => {
  const [exact] = readResults('now', (await run(['replay', TRACE, '-s', 'fifo', '-r', 'json'])).out);
  const { changes } = compareExact(exact, { ...exact, operations: {} });
  assert.equal(changes.length, Object.keys(exact.operations).length);
  assert.ok(changes.every(({ counter, after }) => counter.startsWith('operations/') && after === null));
});
