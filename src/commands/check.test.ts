/** The gate on small traces: green where nothing changed, red with the counter named where one did, whichever it is. */
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { Ajv2020 } from 'ajv/dist/2020.js';
import fc from 'fast-check';
import { BASELINE_SCHEMA, parseBaseline, renderBaseline } from '../compare/baseline.js';
import type { Figure, Figures } from '../compare/exact-figures.js';
import type { CheckRecord } from './check.js';
import { parseConfig } from './check-config.js';
import { type Run, run } from './test-run.js';

const folder = mkdtempSync(join(tmpdir(), 'vgic-check-test-'));
after(() => rmSync(folder, { recursive: true, force: true }));
const TRACE = join(folder, 'small.vgt');
const BASELINE = join(folder, 'baseline.json');
const LOG = join(folder, 'accepted.jsonl');
const CONFIG = join(folder, 'settings.json');
const STRATEGY = 'sort-on-flush';
const CELL = `small/kvm-6.1/${STRATEGY}`;

const gate = (...more: string[]): Promise<Run> =>
  run(['check', TRACE, '--layers', '0', '-s', STRATEGY, '--baseline', BASELINE, '--jobs', '1', ...more], 1000);

const readBaseline = (): ReturnType<typeof parseBaseline> => parseBaseline(BASELINE, readFileSync(BASELINE, 'utf8'));

/** What the trace counts, in the baseline again. */
let honest = '';
before(async () => {
  const { code } = await run(['gen', 'net:events=400,seed=3', '-o', TRACE]);
  assert.equal(code, 0);
  const created = await gate('--baseline-missing', 'create');
  assert.equal(created.code, 0, created.err);
  honest = readFileSync(BASELINE, 'utf8');
});

function writeFigures(change: (figures: Record<string, Figure>) => void): void {
  const baseline = parseBaseline(BASELINE, honest);
  const figures: Record<string, Figure> = { ...baseline.cells[CELL] };
  change(figures);
  writeFileSync(BASELINE, renderBaseline({ ...baseline, cells: { [CELL]: figures } }));
}
const restore = (): void => writeFileSync(BASELINE, honest);

async function recordOf(...more: string[]): Promise<{ code: number; record: CheckRecord }> {
  const { code, out } = await gate('--json', ...more);
  return { code, record: JSON.parse(out) as CheckRecord };
}

test('nothing changed: green, with as many counters as the baseline has', async () => {
  restore();
  const { code, record } = await recordOf();
  assert.equal(code, 0);
  assert.deepEqual(record.outcome, []);
  assert.deepEqual(
    record.cells.map(({ cell, verdict, counters }) => [cell, verdict, counters]),
    [[CELL, 'unchanged', Object.keys(readBaseline().cells[CELL]).length]],
  );
});

/** Grown since the baseline: correctness, which has tests of its own. */
const isCorrectness = (counter: string): boolean => counter === 'harm/lost' || counter === 'stopped';

test('every counter of the cell: one more or one less in the baseline is exit 3, by name', async () => {
  const names = Object.keys(parseBaseline(BASELINE, honest).cells[CELL]).filter((name) => !isCorrectness(name));
  assert.ok(names.length > 100);
  writeFigures((figures) => {
    for (const name of names)
      figures[name] = typeof figures[name] === 'number' ? figures[name] + 1 : `${figures[name]}0`;
  });
  const { code, record } = await recordOf();
  assert.equal(code, 3);
  assert.deepEqual(record.cells[0].changes.map(({ counter }) => counter).sort(), [...names].sort());
});

test('a random counter and a random difference are always found, and only that one', async () => {
  const names = Object.keys(parseBaseline(BASELINE, honest).cells[CELL]).filter((name) => !isCorrectness(name));
  await fc.assert(
    fc.asyncProperty(fc.constantFrom(...names), fc.integer({ min: -1000, max: 1000 }), async (name, delta) => {
      writeFigures((figures) => {
        const figure = figures[name];
        figures[name] = typeof figure === 'number' ? figure + delta : delta === 0 ? figure : `${figure}${delta}`;
      });
      const { code, record } = await recordOf();
      const found = record.cells.flatMap(({ changes }) => changes.map(({ counter }) => counter));
      assert.deepEqual([code, found], delta === 0 ? [0, []] : [3, [name]]);
    }),
    { seed: 5, numRuns: 25 },
  );
});

