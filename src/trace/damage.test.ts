/** Damaged, cut-off and hostile files: one line with file, place and remedy; never a crash, a hang or a wrong number. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { InputError } from '../base/errors.js';
import { crc32 } from './crc32.js';
import { createEventBlock, NOP } from './events.js';
import { createDribble, HEADER, makeEvents, type ReadTrace, readTrace, writeTrace } from './fixtures.test.support.js';
import { createFrameWriter } from './frame-writer.js';
import { encodeHeader } from './header-message.js';
import { reserializeTrace } from './protobuf.js';
import { type OpenTraceOptions, openTrace } from './reader.js';
import { type ByteSource, createMemorySource } from './source.js';
import { validateTrace } from './validate.js';
import * as wire from './wire.js';

const EVENTS = makeEvents(12);
// One file with dictionary blocks, one with plain ones, one as another tool would write it.
const SMALL = writeTrace(EVENTS, { blockEvents: 40, reserve: 16 });
const PLAIN = writeTrace(EVENTS, { blockEvents: 40, reserve: 16, form: 'plain' });
const FOREIGN = reserializeTrace(SMALL);
const FILES = { SMALL, PLAIN, FOREIGN };

/** Tens of thousands of refusals: a stack for each would take as long as a read. */
function withoutStacks<T>(read: () => T): T {
  const { stackTraceLimit } = Error;
  Error.stackTraceLimit = 0;
  try {
    return read();
  } finally {
    Error.stackTraceLimit = stackTraceLimit;
  }
}

/** Reads; InputErrors are returned, after their form has been checked, and everything else is thrown. */
function tryRead(source: ByteSource, options?: OpenTraceOptions): ReadTrace | InputError {
  try {
    return withoutStacks(() => readTrace(source, options));
  } catch (error) {
    if (!(error instanceof InputError)) throw error;
    assert.equal(error.exitCode, 4);
    // FILE: PLACE: WHAT; REMEDY on one line.
    assert.match(error.message, /^[^:\n]+: (byte \d+|header|event \d+): [^\n;]+[^\n]*; [^\n]{8,}$/);
    assert.ok(error.message.startsWith(`${source.name}: `));
    return error;
  }
}

const memory = (bytes: Uint8Array): ByteSource => createMemorySource(bytes, 'broken.vgt');

test('dictionary and plain blocks are both under test', () => {
  const forms = [SMALL, PLAIN].map((bytes) => {
    const block = createEventBlock();
    openTrace(memory(bytes)).next(block);
    return block.dictionary !== undefined;
  });
  assert.deepEqual(forms, [true, false]);
});

test('a file cut off at any byte is refused, from memory and from a pipe', () => {
  for (const [name, bytes] of Object.entries(FILES)) {
    const accepted: number[] = [];
    for (let length = 0; length < bytes.length; length++) {
      const part = bytes.slice(0, length);
      const isRefused = tryRead(memory(part)) instanceof InputError;
      if (!isRefused) accepted.push(length);
      if (length % 16 === 3) {
        assert.equal(tryRead(createDribble(part, 1000)) instanceof InputError, isRefused, `${name} cut at ${length}`);
        assert.equal(tryRead(createDribble(part, 5, -1)) instanceof InputError, isRefused, `${name} cut at ${length}`);
      }
    }
    // The other tool put the padding, which holds nothing, behind the End.
    const PAD_TAG = 0x7a;
    assert.deepEqual(accepted, name === 'FOREIGN' ? [bytes.lastIndexOf(PAD_TAG)] : []);
  }
});

test('what is left of a cut-off file can be read, and says where it ends', () => {
  const whole = readTrace(memory(SMALL));
  const seen = new Set<number>();
  for (let length = 0; length < SMALL.length; length++) {
    const part = tryRead(memory(SMALL.slice(0, length)), { allowTruncated: true });
    if (part instanceof InputError) {
      // Only a file without a whole header has nothing to offer.
      assert.match(part.message, /header|empty/);
      assert.equal(seen.size, 0);
      continue;
    }
    seen.add(part.word.length);
    assert.ok(part.truncatedAt !== null && part.truncatedAt <= length);
    assert.deepEqual(part.word, whole.word.slice(0, part.word.length));
    assert.deepEqual(part.value, whole.value.slice(0, part.word.length));
    assert.deepEqual(part.tick, whole.tick.slice(0, part.word.length));
  }
  const ends = Array.from({ length: Math.floor(EVENTS.length / 40) + 1 }, (_, block) => 40 * block);
  assert.deepEqual([...seen], [...ends, EVENTS.length]);
});

