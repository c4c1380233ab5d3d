/** Strategies from files: what is loaded, what is refused and with which words, and what an exception in one costs. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { Ajv2020 } from 'ajv/dist/2020.js';
import type { CellResult } from '../replay/result.js';
import { run } from './test-run.js';

const folder = mkdtempSync(join(tmpdir(), 'vgic-replay-'));
after(() => rmSync(folder, { recursive: true }));

const root = new URL('../../../', import.meta.url);
const EXAMPLES = fileURLToPath(new URL('examples/strategies/', root));
const TRACE = fileURLToPath(new URL('traces/golden/churn16-s01.bin.gz', root));
const LIFO = readFileSync(join(EXAMPLES, 'lifo.js'), 'utf8');
const LAZY = readFileSync(join(EXAMPLES, 'lazy-sort.js'), 'utf8');
const isCell = new Ajv2020({ allErrors: true }).compile(
  JSON.parse(readFileSync(new URL('reports/cell.schema.json', root), 'utf8')),
);

function fileOf(name: string, text: string): string {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
}

/** The example with one piece of its text replaced. */
function changed(from: string | RegExp, to: string, text = LIFO): string {
  const result = text.replace(from, () => to);
  assert.notEqual(result, text, `${from} is not in the example`);
  return result;
}

/** Exact parts by strategy, each valid by the schema. */
function cellsOf(json: string): Readonly<Record<string, CellResult['exact']>> {
  const { cells } = (JSON.parse(json) as { exact: { cells: CellResult[] } }).exact;
  for (const cell of cells) assert.ok(isCell({ ...cell, measured: null }), JSON.stringify(isCell.errors));
  return Object.fromEntries(cells.map(({ exact }) => [exact.strategy.id, exact]));
}

test('a file is a strategy like any other, and the result says which file it was', async () => {
  const lifo = relative(process.cwd(), fileOf('lifo.js', LIFO)).replace(/^(?!\.)/, './');
  const lazy = fileOf('lazy.mjs', LAZY);
  const { code, out, err } = await run(['replay', TRACE, '-s', `fifo,${lifo},${lazy}:factor=3,${lazy}`, '-r', 'json']);
  assert.equal(code, 0, err);
  assert.equal(err, `${lazy}: lazy-sort declares no worst case; none is checked\n`);
  const { fifo, lifo: first, 'lazy-sort:factor=3': second, 'lazy-sort': third } = cellsOf(out);
  assert.deepEqual([third.strategy.params, second.strategy.params], [{ factor: 2 }, { factor: 3 }]);
  assert.equal(fifo.strategy.outside, undefined);
  assert.deepEqual(first.strategy.outside, { file: lifo, sha256: createHash('sha256').update(LIFO).digest('hex') });
  assert.ok(second.command.endsWith(`--strategy ${lazy}:factor=3`), second.command);
  assert.notEqual(first.lrDigest, fifo.lrDigest);
});

test('CommonJS, and a named export, are as good', async () => {
  const common = fileOf('common.cjs', changed('export default', 'module.exports.strategy ='));
  const named = fileOf('named.mjs', changed('export default', 'export const strategy =', changed("'lifo'", "'named'")));
  const { code, out } = await run(['replay', TRACE, '-s', `${common},${named}`, '-r', 'json']);
  assert.equal(code, 0);
  const { lifo, named: same } = cellsOf(out);
  assert.equal(lifo.lrDigest, same.lrDigest);
});

test('the same file in two verbs more: LRs dumped, invariants checked', async () => {
  const lifo = fileOf('lifo.js', LIFO);
  const dumped = await run(['replay', TRACE, '-s', lifo, '--dump-lrs', '-']);
  assert.equal(dumped.code, 0);
  assert.match(dumped.out, /^F \d+ \d+ \d+/);
  assert.equal((await run(['replay', TRACE, '-s', lifo, '--check'])).code, 0);
});

