/** `import`: where recordings come from, where traces go, and what is said of what did not become an event. */
import assert from 'node:assert/strict';
import {
  existsSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, beforeEach, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { createWarnings } from './import-warnings.js';
import { createTerminal } from './terminal.js';
import { run } from './test-run.js';

const root = mkdtempSync(join(tmpdir(), 'vgic-replay-'));
after(() => rmSync(root, { recursive: true }));
let folder = '';
beforeEach(() => {
  folder = mkdtempSync(join(root, 'case-'));
});
const at = (...names: string[]): string => join(folder, ...names);
const inFolder = (): string[] => readdirSync(folder).sort();

const LINES = '{"vgic-replay":1,"vcpus":2}\n{"t":10,"op":"inject","intid":40}\n{"t":20,"op":"flush"}\n';

/** Stock tracepoints of two vCPUs; `odd` lines stand after the first round. */
function ftraceText(rounds: number, odd: readonly string[] = []): string {
  const lines = ['# tracer: nop', '#'];
  for (let round = 0; round < rounds; round++) {
    const vcpu = round % 2;
    const line = (tick: number, event: string): string =>
      `     CPU ${vcpu}/KVM-10${vcpu}  [00${vcpu}] d....  7.${String(10 * round + tick).padStart(6, '0')}: ${event}`;
    lines.push(
      line(0, `vgic_update_irq_pending: VCPU: ${vcpu}, IRQ 27, level: 1`),
      line(1, 'kvm_entry: PC: 0xffff800010010000'),
      line(5, 'kvm_exit: IRQ: HSR_EC: 0x0000 (UNKNOWN), PC: 0xffff800010010000'),
      line(6, `vgic_update_irq_pending: VCPU: ${vcpu}, IRQ 27, level: 0`),
      ...(round === 0 ? odd : []),
    );
  }
  return `${lines.join('\n')}\n`;
}

test('a recording is the same trace plain, packed, packed without saying so, and as a folder', async () => {
  const text = ftraceText(50);
  mkdirSync(at('folder'));
  mkdirSync(at('packed'));
  const sources: [string, string | Uint8Array][] = [
    [at('plain.txt'), text],
    [at('packed.txt.gz'), gzipSync(text)],
    [at('no-suffix'), gzipSync(text)],
    // Two gzip members, as logrotate and cat make them.
    [at('joined.gz'), Buffer.concat([gzipSync(text.slice(0, 999)), gzipSync(text.slice(999))])],
    [at('wrong-suffix.gz'), text],
    [at('folder', 'trace.txt'), text],
    [at('packed', 'trace.txt.gz'), gzipSync(text)],
  ];
  const traces: Buffer[] = [];
  for (const [path, content] of sources) {
    writeFileSync(path, content);
    const source = path.includes(`${folder}/folder`) || path.includes(`${folder}/packed/`) ? join(path, '..') : path;
    const { code, out, err } = await run(['import', source, '-o', at('out.vgt'), '--name', 'one']);
    assert.equal(err, '', path);
    assert.equal(code, 0, path);
    assert.match(out, /out\.vgt: \d+ events, L1, 2 vCPUs, 4 LRs, gicv3\n$/);
    traces.push(readFileSync(at('out.vgt')));
  }
  for (const trace of traces) assert.ok(trace.equals(traces[0]));
  const info = JSON.parse((await run(['info', at('out.vgt'), '--json'])).out);
  assert.equal(info.flushes, 50);
  assert.equal(info.header.name, 'one');
});

test('name and licence are kept in the trace', async () => {
  writeFileSync(at('events.jsonl'), LINES);
  await run(['import', at('events.jsonl'), '-o', at('a.vgt'), '--name', 'mine', '--licence', 'CC0-1.0']);
  const { header } = JSON.parse((await run(['info', at('a.vgt'), '--json'])).out);
  assert.equal(header.name, 'mine');
  assert.equal(header.provenance.licence, 'CC0-1.0');
  assert.match(header.provenance.sourceSha256, /^[0-9a-f]{64}$/);
});

test('what did not become an event is counted, with its place', async () => {
  const odd = [
    '     CPU 0/KVM-100  [000] d....  7.000007: vgic_surprise: VCPU: 0',
    '     CPU 0/KVM-100  [000] d....  7.000008: vgic_surprise: VCPU: 0',
    'Killed',
    'CPU:1 [LOST 12 EVENTS]',
  ];
  writeFileSync(at('odd.txt'), ftraceText(4, odd).slice(0, -20));
  const { code, out, err } = await run(['import', at('odd.txt'), '-o', at('odd.vgt')]);
  assert.equal(code, 0);
  assert.match(out, /odd\.vgt: \d+ events/);
  assert.match(err, /^ {2}4 unknown lines$/m);
  assert.match(err, /^ {2}12 lost events$/m);
  assert.match(err, /^ {2}gap at line 10: 12 events lost$/m);
  assert.match(err, /^ {2}the source was cut off$/m);
  assert.match(err, /^ {2}2 × unknown event vgic_surprise \(line 7, line 8\)$/m);
  assert.match(err, /^ {2}not a trace line \(line 9\)$/m);
  const { out: table } = await run(['replay', at('odd.vgt')]);
  assert.match(table, /^! 12 events were lost in 1 gap of the recording\.$/m);
  assert.match(table, /^! 4 lines of the recording were not understood\.$/m);
});

test('warnings are gathered by kind, in bounded memory', () => {
  const warnings = createWarnings();
  for (let line = 1; line <= 1000; line++) {
    warnings.add({ place: `line ${line}`, what: `flush of vCPU ${line % 4}: recorded ${line}` });
    warnings.add({ place: `line ${line}`, what: `kind ${'x'.repeat(line)} \u001b[2J` });
  }
  const lines = warnings.lines();
  assert.equal(lines.length, 21);
  assert.equal(lines[0], '  1000 × flush of vCPU 1: recorded 1 (line 1, line 2, line 3, …)');
  assert.match(lines[20], /^ {2}and \d+ more warnings$/);
  assert.ok(lines.every((line) => line.length < 200 && !line.includes('\u001b')));
});

test('an output appears whole or not at all', async () => {
  writeFileSync(at('good.jsonl'), LINES);
  // Broken only after more than one block was written.
  writeFileSync(at('bad.jsonl'), `${LINES}${'{"t":20,"op":"sync"}\n{"t":20,"op":"flush"}\n'.repeat(70000)}no\n`);
  const before = inFolder();
  assert.equal((await run(['import', at('bad.jsonl'), '-o', at('a.vgt')])).code, 4);
  assert.deepEqual(inFolder(), before);
  assert.equal((await run(['import', at('good.jsonl'), '-o', at('a.vgt')])).code, 0);
  const kept = readFileSync(at('a.vgt'));
  assert.equal((await run(['import', at('bad.jsonl'), '-o', at('a.vgt')])).code, 4);
  assert.ok(readFileSync(at('a.vgt')).equals(kept));
  assert.deepEqual(inFolder(), [...before, 'a.vgt'].sort());
});

test('an output that cannot be is said in one line, before the import begins', async () => {
  writeFileSync(at('events.jsonl'), LINES);
  const before = inFolder();
  for (const args of [
    ['import', at('events.jsonl'), '-o'],
    ['replay', at('events.jsonl'), '--dump-lrs'],
  ]) {
    const cases: [string, RegExp][] = [
      [at('missing', 'a'), /cannot be written \(ENOENT\); name a file in a writable folder/],
      [at('events.jsonl', 'a'), /cannot be written \(ENOTDIR\); name a file in a writable folder/],
      [folder, /is a folder; name a file in it/],
    ];
    for (const [output, expected] of cases) {
      const { code, out, err } = await run([...args, output]);
      assert.equal(code, 4, err);
      assert.equal(out, '');
      assert.match(err, /^vgic-replay: [^\n]+\n$/);
      assert.ok(err.includes(output));
      assert.match(err, expected);
    }
  }
  assert.deepEqual(inFolder(), before);
});

test('the source is never overwritten by its own import', async () => {
  writeFileSync(at('events.jsonl'), LINES);
  linkSync(at('events.jsonl'), at('hard'));
  symlinkSync(at('events.jsonl'), at('soft'));
  for (const output of ['events.jsonl', 'hard', 'soft']) {
    const { code, err } = await run(['import', at('events.jsonl'), '-o', at(output)]);
    assert.equal(code, 2);
    assert.match(err, /is the source itself; name another file with --output/);
  }
  assert.equal(readFileSync(at('events.jsonl'), 'utf8'), LINES);
});

test('devices are written to, never replaced', { skip: !existsSync('/dev/full') }, async () => {
  writeFileSync(at('events.jsonl'), LINES);
  const { code } = await run(['import', at('events.jsonl'), '-o', '/dev/null']);
  assert.equal(code, 0);
  assert.ok(statSync('/dev/null').isCharacterDevice());
  for (const args of [
    ['import', at('events.jsonl'), '-o'],
    ['replay', at('events.jsonl'), '--dump-lrs'],
  ]) {
    const full = await run([...args, '/dev/full']);
    assert.equal(full.code, 4);
    assert.match(full.err, /^vgic-replay: \/dev\/full: cannot be written \(ENOSPC\); check the space left[^\n]*\n$/);
    assert.ok(statSync('/dev/full').isCharacterDevice());
    assert.equal(existsSync('/dev/full.partial'), false);
  }
});

test('a file that cannot be read is named', { skip: !existsSync('/proc/self/mem') }, async () => {
  for (const args of [
    ['import', '/proc/self/mem', '-o', at('a.vgt')],
    ['replay', '/proc/self/mem'],
  ]) {
    const { code, err } = await run(args);
    assert.equal(code, 4);
    assert.match(err, /^vgic-replay: \/proc\/self\/mem: byte 0: cannot be read \(EIO\); check the file[^\n]*\n$/);
  }
  assert.deepEqual(inFolder(), []);
});

test('colour and width come from the environment', () => {
  const kept = { ...process.env };
  const withEnv = (env: Record<string, string>): { colour: boolean; width: number } => {
    for (const name of ['NO_COLOR', 'FORCE_COLOR', 'COLUMNS']) delete process.env[name];
    Object.assign(process.env, env);
    return createTerminal();
  };
  try {
    assert.equal(withEnv({ FORCE_COLOR: '1' }).colour, true);
    assert.equal(withEnv({ FORCE_COLOR: '1', NO_COLOR: '1' }).colour, false);
    assert.equal(withEnv({ FORCE_COLOR: '0' }).colour, process.stdout.isTTY === true);
    if (process.stdout.columns === undefined) {
      assert.equal(withEnv({ COLUMNS: '77' }).width, 77);
      assert.equal(withEnv({ COLUMNS: 'wide' }).width, 120);
    }
  } finally {
    for (const name of ['NO_COLOR', 'FORCE_COLOR', 'COLUMNS']) delete process.env[name];
    Object.assign(process.env, kept);
  }
});
