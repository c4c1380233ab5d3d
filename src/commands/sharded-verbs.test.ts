/** growth, rank, check and bench in shards: what they print and how they end is that of one run, and nothing else is taken. */
import assert from 'node:assert/strict';
import { copyFileSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { parseBaseline, renderBaseline } from '../compare/baseline.js';
import { tracesFolder } from '../replay/test-traces.js';
import { createHeader, finish, headerLine, readRunFile, unfinished, unitLine } from '../run/run-file.js';
import { CONTROL } from '../stats/experiment.js';
import { strategies } from '../strategy/index.js';
import type { BenchRecord } from './bench-record.js';
import { type Run, run } from './test-run.js';

const folder = mkdtempSync(join(tmpdir(), 'vgic-verbs-'));
after(() => rmSync(folder, { recursive: true }));
const at = (name: string): string => join(folder, name);
const read = (name: string): string => readFileSync(at(name), 'utf8');

const SHARDS = 3;
const partsOf = (name: string): string[] =>
  Array.from({ length: SHARDS }, (_none, index) => at(`${name}-${index + 1}-of-${SHARDS}.jsonl`));

async function done(...args: string[]): Promise<string> {
  const { code, out, err } = await run(args);
  assert.equal(code, 0, `${args.join(' ')}: ${err}`);
  return out;
}

/** Runs all shards of a command into `partsOf(name)`. */
async function runShards(name: string, command: readonly string[]): Promise<string[]> {
  const parts = partsOf(name);
  for (const [index, part] of parts.entries()) {
    const out = await done(...command, '--shard', `${index + 1}/${SHARDS}`, '-o', part);
    assert.match(out, new RegExp(`: shard ${index + 1}/3, \\d+ units? of \\d+; 'vgic-replay merge' puts all shards`));
  }
  return parts;
}

async function refused(args: readonly string[], code: number, expected: RegExp): Promise<void> {
  const ran = await run(args);
  assert.match(ran.err, expected);
  assert.match(ran.err, /^vgic-replay: [^\n]+\n$/);
  assert.deepEqual([ran.code, ran.out], [code, '']);
}

/** `foreign`: of another command, the second of so many shards. */
async function refuseOthers(
  verb: string,
  parts: readonly string[],
  foreign: readonly [string, RegExp][],
): Promise<void> {
  const [first, second, third] = parts;
  const copy = at(`${verb}-copy.jsonl`);
  copyFileSync(second, copy);
  await refused([verb, first, third], 4, /-1-of-3\.jsonl: .*shard 2\/3 with 1 unit \("[^"]+"\) is missing/);
  await refused([verb, ...parts, copy], 4, /-copy\.jsonl: .*shard 2\/3 is in .*-2-of-3\.jsonl too/);
  for (const [file, difference] of foreign) await refused([verb, first, file, third], 4, difference);
}

/** Cuts the last line off, takes the run up again, and expects the file that was there. */
async function resumes(command: readonly string[], file: string): Promise<void> {
  const whole = readFileSync(file, 'utf8');
  writeFileSync(`${file}.partial`, whole.slice(0, -20));
  rmSync(file);
  const owed = unfinished(readRunFile(whole.slice(0, -20)));
  assert.equal(owed.length, 1);
  const { code, err } = await run([...command, '-o', file, '--resume']);
  assert.equal(code, 0, err);
  assert.match(err, /\.partial: line \d+ was cut off; its unit is run again\n/);
  assert.equal(readFileSync(file, 'utf8'), whole);
  assert.ok(!existsSync(`${file}.partial`));
}

const schemas = ['cell', 'report', 'run'].map((name): object =>
  JSON.parse(readFileSync(new URL(`../reports/${name}.schema.json`, tracesFolder), 'utf8')),
);
const ajv = new Ajv2020({ allErrors: true, allowUnionTypes: true, schemas });
const isLine = ajv.getSchema('urn:vgic-replay:schema:run:1')!;
function fitsSchema(file: string): void {
  for (const line of readFileSync(file, 'utf8').trimEnd().split('\n'))
    assert.ok(isLine(JSON.parse(line)), `${ajv.errorsText(isLine.errors)}: ${line.slice(0, 200)}`);
}

const SLOW = /grows with exponent/;

test('growth: shards print what one run does', async () => {
  const command = ['growth', '-s', 'bhyve,xen-old', '--flavour', 'xen-new,xen-old', '--lrs', '2'];
  const parts = await runShards('growth', command);
  const whole = at('growth.jsonl');
  const printed = await done(...command, '-o', whole);
  assert.match(printed, /^xen-new, 2 list registers\n/);
  assert.equal(await done('growth', ...[...parts].reverse()), printed);
  assert.match(
    await done('merge', ...parts, '-o', at('growth-merged.jsonl')),
    /: 2 units of 3 files; 'vgic-replay growth .*growth-merged\.jsonl' prints them/,
  );
  assert.equal(read('growth-merged.jsonl'), read('growth.jsonl'));
  fitsSchema(whole);
  const other = at('growth-other.jsonl');
  await done(...command.slice(0, -1), '3', '--shard', '2/3', '-o', other);
  await refuseOthers('growth', parts, [[other, /growth-other\.jsonl: line 1: has lrs 3, not 2 as /]]);
  await resumes(command, whole);
});

test('growth: what is not as declared is judged once, of all shards', async () => {
  const strategy = strategies.find(({ id }) => id === 'fifo')!;
  const { worst } = strategy;
  const pending = { growth: 'constant', steps: () => Number.MAX_SAFE_INTEGER, why: 'a lie' };
  Object.assign(strategy, { worst: (...given: Parameters<typeof worst>) => ({ ...worst(...given), pending }) });
  const command = ['growth', '-s', 'fifo', '--flavour', 'xen-new'];
  let whole: Run;
  let parts: string[];
  try {
    whole = await run([...command, '--json']);
    parts = await runShards('lie', command);
  } finally {
    Object.assign(strategy, { worst });
  }
  assert.equal(whole.code, 3);
  assert.match(whole.err, SLOW);
  assert.deepEqual(await run(['growth', ...parts, '--json']), whole);
});

test('rank: shards print and end as one run does', async () => {
  const findings = ['kvm-6.1-fold-steps-heap', 'kvm-6.1-fold-steps-xen-old'].map((name) =>
    fileURLToPath(new URL(`attacks/${name}.json`, tracesFolder)),
  );
  const command = ['rank', ...findings, '-s', 'fifo,heap,bhyve', '--flavour', 'kvm-6.1'];
  const parts = await runShards('rank', command);
  const whole = at('rank.jsonl');
  const printed = await done(...command, '-o', whole);
  for (const format of ['table', 'md', 'json'])
    assert.equal(await done('rank', ...parts, '-r', format), await done(...command, '-r', format));
  assert.equal(await done('rank', ...parts), printed);
  await done('merge', ...parts, '-o', at('rank-merged.jsonl'));
  assert.equal(read('rank-merged.jsonl'), read('rank.jsonl'));
  fitsSchema(whole);
  const other = at('rank-other.jsonl');
  const changed = at('mine.json');
  writeFileSync(changed, `${readFileSync(findings[1], 'utf8')}\n`);
  await done('rank', findings[0], changed, ...command.slice(3), '--shard', '2/3', '-o', other);
  await refuseOthers('rank', parts, [[other, /rank-other\.jsonl: line 1: is of other traces \(.*mine\.json, not /]]);
  await resumes(command, whole);
});

const LIFO = readFileSync(new URL('../examples/strategies/lifo.js', tracesFolder), 'utf8');

test('check: what shards come to is judged once, with the record and the exit code of one run', async () => {
  const [trace, baseline] = [at('small.vgt'), at('baseline.json')];
  await done('gen', 'net:events=400,seed=3', '-o', trace);
  const mine = at('mine.mjs');
  writeFileSync(mine, LIFO);
  const command = ['check', trace, '-s', `fifo,${mine}`, '--flavour', 'kvm-6.1,xen-new,xen-old', '--layers', '0'];
  const judged = ['--baseline', baseline];
  const parts = await runShards('check', command);
  const whole = at('check.jsonl');
  await done(...command, '-o', whole, ...judged, '--baseline-missing', 'create');
  const live = await run([...command, ...judged, '--json']);
  assert.equal(live.code, 0, live.err);
  assert.deepEqual(await run(['check', ...[...parts].reverse(), ...judged, '--json']), live);
  assert.deepEqual(await run(['check', ...parts, ...judged]), await run([...command, ...judged]));
  await done('merge', ...parts, '-o', at('check-merged.jsonl'));
  assert.equal(read('check-merged.jsonl'), read('check.jsonl'));
  fitsSchema(whole);

  // A counter that moved is as red in shards, and accepted of all of them.
  const honest = read('baseline.json');
  const known = parseBaseline(baseline, honest);
  const [cell] = Object.keys(known.cells);
  const fewer = { ...known.cells[cell], 'prune/calls': Number(known.cells[cell]['prune/calls']) - 1 };
  writeFileSync(baseline, renderBaseline({ ...known, cells: { ...known.cells, [cell]: fewer } }));
  const red = await run([...command, ...judged, '--json']);
  assert.equal(red.code, 3);
  assert.match(red.err, /small \(.*\): 1 more call/);
  assert.deepEqual(await run(['check', ...parts, ...judged, '--json']), red);
  const settings = at('settings.json');
  writeFileSync(settings, JSON.stringify({ budgets: { 'flush/steps/max': 1 } }));
  assert.deepEqual(
    await run(['check', ...parts, ...judged, '--config', settings]),
    await run([...command, ...judged, '--config', settings]),
  );
  await done('check', ...parts, ...judged, '--accept', '--reason', 'that was meant');
  assert.equal(read('baseline.json'), honest);

  const second = ['--shard', '2/3', '-o'];
  const [option, strategy, other] = ['option', 'strategy', 'trace'].map((what) => at(`check-${what}.jsonl`));
  await done(...command, '--invariants', ...second, option);
  writeFileSync(mine, `${LIFO}\n`);
  await done(...command, ...second, strategy);
  writeFileSync(mine, LIFO);
  await done('gen', 'net:events=400,seed=4', '-o', trace);
  await done(...command, ...second, other);
  await done('gen', 'net:events=400,seed=3', '-o', trace);
  await refuseOthers('check', parts, [
    [option, /check-option\.jsonl: line 1: has invariants true, not false as /],
    [strategy, /check-strategy\.jsonl: line 1: is of other strategies \(another .*mine\.mjs\)/],
    [other, /check-trace\.jsonl: line 1: is of other traces \(another .*small\.vgt\)/],
  ]);
  await resumes([...command, ...judged], whole);
});

test('check: a shard is neither judged nor timed', async () => {
  const trace = at('other.vgt');
  await done('gen', 'net:events=100', '-o', trace);
  const shard = ['check', trace, '--shard', '1/2', '-o', at('none.jsonl')];
  await refused(
    [...shard, '--accept', '--reason', 'x'],
    2,
    /a shard is not judged: the baseline is written by the check of all/,
  );
  await refused(
    [...shard, '--base', 'HEAD'],
    2,
    /layers 2 and 3 compare builds on one machine: run them by themselves/,
  );
  await done(...shard.slice(0, 2), '-s', 'fifo', '--layers', '0', '--shard', '2/2', '-o', at('second.jsonl'));
  await refused(['check', at('second.jsonl'), '--layers', '0'], 2, /as they were counted; leave out --layers/);
  assert.ok(!existsSync(at('none.jsonl')) && !existsSync(at('none.jsonl.partial')));
});

test('bench: a shard is a whole trace, and each result keeps its machine', async () => {
  const traces = ['a', 'b'].map((name) => at(`${name}.vgt`));
  for (const [seed, trace] of traces.entries()) await done('gen', `net:events=200,seed=${seed + 1}`, '-o', trace);
  const command = ['bench', ...traces, '-s', 'fifo', '--blocks', '2', '--quick'];
  const parts = partsOf('bench');
  const [first, second, third] = parts;
  await done(...command, '--shard', '1/3', '-o', first);
  // There are two traces: nothing is left for it.
  assert.match(await done(...command, '--shard', '3/3', '-o', third), /shard 3\/3, 0 units of 2/);
  const { header, units } = readRunFile(readFileSync(first, 'utf8'));
  const { plan, machines } = header;
  const [{ unit, result }] = units;
  assert.ok('times' in result);
  assert.equal(unit, `bench ${traces[0]}`);
  assert.deepEqual(
    result.times.arms.map(({ name, minima }) => [name, minima.length]),
    ['fifo', CONTROL].map((name) => [name, 2]),
  );

  // The other one as this machine, and another, would have measured it: it takes seconds.
  const title = result.times.title.replace('a.vgt', 'b.vgt');
  const storeSecond = (machine: Partial<typeof result.machine>): void => {
    const times = { ...result.times, title };
    const own = { times, exact: [], machine: { ...result.machine, ...machine } };
    const shard = { index: 2, count: SHARDS };
    writeFileSync(second, headerLine(createHeader(plan, shard, machines)) + unitLine(finish(plan.units[1].id, own)));
  };
  storeSecond({});
  const merged = at('bench-merged.jsonl');
  assert.match(await done('merge', ...parts, '-o', merged), /'vgic-replay bench .*' prints them/);
  fitsSchema(merged);
  const printed = await done('bench', ...parts);
  assert.equal(await done('bench', merged), printed);
  for (const name of ['a', 'b'])
    assert.match(printed, new RegExp(`${name}\\.vgt, replayed as .*: \\d+ events, 2 blocks, seed 1; ratio to fifo\\n`));
  assert.match(printed, /\nTimes are those of this machine/);
  const one = JSON.parse(await done('bench', ...parts, '--json')) as BenchRecord;
  assert.deepEqual(one.results[0], result.times);
  assert.deepEqual(one.machine, result.machine);
  assert.equal(JSON.parse(await done('bench', ...parts, '-r', 'json')).exact.cells.length, 1);

  storeSecond({ fingerprint: 'feedfacef00d', cpu: 'another CPU' });
  assert.match(
    await done('bench', ...parts),
    /\nanother CPU, .*: .*b\.vgt, replayed as .*\nTimes of one machine are no measure of those of another/,
  );
  const { results } = JSON.parse(await done('bench', ...parts, '--json')) as BenchRecord;
  assert.deepEqual(
    results.map(({ machine }) => machine?.cpu),
    [result.machine.cpu, 'another CPU'],
  );

  const other = at('bench-other.jsonl');
  await done(...command, '--seed', '2', '--shard', '3/3', '-o', other);
  await refused(['bench', first, second, other], 4, /bench-other\.jsonl: line 1: has seed 2, not 1 as /);
  await refused(['bench', first, third], 4, /shard 2\/3 with 1 unit \("bench .*b\.vgt"\) is missing/);
  await refused(['bench', ...parts, first], 4, /shard 1\/3 is given twice/);
  await refused(['bench', ...parts, '--blocks', '3'], 2, /as they were counted; leave out --blocks/);
});

test('stored results go to their own verb, and keep the options that they were made with', async () => {
  const [growth, rank] = [at('no-growth.jsonl'), at('no-rank.jsonl')];
  // Of one unit the second shard has none: it is done at once.
  const second = ['--flavour', 'xen-new', '-s', 'fifo', '--shard', '2/2', '-o'];
  await done('growth', ...second, growth);
  await done('rank', '--no-catalogue', ...second, rank);
  const trace = fileURLToPath(new URL('golden/churn16-s02.bin.gz', tracesFolder));
  await refused(
    ['report', growth],
    4,
    /no-growth\.jsonl: line 1: holds the results of 'growth'; read it with 'vgic-replay growth'/,
  );
  await refused(['growth', rank], 4, /no-rank\.jsonl: line 1: holds the results of 'rank'; read it with/);
  await refused(['growth', trace], 2, /churn16-s02\.bin\.gz holds no stored results of a run/);
  await refused(['growth', growth, '--full'], 2, /as they were counted; leave out --full/);
  await refused(['rank', rank, '--no-catalogue'], 2, /leave out --no-catalogue/);
  await refused(
    ['growth', '--shard', '1/2'],
    2,
    /--shard needs the file of stored results: --output run-1-of-2\.jsonl/,
  );
});
