/** `history` as users meet it: results of every kind in, changes out, and a file that no failure damages. */
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, beforeEach, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { Ajv } from 'ajv';
import { COMPARISON_SCHEMA, type Comparison } from '../compare/comparison.js';
import type { HistoryRun } from '../history/record.js';
import { historyLine } from '../history/store-text.js';
import { createNoise, makeRun } from '../history/test-runs.js';
import { CELL_SCHEMA } from '../replay/result.js';
import { CONTROL } from '../stats/experiment.js';
import { BENCH_SCHEMA, type BenchRecord } from './bench-record.js';
import { appendHistory, readHistoryFile } from './history-file.js';
import { createTestTerminal, run } from './test-run.js';

const ROOT = new URL('../../../', import.meta.url);
const CLI = fileURLToPath(new URL('../cli.js', import.meta.url));
const isValid = new Ajv({ allowUnionTypes: true }).compile(
  JSON.parse(readFileSync(new URL('reports/history.schema.json', ROOT), 'utf8')),
);
const assertValid = (text: string): void => assert.ok(isValid(JSON.parse(text)), JSON.stringify(isValid.errors));

const root = mkdtempSync(join(tmpdir(), 'vgic-replay-'));
after(() => rmSync(root, { recursive: true }));
const COMMITS = ['1111111', '2222222', '3333333'];
let folder = '';
let file = '';
let replayed = '';
before(async () => {
  const events = join(root, 'two.jsonl');
  writeFileSync(events, '{"vgic-replay":1,"vcpus":1}\n{"op":"inject","intid":40}\n{"op":"flush"}\n');
  const { out, code } = await run(['replay', events, '-s', 'fifo,buckets', '--reporter', 'json']);
  assert.equal(code, 0);
  replayed = join(root, 'replayed.json');
  writeFileSync(replayed, out);
});
beforeEach(() => {
  folder = mkdtempSync(join(root, 'case-'));
  file = join(folder, 'history.jsonl');
});
const save = (name: string, record: unknown): string => {
  writeFileSync(join(folder, name), typeof record === 'string' ? record : JSON.stringify(record));
  return join(folder, name);
};
const add = (result: string, ...args: readonly string[]) => run(['history', 'add', result, '--file', file, ...args]);
const lines = (): HistoryRun[] =>
  readFileSync(file, 'utf8')
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as HistoryRun);
const saveRuns = (runs: readonly HistoryRun[]): void => writeFileSync(file, runs.map(historyLine).join(''));

test('a replay is added with its steps, and shown', async () => {
  const { code, out, err } = await add(
    replayed,
    '--commit',
    COMMITS[0],
    '--ref',
    'main',
    '--when',
    '2026-11-26T12:00:00Z',
  );
  assert.equal(code, 0, err);
  assert.match(out, /^added: 2 cells of 1111111 on machine [0-9a-f]{12} \(.*\); .*history.jsonl has 1 run\n$/);
  assertValid(readFileSync(file, 'utf8'));
  const [{ commit, ref, when, cells }] = lines();
  assert.deepEqual([commit, ref, when], [COMMITS[0], 'main', '2026-11-26T12:00:00.000Z']);
  const report = JSON.parse(readFileSync(replayed, 'utf8')) as {
    exact: { cells: { exact: { paths: { flush: { steps: { sum: number; max: number } } } } }[] };
  };
  assert.equal(cells.length, 2);
  const sums = report.exact.cells.map(({ exact }) => exact.paths.flush.steps.sum);
  assert.deepEqual(cells.map(({ counters }) => counters['flush/steps/sum']).sort(), sums.sort());
  assert.ok(cells.every(({ time, cell }) => time === null && /^two\/kvm-6\.1\/(fifo|buckets)$/.test(cell)));
  const shown = await run(['history', 'show', '--file', file, '--cell', 'fifo']);
  assert.match(shown.out, /two\/kvm-6\.1\/fifo +│ flush\/steps\/max/);
  assert.doesNotMatch(shown.out, /buckets/);
  assertValid((await run(['history', 'show', '--file', file, '--json'])).out);
});

