/** --reporter as a user types it: several at once, files and standard output, what is refused and what is left behind. */
import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import type { CellResult } from '../replay/result.js';
import { tracesFolder } from '../replay/test-traces.js';
import { makeComparison } from '../report/reporters/test-comparison.js';
import { COMPARED, chooseReporters, REPLAYED_CELLS, writeReporters } from './reporter-options.js';
import { createTestTerminal, run } from './test-run.js';

const TRACE = fileURLToPath(new URL('vulnerabilities/comparator-self-call.jsonl', tracesFolder));
const folder = mkdtempSync(join(tmpdir(), 'reporters-'));
after(() => rmSync(folder, { recursive: true, force: true }));
const path = (name: string): string => join(folder, name);
const read = (name: string): string => readFileSync(path(name), 'utf8');

const replay = (...reporters: string[]) =>
  run(['replay', TRACE, '-s', 'fifo,sort-on-flush', ...reporters.flatMap((reporter) => ['-r', reporter])]);

test('several at once: each into its file, one on standard output', async () => {
  const files = ['csv', 'html', 'junit', 'perfetto', 'speedscope', 'table'].map((id) => `${id}=${path(id)}`);
  const { code, out, err } = await replay('minimal', ...files);
  assert.deepEqual([code, err], [0, '']);
  assert.deepEqual(
    out.split('\n').map((line) => line.split('\t').slice(0, 2)),
    [['comparator-self-call/xen-new/fifo', 'ok'], ['comparator-self-call/xen-new/sort-on-flush', 'stopped'], ['']],
  );
  assert.match(read('csv'), /^trace,sha256,/);
  assert.match(read('html'), /^<!doctype html>/);
  assert.match(read('junit'), /^<\?xml /);
  assert.match(read('table'), /^comparator-self-call, replayed as xen-new/);
  assert.equal((JSON.parse(read('speedscope')) as { version: string }).version, '0.0.1');
  // A packet, its length, and the sequence number.
  assert.deepEqual([readFileSync(path('perfetto'))[0], readFileSync(path('perfetto'))[2]], [0x0a, 0x50]);
  assert.deepEqual(readdirSync(folder).sort(), ['csv', 'html', 'junit', 'perfetto', 'speedscope', 'table']);
});

test('without the option it is the table, with "-" standard output is named', async () => {
  const plain = await replay();
  assert.match(plain.out, /^comparator-self-call, replayed as xen-new/);
  assert.deepEqual(await replay('table'), plain);
  assert.deepEqual(await replay('table=-'), plain);
});

const REFUSED: readonly (readonly [reporters: string[], message: RegExp])[] = [
  [
    ['csv', 'minimal'],
    /--reporter csv and --reporter minimal both go to standard output; give one of them a file: minimal=FILE$/m,
  ],
  [['csv=a', 'json=a'], /--reporter csv and --reporter json both go to a; name two files$/m],
  [['csv=a', 'json=./a'], /--reporter csv and --reporter json both go to .*a; name two files$/m],
  [['csv='], /--reporter csv=: names no file; write csv=FILE, or csv alone$/m],
  [['xml'], /unknown reporter 'xml'; one of: table, minimal, .*, perfetto, speedscope$/m],
  [['__proto__=x'], /unknown reporter '__proto__'; one of/],
];
for (const [reporters, message] of REFUSED) {
  test(`${reporters.join(' and ')}: exit 2 before anything is read`, async () => {
    const { code, out, err } = await run(['replay', 'no-such-file', ...reporters.flatMap((each) => ['-r', each])]);
    assert.deepEqual([code, out], [2, '']);
    assert.match(err, message);
  });
}

test('a format that the command has no data for is refused by name', async () => {
  const { code, err } = await run(['bench', 'no-such-file', '-r', 'perfetto']);
  assert.equal(code, 2);
  assert.match(err, /unknown reporter 'perfetto' here; one of: table, minimal, /);
  assert.throws(() => chooseReporters(['speedscope'], COMPARED), { exitCode: 2 });
  assert.deepEqual(
    chooseReporters(['junit=x=y'], COMPARED).map(({ id, file }) => [id, file]),
    [['junit', 'x=y']],
  );
  assert.match((await run(['rank', '-r', 'xml'])).err, /unknown reporter 'xml'; one of: table, md, json$/m);
});

