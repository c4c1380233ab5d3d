/** growth, rank, check and bench in shards: what they print and how they end is that of one run, and nothing else is taken. */
import assert from 'node:assert/strict';
import { copyFileSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { tracesFolder } from '../replay/test-traces.js';
import { readRunFile, unfinished } from '../run/run-file.js';
import { strategies } from '../strategy/index.js';
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
  const command = ['growth', '-s', 'fifo,xen-old', '--flavour', 'xen-new,xen-old', '--lrs', '2'];
  const parts = await runShards('growth', command);
  const whole = at('growth.jsonl');
  const printed = await done(...command, '-o', whole);
  assert.match(printed, /^xen-new, 2 list registers\n/);
  assert.equal(await done('growth', ...[...parts].reverse()), printed);
  assert.equal(await done('growth', ...parts, '--json'), await done(...command, '--json'));
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
    whole = await run(command);
    parts = await runShards('lie', command);
  } finally {
    Object.assign(strategy, { worst });
  }
  assert.equal(whole.code, 3);
  assert.match(whole.err, SLOW);
  assert.deepEqual(await run(['growth', ...parts]), whole);
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
  await refuseOthers('rank', parts, [[other, /rank-other\.jsonl: line 1: is of other traces/]]);
  await resumes(command, whole);
});

test('stored results go to their own verb, and keep the options that they were made with', async () => {
  const [growth, rank] = [at('growth.jsonl'), at('rank.jsonl')];
  const trace = fileURLToPath(new URL('golden/churn16-s02.bin.gz', tracesFolder));
  await refused(
    ['report', growth],
    4,
    /growth\.jsonl: line 1: holds the results of 'growth'; read it with 'vgic-replay growth'/,
  );
  await refused(['growth', rank], 4, /rank\.jsonl: line 1: holds the results of 'rank'; read it with/);
  await refused(['growth', trace], 2, /churn16-s02\.bin\.gz holds no stored results of a run/);
  await refused(['growth', growth, '--full'], 2, /as they were counted; leave out --full/);
  await refused(['rank', rank, '--no-catalogue'], 2, /leave out --no-catalogue/);
  await refused(
    ['growth', '--shard', '1/2'],
    2,
    /--shard needs the file of stored results: --output run-1-of-2\.jsonl/,
  );
});
