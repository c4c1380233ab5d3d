/** Lines for scripts and CI logs, tables for spreadsheets, pages for people. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { Verdict } from '../../compare/comparison.js';
import { createModel } from '../model.js';
import { makeCell } from '../test-fixture.js';
import { csv } from './csv.js';
import { htmlPage, markdown } from './document-reporters.js';
import { github } from './github.js';
import { reporters } from './index.js';
import { minimal } from './minimal.js';
import { makeCellComparison, makeComparison } from './test-comparison.js';

const TOOL = { name: 'vgic-replay', version: '0.1.0' };

interface Command {
  readonly level: string;
  readonly properties: Readonly<Record<string, string>>;
  readonly message: string;
}

/** As GitHub's runner reads it: properties end at the first "::", commas part them; then the escapes are undone. */
function parseCommand(line: string): Command {
  const [, level, properties, message] = /^::(error|warning|notice) (.*?)::(.*)$/.exec(line) ?? assert.fail(line);
  const undo = (text: string, codes: readonly string[]): string =>
    text.replace(/%(..)/g, (whole, code: string) => {
      assert.ok(codes.includes(code), `${whole} is no escape here`);
      return String.fromCharCode(Number.parseInt(code, 16));
    });
  const pairs = properties.split(',').map((pair): [string, string] => {
    const equals = pair.indexOf('=');
    return [pair.slice(0, equals), undo(pair.slice(equals + 1), ['25', '0D', '0A', '3A', '2C'])];
  });
  return { level, properties: Object.fromEntries(pairs), message: undo(message, ['25', '0D', '0A']) };
}

const commandsOf = (text: string): Command[] => text.split('\n').slice(0, -1).map(parseCommand);

test('github: what regressed is an error with its counters and where to repeat it; what is unchanged says nothing', () => {
  const commands = commandsOf(github.comparison!(makeComparison()) as string);
  assert.deepEqual(
    commands.map(({ level, properties }) => [level, properties.title]),
    [
      ['error', 'regressed: ipi-4/kvm-6.1/hybrid:threshold=32'],
      ['error', 'incomparable: trace-5/kvm-7.2/fifo'],
      ['error', 'error: trace-6/kvm-7.2/fifo'],
      ['warning', 'inconclusive: trace-3/kvm-7.2/fifo'],
      ['warning', 'unfit: trace-4/kvm-7.2/fifo'],
      ['notice', 'improved: trace-1/kvm-7.2/fifo'],
    ],
  );
  assert.match(
    commands[0].message,
    /25 % more[^\n]*\nflush\/steps\/max: 12 to 15[\s\S]*\nmain against \.: vgic-replay compare/,
  );
});

test('github: of each kind ten, the last of which names the rest', () => {
  const cells = Array.from({ length: 25 }, (_, at) => makeCellComparison({ cell: `cell-${at}` }));
  const commands = commandsOf(github.comparison!(makeComparison(cells)) as string);
  assert.equal(commands.length, 10);
  assert.equal(commands[9].properties.title, '16 more');
  assert.match(commands[9].message, /^regressed: cell-9\n[\s\S]*cell-24$/);
});

test('github: any text comes through the escapes unchanged', () => {
  const text = fc.string({
    unit: fc.constantFrom('%', ':', ',', '\r', '\n', 'a', '=', '2', '5', '::', 'é'),
    maxLength: 12,
  });
  fc.assert(
    fc.property(text, text, (cell, reason) => {
      const comparison = makeComparison([makeCellComparison({ cell, reason, changes: [], time: null })]);
      const [{ properties, message }] = commandsOf(github.comparison!(comparison) as string);
      assert.equal(properties.title, `regressed: ${cell}`);
      assert.ok(message.startsWith(`${reason}\nmain against`));
    }),
    { seed: 1, numRuns: 300 },
  );
});

