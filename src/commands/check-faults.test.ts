/** The gate where something goes wrong beside the counters: a worker that dies, a strategy that is none here, a base that is none. */
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
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