test('a flipped bit is found or changes nothing', () => {
  for (const [name, bytes] of Object.entries(FILES)) {
    const whole = readTrace(memory(bytes));
    let found = 0;
    for (let bit = 0; bit < 8 * bytes.length; bit++) {
      const flipped = bytes.slice();
      flipped[bit >>> 3] ^= 1 << (bit & 7);
      const read = tryRead(memory(flipped));
      if (read instanceof InputError) found++;
      else assert.deepEqual(read, whole, `${name}: bit ${bit & 7} of byte ${bit >>> 3}`);
      // Without checksums numbers may differ, but nothing may break.
      tryRead(memory(flipped), { verifyChecksums: false });
      // With a part missing, what is left must still be right.
      const part = tryRead(memory(flipped), { allowTruncated: true });
      if (part instanceof InputError) continue;
      assert.deepEqual(part.header, whole.header);
      assert.deepEqual(part.word, whole.word.slice(0, part.word.length));
      assert.deepEqual(part.tick, whole.tick.slice(0, part.tick.length));
      assert.ok(part.truncatedAt !== null || part.word.length === whole.word.length);
    }
    assert.ok(found > 4 * bytes.length, `${name}: ${found} of ${8 * bytes.length} flips found`);
  }
});

test('a seek in a file with a flipped bit goes to the right event or is refused', () => {
  const whole = readTrace(memory(SMALL));
  const block = createEventBlock();
  for (let bit = 0; bit < 8 * SMALL.length; bit++) {
    const flipped = SMALL.slice();
    flipped[bit >>> 3] ^= 1 << (bit & 7);
    try {
      const reader = openTrace(memory(flipped));
      if (!reader.seekEvent(50)) continue;
      assert.ok(reader.next(block));
      assert.equal(block.word[50 - block.firstEvent], whole.word[50]);
    } catch (error) {
      if (!(error instanceof InputError)) throw error;
    }
  }
});

test('random damage ends in an InputError or in the same trace', () => {
  const whole = readTrace(memory(SMALL));
  const edit = fc.record({
    at: fc.nat(SMALL.length - 1),
    remove: fc.nat(12),
    insert: fc.uint8Array({ maxLength: 12 }),
  });
  fc.assert(
    fc.property(fc.array(edit, { minLength: 1, maxLength: 4 }), (edits) => {
      let bytes = SMALL;
      for (const { at, remove, insert } of edits) {
        bytes = Uint8Array.from([...bytes.subarray(0, at), ...insert, ...bytes.subarray(at + remove)]);
      }
      const read = tryRead(memory(bytes));
      if (!(read instanceof InputError)) assert.deepEqual(read, whole);
      const report = validateTrace(memory(bytes));
      assert.equal(report.nrProblems === 0, !(read instanceof InputError));
    }),
    { numRuns: 1000, seed: 1 },
  );
});

test('bytes that were never a trace are refused by name', () => {
  const encode = (text: string): Uint8Array => new TextEncoder().encode(text);
  const cases: [Uint8Array, RegExp][] = [
    [new Uint8Array(0), /the file is empty/],
    [encode('VGR1\x02\0\0\0'), /a VGR1 event file; convert it with "vgic-replay import"/],
    [encode('# tracer: nop\n#\n'), /ftrace text/],
    [encode('{"vgic-replay":1}\n'), /JSON/],
    [Uint8Array.of(0x1f, 0x8b, 8, 0), /gzip data/],
    [encode('\x7fELF'), /not a vgic-replay trace; /],
    [new Uint8Array(4096), /not a vgic-replay trace; /],
    [encode('\n\x11vgic-replay-trace'), /not a vgic-replay trace; /],
  ];
  for (const [bytes, message] of cases) {
    assert.throws(() => openTrace(memory(bytes)), { exitCode: 4, message });
  }
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
      assert.ok(tryRead(memory(bytes)) instanceof InputError);
    }),
    { seed: 1 },
  );
});

test('nothing may follow the end of a trace', () => {
  const twice = Uint8Array.from([...SMALL, ...SMALL]);
  assert.match(String(tryRead(memory(twice))), /a second trace begins after the end of the trace; cut the file here/);
  for (const garbage of [[0], [1, 2, 3], [0x12, 0], [0xff, 0xff]]) {
    assert.ok(tryRead(memory(Uint8Array.from([...SMALL, ...garbage]))) instanceof InputError);
  }
});

// --- Files with right checksums that were made to do harm.

type Fill = (out: ReturnType<typeof createFrameWriter>) => void;

/** A file with a right header and one block that `fill` makes. */
function forge(fill: Fill): Uint8Array {
  const out = createFrameWriter(1 << 20);
  const header = encodeHeader(HEADER);
  out.start(0);
  out.bytes(wire.TRACE_HEADER, header);
  out.fixed32(wire.TRACE_HEADER_CHECKSUM, crc32(header));
  const body = out.open(wire.TRACE_BLOCKS);
  fill(out);
  out.close(body);
  return out.frame().slice();
}

const words = (count: number): Uint8Array => new Uint8Array(4 * count).fill(NOP);