test('every kind of stored result: run file, bench, comparison', async () => {
  const report = JSON.parse(readFileSync(replayed, 'utf8')) as { exact: { cells: { schema: string }[] } };
  const facts = { node: 'v20.1.0', os: 'Linux 5', cpu: 'Old CPU', cores: 8 };
  const stored = [
    { schema: 'vgic-replay/run/1', machines: [facts], plan: {} },
    ...report.exact.cells.map((cell) => ({ unit: 'u', result: { cell, timeline: null } })),
    { unit: 'v', result: { entries: 3 } },
  ];
  assert.equal(report.exact.cells[0].schema, CELL_SCHEMA);
  const runFile = save('run.jsonl', `${stored.map((line) => JSON.stringify(line)).join('\n')}\n{"unit":"to`);
  assert.equal((await add(runFile, '--commit', COMMITS[0])).code, 0);

  const arm = {
    events: 9,
    minima: [50],
    estimate: 50,
    low: 49,
    high: 51,
    ratio: 1,
    ratioLow: 1,
    ratioHigh: 1,
    target: '',
    met: null,
  };
  const bench: BenchRecord = {
    schema: BENCH_SCHEMA,
    tool: { name: 'vgic-replay', version: '0' },
    machine: { ...facts, load: 0.1 },
    results: [
      {
        id: 'f'.repeat(64),
        title: 'traces/my, own.vgt, replayed as xen-new',
        flavour: 'xen-new',
        seed: 1,
        blocks: 1,
        arms: [
          { ...arm, name: 'top-k:k=4' },
          { ...arm, name: CONTROL },
        ],
      },
    ],
  };
  assert.equal((await add(save('bench.json', bench), '--commit', COMMITS[0])).code, 0);

  const comparison: Comparison = {
    schema: COMPARISON_SCHEMA,
    tool: { name: 'vgic-replay', version: '0' },
    command: '',
    seed: 1,
    a: { name: 'main', kind: 'build', commit: COMMITS[0], isDirty: false },
    b: { name: 'HEAD', kind: 'build', commit: COMMITS[1], isDirty: false },
    cells: [
      {
        cell: 'boot/kvm-6.1/fifo',
        verdict: 'unchanged',
        reason: '',
        changes: [],
        counters: 7,
        command: '',
        time: {
          verdict: 'unchanged',
          reason: '',
          ratio: 1,
          low: 1,
          high: 1,
          minRatio: 1,
          control: 1,
          p: 1,
          holmP: 1,
          delta: 0.05,
          floor: 0.02,
          smallestDetectable: 0.04,
          screenBlocks: 2,
          confirmBlocks: 0,
          samples: { a: [40, 41], b: [42, 46], control: [40, 41] },
        },
      },
      {
        cell: 'boot/kvm-6.1/heap',
        verdict: 'unchanged',
        reason: '',
        changes: [],
        counters: 7,
        command: '',
        time: null,
      },
    ],
  };
  assert.equal((await add(save('comparison.json', comparison), '--machine', 'lab-3')).code, 0);
  const strategies = { ...comparison, b: { ...comparison.b, name: 'heap', kind: 'strategy' } };
  assert.equal((await add(save('strategies.json', strategies), '--machine', 'lab-4')).code, 0);
  assert.equal(lines()[3].cells[0].cell, 'boot/kvm-6.1/fifo/heap');
  const [first, second, third] = lines();
  for (const each of [first, second, third]) assertValid(JSON.stringify(each));
  assert.equal(first.cells.length, 2);
  assert.deepEqual([first.machine.cpu, first.machine.cores, first.machine.node], ['Old CPU', 8, 'v20.1.0']);
  assert.equal(first.machine.fingerprint, second.machine.fingerprint);
  assert.deepEqual(second.cells, [
    {
      cell: 'my, own/xen-new/top-k:k=4',
      traceSha256: 'f'.repeat(64),
      counters: {},
      time: { estimate: 50, low: 49, high: 51 },
    },
  ]);
  assert.equal(third.commit, COMMITS[1]);
  assert.equal(third.machine.fingerprint, 'lab-3');
  // 25th percentile of 42 and 46.
  assert.deepEqual(
    third.cells.map(({ cell, time }) => [cell, time?.estimate]),
    [['boot/kvm-6.1/fifo', 43]],
  );
});

