/** `import` of what trace-cmd, perf and Perfetto recorded: known by its first bytes, packed or from a pipe. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { gunzipSync, gzipSync } from 'node:zlib';
import {
  FIXTURE_RECORDINGS,
  FIXTURES,
  packTrace,
  printPerf,
  printTraceCmd,
  printTracefs,
  readRecording,
  toPackets,
} from '../import/stock/recorders.test.support.js';
import { decodeTrace } from '../trace/protobuf.js';
import { detectFormat } from './detect-format.js';
import { run } from './test-run.js';

const folder = mkdtempSync(join(tmpdir(), 'vgic-replay-'));
after(() => rmSync(folder, { recursive: true }));
const at = (name: string): string => join(folder, name);
const CLI = fileURLToPath(new URL('../cli.js', import.meta.url));

const EVENTS = readRecording('bare-gicv2-fuzz', 1500);
const SOURCES: readonly (readonly [format: string, bytes: Uint8Array])[] = [
  ['ftrace', Buffer.from(printTracefs(EVENTS))],
  ['trace-cmd', Buffer.from(printTraceCmd(EVENTS))],
  ['perf', Buffer.from(printPerf(EVENTS))],
  ['perfetto', packTrace(toPackets(EVENTS, { compressed: true }))],
];

test('each is known by its first bytes', () => {
  for (const [format, bytes] of SOURCES) assert.equal(detectFormat('x', bytes.subarray(0, 4096)), format);
});

test('line ends of another system and a byte-order mark do not matter', async () => {
  const [, , [, perf]] = SOURCES;
  const text = Buffer.from(perf).toString();
  const words: number[][] = [];
  for (const content of [text, text.replaceAll('\n', '\r\n'), `\ufeffcpus=4\n${text}`]) {
    writeFileSync(at('other.txt'), content);
    const { code, err } = await run(['import', at('other.txt'), '-o', at('other.vgt')]);
    assert.equal(code, 0, err);
    words.push(decodeTrace(readFileSync(at('other.vgt'))).word);
  }
  assert.deepEqual(words[1], words[0]);
  assert.deepEqual(words[2], words[0]);
});

test('events of KVM without the columns that are needed are refused with the command that prints them', async () => {
  const entry = 'kvm:kvm_entry: PC: 0x0000000040000000';
  for (const line of [`[000] 1.000000: ${entry}`, `CPU 0/KVM 11 [000] ${entry}`, entry]) {
    writeFileSync(at('few.txt'), `${line}\n`.repeat(20));
    const { code, err } = await run(['import', at('few.txt'), '-o', at('few.vgt')]);
    assert.equal(code, 4);
    assert.match(err, /line \d+: .*(an event of KVM without|do not say which thread ran).* "perf script -F comm,tid/);
  }
  writeFileSync(at('few.txt'), 'CPU 0/KVM 11 [000] 1.000000: PC: 0x0000000040000000\n'.repeat(20));
  const { err } = await run(['import', at('few.txt'), '-o', at('few.vgt')]);
  assert.match(err, /20 events, none of them of KVM; record the tracepoints "kvm:\*", and print their names/);
});

test('CPUs one behind the other are said, in the grammar of one', async () => {
  const lines = Buffer.from(SOURCES[1][1]).toString().split('\n');
  const later = lines.map((line) =>
    line.replace(/ (\d+)(\.\d{9}: )/, (_, seconds, rest) => ` ${+seconds + 60}${rest}`),
  );
  writeFileSync(at('two.txt'), [...later, ...lines].join('\n'));
  const { code, err } = await run(['import', at('two.txt'), '-o', at('two.vgt')]);
  assert.equal(code, 0, err);
  assert.match(err, new RegExp(`^  the time goes back by more than a second: .* \\(line ${lines.length + 2}\\)$`, 'm'));
  assert.match(err, /^ {2}1 step re-ordered against the time stamps$/m);
});

test('so is all that the real tools printed', () => {
  for (const { name } of FIXTURE_RECORDINGS)
    for (const file of readdirSync(new URL(`${name}/`, FIXTURES))) {
      const text = gunzipSync(readFileSync(new URL(`${name}/${file}`, FIXTURES)));
      const tool = file.startsWith('tracefs') ? 'ftrace' : file.includes('report') ? 'trace-cmd' : 'perf';
      assert.equal(detectFormat(file, text.subarray(0, 65536)), tool, `${name}/${file}`);
    }
});

test('as a file, packed, and from a pipe each gives the same trace', async () => {
  let first: number[] | undefined;
  for (const [format, bytes] of SOURCES) {
    for (const [name, content] of [
      ['plain', bytes],
      ['packed', gzipSync(bytes)],
    ] as const) {
      writeFileSync(at(name), content);
      const { code, err } = await run(['import', at(name), '-o', at('out.vgt')]);
      assert.equal(code, 0, err);
      assert.equal((await run(['validate', at('out.vgt')])).code, 0);
      const { word } = decodeTrace(readFileSync(at('out.vgt')));
      first ??= word;
      assert.deepEqual(word, first, `${format}, ${name}`);
    }
    if (format !== 'perf' && format !== 'perfetto') continue;
    const piped = spawnSync(process.execPath, [CLI, 'import', '-', '-o', '-'], { input: gzipSync(bytes) });
    assert.equal(piped.status, 0, piped.stderr.toString());
    assert.deepEqual(decodeTrace(piped.stdout).word, first, `${format}, from a pipe`);
  }
});

test('replay and info read them without an import; verify says what it would need', async () => {
  writeFileSync(at('host.pftrace'), SOURCES[3][1]);
  const { code, out, err } = await run(['info', at('host.pftrace'), '--json']);
  assert.equal(code, 0, err);
  const { header, flushes } = JSON.parse(out);
  assert.equal(header.fidelity, 1);
  assert.ok(flushes > 100);
  assert.equal((await run(['replay', at('host.pftrace'), '-s', 'fifo'])).code, 0);
  const verified = await run(['verify', at('host.pftrace')]);
  assert.notEqual(verified.code, 0);
  assert.match(verified.err, /fidelity L1/);
});

test('a format claimed for something else, and damage, are one line with place and remedy, and write nothing', async () => {
  const perfetto = SOURCES[3][1];
  const broken = perfetto.slice();
  broken.fill(0xff, 900, 960);
  const cases: [string, Uint8Array, string, RegExp][] = [
    ['text', SOURCES[1][1], 'perfetto', /byte \d+: no packet begins here|byte \d+: /],
    ['junk', Uint8Array.from({ length: 5000 }, (_, i) => (i * 7919) & 0xff), 'perfetto', /byte \d+: /],
    ['trace', perfetto, 'perf', /line \d+: no ftrace event found so far; give the text of/],
    ['broken', broken, 'auto', /byte \d+: .*; the file is damaged/],
    ['cut.gz', gzipSync(perfetto).subarray(0, 3000), 'auto', /the gzip data was cut off; copy the file again/],
    [
      'nothing',
      packTrace([{ timestamp: 1, trusted_packet_sequence_id: 2, system_info: {} }]),
      'perfetto',
      /none of them of KVM/,
    ],
  ];
  for (const [name, bytes, format, expected] of cases) {
    writeFileSync(at(name), bytes);
    const { code, err } = await run(['import', at(name), '-f', format, '-o', at('none.vgt')]);
    assert.equal(code, 4, `${name}: ${err}`);
    assert.match(err, expected);
    assert.match(err, /^vgic-replay: [^\n]+: (byte|line) \d+: [^\n]+; [^\n]+\n$/);
    assert.deepEqual(
      readdirSync(folder).filter((file) => file.startsWith('none')),
      [],
    );
  }
});

test('a Perfetto trace that was cut off is imported up to the cut, and it is said', async () => {
  const [, bytes] = SOURCES[3];
  writeFileSync(at('cut.pftrace'), bytes.subarray(0, bytes.length - 700));
  const { code, err } = await run(['import', at('cut.pftrace'), '-o', at('cut.vgt')]);
  assert.equal(code, 0, err);
  assert.match(err, /the source was cut off/);
  assert.match(err, /the trace ends \d+ bytes into a packet \(byte \d+\)/);
});
