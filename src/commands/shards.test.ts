/** Runs divided into shards, merged and reported: the bytes of a run that was never divided. */
import assert from 'node:assert/strict';
import { copyFileSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { tracesFolder } from '../replay/test-traces.js';
import { unitsOf, WHOLE } from '../run/plan.js';
import { createHeader, headerLine, readRunFile, unitLine } from '../run/run-file.js';
import { runFileName } from './run-options.js';
import { storeEvidence } from './test-evidence.js';
import { run } from './test-run.js';

const folder = mkdtempSync(join(tmpdir(), 'vgic-shards-'));
after(() => rmSync(folder, { recursive: true }));
const at = (name: string): string => join(folder, name);
const read = (name: string): string => readFileSync(at(name), 'utf8');
const TRACE = fileURLToPath(new URL('recorded/bare-sgi-storm.vgt', tracesFolder));
const GOLDEN = fileURLToPath(new URL('golden/churn16-s02.bin.gz', tracesFolder));
const OTHER = fileURLToPath(new URL('golden/churn16-s03.bin.gz', tracesFolder));

const SHARDS = 8;
const shardNames = Array.from({ length: SHARDS }, (_none, index) => at(`part-${index + 1}.jsonl`));

async function done(...args: string[]): Promise<string> {
  const { code, out, err } = await run(args);
  assert.equal(code, 0, `${args.join(' ')}: ${err}`);
  return out;
}

const replayed = [GOLDEN, OTHER, '--strategy', 'sort-on-flush,sort-on-insert,buckets,fifo,heap'];

before(async () => {
  for (const [index, name] of shardNames.entries())
    await done('replay', ...replayed, '--shard', `${index + 1}/${SHARDS}`, '-o', name);
});

test('8 shards merged are the bytes of the whole run, and print the same tables', async () => {
  const whole = await done('replay', ...replayed, '-o', at('whole.jsonl'));
  await done('merge', ...[...shardNames].reverse(), '-o', at('merged.jsonl'));
  assert.equal(read('merged.jsonl'), read('whole.jsonl'));
  assert.equal(await done('replay', ...shardNames), whole);
  assert.equal(await done('replay', ...replayed), whole);
  assert.ok(!existsSync(at('whole.jsonl.partial')));
});

test('worker processes change nothing', async () => {
  await done('replay', GOLDEN, '-s', 'fifo,heap', '-o', at('here.jsonl'));
  await done('replay', GOLDEN, '-s', 'fifo,heap', '-o', at('there.jsonl'), '--jobs', '2');
  assert.equal(read('there.jsonl'), read('here.jsonl'));
});

test('a missing, doubled, foreign or unfinished shard is refused by name, and nothing is written', async () => {
  const [first, second, ...others] = shardNames;
  copyFileSync(second, at('copy.jsonl'));
  await done('replay', GOLDEN, OTHER, '-s', 'fifo', '--shard', `2/${SHARDS}`, '-o', at('foreign.jsonl'));
  const cases: [string[], RegExp][] = [
    [
      [first, ...others],
      /part-1\.jsonl: .*shard 2\/8 with 2 units \("[^"]+" and "[^"]+"\) is missing; .*--shard 2\/8$/,
    ],
    [[...shardNames, at('copy.jsonl')], /copy\.jsonl: .*shard 2\/8 is in .*part-2\.jsonl too/],
    [[...shardNames, second], /part-2\.jsonl: .*shard 2\/8 is given twice/],
    [[first, at('foreign.jsonl'), ...others], /foreign\.jsonl: .*has strategies "fifo", not "sort-on-flush,/],
    [[first, TRACE, ...others], /bare-sgi-storm\.vgt: line 1: /],
    [[...shardNames, at('none.jsonl')], /none\.jsonl: .*cannot be opened \(ENOENT\)/],
  ];
  for (const [files, expected] of cases) {
    const { code, out, err } = await run(['merge', ...files, '-o', at('refused.jsonl')]);
    assert.equal(code, 4, err);
    assert.equal(out, '');
    assert.match(err, /^vgic-replay: [^\n]+\n$/);
    assert.match(err.trim(), expected);
  }
  assert.ok(!existsSync(at('refused.jsonl')));
});

test('a report of shards is that of the whole run, and every line of them fits the schema', async () => {
  // Its first events: list registers are verified, too.
  const part = at('part.vgt');
  await done('convert', TRACE, '--to', '4000', '-o', part);
  const report = ['report', part, '-s', 'sort-on-flush,fifo', '--kind', 'attack', '-o', at('whole')];
  // The shortest shard there is has the plan of all.
  await done(...report, '--shard', '7/7');
  const ofShard = readRunFile(read('whole/run-7-of-7.jsonl')).header;
  storeEvidence(at('whole/run.jsonl'), createHeader(ofShard.plan, WHOLE, ofShard.machines));
  await done(...report, '--resume');
  const { header, units } = readRunFile(read('whole/run.jsonl'));
  const { plan, machines } = header;
  assert.deepEqual([...new Set(plan.units.map(({ kind }) => kind))], ['replay', 'verify', 'sweep', 'evidence']);
  const count = 3;
  // Shards as their machines would store them: what is counted twice here is the report, not its cells.
  const parts = Array.from({ length: count }, (_none, part): string => {
    const shard = { index: part + 1, count };
    const lines = unitsOf(plan, shard).map(({ id }) => unitLine(units.find(({ unit }) => unit === id)!));
    writeFileSync(at(runFileName(shard)), headerLine(createHeader(plan, shard, machines)) + lines.join(''));
    return at(runFileName(shard));
  });
  await done('report', ...parts, '-o', at('of-parts'));
  await done('merge', ...parts, '-o', at('merged-report.jsonl'));
  assert.equal(read('merged-report.jsonl'), read('whole/run.jsonl'));
  for (const file of ['report.json', 'report.html', 'report.md', 'cells.csv', 'sections.csv', 'harm.csv'])
    assert.equal(read(`of-parts/${file}`), read(`whole/${file}`), file);
  const schemas = ['cell', 'report', 'run'].map((name): object =>
    JSON.parse(readFileSync(new URL(`../reports/${name}.schema.json`, tracesFolder), 'utf8')),
  );
  const ajv = new Ajv2020({ allErrors: true, allowUnionTypes: true, schemas });
  const isLine = ajv.getSchema('urn:vgic-replay:schema:run:1')!;
  const lines = read('merged-report.jsonl').trimEnd().split('\n');
  assert.ok(lines.length > 6);
  for (const line of lines) assert.ok(isLine(JSON.parse(line)), ajv.errorsText(isLine.errors));
  const { sha256: _dropped, ...unhashed } = JSON.parse(lines[1]);
  assert.equal(isLine(unhashed), false);
});

test('stored results are not mixed with traces, and keep what they were counted with', async () => {
  const cases: [string[], RegExp][] = [
    [['report', shardNames[0], TRACE], /holds the stored results of a run and .*\.vgt does not/],
    [['report', shardNames[0], '--seed', '4'], /as they were counted; leave out --seed/],
    [['replay', shardNames[0], '--allow-truncated'], /leave out --allow-truncated/],
    [['replay', TRACE, '--shard', '1/2'], /--shard needs the file of stored results: --output run-1-of-2\.jsonl/],
    [['replay', TRACE, '--resume'], /--resume needs the file of stored results: --output run\.jsonl/],
    [['replay', TRACE, '--dump-lrs', '-', '--jobs', '2'], /--dump-lrs and --jobs are two runs/],
    [['report', TRACE, TRACE], /the same trace as .*; give each trace once/],
  ];
  for (const [args, expected] of cases) {
    const { code, err } = await run(args);
    assert.match(err, expected);
    assert.equal(code, /same trace/.test(err) ? 4 : 2);
  }
});
