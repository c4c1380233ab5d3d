/** Runs that end early: killed workers, Ctrl-C, full disks. What was finished is kept, and the rest is run on request. */
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { tracesFolder } from '../replay/test-traces.js';
import { finish, readRunFile, unitLine } from '../run/run-file.js';
import { run } from './test-run.js';

const CLI = fileURLToPath(new URL('../cli.js', import.meta.url));
const TRACE = fileURLToPath(new URL('golden/churn16-s02.bin.gz', tracesFolder));
const LIFO = readFileSync(new URL('../examples/strategies/lifo.js', tracesFolder), 'utf8');

const folder = mkdtempSync(join(tmpdir(), 'vgic-runs-'));
after(() => rmSync(folder, { recursive: true }));
const at = (name: string): string => join(folder, name);
const read = (name: string): string => readFileSync(at(name), 'utf8');

/** A strategy from outside that does something else in worker processes first. */
function writeStrategy(name: string, inWorker: string): string {
  const file = at(`${name}.mjs`);
  const begin = `create(_params, tools) {\n    if (process.env.TINYPOOL_WORKER_ID !== undefined) { ${inWorker} }`;
  const text = LIFO.replace("id: 'lifo'", `id: '${name}'`).replace('create(_params, tools) {', begin);
  assert.ok(text.includes('TINYPOOL'));
  writeFileSync(file, `import { existsSync, writeFileSync } from 'node:fs';\n${text}`);
  return file;
}

const args = (strategies: string, output: string): string[] => ['replay', TRACE, '-s', strategies, '-o', at(output)];

test('a worker that dies twice costs its unit: the rest is stored, the unit named, and --resume runs it', async () => {
  const marker = at('cured');
  const dies = writeStrategy(
    'dies',
    `if (!existsSync(${JSON.stringify(marker)})) process.kill(process.pid, 'SIGKILL');`,
  );
  const command = [...args(`${dies},fifo,heap`, 'lost.jsonl'), '--jobs', '2'];
  const { code, out, err } = await run(command);
  assert.equal(code, 1);
  assert.equal(out, '');
  const last = err.trimEnd().split('\n').at(-1)!;
  assert.match(
    last,
    /^vgic-replay: 1 unit lost, whose worker process died twice .*: "replay .* dies"; 2 of 3 units kept in .*lost\.jsonl\.partial: the same command with --resume runs the rest$/,
  );
  assert.equal(readRunFile(read('lost.jsonl.partial')).units.length, 2);
  writeFileSync(marker, '');
  const resumed = await run([...command, '--resume']);
  assert.equal(resumed.code, 0, resumed.err);
  await run([...args(`${dies},fifo,heap`, 'calm.jsonl')]);
  assert.equal(read('lost.jsonl'), read('calm.jsonl'));
});

test('a worker that dies once is said and costs nothing', async () => {
  const marker = JSON.stringify(at('once'));
  const dies = writeStrategy(
    'dies-once',
    `if (!existsSync(${marker})) { writeFileSync(${marker}, ''); process.kill(process.pid, 'SIGKILL'); }`,
  );
  const { code, out, err } = await run([...args(`fifo,${dies}`, 'once.jsonl'), '--jobs', '1']);
  assert.equal(code, 0, err);
  assert.match(err, /unit "replay .* dies-once": its worker process died; it is run once more, in a new one\n/);
  assert.match(out, /dies-once/);
});

test('--resume takes what is there, drops a line that was cut off, and says so', async () => {
  assert.equal((await run(args('fifo,heap,buckets', 'whole.jsonl'))).code, 0);
  const whole = readRunFile(read('whole.jsonl'));
  const [header, ...lines] = read('whole.jsonl').split(/(?<=\n)/);
  // A result that no replay gives: only what is not run again can show it.
  const [first] = whole.units;
  assert.ok('cell' in first.result);
  const { cell } = first.result;
  const marked = { ...first.result, cell: { ...cell, exact: { ...cell.exact, lrDigest: '0badcafe' } } };
  writeFileSync(at('torn.jsonl.partial'), header + unitLine(finish(first.unit, marked)) + lines[1].slice(0, 99));
  const resume = [...args('fifo,heap,buckets', 'torn.jsonl'), '--resume'];
  const { code, err } = await run(resume);
  assert.equal(code, 0);
  assert.equal(err, `${at('torn.jsonl.partial')}: line 3 was cut off; its unit is run again\n`);
  const resumed = read('torn.jsonl').split(/(?<=\n)/);
  assert.match(resumed[1], /0badcafe/);
  assert.deepEqual(resumed.slice(2), lines.slice(1));
  // A finished run has nothing left to do; without --resume all is done again.
  assert.equal((await run(resume)).code, 0);
  assert.match(read('torn.jsonl'), /0badcafe/);
  assert.equal((await run(args('fifo,heap,buckets', 'torn.jsonl'))).code, 0);
  assert.equal(read('torn.jsonl'), read('whole.jsonl'));
});