test('check and compare: --json is --reporter json, beside others too', async () => {
  const compared = async (...flags: string[]): Promise<[number, string, string]> => {
    const { code, out, err } = await run(['compare', 'fifo', 'buckets', TRACE, '--no-time', ...flags]);
    return [code, out, err];
  };
  assert.deepEqual(await compared('--json'), await compared('-r', 'json'));
  assert.match((await compared('--json', '-r', 'md'))[2], /json and --reporter md both go to standard output/);
  assert.match((await run(['check', TRACE, '--json', '-r', 'md'])).err, /json and --reporter md both go to/);
});

test('where one file cannot be written, none is, and an old one stays', async () => {
  writeFileSync(path('kept'), 'old');
  const { code, out, err } = await replay('minimal', `csv=${path('kept')}`, `json=${path('missing/deep')}`);
  assert.deepEqual([code, out], [4, '']);
  assert.match(err, /missing\/deep: /);
  assert.equal(read('kept'), 'old');
  assert.ok(!existsSync(path('missing')));
  assert.ok(readdirSync(folder).every((name) => !name.includes('partial')));
});

test('bench: counts and times of the same cells, the table where it is asked for', async () => {
  const bench = ['bench', TRACE, '-s', 'fifo', '--blocks', '2', '--quick'];
  const { code, out } = await run([...bench, '-r', 'jsonl', '-r', `table=${path('times')}`]);
  assert.equal(code, 0);
  const cell = JSON.parse(out) as CellResult;
  const [counted] = (await run(['replay', TRACE, '-s', 'fifo', '-r', 'jsonl'])).out.split('\n');
  assert.deepEqual({ ...cell, measured: null }, JSON.parse(counted));
  assert.equal(cell.measured!.nsPerEvent.length, 2);
  assert.ok(cell.measured!.low <= cell.measured!.estimate && cell.measured!.estimate <= cell.measured!.high);
  assert.match(read('times'), /ns\/event[\s\S]*fifo[\s\S]*control/);
  const both = await run([...bench, '--json', '-r', 'json']);
  assert.match(both.err, /--json and --reporter: give one of them/);
});

test('bytes do not go to a terminal', async () => {
  const { terminal, printed } = createTestTerminal();
  const chosen = chooseReporters(['perfetto'], REPLAYED_CELLS);
  await assert.rejects(writeReporters(chosen, {}, { calls: [] }, { ...terminal, isOutTty: true }), {
    exitCode: 2,
    message: '--reporter perfetto: writes bytes, not text; name a file: perfetto=FILE',
  });
  assert.deepEqual(printed(), { out: '', err: '' });
});

test('github adds to the summary of the job where there is one, and cuts what GitHub would refuse', async () => {
  const chosen = chooseReporters(['github'], COMPARED);
  const { terminal } = createTestTerminal();
  const big = {
    ...chosen[0].reporter!,
    comparison: () => '',
    jobSummary: () => 'a line that is long enough\n'.repeat(60_000),
  };
  writeFileSync(path('summary'), 'before\n');
  process.env.GITHUB_STEP_SUMMARY = path('summary');
  try {
    const { code, out } = await replay('github');
    assert.equal(code, 0);
    assert.match(out, /^::notice title=stopped%3A comparator-self-call\/xen-new\/sort-on-flush::the hypervisor stops/);
    assert.match(read('summary'), /^before\n### vgic-replay: 2 cells\n/);
    writeFileSync(path('summary'), '');
    await writeReporters([{ ...chosen[0], reporter: big }], {}, { comparison: makeComparison() }, terminal);
    const summary = read('summary');
    assert.ok(summary.length <= 1 << 20 && summary.length > 1_000_000);
    assert.match(summary.slice(-120), /^.*\na line that is long enough\n\nThe rest is left out: [^\n]*\n$/s);
  } finally {
    delete process.env.GITHUB_STEP_SUMMARY;
  }
});
