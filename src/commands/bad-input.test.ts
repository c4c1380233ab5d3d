/** Cut off, damaged, hostile and mistaken input: one line with file, place and remedy, exit 4; never a wrong number. */
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { after, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { isLpi } from '../gic/intid.js';
import { readGzip } from '../replay/test-traces.js';
import { crc32 } from '../trace/crc32.js';
import { FLUSH, INJECT, SYNC } from '../trace/events.js';
import * as fixtures from '../trace/fixtures.test.support.js';
import { createFrameWriter } from '../trace/frame-writer.js';
import { encodeHeader } from '../trace/header-message.js';
import { TRACE_BLOCKS, TRACE_HEADER, TRACE_HEADER_CHECKSUM } from '../trace/wire.js';
import { type Run, run } from './test-run.js';

const folder = mkdtempSync(join(tmpdir(), 'vgic-replay-'));
after(() => rmSync(folder, { recursive: true }));

const OUTPUT = join(folder, 'output.vgt');
const VERBS: readonly (readonly string[])[] = [
  ['replay'],
  ['verify'],
  ['info'],
  ['validate'],
  ['replay', '-s', 'fifo'],
];

function fileOf(name: string, bytes: Uint8Array | string): string {
  const path = join(folder, name);
  writeFileSync(path, bytes);
  return path;
}

/** FILE: PLACE: WHAT; REMEDY on one line of stderr, and exit 4. */
function assertRefused({ code, err }: Run, path: string, what: string): void {
  assert.equal(code, 4, `${what}: exit ${code}: ${err}`);
  assert.match(err, /^vgic-replay: [^\n]+: (byte \d+|line \d+|event \d+|header|folder): [^\n]+; [^\n]{8,}\n$/, what);
  assert.ok(err.startsWith(`vgic-replay: ${path}`), `${what}: ${err}`);
}

/** Nothing but what was there before is in the folder. */
async function assertImportRefused(path: string, format: string, expected: RegExp): Promise<void> {
  const before = readdirSync(folder);
  const result = await run(['import', path, '-o', OUTPUT, '-f', format]);
  assertRefused(result, path, `import ${basename(path)}`);
  assert.match(result.err, expected);
  assert.deepEqual(readdirSync(folder), before);
}

/** Without LPIs: a model has columns for all of them, and here hundreds of models are made. */
const HEADER = { ...fixtures.HEADER, machine: { ...fixtures.HEADER.machine, nrLpis: 0 } };
const EVENTS = fixtures.makeEvents(8).filter(({ intid }) => !isLpi(intid));
const SMALL = fixtures.writeTrace(EVENTS, { blockEvents: 20, reserve: 0 }, HEADER);
const event = (kind: number, vcpu: number, intid: number, value = 0): fixtures.TestEvent => ({
  kind,
  vcpu,
  intid,
  value,
  dt: 1,
});

/** Of the bytes of a trace, one in so many: the reader meets all of them in trace/damage.test.ts. */
const STRIDE = 8;

test('a trace cut off anywhere is refused by every verb', async () => {
  const path = join(folder, 'cut.vgt');
  for (let length = 0; length < SMALL.length; length++) {
    // All verbs where frames begin and end; elsewhere one of them in turn.
    const isEnd = length < 8 || length > SMALL.length - 8;
    if (!isEnd && length % STRIDE !== 0) continue;
    const verbs = isEnd ? VERBS : [VERBS[(length / STRIDE) % VERBS.length]];
    writeFileSync(path, SMALL.subarray(0, length));
    for (const [verb, ...flags] of verbs)
      assertRefused(await run([verb, path, ...flags]), path, `${verb} of ${length} bytes`);
  }
});

test('what is left of it can be replayed and shown on demand', async () => {
  const path = join(folder, 'rest.vgt');
  const counts = new Set<number>();
  for (let length = 0; length < SMALL.length; length += 13) {
    writeFileSync(path, SMALL.subarray(0, length));
    const shown = await run(['info', path, '--json', '--allow-truncated']);
    const replayed = await run(['replay', path, '--allow-truncated', '-s', 'fifo', '-r', 'json']);
    assert.equal(shown.code, replayed.code);
    if (shown.code !== 0) {
      assertRefused(shown, path, `info of ${length} bytes`);
      continue;
    }
    const { events, truncatedAt } = JSON.parse(shown.out);
    assert.ok(truncatedAt <= length);
    assert.equal(JSON.parse(replayed.out).exact.cells[0].exact.trace.events, events);
    counts.add(events);
  }
  // None, one block, two blocks … of it.
  assert.ok(counts.size >= 3, `${[...counts]}`);
});

test('a flipped bit is found, or changes nothing', async () => {
  const path = join(folder, 'flipped.vgt');
  writeFileSync(path, SMALL);
  const sound = await run(['replay', path, '-s', 'fifo']);
  assert.equal(sound.code, 0);
  let flipped = 0;
  let unharmed = 0;
  for (let at = 0; at < SMALL.length; at += STRIDE) {
    const bytes = SMALL.slice();
    const bit = (at / STRIDE) % 8;
    bytes[at] ^= 1 << bit;
    writeFileSync(path, bytes);
    flipped++;
    const { code, out, err } = await run(['replay', path, '-s', 'fifo']);
    if (code !== 0) {
      assertRefused({ code, out, err }, path, `bit ${bit} of byte ${at}`);
      continue;
    }
    assert.deepEqual({ out, err }, { out: sound.out, err: '' }, `bit ${bit} of byte ${at}`);
    unharmed++;
  }
  // Padding, and the index, which a replay from the start does not need.
  assert.ok(flipped > 50 && unharmed < flipped / 4, `${unharmed} of ${flipped}`);
});

/** A trace with a right header, then `tail`. */
function forge(tail: readonly number[]): Uint8Array {
  const out = createFrameWriter(4096);
  const header = encodeHeader(HEADER);
  out.start(0);
  out.bytes(TRACE_HEADER, header);
  out.fixed32(TRACE_HEADER_CHECKSUM, crc32(header));
  return Buffer.concat([out.frame(), Buffer.from(tail)]);
}

const BLOCK_TAG = (TRACE_BLOCKS << 3) | 2;
const COLUMN_TAG = (5 << 3) | 2;
const FOUR_GB = [0xff, 0xff, 0xff, 0xff, 0x0f];
const traceOf = (...events: fixtures.TestEvent[]): Uint8Array => fixtures.writeTrace(events, undefined, HEADER);
const BROKEN: readonly (readonly [name: string, bytes: Uint8Array, expected: RegExp])[] = [
  ['block-of-4-gb.vgt', forge([BLOCK_TAG, ...FOUR_GB]), /a block of 4294967295 bytes; 2097152 are possible/],
  ['column-of-4-gb.vgt', forge([BLOCK_TAG, 8, COLUMN_TAG, ...FOUR_GB, 0, 0]), /byte \d+: /],
  ['endless-length.vgt', forge([BLOCK_TAG, ...Array(12).fill(0xff)]), /no frame begins here/],
  ['vcpu.vgt', traceOf(event(FLUSH, 0, 0), event(SYNC, 0, 0), event(FLUSH, 4, 0)), /event 2: flush of vCPU 4/],
  ['intid.vgt', traceOf(event(INJECT, 0, 1019, 1)), /event 0: inject: [^\n]*1019/],
  ['no-magic.vgt', Buffer.concat([Buffer.of(0x0b), SMALL.subarray(1)]), /not a vgic-replay trace/],
];

for (const [name, bytes, expected] of BROKEN) {
  test(`${name} is refused`, async () => {
    const path = fileOf(name, bytes);
    for (const verb of ['replay', 'verify', 'validate']) {
      const result = await run([verb, path]);
      assertRefused(result, path, verb);
      assert.match(result.err, expected);
    }
    assert.notEqual((await run(['info', path])).code, 1);
  });
}

test('guest accesses and exits without an entry fail validation', async () => {
  const path = fileOf('life.vgt', traceOf(event(SYNC, 0, 0)));
  const result = await run(['validate', path]);
  assertRefused(result, path, 'validate');
  assert.match(result.err, /event 0: sync of vCPU 0 while it is out of the guest/);
});

test('events that cannot follow one another are a fault of the trace, never of a strategy', async () => {
  let seed = 3;
  const pick = <T>(choices: readonly T[]): T => {
    seed = (seed * 48271) % 0x7fffffff;
    return choices[seed % choices.length];
  };
  const path = join(folder, 'life.jsonl');
  let refused = 0;
  for (let round = 0; round < 40; round++) {
    const lines = ['{"vgic-replay":1,"lrs":2}'];
    for (let intid = 32; intid < 40; intid++)
      lines.push(
        `{"op":"enable","intid":${intid}}`,
        `{"op":"priority","intid":${intid},"priority":${8 * (intid % 5)}}`,
      );
    for (let step = 0; step < 40; step++) lines.push(`{"op":"${pick(['flush', 'sync', 'inject', 'inject'])}"}`);
    const text = lines.map((line) =>
      line.includes('inject') ? `{"op":"inject","intid":${pick([32, 33, 34, 35, 36, 37])}}` : line,
    );
    writeFileSync(path, `${text.join('\n')}\n`);
    const result = await run(['replay', path]);
    if (result.code === 0) continue;
    assertRefused(result, path, `round ${round}`);
    assert.match(result.err, /event \d+: (flush of vCPU 0 while it is in|sync of vCPU 0 while it is out of) the guest/);
    refused++;
  }
  assert.ok(refused > 0);
});

const MISTAKEN: readonly (readonly [name: string, bytes: Uint8Array | string, expected: RegExp])[] = [
  ['empty', '', /byte 0: the file is empty/],
  ['text.txt', 'Dear diary,\ntoday I raised SPI 40.\n', /line 1: text that is neither ftrace output nor JSON lines/],
  ['trace.dat', '\x17\x08\x44tracing6\0\0', /a trace\.dat of trace-cmd; give the text that "trace-cmd report"/],
  ['perf.data', 'PERFILE2\x68\0\0\0', /a perf\.data; give the text that "perf script"/],
  ['trace.txt.xz', Buffer.from('fd377a585a00000000', 'hex'), /xz data; unpack it with "xz -d"/],
  ['trace.txt.zst', Buffer.from('28b52ffd0000000000', 'hex'), /zstd data; unpack it with "zstd -d"/],
  ['recording.zip', 'PK\x03\x04 and so on', /a zip archive; unpack it/],
  ['recording.tar', Buffer.concat([Buffer.alloc(257), Buffer.from('ustar\0')]), /a tar archive; unpack it/],
  ['empty.gz', gzipSync(''), /byte 0: the file is empty/],
  ['no-ftrace.gz', gzipSync('nothing of interest\n'), /line 1: text that is neither/],
];

for (const [name, bytes, expected] of MISTAKEN) {
  test(`${name}: what it is and what to do`, async () => {
    const path = fileOf(name, bytes);
    await assertImportRefused(path, 'auto', expected);
    for (const verb of ['replay', 'info', 'verify']) {
      const result = await run([verb, path]);
      assertRefused(result, path, verb);
      assert.match(result.err, expected);
    }
    const { code, err } = await run(['validate', path]);
    assert.equal(code, 4);
    assert.match(err, /^vgic-replay: [^\n]+\n$/);
  });
}

test('paths that lead nowhere are named', async () => {
  const missing = join(folder, 'missing');
  const bare = join(folder, 'bare');
  mkdirSync(bare);
  for (const verb of ['replay', 'info', 'verify', 'validate']) {
    const result = await run([verb, missing]);
    assertRefused(result, missing, verb);
    assert.match(result.err, /\(ENOENT\); check the path/);
    assertRefused(await run([verb, bare]), bare, verb);
  }
  await assertImportRefused(missing, 'auto', /\(ENOENT\); check the path/);
  await assertImportRefused(bare, 'auto', /folder: holds no trace\.txt or trace\.txt\.gz; name a recording folder/);
  await assertImportRefused(fileOf('already.vgt', SMALL), 'auto', /a \.vgt trace needs no import/);
});

test('VGR1: headers that cannot be, and files cut off anywhere', async () => {
  const golden = readGzip('golden/typical-s01.bin.gz').subarray(0, 20 + 16 * 40);
  const sound = Buffer.from(golden);
  sound.writeUInt32LE(40, 16);
  const altered = (at: number, value: number): Buffer => {
    const bytes = Buffer.from(sound);
    bytes.writeUInt32LE(value >>> 0, at);
    return bytes;
  };
  assert.equal((await run(['import', fileOf('sound.bin', sound), '-o', OUTPUT])).code, 0);
  rmSync(OUTPUT);
  const cases: [Buffer, RegExp][] = [
    [altered(4, 0), /byte 4: 0 vCPUs/],
    [altered(4, 0xffffffff), /byte 4: 4294967295 vCPUs/],
    [altered(8, 1000000), /byte 8: 1000000 SPIs/],
    [altered(12, 0), /byte 12: 0 list registers/],
    [altered(12, 0x0904), /byte 13: GIC model 9/],
    [altered(16, 0xffffffff), /byte \d+: ends after 40 of the 4294967295 events/],
    [altered(16, 39), /byte 644: bytes after the last of the 39 events/],
    [altered(20, 0xff), /byte 20: operation 255 in event 0/],
  ];
  for (const [bytes, expected] of cases) {
    const path = fileOf('absurd.bin', bytes);
    await assertImportRefused(path, 'auto', expected);
    assertRefused(await run(['replay', path]), path, String(expected));
  }
  for (let length = 4; length < sound.length; length += 5)
    await assertImportRefused(fileOf('cut.bin', sound.subarray(0, length)), 'auto', /ends (within|after)/);
  for (const garbage of ['', 'VGR', '\0\0\0\0'])
    await assertImportRefused(fileOf('garbage.bin', garbage.padEnd(40, '\x01')), 'vgr1', /byte 0: does not begin/);
});

test('JSON lines: the line that is wrong, wherever it stands', async () => {
  const good = '{"t":0,"op":"flush"}\n{"t":1,"op":"sync"}\n';
  const wrong: [string, RegExp][] = [
    ['{"t":2,"op":"flush"', /no JSON object/],
    ['[]', /no JSON object/],
    ['{"t":2,"op":"flsh"}', /unknown "op" "flsh"; known are /],
    ['{"t":2,"op":"flush","vcpu":1}', /"vcpu"/],
    ['{"t":2,"op":"inject","intid":1020}', /the machine has no INTID 1020/],
    ['{"t":2,"op":"inject","intid":1e30}', /"intid"/],
    ['{"t":0,"op":"flush"}', /"t" is before/],
    ['{"t":1e300,"op":"flush"}', /"t" is 1e\+300/],
    [`{"t":2,"op":"flush","x":"${'y'.repeat(2 << 20)}"}`, /longer than 1048576 characters/],
  ];
  for (const [line, expected] of wrong) {
    for (const before of [1, 4000]) {
      const lines = `{"vgic-replay":1}\n${'{"t":1,"op":"flush"}\n{"t":1,"op":"sync"}\n'.repeat(before)}`;
      const path = fileOf('wrong.jsonl', `${lines}${line}\n${good}`);
      await assertImportRefused(path, 'auto', new RegExp(`: line ${2 + 2 * before}: .*${expected.source}`));
    }
  }
});

test('times of any length are taken, or refused', async () => {
  const path = fileOf('pause.jsonl', '{"t":0,"op":"flush"}\n{"t":4294967295,"op":"sync"}\n');
  assert.equal(JSON.parse((await run(['info', path, '--json'])).out).durationNs, 4294967295000);
  const late = fileOf(
    'late.txt',
    ' a-1 [000] d... 1.000000: kvm_entry: PC: 0x0\n a-1 [000] d... 18446744073709551615.000000: kvm_exit: IRQ\n',
  );
  await assertImportRefused(late, 'ftrace', /its time is beyond 2\^53 ticks/);
});

test('gzip that is damaged or was cut off', async () => {
  // Text that hardly shrinks, so that the packed data is long.
  let seed = 1;
  const lines = Array.from({ length: 3000 }, (_, at) => {
    seed = (seed * 48271) % 0x7fffffff;
    return `{"t":${at},"op":"inject","intid":${32 + (seed % 64)}}\n`;
  });
  const packed = gzipSync(lines.join(''));
  const path = fileOf('sound.jsonl.gz', packed);
  assert.equal((await run(['info', path])).code, 0);
  for (const length of [3, 10, 500, packed.length - 9, packed.length - 1]) {
    const cut = fileOf('cut.jsonl.gz', packed.subarray(0, length));
    await assertImportRefused(cut, 'auto', /byte \d+: the gzip data was cut off; copy the file again/);
    assertRefused(await run(['replay', cut]), cut, `replay of ${length} bytes`);
  }
  for (const at of [2, packed.length >> 1, packed.length - 6]) {
    const bytes = Buffer.from(packed);
    bytes[at] ^= 0x55;
    await assertImportRefused(fileOf('damaged.jsonl.gz', bytes), 'auto', /: (byte|line) \d+: /);
  }
});

test('binary garbage with a format claimed for it', async () => {
  let seed = 7;
  const garbage = Uint8Array.from({ length: 100_000 }, () => {
    seed = (seed * 48271) % 0x7fffffff;
    return seed & 0xff;
  });
  const path = fileOf('garbage', garbage);
  await assertImportRefused(path, 'ftrace', /line \d+: no ftrace event found/);
  await assertImportRefused(path, 'jsonl', /line 1: no JSON object/);
  await assertImportRefused(path, 'vgr1', /byte 0: does not begin with "VGR1"/);
});