test('github: a file of a strategy from outside is named; the summary is a small table', () => {
  const bad = makeCell({ strategy: './a,b.js', stopped: { event: 3, kind: 'strategy-fault', reason: 'threw' } });
  const outside = {
    ...bad,
    exact: { ...bad.exact, strategy: { ...bad.exact.strategy, outside: { file: './a,b.js', sha256: '' } } },
  };
  const model = createModel(TOOL, [makeCell(), outside]);
  const [{ level, properties }, ...others] = commandsOf(github.cells!(model) as string);
  assert.deepEqual([level, properties.file, others.length], ['error', './a,b.js', 0]);
  const summary = github.jobSummary!({ model });
  assert.match(summary, /^### vgic-replay: 2 cells\n\n\| cell \|/);
  assert.equal(summary.trimEnd().split('\n').length, 6);
  assert.match(github.jobSummary!({ comparison: makeComparison() }), /^# main against \\?\.\n/);
});

test('minimal: a line a cell, always as many columns', () => {
  const cells = [
    makeCell(),
    makeCell({
      strategy: 'fifo',
      depthAtFlush: [
        [2, 1],
        [9, 4],
      ],
    }),
  ];
  const rows = (minimal.cells!(createModel(TOOL, cells)) as string).split('\n').slice(0, -1);
  assert.deepEqual(
    rows.map((row) => row.split('\t')),
    [
      ['linux-boot/kvm-6.1/sort-on-flush', 'ok', '1000', '0', '0', '0', '1', '-'],
      ['linux-boot/kvm-6.1/fifo', 'ok', '1000', '0', '0', '0', '9', '-'],
    ],
  );
  const compared = (minimal.comparison!(makeComparison()) as string).split('\n').slice(0, -1);
  assert.deepEqual(
    compared.map((row) => row.split('\t').length),
    Array.from({ length: 7 }, () => 7),
  );
  assert.equal(compared.at(-1), 'ipi-4/kvm-6.1/hybrid:threshold=32\tregressed\t3\t180\t1.05\t1.03\t1.07');
});

test('csv: a row a changed counter, and one for a cell without any', () => {
  const rows = (csv.comparison!(makeComparison()) as string).split('\r\n');
  assert.equal(rows.pop(), '');
  assert.equal(rows.length, 1 + 3 + 6);
  assert.match(rows[0], /^cell,verdict,reason,counter,before,after,/);
  assert.ok(rows.some((row) => row.includes(',flush/steps/max,12,15,400,3100,1.05,1.03,1.07,0.004,')));
});

test('md and html: the verdict in words first, then every cell, change and time', async () => {
  const comparison = makeComparison();
  const text = markdown.comparison!(comparison) as string;
  assert.match(
    text,
    /main against \.: 7 cells, 1 regressed, 1 improved, 1 unchanged, 1 inconclusive, 1 unfit, 1 incomparable, 1 error\./,
  );
  assert.ok(text.indexOf('## Verdict') < text.indexOf('## Exact counters'));
  for (const said of ['event 3,100, vCPU 0', '1.03 to 1.07', '&lt;not&gt;']) assert.ok(text.includes(said), said);
  const page = await htmlPage.comparison!(comparison);
  assert.ok(typeof page === 'string');
  assert.match(page, /^<!doctype html>[\s\S]*<h2 id="verdict-title">Verdict<\/h2>[\s\S]*<\/html>\n$/);
  for (const said of ['event 3,100, vCPU 0', '1.03 to 1.07', '&lt;not&gt;']) assert.ok(page.includes(said), said);
  const quiet = markdown.comparison!(
    makeComparison([makeCellComparison({ verdict: 'unchanged', changes: [], time: null })]),
  );
  assert.match(quiet as string, /No exact counter changed\./);
  assert.doesNotMatch(quiet as string, /## Times/);
});

test('every reporter takes cells or calls, has a name of its own, and gives the same bytes twice', async () => {
  assert.equal(new Set(reporters.map(({ id }) => id)).size, reporters.length);
  const model = createModel(TOOL, [makeCell(), makeCell({ strategy: 'fifo' })]);
  const comparison = makeComparison();
  for (const { id, summary, cells, calls, comparison: compare } of reporters) {
    assert.ok(cells !== undefined || calls !== undefined, id);
    assert.match(summary, /^[^\n]{10,80}$/, id);
    assert.deepEqual(await cells?.(model), await cells?.(model), id);
    assert.deepEqual(await compare?.(comparison), await compare?.(comparison), id);
    const empty = await compare?.({ ...comparison, cells: [] });
    if (typeof empty === 'string') assert.ok(empty === '' || empty.endsWith('\n'), id);
  }
});

test('the order of verdicts is that of the comparison', () => {
  const verdicts: Verdict[] = ['unchanged', 'regressed'];
  const cells = verdicts.map((verdict) => makeCellComparison({ cell: verdict, verdict }));
  const text = markdown.comparison!(makeComparison(cells)) as string;
  assert.ok(text.indexOf('| regressed |') < text.indexOf('| unchanged |'));
});