test('--resume refuses what another command has left, and begins where there is nothing', async () => {
  const { code, err } = await run([...args('fifo', 'fresh.jsonl'), '--resume']);
  assert.equal(code, 0);
  assert.match(err, /fresh\.jsonl: nothing to resume; all units are run\n/);
  const before = read('fresh.jsonl');
  const cases: [string[], RegExp][] = [
    [
      args('heap', 'fresh.jsonl'),
      /fresh\.jsonl: line 1: has strategies "fifo", not "heap"; resume it with its own command/,
    ],
    [[...args('fifo', 'fresh.jsonl'), '--shard', '1/2'], /is of shard 1\/1, not 1\/2/],
    [[...args('fifo', 'fresh.jsonl'), '--check'], /has check false, not true/],
  ];
  for (const [other, expected] of cases) {
    const refused = await run([...other, '--resume']);
    assert.equal(refused.code, 4);
    assert.match(refused.err, expected);
  }
  assert.equal(read('fresh.jsonl'), before);
});

test('Ctrl-C ends a run with 130 and says how to go on', async () => {
  const cured = at('patient');
  const spins = writeStrategy('spins', `while (!existsSync(${JSON.stringify(cured)}));`);
  const command = [...args(`fifo,heap,${spins}`, 'stopped.jsonl'), '--jobs', '2'];
  const child = spawn(process.execPath, [CLI, ...command], { stdio: ['ignore', 'ignore', 'pipe'] });
  let err = '';
  child.stderr.on('data', (text) => {
    err += text;
  });
  const end = new Promise((resolve) => child.on('exit', (code) => resolve(code)));
  const partial = at('stopped.jsonl.partial');
  const lines = (): number => (existsSync(partial) ? readFileSync(partial, 'utf8').split('\n').length - 1 : 0);
  for (let waited = 0; lines() < 3; waited += 20) {
    assert.ok(waited < 60_000, `waited for too long: ${err}`);
    await sleep(20);
  }
  child.kill('SIGINT');
  assert.equal(await end, 130);
  assert.match(
    err,
    /vgic-replay: interrupted; 2 of 3 units kept in .*stopped\.jsonl\.partial: the same command with --resume goes on\n$/,
  );
  writeFileSync(cured, '');
  assert.equal((await run([...command, '--resume'])).code, 0);
  assert.equal(readRunFile(read('stopped.jsonl')).units.length, 3);
});

test('a disk that fills up keeps what was finished, in one line', { skip: process.platform === 'win32' }, async () => {
  // 1024-byte blocks; a file that may not grow is a disk that is full.
  const command = [CLI, ...args('fifo,heap,buckets', 'full.jsonl')].map((word) => `'${word}'`).join(' ');
  const limited = `trap '' XFSZ; ulimit -f 16; exec '${process.execPath}' ${command}`;
  const { status, stderr } = spawnSync('bash', ['-c', limited]);
  assert.equal(status, 4, String(stderr));
  assert.match(
    String(stderr),
    /^vgic-replay: .*full\.jsonl\.partial: cannot be written \(EFBIG\); [12] finished units? kept in it: make room, then give the same command with --resume\n$/,
  );
  assert.equal(readRunFile(read('full.jsonl.partial')).torn, null);
  assert.equal((await run([...args('fifo,heap,buckets', 'full.jsonl'), '--resume'])).code, 0);
  assert.equal(readRunFile(read('full.jsonl')).units.length, 3);
});

test('a place that takes nothing is one line, exit 4, before anything is run', async () => {
  writeFileSync(at('a-file'), '');
  const cases: [string, RegExp][] = [
    [
      at('a-file/run.jsonl'),
      /a-file\/run\.jsonl: cannot be written \((ENOTDIR|EEXIST)\); name a file in a writable folder/,
    ],
    [folder, /: is no regular file; name a file/],
  ];
  if (existsSync('/dev/full')) {
    symlinkSync('/dev/full', at('full-device.jsonl.partial'));
    cases.push([at('full-device.jsonl'), /full-device\.jsonl: cannot be written \(ENOSPC\)/]);
  }
  for (const [output, expected] of cases) {
    const { code, out, err } = await run(['replay', TRACE, '-s', 'fifo', '-o', output]);
    assert.equal(code, 4);
    assert.equal(out, '');
    assert.match(err, /^vgic-replay: [^\n]+\n$/);
    assert.match(err, expected);
  }
});