test('words before numbers, and the place of the worst call', async () => {
  writeFigures((figures) => {
    figures['flush/steps/max'] = Number(figures['flush/steps/max']) - 3;
  });
  const { code, out, err } = await gate();
  assert.equal(code, 3);
  assert.match(
    out,
    /sort-on-flush on small \(kvm-6\.1\): 3 more steps in the worst call of flush \(\d+ → \d+, event \d+ of vCPU \d\)/,
  );
  assert.match(err, /^vgic-replay: check: sort-on-flush on small \(kvm-6\.1\): 3 more steps/);
  assert.match(out, /if this is meant: check --accept --reason/);
});

test('a counter that a baseline does not have is 0 there; one that is gone is said', async () => {
  writeFigures((figures) => {
    delete figures['inject/calls'];
    figures['operations/never'] = 4;
  });
  const { record } = await recordOf();
  assert.deepEqual(
    record.cells[0].changes.map(({ counter, before: was, after: is }) => [counter, was, is === null ? null : is !== 0]),
    [
      ['inject/calls', 0, true],
      ['operations/never', 4, false],
    ],
  );
});

test('accepting writes the values, and who, when and why; then it is green', async () => {
  writeFigures((figures) => {
    figures['prune/calls'] = 1;
  });
  assert.equal((await gate('--accept')).code, 2);
  assert.equal((await gate('--accept', '--reason', ' ')).code, 2);
  assert.equal((await gate('--reason', 'because')).code, 2);
  const { code, out } = await gate('--accept', '--reason', 'prunes are counted as they are');
  assert.equal(code, 0);
  assert.match(out, /accepted 1 cell into /);
  assert.equal(readFileSync(BASELINE, 'utf8'), honest);
  const lines = readFileSync(LOG, 'utf8').trim().split('\n');
  const entry = JSON.parse(lines.at(-1)!);
  assert.deepEqual(
    [entry.schema, entry.reason, entry.changed, entry.added, entry.removed],
    ['vgic-replay/accepted/1', 'prunes are counted as they are', { [CELL]: 1 }, [], []],
  );
  assert.match(entry.date, /^\d{4}-\d\d-\d\dT/);
  assert.notEqual(entry.author, '');
  const again = await gate('--accept', '--reason', 'nothing');
  assert.match(again.out, /there is nothing to accept/);
  assert.equal(readFileSync(LOG, 'utf8').trim().split('\n').length, lines.length);
});

test('correctness cannot be accepted: a host that stops, and did not', async () => {
  const trace = join(folder, 'stops.vgt');
  const baseline = join(folder, 'stops.json');
  assert.equal((await run(['gen', 'attack:pend-sgi', '-o', trace])).code, 0);
  const args = ['check', trace, '--layers', '0', '-s', STRATEGY, '--flavour', 'xen-new', '--baseline', baseline];
  const created = await run([...args, '--jobs', '1', '--baseline-missing', 'create']);
  assert.equal(created.code, 0, created.err);
  const known = parseBaseline(baseline, readFileSync(baseline, 'utf8'));
  const [[cell, figures]] = Object.entries(known.cells);
  assert.equal(typeof figures.stopped, 'number', 'the trace stops this host');
  const before: Figures = { ...figures, stopped: 'no' };
  writeFileSync(baseline, renderBaseline({ ...known, cells: { [cell]: before } }));
  const red = await run([...args, '--jobs', '1', '--json']);
  assert.equal(red.code, 5);
  // Two ends at once: the gravest is the exit code, both are in the record.
  assert.deepEqual(
    (JSON.parse(red.out) as CheckRecord).outcome.map(({ code }) => code),
    [5, 3],
  );
  const refused = await run([...args, '--jobs', '1', '--accept', '--reason', 'so be it']);
  assert.equal(refused.code, 5);
  assert.match(refused.out, /nothing was accepted/);
  assert.deepEqual(parseBaseline(baseline, readFileSync(baseline, 'utf8')).cells[cell], before);
});

