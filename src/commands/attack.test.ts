/** The verbs attack, minimize and rank, as command lines. */
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { run } from './test-run.js';

const folder = mkdtempSync(join(tmpdir(), 'attack-'));
after(() => rmSync(folder, { recursive: true }));
const at = (name: string): string => join(folder, name);

const SMALL = ['--size', '40', '--small-size', '16', '--instructions', '300', '--work', '2000'];
const QUICK = ['-s', 'fifo,buckets', ...SMALL];

test('attack: the same bytes from one process and from two', async () => {
  const one = await run(['attack', ...QUICK, '--evaluations', '500', '--jobs', '1', '-o', at('one.json')]);
  assert.equal(one.code, 0, one.err);
  assert.match(one.out, /fifo on kvm-6\.1\n.*most steps of one inject call +3 +100\.0 % of 3/);
  const two = await run(['attack', ...QUICK, '--evaluations', '500', '--jobs', '2', '-o', at('two.json')]);
  assert.equal(two.code, 0, two.err);
  assert.equal(two.out, one.out);
  assert.equal(readFileSync(at('two.json'), 'utf8'), readFileSync(at('one.json'), 'utf8'));
});

test('attack: CPU time ends a search, of one process and of several', async () => {
  for (const jobs of ['1', '2']) {
    const before = process.cpuUsage();
    const ended = await run(['attack', ...QUICK, '--cpu-budget', '1s', '--jobs', jobs, '-o', at(`cpu-${jobs}.json`)]);
    assert.equal(ended.code, 0, ended.err);
    assert.ok(JSON.parse(readFileSync(at(`cpu-${jobs}.json`), 'utf8')).evaluations > 0);
    const { user, system } = process.cpuUsage(before);
    if (jobs === '1') assert.ok(user + system >= 1e6);
  }
});

test('attack: goes on where it was, with the settings of the file', async () => {
  const before = JSON.parse(readFileSync(at('one.json'), 'utf8'));
  const more = ['attack', '--resume', at('one.json'), '--jobs', '1', '--evaluations', String(before.evaluations + 1)];
  assert.equal((await run(more)).code, 0);
  const saved = JSON.parse(readFileSync(at('one.json'), 'utf8'));
  assert.equal(saved.generation, before.generation + 1);
  assert.deepEqual(saved.settings, before.settings);
  const other = await run([...more, '--seed', '2']);
  assert.equal(other.code, 2);
  assert.match(other.err, /leave out --seed/);
});

test('a strategy of one file is searched, gone on with, minimized and ranked', async () => {
  const mine = fileURLToPath(new URL('../../../examples/strategies/lifo.js', import.meta.url));
  for (const jobs of ['1', '2']) {
    const end = ['--evaluations', '300', '--jobs', jobs, '-o', at(`mine-${jobs}.json`)];
    const { code, err } = await run(['attack', ...SMALL, '-s', mine, ...end]);
    assert.equal(code, 0, err);
  }
  assert.equal(readFileSync(at('mine-2.json'), 'utf8'), readFileSync(at('mine-1.json'), 'utf8'));
  // In a process of its own, which knows of it by what lies in the file alone.
  const cli = fileURLToPath(new URL('../cli.js', import.meta.url));
  const done = (...args: string[]): string => {
    const { status, stdout, stderr } = spawnSync(process.execPath, [cli, ...args], { encoding: 'utf8' });
    assert.equal(status, 0, stderr);
    return stdout;
  };
  done('attack', '--resume', at('mine-1.json'), '--jobs', '2', '--evaluations', '301');
  done('minimize', at('mine-1.json'), '-o', at('mine'));
  const findings = readdirSync(at('mine')).filter((name) => name.endsWith('.json'));
  assert.ok(findings.length > 0);
  const named = findings.slice(0, 2).map((name) => at(join('mine', name)));
  assert.match(done('rank', ...named, '-s', mine, '--jobs', '2'), /lifo\.js .* yes$/m);
});