test('blocks that contradict themselves are refused', () => {
  const cases: [string, Fill][] = [
    ['no columns', (out) => out.fixed32(wire.BLOCK_COUNT, 1)],
    ['no events', (out) => out.fixed32(wire.BLOCK_CHECKSUM, 0)],
    [
      'more events than a block may have',
      (out) => {
        out.fixed32(wire.BLOCK_COUNT, 65537);
        for (const field of [wire.BLOCK_WORD, wire.BLOCK_VALUE, wire.BLOCK_DT]) out.column(field, words(65537));
      },
    ],
    [
      'a count beyond the columns',
      (out) => {
        out.fixed32(wire.BLOCK_COUNT, 4);
        for (const field of [wire.BLOCK_WORD, wire.BLOCK_VALUE, wire.BLOCK_DT]) out.column(field, words(3));
      },
    ],
    [
      'a code beyond the dictionary',
      (out) => {
        out.fixed32(wire.BLOCK_COUNT, 4);
        out.varint(wire.BLOCK_CODE_BITS, 8);
        out.column(wire.BLOCK_DICT_WORD, words(2));
        out.column(wire.BLOCK_DICT_VALUE, words(2));
        out.column(wire.BLOCK_CODE, Uint8Array.of(0, 1, 2, 0));
      },
    ],
    [
      'an escape that is missing',
      (out) => {
        out.fixed32(wire.BLOCK_COUNT, 4);
        out.varint(wire.BLOCK_CODE_BITS, 8);
        out.varint(wire.BLOCK_DT_BITS, 8);
        out.column(wire.BLOCK_DICT_WORD, words(1));
        out.column(wire.BLOCK_DICT_VALUE, words(1));
        out.column(wire.BLOCK_CODE, new Uint8Array(4));
        out.column(wire.BLOCK_DT_CODE, Uint8Array.of(0, 255, 1, 255));
        out.column(wire.BLOCK_DT_ESCAPE, words(1));
      },
    ],
    [
      'odd code widths',
      (out) => {
        out.fixed32(wire.BLOCK_COUNT, 1);
        out.varint(wire.BLOCK_CODE_BITS, 1);
        out.column(wire.BLOCK_CODE, words(1));
      },
    ],
    [
      'a first dt',
      (out) => {
        out.fixed32(wire.BLOCK_COUNT, 1);
        for (const field of [wire.BLOCK_WORD, wire.BLOCK_VALUE, wire.BLOCK_DT]) out.column(field, words(1));
      },
    ],
    [
      'a time beyond 2^53',
      (out) => {
        out.fixed32(wire.BLOCK_COUNT, 1);
        out.fixed64(wire.BLOCK_FIRST_TICK, 2 ** 60);
      },
    ],
  ];
  for (const [name, fill] of cases) {
    assert.ok(tryRead(memory(forge(fill)), { verifyChecksums: false }) instanceof InputError, name);
  }
});

test('a column that claims 4 GB allocates nothing', () => {
  const claim = Uint8Array.of(0x32, 0xff, 0xff, 0xff, 0xff, 0x0f);
  const inBlock = forge((out) => out.bytes(wire.PAD, claim));
  // The claim as the block's own length, and as the length of a column inside the block.
  const header = inBlock.length - claim.length - 5 - 5;
  const outside = Uint8Array.from([...inBlock.subarray(0, header), 0x12, 0xff, 0xff, 0xff, 0xff, 0x0f]);
  const inside = Uint8Array.from([...inBlock.subarray(0, header), 0x12, claim.length, ...claim]);
  for (const bytes of [outside, inside]) {
    for (const source of [memory(bytes), createDribble(bytes, 9), createDribble(bytes, 9, -1)]) {
      const before = process.memoryUsage().arrayBuffers;
      assert.ok(tryRead(source) instanceof InputError);
      assert.ok(process.memoryUsage().arrayBuffers - before < 1 << 20);
    }
  }
});

test('a header that describes no machine is refused', () => {
  const machines = [{ nrVcpus: 0 }, { nrVcpus: 127 }, { nrSpis: 989 }, { nrLr: 0 }, { nrLpis: 5 }, { pmrAtStart: 256 }];
  const gicv2 = { model: 'gicv2' as const, nrLpis: 0, nrVcpus: 9 };
  for (const change of [...machines, gicv2, { model: 'gicv2' as const }]) {
    const header = encodeHeader({ ...HEADER, machine: { ...HEADER.machine, ...change } });
    const out = createFrameWriter(4096);
    out.start(0);
    out.bytes(wire.TRACE_HEADER, header);
    out.fixed32(wire.TRACE_HEADER_CHECKSUM, crc32(header));
    const read = tryRead(memory(out.frame().slice()), { allowTruncated: true });
    assert.ok(read instanceof InputError && read.place === 'header', JSON.stringify(change));
  }
});
