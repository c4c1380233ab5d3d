/** A recording that lost lines, as its owner goes on with it: import, validate, replay, verify. */
import assert from 'node:assert/strict';
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { gunzipSync } from 'node:zlib';
import { run } from './test-run.js';

const folder = mkdtempSync(join(tmpdir(), 'vgic-replay-'));
after(() => rmSync(folder, { recursive: true }));
const raw = fileURLToPath(new URL('../../../traces/raw/bare-gicv2-fuzz/', import.meta.url));
const lines = gunzipSync(readFileSync(join(raw, 'trace.txt.gz')))
  .toString('utf8')
  .split('\n', 17_000);
const recording = join(folder, 'lab');
mkdirSync(recording);
copyFileSync(join(raw, 'meta.json'), join(recording, 'meta.json'));

async function importAll(text: readonly string[]): Promise<string> {
  writeFileSync(join(recording, 'trace.txt'), `${text.join('\n')}\n`);
  const { code, err } = await run(['import', recording, '-o', join(folder, 'lab.vgt')]);
  assert.equal(code, 0, err);
  return err;
}

test('400 lines that were lost: the trace is sound, and no difference after them is called a fault of the model', async () => {
  const trace = join(folder, 'lab.vgt');
  const losses = [0, 1, 2, 3].map((cpu) => `CPU:${cpu} [LOST ${100 + cpu} EVENTS]`);
  const err = await importAll([...lines.slice(0, 13_500), ...losses, ...lines.slice(13_900)]);
  for (const cpu of [0, 1, 2, 3])
    assert.match(err, new RegExp(`^  gap at line ${13_501 + cpu}: ${100 + cpu} events lost$`, 'm'));
  assert.equal((await run(['validate', trace])).code, 0);
  assert.equal((await run(['replay', trace, '-s', 'fifo'])).code, 0);
  const { code, out, err: said } = await run(['verify', trace]);
  assert.match(out, /, 0 unexplained \(cross-cpu-window \d+, unrecorded-input \d+, model-fault 0\)$/m);
  assert.match(out, /unrecorded-input: events were lost at event \d+: what they changed is not known$/m);
  if (code !== 0) assert.match(said, /differ from the recording, which lost events .*; record it again with larger/);
  assert.ok(code === 0 || code === 5);
});

test('a recording that begins while its guests run is said to, and replayed', async () => {
  const err = await importAll(lines.slice(13_500));
  assert.match(err, /^ {2}gap at line \d+: unknown number of events lost$/m);
  assert.match(err, /the flush of vCPU \d is missing/);
  assert.equal((await run(['validate', join(folder, 'lab.vgt')])).code, 0);
  assert.equal((await run(['replay', join(folder, 'lab.vgt'), '-s', 'fifo', '--check'])).code, 0);
});