const REFUSED: readonly (readonly [name: string, text: string | undefined, expected: RegExp])[] = [
  ['missing.js', undefined, /byte 0: cannot be read \(ENOENT\); check the path$/m],
  ['syntax.mjs', changed("id: 'lifo',", 'id: ],'), /line 10: SyntaxError: Unexpected token '\]'; correct it$/m],
  ['throws.mjs', `const x = 1;\nx.y.z();\n${LIFO}`, /line 2: threw TypeError: [^\n]*; correct it$/m],
  [
    'import.mjs',
    `import 'vgic-replay-no';\n${LIFO}`,
    /import: threw Error: Cannot find package[^\n]*; import files by/,
  ],
  ['empty.mjs', 'export const x = 1;\n', /export: there is no strategy in it; end it with "export default/],
  ['text.mjs', 'export default 7;\n', /export: there is no strategy in it/],
  ['no-id.mjs', changed("id: 'lifo',", ''), /id: is missing; give a name in kebab-case/],
  ['built-in.mjs', changed("'lifo'", "'fifo'"), /id: "fifo" is a built-in strategy; give it another name/],
  ['summary.mjs', changed(/summary: '.*',/, "summary: '',"), /summary: is ""; give one line of text/],
  ['structure.mjs', changed("'ap-list'", "'two-lists'"), /structure: is "two-lists"; give "ap-list"/],
  ['class.mjs', changed("'deviating'", "'equal'"), /equivalence: is "equal"; give one of identical, tie-equivalent, /],
  ['cost.mjs', changed("pending: 'O(n)', ", ''), /cost\.pending: is missing; give a text/],
  ['params.mjs', changed('params: {},', ''), /params: is missing; give \{\} if it has none/],
  [
    'param.mjs',
    changed('max: 1000', 'max: 1', LAZY),
    /params\.factor: 2 is not in 1\.\.1; correct fallback, min or max/,
  ],
  [
    'worst.mjs',
    changed(/worst: \(flavour\) => [\s\S]*?\}\),\n\n/, 'worst: 7,'),
    /worst: is 7; give worst: \(flavour, params\) => /,
  ],
  ['worst-path.mjs', changed(/ {4}prune: \{ growth.*\n/, ''), /worst\.prune: is missing; give \{ growth, steps/],
  ['worst-steps.mjs', changed('steps: () => 3', 'steps: () => NaN'), /worst\.inject\.steps: of n = 100, k = 4 is null/],
  [
    'create.mjs',
    changed('create(_params, tools)', 'make(_params, tools)'),
    /create: is missing; give create: \(params, /,
  ],
  [
    'create-throws.mjs',
    changed('tools.word;', 'tools.words;'),
    /create: threw TypeError: [^\n]*create-throws\.mjs:\d+/,
  ],
  [
    'member.mjs',
    changed('dropLpis(vcpu)', 'dropLpi(vcpu)'),
    /create: dropLpis: is missing; the list must have \{ length, /,
  ],
];

for (const [name, text, expected] of REFUSED) {
  test(`${name}: one line with file, place and remedy, exit 4`, async () => {
    const path = text === undefined ? join(folder, name) : fileOf(name, text);
    const { code, out, err } = await run(['replay', TRACE, '-s', `fifo,${path}`]);
    assert.equal(code, 4, err);
    assert.equal(out, '');
    assert.match(err, /^vgic-replay: [^\n]+: [^\n]+: [^\n]+; [^\n]{8,}\n$/);
    assert.ok(err.startsWith(`vgic-replay: ${path}: `), err);
    assert.match(err, expected);
  });
}

test('two files may not share an id, and parameters are checked as ever', async () => {
  const [a, b] = ['a.mjs', 'b.mjs'].map((name) => fileOf(name, LIFO));
  const shared = await run(['replay', TRACE, '-s', `${a},${b}`]);
  assert.equal(shared.code, 4);
  assert.match(shared.err, /b\.mjs: id: "lifo" is also that of [^\n]*a\.mjs; rename one\n$/);
  const wrong = await run(['replay', TRACE, '-s', `${fileOf('lazy.mjs', LAZY)}:factor=0`]);
  assert.equal(wrong.code, 2);
  assert.match(wrong.err, /strategy 'lazy-sort': factor must be a whole number from 1 to 1000, not '0'/);
  assert.match(
    (await run(['replay', TRACE, '-s', 'mine'])).err,
    /unknown strategy 'mine'; one of: .*, or a file: \.\/mine/,
  );
});

test('an exception ends its own cell: event, list and line are named, the other results stand', async () => {
  const path = fileOf('late.mjs', changed('let moved = 0;', 'let moved = 0; if (rows.length > 2) undefined.x();'));
  const { code, out, err } = await run(['replay', TRACE, '-s', `${path},fifo`, '-r', 'json']);
  assert.equal(code, 5);
  assert.match(
    err,
    /^vgic-replay: [^\n]+: event \d+: prune of strategy lifo \(list of vCPU \d\) threw TypeError: [^\n]+ \(late\.mjs:\d+:\d+\); correct [^\n]*late\.mjs, then try "vgic-replay contract" on it\n$/,
  );
  const { lifo, fifo } = cellsOf(out);
  assert.equal(lifo.stopped?.kind, 'strategy-fault');
  assert.equal(fifo.stopped, null);
  assert.deepEqual({ fifo }, cellsOf((await run(['replay', TRACE, '-s', 'fifo', '-r', 'json'])).out));
});

test('a process that measures loads the file again; bench judges it before', async () => {
  const cell = fileURLToPath(new URL('timed-cell.js', import.meta.url));
  const args = ['--conditions=plain', cell, TRACE, `${fileOf('lazy.mjs', LAZY)}:factor=3`, '-', '--quick'];
  const sample = JSON.parse(execFileSync(process.execPath, args, { encoding: 'utf8' })) as { events: number };
  assert.ok(sample.events > 1000);
  const liar = fileOf('liar.mjs', changed("'deviating'", "'identical'"));
  const refused = await run(['bench', TRACE, '-s', liar, '--quick', '--blocks', '2']);
  assert.equal(refused.code, 5);
  assert.match(refused.err, /strategy lifo declares 'identical' and is not; correct [^\n]*liar\.mjs\n$/);
});