test('what is no result, no date, no commit or no history is refused in one line, and nothing is written', async () => {
  for (const [record, args, exit, message] of [
    ['{', [], 4, /r.json: byte 0: cannot be read as JSON/],
    ['null', [], 4, /r.json: schema: is null; give report.json/],
    [{ schema: 'vgic-replay/report/9' }, [], 4, /schema: is "vgic-replay\/report\/9"/],
    [{ schema: 'vgic-replay/report/1' }, [], 4, /is not whole/],
    [{ schema: 'vgic-replay/report/1', exact: { cells: [] }, measured: null }, [], 2, /has no cell/],
    [null, ['--when', 'soon'], 2, /--when must be a date/],
    [null, ['--commit', 'HEAD'], 2, /--commit must be a hash/],
  ] as const) {
    const { code, err } = await add(record === null ? replayed : save('r.json', record), ...args);
    assert.equal(code, exit, err);
    assert.match(err, message);
    assert.equal(err.trimEnd().split('\n').length, 1);
    assert.equal(existsSync(file), false);
  }
  assert.equal((await add(join(folder, 'none.json'))).code, 4);
  const { code, err } = await run(['history', 'detect', '--file', file]);
  assert.equal(code, 4);
  assert.match(err, /cannot be read \(ENOENT\); name the history with --file/);
  assert.equal((await run(['history', 'add', replayed, '--file', join(folder, 'no', 'h.jsonl')])).code, 4);
  assert.match((await run(['history', 'bogus'])).err, /vgic-replay: .*bogus.*; see "vgic-replay history --help"/);
});

test('figures that are no numbers, and machines that are none, never get into the file', async () => {
  const bench = (estimate: string, machine = '{"cpu":"c","cores":2,"os":"Linux 6.1","node":"v20"}'): string =>
    `{"schema":"${BENCH_SCHEMA}","machine":${machine},"results":[{"id":"${'f'.repeat(64)}","title":"a.vgt","flavour":"kvm-6.1","arms":[{"name":"fifo","low":1,"high":2,"estimate":${estimate}}]}]}`;
  for (const wrong of [
    ...['1e999', '0', '-5', 'null', '"40"', '40,"low":1e999'].map((figure) => bench(figure)),
    bench('40', '{"cpu":5}'),
  ]) {
    const { code, err } = await add(save('b.json', wrong));
    assert.equal(code, 4, wrong);
    assert.match(err, /b.json: .*; give report.json/);
    assert.equal(existsSync(file), false, wrong);
  }
  assert.equal((await add(save('b.json', bench('40')), '--machine', ' ')).code, 2);
  assert.equal((await add(save('b.json', bench('40')))).code, 0);
});