test('cells that are new, gone or of another trace are told apart', async () => {
  const baseline = parseBaseline(BASELINE, honest);
  writeFileSync(BASELINE, renderBaseline({ ...baseline, cells: {} }));
  assert.match((await gate()).out, /not in the baseline \(1 cell\)/);
  writeFileSync(
    BASELINE,
    renderBaseline({ ...baseline, cells: { ...baseline.cells, 'small/kvm-6.1/bogo': { lrDigest: 'x' } } }),
  );
  const all = ['check', TRACE, '--layers', '0', '--baseline', BASELINE, '--jobs', '1'];
  const { code, out } = await run([...all, '--json']);
  assert.equal(code, 3);
  const { cells } = JSON.parse(out) as CheckRecord;
  assert.equal(cells.find(({ cell }) => cell === 'small/kvm-6.1/bogo')?.reason, 'in the baseline, and no longer run');
  writeFileSync(BASELINE, renderBaseline({ ...baseline, traces: { small: 'another' } }));
  const other = await gate();
  assert.equal(other.code, 4);
  assert.match(other.err, /small is not the trace of the baseline: other content/);
  restore();
});

const schema = new Ajv2020({ strict: true }).compile(
  JSON.parse(readFileSync(new URL('../../../reports/check-config.schema.json', import.meta.url), 'utf8')),
);

test("this project's own settings are as the schema has them, and as the gate reads them", () => {
  const text = readFileSync(new URL('../../../vgic-check.json', import.meta.url), 'utf8');
  assert.equal(schema(JSON.parse(text)), true);
  assert.equal(parseConfig('vgic-check.json', text).budgets?.['harm/lost'], 0);
});

const settings = (value: unknown): void => writeFileSync(CONFIG, JSON.stringify(value));

test('budgets: exit 6 with the counter, 3 before 6, and both in the record', async () => {
  restore();
  settings({ budgets: { 'flush/steps/max': 1, 'small/**/inject/calls': 1_000_000, 'harm/lost': 0 } });
  const over = await gate('--config', CONFIG);
  assert.equal(over.code, 6);
  assert.match(over.out, /budgets: 2 of 3 counters are within/);
  assert.match(over.out, /flush\/steps\/max is \d+, \d+ over its budget of 1 \(flush\/steps\/max\)/);
  writeFigures((figures) => {
    figures['prune/calls'] = 1;
  });
  const both = await recordOf('--config', CONFIG);
  assert.equal(both.code, 3);
  assert.deepEqual(both.record.outcome.map(({ code }) => code).sort(), [3, 6]);
  assert.equal(both.record.exitCode, 3);
  restore();
});

test('a reader of test reports sees what is over its budget, beside the cells', async () => {
  restore();
  settings({ budgets: { 'flush/steps/max': 1 } });
  const file = join(folder, 'junit.xml');
  const { code, out } = await gate('--config', CONFIG, '-r', `junit=${file}`, '-r', 'table');
  assert.equal(code, 6);
  assert.match(out, /over its budget of 1/);
  assert.match(
    readFileSync(file, 'utf8'),
    / name="budget\/small\/kvm-6\.1\/sort-on-flush\/flush\/steps\/max"><failure /,
  );
  restore();
});

const WRONG_SETTINGS: readonly (readonly [unknown, RegExp])[] = [
  [{ budget: {} }, /settings\.json: budget: is no setting; did you mean budgets\?/],
  [{ budgets: { 'flush/steps/max': -1 } }, /settings\.json: budgets\/flush\/steps\/max: is -1; give a /],
  [{ limits: { cpu: 3 } }, /settings\.json: limits\/cpu: is no setting; the settings here are instructionsWarn, /],
  [{ traces: 'a.vgt' }, /settings\.json: traces: is "a\.vgt"; give a list/],
  [{ traces: [''] }, /settings\.json: traces\/0: is ""; give a text/],
  [
    { keyCells: Array.from({ length: 11 }, () => 'a/b/c') },
    /settings\.json: keyCells: has 11 entries; give at most 10/,
  ],
  [[], /settings\.json: byte 0: is \[\]; give an object/],
];
for (const [value, expected] of WRONG_SETTINGS) {
  test(`settings ${JSON.stringify(value).slice(0, 40)}: one line, exit 4`, async () => {
    restore();
    settings(value);
    assert.equal(schema(value), false);
    const { code, err } = await gate('--config', CONFIG);
    assert.equal(code, 4);
    assert.match(err, /^vgic-replay: [^\n]+\n$/);
    assert.match(err, expected);
  });
}

