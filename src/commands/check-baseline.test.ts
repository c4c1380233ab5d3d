/** Which baseline the gate takes: that of the package for what comes with it, by content, and the team's for all else. */
import assert from 'node:assert/strict';
import { copyFileSync, existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { SHIPPED_BASELINE, TEAM_BASELINE } from './baseline-file.js';
import type { CheckRecord } from './check.js';
import { chooseBaseline } from './check-baseline.js';
import { planCheck } from './check-plan.js';
import { NO_OPTIONS } from './run-plan.js';
import { readManifest, shippedPath } from './shipped.js';
import { run } from './test-run.js';

const folder = mkdtempSync(join(tmpdir(), 'vgic-check-baseline-'));
after(() => rmSync(folder, { recursive: true, force: true }));

const SHIPPED = 'traces/recorded/bare-prio-churn.vgt';
const OWN = join(folder, 'own.vgt');

async function baselineOf(traces: readonly string[], strategies: readonly string[] = []): Promise<string> {
  const asked = { workloads: undefined, strategies: undefined, flavours: undefined, invariants: false };
  const named = { command: '', options: NO_OPTIONS, isStored: false };
  const { plan } = await planCheck({ ...asked, ...named, traces, layers: new Set([0]) });
  return chooseBaseline(undefined, plan, strategies).file;
}

test('shipped traces alone: the baseline of the package, and green, also under another file name', async () => {
  const entry = readManifest().find(({ file }) => file === SHIPPED.slice('traces/'.length))!;
  const renamed = join(folder, 'renamed.vgt');
  copyFileSync(shippedPath(entry), renamed);
  const said = join(folder, 'said.json');
  const { code, out, err } = await run([
    'check',
    renamed,
    '--layers',
    '0',
    '--jobs',
    '1',
    '-r',
    'table',
    '-r',
    `json=${said}`,
  ]);
  assert.equal(code, 0, err);
  assert.match(out, /^baseline: that of the package, which all of these traces come with/m);
  const { a, cells } = JSON.parse(readFileSync(said, 'utf8')) as CheckRecord;
  assert.equal(a.name, SHIPPED_BASELINE);
  // The recorded flavour and those beside it: all that the baseline has of this trace.
  assert.ok(cells.length > 10 && cells.every(({ verdict }) => verdict === 'unchanged'), `${cells.length} cells`);
});

test('an own trace or an own strategy among them: the baseline of the team, and which one decided it', async () => {
  assert.equal((await run(['gen', 'net:events=400,seed=3', '-o', OWN])).code, 0);
  assert.equal(await baselineOf([SHIPPED]), SHIPPED_BASELINE);
  assert.equal(await baselineOf([SHIPPED], ['fifo', 'hybrid:threshold=32']), SHIPPED_BASELINE);
  assert.equal(await baselineOf([SHIPPED, OWN]), TEAM_BASELINE);
  assert.equal(await baselineOf([OWN]), TEAM_BASELINE);
  assert.equal(await baselineOf([SHIPPED], ['fifo', './mine.js']), TEAM_BASELINE);
  const before = process.cwd();
  process.chdir(folder);
  try {
    const flags = ['--layers', '0', '-s', 'fifo', '--flavour', 'recorded', '--jobs', '1'];
    const { code, out } = await run(['check', SHIPPED, OWN, ...flags, '--baseline-missing', 'create']);
    assert.equal(code, 0);
    assert.match(out, /^baseline: vgic-baseline\.json, since \S*own\.vgt is not of the package\n/);
    assert.ok(existsSync(TEAM_BASELINE));
    assert.doesNotMatch((await run(['check', OWN, ...flags])).out, /^baseline:/m);
  } finally {
    process.chdir(before);
  }
});
