import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { tracesFolder } from '../replay/test-traces.js';
import { run } from './test-run.js';

const TYPICAL = fileURLToPath(new URL('native-costs/typical-nlr4.bin.gz', tracesFolder));
const LPI = fileURLToPath(new URL('golden/lpi-s02.bin.gz', tracesFolder));
const folder = mkdtempSync(join(tmpdir(), 'vgic-cost-'));
after(() => rmSync(folder, { recursive: true }));

test('cost predicts what was counted of the C code, and says what it is', async () => {
  const { code, out } = await run(['cost', TYPICAL, '-s', 'sort-on-flush', '--locks', 'noop']);
  assert.equal(code, 0);
  // native-costs: 4,002,958 instructions over 20,000 events.
  assert.match(
    out,
    /typical-nlr4 as kvm-6\.1, sort-on-flush, no-op locks: 200 instructions an event over 20,000 events/,
  );
  assert.match(out, /^ {2}depth-pass +(109|110),\d{3} /m);
  assert.match(out, /Predicted, not counted/);
  assert.doesNotMatch(out, /extrapolated|time:/);
});

test('as JSON, with time from a shipped calibration', async () => {
  const { code, out } = await run([
    'cost',
    TYPICAL,
    '-s',
    'sort-on-flush',
    '--calibration',
    'calibration/x86-64-epyc.json',
    '--json',
  ]);
  assert.equal(code, 0);
  const { schema, cells } = JSON.parse(out) as {
    schema: string;
    cells: { prediction: { columns: Record<string, number> }; time: { work: { estimate: number } } }[];
  };
  assert.equal(schema, 'vgic-replay/cost/1');
  assert.equal(cells.length, 1);
  assert.ok(Math.abs(cells[0].prediction.columns.ir_total / 4376837 - 1) < 0.01);
  // native-reference 3.1: 27.8 ns an event.
  assert.ok(Math.abs(cells[0].time.work.estimate / 20000 / 27.8 - 1) < 0.1);
});

test('what was not fitted is said', async () => {
  const { out } = await run(['cost', LPI, '-s', 'buckets']);
  assert.match(out, /! extrapolated: .*LPIs \(none fitted\)/);
  assert.match(out, /by analogy/);
});

test('calibrate makes a file that cost takes', async () => {
  const log = join(folder, 'micro-bench.log');
  const file = join(folder, 'cal.json');
  writeFileSync(log, 'hvc                                  26214400.0                           400.0              \n');
  const made = await run(['calibrate', log, '-o', file, '--machine', 'a board', '--ns-per-instruction', '0.1:0.2:0.4']);
  assert.equal(made.code, 0, made.err);
  assert.match(readFileSync(file, 'utf8'), /"nsPerEntryExit": 400/);
  const { out } = await run(['cost', TYPICAL, '-s', 'fifo', '--calibration', file]);
  assert.match(out, /time: [\d,.]+ µs of list work \(.*\); 1,377 µs of entries and exits/);
  assert.match(out, /Time: a board\./);
});

test('wrong words and files are errors', async () => {
  assert.equal((await run(['cost', TYPICAL, '--locks', 'spin'])).code, 2);
  assert.equal((await run(['cost', TYPICAL, '--calibration', join(folder, 'none.json')])).code, 4);
  const empty = join(folder, 'empty.log');
  writeFileSync(empty, 'nothing\n');
  assert.equal((await run(['calibrate', empty, '-o', '-'])).code, 4);
  assert.equal((await run(['calibrate', empty, '-o', '-', '--ns-per-instruction', '3:2:1'])).code, 2);
});
