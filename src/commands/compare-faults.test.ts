/** Comparisons that something is wrong with: none of them may end as "B is better", or as nothing at all. */
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { judgeOther, judgeSame } from '../compare/compare-cells.js';
import { readResults } from '../compare/read-results.js';
import type { CellResult, ExactPart } from '../replay/result.js';
import { gatherColumns, writeColumns } from './arm-columns.js';
import { measureArm } from './arm-process.js';
import { injectSpin, ownBuild } from './injected-build.js';
import { openInput } from './inputs.js';
import { isOtherCore } from './other-core.js';
import { hashExact } from './stored-result.js';
import { run } from './test-run.js';

const folder = mkdtempSync(join(tmpdir(), 'vgic-compare-faults-'));
after(() => rmSync(folder, { recursive: true, force: true }));
const TRACE = 'traces/golden/churn16-s01.bin.gz';
const LIFO = readFileSync(new URL('../../../examples/strategies/lifo.js', import.meta.url), 'utf8');

interface Stored {
  readonly exact: { readonly cells: readonly CellResult[] };
}
let stored: Stored = { exact: { cells: [] } };
let exact: ExactPart;
before(async () => {
  const { out } = await run(['replay', TRACE, '-s', 'sort-on-flush', '-r', 'json']);
  stored = JSON.parse(out) as Stored;
  [exact] = readResults('now', out);
});

/** A result file of cells with these exact parts. */
function fileOf(name: string, ...parts: object[]): string {
  const cells = parts.map((part) => ({ ...stored.exact.cells[0], exact: part }));
  const file = join(folder, name);
  const part = { ...stored.exact, cells };
  writeFileSync(file, JSON.stringify({ ...stored, exact: part, exactSha256: hashExact(part) }));
  return file;
}

function strategyFile(name: string, from: string, to: string): string {
  assert.ok(LIFO.includes(from));
  const file = join(folder, name);
  writeFileSync(file, LIFO.replace(from, to));
  return file;
}

test('a strategy that throws after a few entries is no improvement, on either side: exit 5', async () => {
  const file = strategyFile('throws.mjs', 'select(vcpu) {', 'select(vcpu) { if (++calls > 3) throw new Error("boom");');
  writeFileSync(file, `let calls = 0;\n${readFileSync(file, 'utf8')}`);
  for (const sides of [
    ['sort-on-flush', file],
    [file, 'sort-on-flush'],
  ]) {
    const { code, out, err } = await run(['compare', ...sides, TRACE]);
    assert.equal(code, 5, err);
    assert.match(out, /B or A is wrong: of 1 cell 1 error/);
    assert.match(err, /the strategy of [AB] fails at event \d+: .*boom/);
  }
});

test('a strategy that does not keep the order it declares is an error, however cheap', async () => {
  const file = strategyFile('liar.mjs', "equivalence: 'deviating'", "equivalence: 'identical'");
  const { code, err } = await run(['compare', 'sort-on-flush', file, TRACE, '--no-time']);
  assert.equal(code, 5, err);
  assert.match(err, /the strategy of B declares '.*' and is not at event/);
});

test('two builds: what one of them cannot replay soundly is an error, with its own words', async () => {
  const file = strategyFile('liar-too.mjs', "equivalence: 'deviating'", "equivalence: 'identical'");
  const { code, err } = await run(['compare', ownBuild, ownBuild, TRACE, '--no-time', '-s', file]);
  assert.equal(code, 5, err);
  assert.match(err, /cannot replay it: .*declares/);
});

test('times of a build whose core has other names are said to be so, which is no error of it', async () => {
  const old = join(folder, 'old');
  injectSpin(ownBuild, old, 1);
  const engine = join(old, 'dist/src/replay/engine.js');
  const text = readFileSync(engine, 'utf8');
  assert.match(text, /export function createEngine\(/);
  writeFileSync(
    engine,
    `${text}\nexport { createEngine as makeEngine };`.replace(
      'export function createEngine(',
      'function createEngine(',
    ),
  );
  const columns = join(folder, 'columns');
  const input = await openInput(TRACE);
  writeColumns(gatherColumns(input.open()), columns);
  input.close();
  await assert.rejects(measureArm({ build: old, columns, strategy: 'fifo' }), ({ message }: Error) =>
    isOtherCore(message),
  );
});

test('a host that stops early counts less, and is worse', () => {
  const stopped = { event: 40, kind: 'host-deadlock', reason: 'it waits for itself' } as const;
  const cheap: ExactPart = {
    ...exact,
    stopped,
    amplification: { ...exact.amplification, steps: 1 },
    paths: { ...exact.paths, flush: { ...exact.paths.flush, steps: { sum: 1, max: 1, hist: [1] } } },
  };
  assert.equal(judgeSame(exact, cheap).verdict, 'regressed');
  assert.match(judgeSame(exact, cheap).reason, /^B stops for good at event 40 \(it waits for itself\), A goes on/);
  assert.equal(judgeOther(exact, cheap).verdict, 'regressed');
  assert.equal(judgeOther(cheap, exact).verdict, 'inconclusive');
});

test('two cells of one name do not hide one another: exit 4', async () => {
  const { paths } = exact;
  const max = { ...paths.flush.steps, max: 10 * paths.flush.steps.max };
  const worse = { ...exact, paths: { ...paths, flush: { ...paths.flush, steps: max } } };
  const { code, err } = await run(['compare', fileOf('one.json', exact), fileOf('two.json', worse, exact)]);
  assert.equal(code, 4);
  assert.match(err, /several cells of B have this name/);
});

test('a figure that is missing, null, a fraction, negative or beyond 2^53 is a broken result: exit 4 and its name', async () => {
  const whole = fileOf('whole.json', exact);
  const { paths } = exact;
  for (const max of [undefined, null, 1.5, -1, 2 ** 53]) {
    const flush = { ...paths.flush, steps: { ...paths.flush.steps, max } };
    const { code, err } = await run(['compare', whole, fileOf('hole.json', { ...exact, paths: { ...paths, flush } })]);
    assert.equal(code, 4, `${max}: ${err}`);
    assert.match(err, /cell 1: flush\/steps\/max is .*, no count; make the result again/);
  }
  const { code, err } = await run(['compare', whole, fileOf('cut.json', { ...exact, paths: undefined })]);
  assert.equal(code, 4, err);
});
