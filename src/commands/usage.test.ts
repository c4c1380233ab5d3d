/** What a newcomer types and reads: help, wrong words, tables. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { PATH_NAMES, type PathCost } from '../replay/result.js';
import { tracesFolder } from '../replay/test-traces.js';
import { strategies, usualStrategies } from '../strategy/index.js';
import { run } from './test-run.js';

const VERBS = [
  'report',
  'merge',
  'replay',
  'verify',
  'conform',
  'explore',
  'import',
  'gen',
  'info',
  'validate',
  'bench',
  'check',
  'contract',
  'strategies',
  'study',
  'findings',
  'growth',
  'cost',
  'calibrate',
];
const GOLDEN = fileURLToPath(new URL('golden/churn16-s01.bin.gz', tracesFolder));

test('the help names every verb and ends well', async () => {
  const { code, out, err } = await run(['--help']);
  assert.equal(code, 0);
  assert.equal(err, '');
  for (const verb of VERBS) assert.match(out, new RegExp(`^ {2}${verb} `, 'm'));
  assert.match(out, /Exit codes: 0 done/);
  assert.deepEqual(await run(['help']), { code: 0, out, err: '' });
  assert.match((await run(['--version'])).out, /^\d+\.\d+\.\d+\n$/);
});

test('the help says of each verb what its own help says, and does so without loading it', async () => {
  const { out } = await run(['--help']);
  const terms = [...out.split('Every day:')[1].matchAll(/^ {2}(\w+(?: [[<]\S+)*) {2,}/gm)].map((match) => match[1]);
  assert.ok(terms.length > VERBS.length);
  for (const term of terms.filter((each) => each !== 'help [command]'))
    assert.match(
      (await run([term.split(' ')[0], '--help'])).out,
      new RegExp(`^Usage: vgic-replay ${quoteRegExp(term)}`),
    );
});

const quoteRegExp = (text: string): string => text.replace(/[.[\]<>]/g, '\\$&');

for (const verb of VERBS) {
  test(`${verb} --help has examples that its own parser takes, in 80 columns`, async () => {
    const { code, out } = await run([verb, '--help']);
    assert.equal(code, 0);
    assert.deepEqual(
      out.split('\n').filter((line) => line.length > 80),
      [],
    );
    const examples = out.split('Examples:\n')[1].trimEnd().split('\n');
    assert.ok(examples.length > 0);
    for (const example of examples) {
      const words = example.trim().split(/ {2,}/)[0].split(' ');
      assert.deepEqual(words.slice(0, 2), ['vgic-replay', verb]);
      // Every option of an example stands in the list above it.
      for (const flag of words.filter((word) => /^--?[a-z]/.test(word)))
        assert.ok(out.split('Examples:')[0].includes(flag), `${example}: ${flag}`);
    }
  });
}

test('no verb at all shows the help and is an error', async () => {
  const { code, out, err } = await run([]);
  assert.equal(code, 2);
  assert.equal(out, '');
  assert.match(err, /^Usage: vgic-replay/);
});

const IDS = strategies.map(({ id }) => id).join(', ');
const WRONG: readonly (readonly [string[], RegExp])[] = [
  [['repaly', 'x'], /unknown command 'repaly' \(Did you mean replay\?\); see "vgic-replay --help"/],
  [['replay'], /missing required argument 'traces'; see "vgic-replay replay --help"/],
  [['replay', 'x', '--stratgy', 'fifo'], /unknown option '--stratgy' \(Did you mean --strategy\?\)/],
  [['replay', 'x', '-s', 'foo'], new RegExp(`unknown strategy 'foo'; one of: ${IDS}, or a file: ./mine.js$`, 'm')],
  [['replay', 'x', '-s', ''], /unknown strategy ''; one of: /],
  [['replay', 'x', '-s', 'hybrid:threshold=1'], /threshold must be a whole number from 2 to 65536, not '1'/],
  [['replay', 'x', '-s', 'hybrid:limit=9'], /has no parameter 'limit'; it has: threshold/],
  [['replay', 'x', '-s', 'fifo:limit=9'], /has no parameter 'limit'; it has none/],
  [['replay', 'x', '-r', 'xml'], /unknown reporter 'xml'; one of: table, minimal, json, jsonl, csv, md, html, junit, /],
  [['replay', 'x', '-r', 'constructor'], /unknown reporter 'constructor'/],
  [['replay', 'a', 'b', '--dump-lrs', '-'], /--dump-lrs takes one trace and one strategy/],
  [['replay', 'a', '-s', 'fifo,buckets', '--dump-lrs', '-'], /--dump-lrs takes one trace and one strategy/],
  [['verify', 'x', '--show', 'many'], /--show must be a whole number, not 'many'/],
  [['conform', 'x', '--flavour', 'kvm-9'], /unknown flavour 'kvm-9'; one of: kvm-6.1, kvm-7.2, /],
  [
    ['explore', 'x'],
    /unknown model 'x'; one of: doorbell-lock, doorbell-wake, queue, kick, inject-isr, migrate, comparator, translation-cache$/m,
  ],
  [['explore', 'migrate:x'], /migrate has no variant 'x'; it has: crossing, /],
  [['explore', 'migrate', '-o', 'y'], /--output saves one counterexample; name a variant, such as migrate:crossing$/m],
  [['explore', 'migrate:crossing', '-o', 'y'], /migrate:crossing has no counterexample to save/],
  [['explore', 'queue', '--schedule', 'y'], /--schedule names the model itself/],
  [['explore', '--schedule', 'y', '--reduced'], /--schedule searches nothing: leave --output and --reduced out/],
  [['import', 'x'], /required option '-o, --output <file>' not specified; see "vgic-replay import --help"/],
  [
    ['import', 'x', '-o', 'y', '-f', 'xml'],
    /unknown format 'xml'; one of: auto, ftrace, trace-cmd, perf, perfetto, vgr1, jsonl/,
  ],
  [['info', 'a', 'b'], /too many arguments for 'info'/],
  [['report', 'x', '--seed', '-1'], /--seed/],
  [['bench', 'x', '--blocks', '0'], /--blocks must be a whole number/],
];

for (const [args, expected] of WRONG) {
  test(`${args.join(' ')}: one line, exit 2`, async () => {
    const { code, out, err } = await run(args);
    assert.equal(code, 2);
    assert.equal(out, '');
    assert.match(err, /^vgic-replay: [^\n]+\n$/);
    assert.match(err, expected);
  });
}

test('strategies says what each costs and promises', async () => {
  const { code, out } = await run(['strategies'], 1000);
  assert.equal(code, 0);
  for (const { id, equivalence, cost, models } of strategies) {
    const part = out
      .split('\n\n')
      .find((text) => text.startsWith(`${id}\n`) || text.startsWith(`${id} (on request)\n`));
    assert.ok(part, id);
    for (const said of [equivalence, cost.insert, cost.flush, cost.pending, cost.prune, cost.memory, models])
      assert.ok(part.includes(said), `${id}: ${said}`);
  }
  const listed = JSON.parse((await run(['strategies', '--json'])).out) as { id: string }[];
  assert.deepEqual(
    listed.map(({ id }) => id),
    strategies.map(({ id }) => id),
  );
});

test('strategies keeps to the width of the terminal', async () => {
  for (const args of [['strategies'], ['strategies', 'hybrid'], ['strategies', 'xen-old']]) {
    const { out } = await run(args, 80);
    for (const line of out.split('\n')) assert.ok(line.length <= 80, line);
  }
});

test('strategies ID is the page of one, with its longest calls in every flavour', async () => {
  const { code, out } = await run(['strategies', 'sort-on-flush']);
  assert.equal(code, 0);
  assert.match(out, /^sort-on-flush\n/);
  // List lock, 960 visits and locks twice, 8,577 comparisons of three steps, four LR writes.
  assert.match(out, /\n {2}kvm-6\.1\n[\s\S]*?\n {4}flush +29,576 +n log n +/);
  assert.match(out, /\n {2}xen-new\n/);
  const page = JSON.parse((await run(['strategies', 'buckets', '--json'])).out) as {
    worst: { flavours: Record<string, Record<string, { steps: number }>> };
  };
  assert.equal(page.worst.flavours['kvm-6.1'].flush.steps, 13);
  assert.equal((await run(['strategies', 'no-such'])).code, 2);
});

test('replay --strategy all takes those on request too, where they can run', async () => {
  const { code, out } = await run(['replay', GOLDEN, '--strategy', 'all', '-r', 'json']);
  assert.equal(code, 0);
  assert.equal(JSON.parse(out).exact.cells.length, strategies.length);
  const gicv2 = await run(['replay', GOLDEN, '--strategy', 'all', '--flavour', 'xen-old', '-r', 'json']);
  assert.deepEqual([gicv2.code, JSON.parse(gicv2.out).exact.cells.length], [0, 1]);
});

test('replay prints one row a strategy, with the largest call of each path', async () => {
  const { code, out, err } = await run(['replay', GOLDEN], 200);
  assert.equal(code, 0);
  assert.equal(err, '');
  const cells = JSON.parse((await run(['replay', GOLDEN, '-r', 'json'])).out).exact.cells;
  assert.equal(cells.length, usualStrategies.length);
  for (const { exact } of cells) {
    const row = out.split('\n').find((line) => line.startsWith(`${exact.strategy.id} `));
    assert.ok(row, exact.strategy.id);
    const [, perEvent, ...costs] = row.split(/ +/);
    const paths = PATH_NAMES.map((name) => exact.paths[name] as PathCost);
    const steps = paths.reduce((sum, path) => sum + path.steps.sum, 0);
    assert.equal(perEvent, (steps / exact.trace.events).toFixed(2));
    assert.deepEqual(costs, [
      ...paths.map(({ calls, steps: { max } }) => (calls === 0 ? '-' : max.toLocaleString('en'))),
      exact.equivalence.declared,
    ]);
  }
});

test('tables keep to the width of the terminal', async () => {
  for (const width of [80, 200]) {
    for (const args of [
      ['replay', GOLDEN],
      ['info', GOLDEN],
    ]) {
      const { out } = await run(args, width);
      assert.deepEqual(
        out.split('\n').filter((line) => line.length > width),
        [],
        `${args[0]} at ${width}`,
      );
    }
  }
});

test('a strategy named twice is replayed once; parameters make it another', async () => {
  const { out } = await run(['replay', GOLDEN, '-s', 'fifo,fifo,hybrid,hybrid:threshold=32', '-s', 'fifo']);
  // Once in each of the two tables.
  const [costs] = out.split('interrupts off  steps/instr');
  const rows = costs.split('\n').filter((line) => /^(fifo|hybrid)\S* {2}/.test(line));
  assert.deepEqual(
    rows.map((row) => row.split(' ')[0]),
    ['fifo', 'hybrid', 'hybrid:threshold=32'],
  );
});

test('verify refuses a trace without ground truth with exit 5', async () => {
  const { code, err } = await run(['verify', GOLDEN]);
  assert.equal(code, 5);
  assert.match(err, /^vgic-replay: [^\n]*fidelity L0[^\n]*; record with[^\n]*\n$/);
});