test('minimize writes findings that replay, rank ranks them', async () => {
  const { code, out, err } = await run(['minimize', at('one.json'), '-o', at('found')]);
  assert.equal(code, 0, err);
  assert.match(out, /^kvm-6\.1-prune-steps-fifo: [\d,]+ of [\d,]+, \d+ operations/m);
  const names = readdirSync(at('found'));
  const trace = names.find((name) => name.includes('prune-steps') && name.endsWith('.vgt'));
  assert.ok(trace !== undefined);
  const finding = JSON.parse(readFileSync(at(join('found', trace.replace('.vgt', '.json'))), 'utf8'));
  const replay = await run(['replay', at(join('found', trace)), '-s', finding.reached[0].strategy, '-r', 'json']);
  assert.equal(replay.code, 0, replay.err);
  assert.match(replay.out, new RegExp(`"max": ${finding.reached[0].figure}\\b`));
  const files = names.filter((name) => name.endsWith('.json')).map((name) => at(join('found', name)));
  const ranked = await run(['rank', ...files, '--flavour', 'kvm-6.1', '-s', 'fifo,buckets', '--reporter', 'json']);
  assert.equal(ranked.code, 0, ranked.err);
  const { ranks } = JSON.parse(ranked.out);
  assert.deepEqual(
    ranks.map(({ strategy }: { strategy: string }) => strategy),
    ['fifo', 'buckets'],
  );
  const table = await run(['rank', ...files, '--flavour', 'kvm-6.1,xen-new', '-s', 'fifo,buckets']);
  assert.match(
    table.out,
    /^kvm-6\.1\nstrategy +inject +rekey +flush +fold +prune +pending +bounded\nfifo +3\* .* yes$/m,
  );
  assert.match(table.out, /^xen-new\n/m);
  assert.match(table.out, /^prune by kvm-6\.1-prune-steps-fifo: fifo/m);
  assert.ok(table.out.split('\n').every((line) => line.length <= 100));
  const md = await run(['rank', ...files, '--flavour', 'kvm-6.1', '-s', 'fifo,buckets', '--reporter', 'md']);
  assert.match(md.out, /^### kvm-6\.1\n\n\| strategy \| inject .*\n\| --- \| --: .*\n\| fifo \| 3\\\* \|/m);
  const once = await run(['minimize', files[0], '-o', at('again')]);
  assert.equal(once.code, 0, once.err);
});

test('what cannot be attacked or read is a usage or input error', async () => {
  for (const [args, code, message] of [
    [['attack', '--attacker', 'mmoi'], 2, /unknown capability 'mmoi'.*mmio/],
    [['attack', '--budget', '5s', '--evaluations', '5'], 2, /give one of them/],
    [['attack', '--cpu-budget', '5s', '--evaluations', '5'], 2, /give one of them/],
    [['attack', '--size', '2000'], 2, /--attacker mmio,sgi,lpis/],
    [['attack', '--resume', at('none.json')], 4, /none\.json: byte 0: cannot be read/],
    [['minimize', fileURLToPath(import.meta.url)], 4, /no JSON/],
    [['rank', at('one.json')], 4, /schema: none of/],
    [['rank', '--reporter', 'xml'], 2, /one of: table, md, json/],
  ] as const) {
    const result = await run(args);
    assert.equal(result.code, code, `${args.join(' ')}: ${result.err}`);
    assert.match(result.err, message);
  }
});

test('Ctrl-C keeps the search and says how to go on', async () => {
  const cli = fileURLToPath(new URL('../cli.js', import.meta.url));
  const file = at('cut.json');
  const child = spawn(process.execPath, [cli, 'attack', ...QUICK, '--budget', '1m', '--jobs', '1', '-o', file]);
  let err = '';
  child.stderr.on('data', (chunk) => {
    err += String(chunk);
  });
  while (!existsSync(file)) await new Promise((resolve) => setTimeout(resolve, 20));
  child.kill('SIGINT');
  const code = await new Promise((resolve) => child.on('exit', resolve));
  assert.equal(code, 130, err);
  assert.match(err, /interrupted; "vgic-replay attack --resume .*cut\.json" goes on/);
  assert.equal(JSON.parse(readFileSync(file, 'utf8')).schema, 'vgic-replay/search/1');
});