test('names out of results reach the terminal without control characters, a line each', async () => {
  const named = makeRun({ at: 0, cell: 'a\n::error::\u001b[31mb/kvm-6.1/fifo' });
  saveRuns([named, makeRun({ at: 1, cell: named.cells[0].cell, counters: { 'flush/steps/sum': 2000 } })]);
  for (const verb of ['show', 'detect']) {
    const { out } = await run(['history', verb, '--file', file], 80);
    assert.match(out, /a[\ufffd ]::error::\ufffd\[31mb/);
    assert.doesNotMatch(out, /[^\P{Cc}\n]/u);
    if (verb === 'detect') for (const line of out.split('\n')) assert.ok(line.length <= 80, line);
  }
});

test('the same commit on the same machine twice is refused unless asked for', async () => {
  assert.equal((await add(replayed, '--commit', COMMITS[0])).code, 0);
  const size = statSync(file).size;
  const { code, err } = await add(replayed, '--commit', COMMITS[0]);
  assert.equal(code, 2);
  assert.match(err, /line 1 has two\/kvm-6.1\/\w+ of commit 1111111 .*; nothing was added \(--again adds it\)/);
  assert.equal(statSync(file).size, size);
  assert.equal((await add(replayed, '--commit', COMMITS[0], '--again')).code, 0);
  assert.equal((await add(replayed, '--commit', COMMITS[1])).code, 0);
  assert.equal(lines().length, 3);
});

test('a commit that git names is one of a checkout; changes that are in none are said', () => {
  const checkout = join(folder, 'checkout');
  mkdirSync(checkout);
  const git = (...args: readonly string[]) =>
    execFileSync('git', ['-c', 'user.name=a', '-c', 'user.email=a@b', ...args], { cwd: checkout, encoding: 'utf8' });
  git('init', '-q');
  writeFileSync(join(checkout, 'code'), '1');
  git('add', 'code');
  git('commit', '-qm', 'code');
  const addHere = () => {
    const { GITHUB_SHA, CI_COMMIT_SHA, ...env } = process.env;
    const args = [CLI, 'history', 'add', replayed, '--again', '--file', 'runs.jsonl'];
    return spawnSync(process.execPath, args, { cwd: checkout, encoding: 'utf8', env });
  };
  const clean = addHere();
  assert.deepEqual([clean.status, clean.stderr], [0, '']);
  assert.ok(clean.stdout.includes(git('rev-parse', 'HEAD').slice(0, 10)), clean.stdout);
  writeFileSync(join(checkout, 'code'), '2');
  const changed = addHere();
  assert.equal(changed.status, 0);
  assert.match(
    changed.stderr,
    /^the checkout has changes that are in no commit: the run stands as one of [0-9a-f]{10} /,
  );
});

test('a line that a crash cut off is said and replaced; whole lines stay to the byte', async () => {
  await add(replayed, '--commit', COMMITS[0]);
  const whole = readFileSync(file, 'utf8');
  appendFileSync(file, whole.slice(0, 77));
  assert.match((await run(['history', 'show', '--file', file])).err, /line 2 was cut off and is left out/);
  const { err } = await add(replayed, '--commit', COMMITS[1]);
  assert.match(err, /line 2 was cut off/);
  assert.ok(readFileSync(file, 'utf8').startsWith(whole));
  assert.deepEqual(
    lines().map(({ commit }) => commit),
    COMMITS.slice(0, 2),
  );
});

test('a last line that is whole but for its line feed stays', async () => {
  await add(replayed, '--commit', COMMITS[0]);
  writeFileSync(file, readFileSync(file, 'utf8').trimEnd());
  const { err } = await add(replayed, '--commit', COMMITS[1]);
  assert.doesNotMatch(err, /cut off/);
  assert.deepEqual(
    lines().map(({ commit }) => commit),
    COMMITS.slice(0, 2),
  );
});

test('what another process appended after the file was read stays', () => {
  const [first, second, third] = [0, 1, 2].map((at) => makeRun({ at }));
  const torn = historyLine(first).slice(0, 50);
  saveRuns([first]);
  appendFileSync(file, torn);
  const { terminal } = createTestTerminal();
  const store = readHistoryFile(file, terminal, false);
  appendFileSync(file, historyLine(second).slice(50));
  assert.throws(() => appendHistory(file, store, third), /was written to by another process.*nothing was added/);
  assert.equal(readFileSync(file, 'utf8'), `${historyLine(first)}${torn}${historyLine(second).slice(50)}`);
});

test('detect says words first, exits 0 whatever it finds, and 3 with --fail if it is for the worse', async () => {
  const noise = createNoise(3, 0.02);
  const runs = Array.from({ length: 50 }, (_, at) =>
    makeRun({
      at,
      time: 40 * noise() * (at >= 30 ? 1.2 : 1),
      counters: { 'flush/steps/sum': at >= 45 ? 990 : 1000, 'flush/steps/max': 30 },
    }),
  );
  saveRuns(runs);
  const detect = (...args: readonly string[]) => run(['history', 'detect', '--file', file, ...args], 200);
  const { code, out } = await detect();
  assert.equal(code, 0);
  assert.match(out, /^50 runs: 1 change of exact counters, 1 change of times\n {2}fewer steps: .*\n {2}slower: /);
  const failed = await detect('--fail');
  assert.equal(failed.code, 3);
  assert.equal(failed.out, out);
  assert.match(failed.err, /1 of the changes are for the worse; --since COMMIT/);
  assert.equal((await detect('--fail', '--since', runs[40].commit!)).code, 0);
  assert.equal((await detect('--since', 'abcdef1')).code, 2);
  assert.match((await detect('--ref', 'other')).out, /^0 runs: 0 changes of exact counters, 0 changes of times/);
  const json = (await detect('--json')).out;
  assertValid(json);
  assert.equal((await detect('--json')).out, json);
  assert.deepEqual(
    (JSON.parse(json) as { times: { first: { run: number } }[] }).times.map(({ first }) => first.run),
    [30],
  );
});
