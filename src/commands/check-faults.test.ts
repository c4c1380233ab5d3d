/** The gate where something goes wrong beside the counters: a worker that dies, a strategy that is none here, a base that is none. */
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { parseBaseline, renderBaseline } from '../compare/baseline.js';
import { compareWithBaseline, type RunCell } from '../compare/with-baseline.js';
import type { CheckRecord } from './check.js';
import { ownBuild } from './injected-build.js';
import { type Run, run } from './test-run.js';

const folder = mkdtempSync(join(tmpdir(), 'vgic-check-faults-'));
after(() => rmSync(folder, { recursive: true, force: true }));
const TRACE = join(folder, 'small.vgt');
const BASELINE = join(folder, 'baseline.json');
const LIFO = readFileSync(new URL('../../../examples/strategies/lifo.js', import.meta.url), 'utf8');

const check = (...more: string[]): Promise<Run> => run(['check', TRACE, '--baseline', BASELINE, ...more], 1000);

before(async () => {
  assert.equal((await run(['gen', 'net:events=400,seed=3', '-o', TRACE])).code, 0);
});

test('a worker that is killed twice is exit 1 with the job named, and the gate does not wait for it', async () => {
  const file = join(folder, 'dies.mjs');
  const begin = `create(_params, tools) {\n    if (process.env.TINYPOOL_WORKER_ID !== undefined) process.kill(process.pid, 'SIGKILL');`;
  writeFileSync(file, LIFO.replace('create(_params, tools) {', begin));
  const flags = ['--layers', '0', '-s', `${file},fifo`, '--flavour', 'kvm-6.1,kvm-7.2', '--jobs', '2'];
  const { code, err } = await check(...flags, '--baseline-missing', 'create');
  assert.equal(code, 1, err);
  assert.match(err, /small\.vgt as kvm-6\.1: its process died twice before it answered/);
});

const EXACT = ['--layers', '0', '-s', 'fifo', '--jobs', '1'];

test('a base that does not build loses nothing of what the exact layers found', async () => {
  rmSync(BASELINE, { force: true });
  assert.equal((await check(...EXACT, '--baseline-missing', 'create')).code, 0);
  const baseline = parseBaseline(BASELINE, readFileSync(BASELINE, 'utf8'));
  const [[cell, figures]] = Object.entries(baseline.cells);
  const fewer = { ...figures, 'guest/acks': Number(figures['guest/acks']) - 1 };
  writeFileSync(BASELINE, renderBaseline({ ...baseline, cells: { [cell]: fewer } }));
  const flags = ['-s', 'fifo', '--jobs', '1', '--layers', '0,3', '--base', folder, '--json'];
  const { code, out, err } = await check(...flags);
  assert.equal(code, 4, err);
  const { outcome, cells, command } = JSON.parse(out) as CheckRecord;
  assert.deepEqual(
    outcome.map(({ kind, layer }) => [kind, layer]),
    [
      ['regression', 'exact'],
      ['input', 'base'],
    ],
  );
  assert.deepEqual(
    cells.map(({ verdict }) => verdict),
    ['regressed', 'error'],
  );
  assert.match(command, /^vgic-replay check \S*small\.vgt --strategy fifo --layers 0,3 --base \S+ --baseline \S+$/);
});

test('where the log cannot be written nothing is accepted: no baseline is without its reason', async () => {
  const inner = join(folder, 'unwritable');
  const baseline = join(inner, 'baseline.json');
  const log = join(inner, 'accepted.jsonl');
  mkdirSync(log, { recursive: true });
  const begun = await check(...EXACT, '--baseline', baseline, '--baseline-missing', 'create');
  assert.equal(begun.code, 4, begun.out);
  assert.match(begun.err, /accepted\.jsonl: .*cannot be written \(EISDIR\)/);
  assert.deepEqual(readdirSync(inner), ['accepted.jsonl']);
  rmSync(log, { recursive: true });
  assert.equal((await check(...EXACT, '--baseline', baseline, '--baseline-missing', 'create')).code, 0);
  const before = readFileSync(baseline, 'utf8').replace(/"guest\/acks":\d+/, '"guest/acks":1');
  writeFileSync(baseline, before);
  rmSync(log);
  mkdirSync(log);
  const accepted = await check(...EXACT, '--baseline', baseline, '--accept', '--reason', 'a test');
  assert.equal(accepted.code, 4, accepted.out);
  assert.equal(readFileSync(baseline, 'utf8'), before);
  assert.deepEqual(readdirSync(inner).sort(), ['accepted.jsonl', 'baseline.json']);
});

test('a base that is this build itself, and key cells that are none, are refused: they could only be green', async () => {
  const own = await check('--layers', '3', '--base', ownBuild);
  assert.equal(own.code, 2, own.err);
  assert.match(own.err, /is this build itself: nothing could ever be slower/);
  const none = await check('--layers', '3', '-s', 'fifo', '--flavour', 'xen-old', '--base', 'HEAD');
  assert.equal(none.code, 2, none.err);
  assert.match(none.err, /layers 2 and 3 have no cell/);
});

test('layers are numbers of layers, and nothing else is layer 0', async () => {
  for (const layers of ['', ' ', '0,', '4', '-1', '0.0', '1e0']) {
    const { code } = await check('--layers', layers);
    assert.equal(code, 2, `'${layers}'`);
  }
});

test('what is compared with nothing is not called unchanged, and with --strict is exit 7', async () => {
  const flags = [...EXACT, '--baseline-missing', 'warn', '--json', '--baseline', join(folder, 'none.json')];
  const { code, out } = await check(...flags);
  assert.equal(code, 0);
  assert.deepEqual(
    (JSON.parse(out) as CheckRecord).cells.map(({ verdict }) => verdict),
    ['inconclusive'],
  );
  assert.equal((await check(...flags, '--strict')).code, 7);
});

test('a host that stops where it did not is a fault, at event 0 too, where its figure is left out as a zero', () => {
  const cell = 'small/kvm-6.1/fifo';
  const before = { tool: '1', traces: { small: 'x' }, cells: { [cell]: { stopped: 'no' } } };
  const stopping = (event: number): RunCell => {
    const figures = { stopped: event };
    return { cell, sha256: 'x', figures, places: {}, faults: [], command: 'x' };
  };
  for (const event of [0, 7]) {
    const [{ faults }] = compareWithBaseline(before, [stopping(event)], () => true);
    assert.deepEqual(faults, [`the host stops for good at event ${event}`]);
  }
});
