/** The program as a process: exit codes, pipes, signals, terminals. What needs no process is tested in commands/. */
import assert from 'node:assert/strict';
import { type ChildProcessWithoutNullStreams, spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, openSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';

const CLI = fileURLToPath(new URL('cli.js', import.meta.url));
const GOLDEN = fileURLToPath(new URL('../../traces/golden/churn100-s01.bin.gz', import.meta.url));

const folder = mkdtempSync(join(tmpdir(), 'vgic-replay-'));
after(() => rmSync(folder, { recursive: true }));
const at = (name: string): string => join(folder, name);

const LINES = '{"vgic-replay":1,"spis":64}\n{"t":10,"op":"inject","intid":40}\n{"t":20,"op":"flush"}\n';

function cli(
  args: readonly string[],
  input: string | Uint8Array = '',
): { code: number | null; out: string; err: string } {
  const { status, stdout, stderr } = spawnSync(process.execPath, [CLI, ...args], { input, maxBuffer: 1 << 26 });
  return { code: status, out: stdout.toString('latin1'), err: String(stderr) };
}

test('exit codes of the process: 0 done, 2 usage, 4 input, 5 fidelity; errors are one line', () => {
  writeFileSync(at('cut.vgt'), readFileSync(GOLDEN).subarray(0, 3000));
  const cases: [string[], number][] = [
    [['strategies'], 0],
    [['replay', GOLDEN, '-s', 'lifo'], 2],
    [['replay', at('cut.vgt')], 4],
    [['verify', GOLDEN], 5],
  ];
  for (const [args, expected] of cases) {
    const { code, err } = cli(args);
    assert.equal(code, expected, `${args.join(' ')}: ${err}`);
    if (expected === 0) assert.equal(err, '');
    else assert.match(err, /^vgic-replay: [^\n]+\n$/);
  }
});

test('standard input and output take traces and recordings, plain and packed', () => {
  const expected = 'F 1 0 0\n';
  const trace = spawnSync(process.execPath, [CLI, 'import', '-', '-o', '-'], { input: LINES });
  assert.equal(trace.status, 0);
  assert.equal(String(trace.stderr), 'standard output: 2 events, L0, 1 vCPU, 4 LRs, gicv3\n');
  for (const input of [gzipSync(LINES), trace.stdout])
    assert.deepEqual(cli(['replay', '-', '--dump-lrs', '-'], input), { code: 0, out: expected, err: '' });
  assert.match(cli(['validate', '-'], gzipSync(trace.stdout)).out, /standard input: sound: 2 events/);
});

test('a generated trace goes to a file or to standard output, the same bytes', () => {
  const args = ['gen', 'net', '--events', '3000', '-o'];
  assert.equal(cli([...args, at('net.vgt')]).code, 0);
  const piped = spawnSync(process.execPath, [CLI, ...args, '-']);
  assert.equal(piped.status, 0);
  assert.match(String(piped.stderr), /^standard output: 30\d\d events, L0, 2 vCPUs, 4 LRs, gicv3\n$/);
  assert.ok(readFileSync(at('net.vgt')).equals(piped.stdout));
});

test('broken standard input is named as such', () => {
  const cases: [string[], string, RegExp][] = [
    [['replay', '-'], '', /standard input: byte 0: the file is empty/],
    [['import', '-', '-o', at('none.vgt')], `${LINES}nonsense\n`, /standard input: line 4: no JSON object/],
  ];
  for (const [args, input, expected] of cases) {
    const { code, err } = cli(args, input);
    assert.equal(code, 4);
    assert.match(err, /^vgic-replay: [^\n]+\n$/);
    assert.match(err, expected);
  }
  assert.equal(existsSync(at('none.vgt')), false);
});

const start = (args: readonly string[]): ChildProcessWithoutNullStreams => spawn(process.execPath, [CLI, ...args]);

interface End {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly err: string;
}

function endOf(child: ChildProcessWithoutNullStreams): Promise<End> {
  let err = '';
  child.stderr.on('data', (text) => {
    err += text;
  });
  return new Promise((resolve) => {
    child.on('close', (code, signal) => resolve({ code, signal, err }));
  });
}

test('a reader that has seen enough is no error', async () => {
  const child = start(['replay', GOLDEN, '--dump-lrs', '-']);
  const end = endOf(child);
  child.stdout.once('data', () => child.stdout.destroy());
  assert.deepEqual(await end, { code: 0, signal: null, err: '' });
});

test('a full disk behind standard output is one line, exit 4', { skip: !existsSync('/dev/full') }, () => {
  writeFileSync(at('events.jsonl'), LINES);
  for (const args of [
    ['replay', at('events.jsonl')],
    ['import', at('events.jsonl'), '-o', '-'],
  ]) {
    const full = openSync('/dev/full', 'w');
    const { status, stderr } = spawnSync(process.execPath, [CLI, ...args], { stdio: ['ignore', full, 'pipe'] });
    assert.equal(status, 4, args.join(' '));
    assert.match(String(stderr), /^vgic-replay: standard output: cannot be written \(ENOSPC\); [^\n]+\n$/);
  }
});

async function waitFor(condition: () => boolean): Promise<void> {
  for (let waited = 0; !condition(); waited += 10) {
    assert.ok(waited < 10_000, 'waited for too long');
    await sleep(10);
  }
}

for (const [signal, expected] of [
  ['SIGINT', 130],
  ['SIGTERM', 143],
] as const) {
  test(`${signal} ends an import with ${expected} and leaves nothing`, async () => {
    const output = at(`${signal}.vgt`);
    const child = start(['import', '-', '-f', 'jsonl', '-o', output]);
    const end = endOf(child);
    // More than the beginning that is looked at first, and no end.
    child.stdin.write(LINES + '{"t":20,"op":"sync"}\n{"t":20,"op":"flush"}\n'.repeat(5000));
    await waitFor(() => existsSync(`${output}.partial`));
    child.kill(signal);
    assert.deepEqual(await end, {
      code: expected,
      signal: null,
      err: 'vgic-replay: interrupted; nothing was written\n',
    });
    assert.deepEqual(
      readdirSync(folder).filter((name) => name.startsWith(signal)),
      [],
    );
  });
}

test('Ctrl-C ends the making of a long trace with 130 and leaves nothing', async () => {
  const output = at('long-gen.vgt');
  const child = start(['gen', 'idle', '--events', '2000000000', '-o', output]);
  const end = endOf(child);
  await waitFor(() => existsSync(`${output}.partial`) && statSync(`${output}.partial`).size > 0);
  child.kill('SIGINT');
  assert.deepEqual(await end, { code: 130, signal: null, err: 'vgic-replay: interrupted; nothing was written\n' });
  assert.deepEqual(
    readdirSync(folder).filter((name) => name.startsWith('long-gen')),
    [],
  );
});

test('Ctrl-C ends at once what has nothing to clean up; a shell calls that 130', async () => {
  const child = start(['replay', '-']);
  const end = endOf(child);
  child.stdin.write(LINES);
  await sleep(300);
  child.kill('SIGINT');
  assert.deepEqual(await end, { code: null, signal: 'SIGINT', err: '' });
});

test('an import needs little memory, however long its source is', async () => {
  const child = spawn(process.execPath, ['--max-old-space-size=32', CLI, 'import', '-', '-o', at('long.vgt')]);
  const end = endOf(child);
  child.stdin.write('{"vgic-replay":1,"vcpus":4}\n');
  const NR_CHUNKS = 200;
  for (let chunk = 0; chunk < NR_CHUNKS; chunk++) {
    let text = '';
    for (let tick = 2000 * chunk; tick < 2000 * (chunk + 1); tick++)
      text += `{"t":${tick},"op":"inject","vcpu":${tick % 4},"intid":${32 + (tick % 32)},"level":${tick & 1}}\n`;
    if (!child.stdin.write(text)) await new Promise((resolve) => child.stdin.once('drain', resolve));
  }
  child.stdin.end();
  assert.deepEqual(await end, { code: 0, signal: null, err: '' });
  const { out } = cli(['info', at('long.vgt'), '--json']);
  assert.equal(JSON.parse(out).events, 2000 * NR_CHUNKS);
});

const hasScript = spawnSync('script', ['--version']).status === 0;

test('progress is for terminals: bar, rate and time left', { skip: !hasScript }, () => {
  writeFileSync(at('shown.jsonl'), LINES + '{"t":20,"op":"sync"}\n{"t":20,"op":"flush"}\n'.repeat(40_000));
  const onTerminal = (flags: string): string => {
    const command = `'${process.execPath}' '${CLI}' import '${at('shown.jsonl')}' -o '${at('shown.vgt')}' ${flags}`;
    return String(spawnSync('script', ['-qec', command, '/dev/null'], { input: '' }).stdout);
  };
  const shown = onTerminal('');
  assert.match(shown, /[=-]{30} \d+ % \| \d+\.\d of \d+\.\d MB \| \d+ events \| \d+\.\d MB\/s \| ETA \d+ s/);
  assert.match(shown, /shown\.vgt: 80002 events/);
  assert.doesNotMatch(onTerminal('--no-progress'), /ETA/);
  const piped = cli(['import', at('shown.jsonl'), '-o', at('shown.vgt')]);
  assert.deepEqual(piped, { code: 0, out: `${at('shown.vgt')}: 80002 events, L0, 1 vCPU, 4 LRs, gicv3\n`, err: '' });
});