test('a budget that no counter has is a mistake, unless a part was asked for', async () => {
  restore();
  settings({ budgets: { 'flsh/steps/max': 5 } });
  assert.equal((await gate('--config', CONFIG)).code, 0);
  const args = ['check', TRACE, '--layers', '0', '--baseline', BASELINE, '--jobs', '1', '--config', CONFIG];
  const { code, err } = await run(args);
  assert.equal(code, 4);
  assert.match(err, /settings\.json: budgets\/flsh\/steps\/max: no counter of any cell has this name; see /);
});

const WRONG_BASELINES: readonly (readonly [string, RegExp])[] = [
  ['{', /baseline\.json: byte 0: is no JSON/],
  ['[]', /byte 0: is no baseline/],
  ['{"schema":"vgic-replay/baseline/9"}', /schema: is "vgic-replay\/baseline\/9", which this version does not read/],
  [`{"schema":"${BASELINE_SCHEMA}","tool":"1","traces":{}}`, /cells: is missing/],
  [
    `{"schema":"${BASELINE_SCHEMA}","tool":"1","traces":{},"cells":{"a/b/c":{"d":1.5}}}`,
    /cells\/a\/b\/c\/d: is 1\.5, neither/,
  ],
];
for (const [text, expected] of WRONG_BASELINES) {
  test(`baseline ${text.slice(0, 60)}: one line, exit 4`, async () => {
    writeFileSync(BASELINE, text);
    const { code, err } = await gate();
    assert.equal(code, 4);
    assert.match(err, /^vgic-replay: [^\n]+\n$/);
    assert.match(err, expected);
    restore();
  });
}

test('no baseline: an error, a warning or the first one, as asked', async () => {
  const none = join(folder, 'none', 'b.json');
  const args = ['check', TRACE, '--layers', '0', '-s', STRATEGY, '--baseline', none, '--jobs', '1'];
  const missing = await run(args);
  assert.deepEqual([missing.code, /there is no such baseline; name one/.test(missing.err)], [4, true]);
  // It is said before anything is counted, also before what only counting would show.
  const nothing = await run([...args, '--flavour', 'xen-new']);
  assert.deepEqual([nothing.code, /there is no such baseline; name one/.test(nothing.err)], [4, true]);
  const warned = await run([...args, '--baseline-missing', 'warn']);
  assert.deepEqual([warned.code, /compared with nothing/.test(warned.out)], [0, true]);
  assert.equal((await run([...args, '--baseline-missing', 'create'])).code, 0);
  assert.equal((await run(args)).code, 0);
});

test('a baseline of another version of the tool is read, and said where something changed', async () => {
  const baseline = parseBaseline(BASELINE, honest);
  writeFileSync(BASELINE, renderBaseline({ ...baseline, tool: '99.0.0' }));
  assert.equal((await gate()).code, 0);
  const cells = { [CELL]: { ...baseline.cells[CELL], 'prune/calls': 1 } };
  writeFileSync(BASELINE, renderBaseline({ ...baseline, tool: '99.0.0', cells }));
  const { code, out } = await gate();
  assert.equal(code, 3);
  assert.match(out, /was written by version 99\.0\.0, this is \d/);
  restore();
});

test('two traces of one name, layers without a base and layers that are none are refused', async () => {
  restore();
  assert.match((await run(['check', TRACE, TRACE])).err, /would both be called small in the baseline/);
  assert.match((await gate('--layers', '3')).err, /layer 3 compares with a base: give --base REF/);
  assert.equal((await gate('--layers', '4')).code, 2);
});

test('several processes count the same', async () => {
  restore();
  const { code, out } = await run([
    'check',
    TRACE,
    '-s',
    'sort-on-flush,buckets',
    '--baseline',
    BASELINE,
    '--jobs',
    '2',
  ]);
  // buckets is new there.
  assert.equal(code, 3);
  assert.match(out, /not in the baseline \(1 cell\)/);
  assert.match(out, /growth: \d+ of \d+ paths grow as their strategies declare/);
});
