/** What is written is what is read: by our framer, by protobufjs, from any source, from a file of another tool. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import fc from 'fast-check';
import { createEventBlock, INTID_MASK, KIND_MASK, KINDS, NOP, VCPU_MASK } from './events.js';
import {
  createDribble,
  createRandom,
  expectTrace,
  HEADER,
  makeEvents,
  readTrace,
  type TestEvent,
  writeTrace,
} from './fixtures.test.support.js';
import type { TraceHeader } from './header.js';
import { decodeTrace, lookupMessage, reserializeTrace } from './protobuf.js';
import { openTrace } from './reader.js';
import { createMemorySource, createMemoryTarget } from './source.js';
import * as wire from './wire.js';
import { createTraceWriter, type TraceWriterOptions } from './writer.js';

const anyEvent: fc.Arbitrary<TestEvent> = fc.record({
  kind: fc.nat(KIND_MASK),
  vcpu: fc.nat(VCPU_MASK),
  intid: fc.nat(INTID_MASK),
  value: fc.oneof(fc.integer(), fc.nat(3)),
  // Escapes of both widths, and pauses that no column holds.
  dt: fc.oneof(
    fc.nat(260),
    fc.constantFrom(0, 254, 255, 256, 65534, 65535, 65536),
    fc.maxSafeNat().map((n) => n % 2 ** 40),
  ),
});

const anyOptions: fc.Arbitrary<TraceWriterOptions> = fc.record({
  blockEvents: fc.constantFrom(1, 2, 7, 65536),
  form: fc.constantFrom('smallest' as const, 'plain' as const),
  index: fc.boolean(),
});

test('random events survive every way of writing and reading', () => {
  fc.assert(
    fc.property(fc.array(anyEvent, { maxLength: 300 }), anyOptions, (events, options) => {
      const bytes = writeTrace(events, options);
      const expected = expectTrace(events);
      assert.deepEqual(readTrace(createMemorySource(bytes)), expected);
      assert.deepEqual(readTrace(createDribble(bytes, 13)), expected);
      assert.deepEqual(readTrace(createDribble(bytes, 4096, -1)), expected);
      const { word, value, tick, end } = decodeTrace(bytes);
      assert.deepEqual({ word, value, tick }, { word: expected.word, value: expected.value, tick: expected.tick });
      assert.equal(end?.events, events.length);
      assert.deepEqual(readTrace(createMemorySource(reserializeTrace(bytes))), expected);
    }),
    { numRuns: 150, seed: 1 },
  );
});

test('columns are read the same at every alignment', () => {
  const events = makeEvents(60);
  for (const form of ['smallest', 'plain'] as const) {
    const bytes = writeTrace(events, { form, blockEvents: 64 });
    for (let shift = 0; shift < 8; shift++) {
      const shifted = new Uint8Array(bytes.length + 8).subarray(shift, shift + bytes.length);
      shifted.set(bytes);
      assert.deepEqual(readTrace(createMemorySource(shifted)), expectTrace(events), `${form}, shift ${shift}`);
    }
  }
});

test('aligned plain columns are views of the file, not copies', () => {
  const bytes = writeTrace(makeEvents(50), { form: 'plain' });
  const block = createEventBlock();
  assert.ok(openTrace(createMemorySource(bytes)).next(block));
  for (const column of [block.word, block.value, block.dt]) {
    assert.equal(column.buffer, bytes.buffer);
    assert.equal(column.byteOffset % 8, 0);
  }
});

test('what is known only at the end replaces the header in place', () => {
  const target = createMemoryTarget();
  const writer = createTraceWriter(target, HEADER, { blockEvents: 4 });
  for (let event = 0; event < 20; event++) writer.event(NOP, 0, 0, event, 1);
  const final = {
    counts: { ...HEADER.counts, unknownLines: 3 },
    gaps: [{ afterEvent: 7, lost: 12, place: 'line 31' }],
    machine: { ...HEADER.machine, nrVcpus: 100 },
  };
  assert.equal(writer.finish(final), target.bytes().length);
  const read = readTrace(createMemorySource(target.bytes()));
  assert.deepEqual(read.header, { ...HEADER, ...final });
  assert.equal(read.word.length, 20);
});

test('a header fits into its reserve at every size, down to a rest of one byte', () => {
  for (let length = 0; length < 40; length++) {
    const target = createMemoryTarget();
    const writer = createTraceWriter(target, HEADER, { blockEvents: 1, reserve: 32 });
    writer.event(NOP, 0, 0, 0, 0);
    writer.event(NOP, 0, 0, 0, 0);
    const title = HEADER.title + 'x'.repeat(length);
    if (length > 39) break;
    try {
      writer.finish({ title });
    } catch (error) {
      assert.match(String(error), /the header grew/);
      assert.ok(length > 32, `a reserve of 32 bytes holds ${length}`);
      continue;
    }
    assert.equal(readTrace(createMemorySource(target.bytes())).header.title, title);
  }
});

test('gaps beyond the reserve are joined, and no lost event is forgotten', () => {
  const target = createMemoryTarget();
  const writer = createTraceWriter(target, HEADER, { blockEvents: 1, reserve: 300 });
  for (let event = 0; event < 50; event++) writer.event(NOP, 0, 0, event, 1);
  writer.finish({
    gaps: Array.from({ length: 50 }, (_, event) => ({ afterEvent: event, lost: 2, place: `line ${event}` })),
  });
  const { gaps } = readTrace(createMemorySource(target.bytes())).header;
  assert.ok(gaps.length > 2 && gaps.length < 50, `${gaps.length} gaps`);
  assert.equal(
    gaps.reduce((sum, gap) => sum + gap.lost, 0),
    100,
  );
  assert.equal(gaps.at(-1)?.place, `line ${gaps.length - 1} and ${50 - gaps.length} more gaps after it`);
});

test('a writer refuses what it cannot store', () => {
  const writer = createTraceWriter(createMemoryTarget(), HEADER);
  assert.throws(() => writer.event(KIND_MASK + 1, 0, 0, 0, 0), /does not fit/);
  assert.throws(() => writer.event(1, VCPU_MASK + 1, 0, 0, 0), /does not fit/);
  assert.throws(() => writer.event(1, 0, INTID_MASK + 1, 0, 0), /does not fit/);
  assert.throws(() => writer.event(1, 0, 0, 0, -1), /does not fit/);
  assert.throws(() => writer.event(1, 0, 0, 0, Number.NaN), /does not fit/);
  const nowhere = { ...HEADER, machine: { ...HEADER.machine, nrVcpus: 0 } };
  assert.throws(() => createTraceWriter(createMemoryTarget(), nowhere), { exitCode: 4 });
});

test('seeks find the block of an event or a tick, with and without an index', () => {
  const events = makeEvents(100);
  const expected = expectTrace(events);
  const plain = writeTrace(events, { blockEvents: 16 });
  const files = [plain, writeTrace(events, { blockEvents: 16, index: false }), reserializeTrace(plain)];
  for (const bytes of files) {
    for (const source of [createMemorySource(bytes), createDribble(bytes, 100)]) {
      const reader = openTrace(source);
      const block = createEventBlock();
      for (const event of [events.length - 1, 0, 15, 16, 17, 250]) {
        assert.ok(reader.seekEvent(event));
        assert.ok(reader.next(block));
        assert.ok(block.firstEvent <= event && event < block.firstEvent + block.count);
        assert.equal(block.word[event - block.firstEvent], expected.word[event]);
        assert.ok(reader.seekTick(expected.tick[event]));
        assert.ok(reader.next(block));
        assert.ok(block.firstTick <= expected.tick[event]);
      }
      assert.equal(reader.seekEvent(events.length), false);
      assert.ok(reader.seekEvent(0));
      let rest = 0;
      while (reader.next(block)) rest += block.count;
      assert.equal(rest, events.length);
    }
  }
  assert.throws(() => openTrace(createDribble(plain, 100, -1)).seekEvent(0), /a pipe/);
});

test('a realistic mix takes at most 5.2 bytes an event', () => {
  const random = createRandom(7);
  const nrEvents = 200_000;
  const events: TestEvent[] = [];
  // 4 vCPUs, 256 SPIs; exponential pauses with a mean of 400 ticks, as in a busy trace with a nanosecond clock.
  for (let event = 0; event < nrEvents; event++) {
    const die = random(100);
    const vcpu = random(4);
    const dt = Math.floor(-Math.log((random(1_000_000) + 1) / 1_000_000) * 400);
    if (die < 45) events.push({ kind: 2, vcpu, intid: 32 + random(256), value: random(2), dt });
    else if (die < 90) events.push({ kind: die < 68 ? 3 : 4, vcpu, intid: 0, value: 0, dt });
    else if (die < 95) events.push({ kind: 10, vcpu, intid: 32 + random(256), value: 8 * random(32), dt });
    else events.push({ kind: 15, vcpu, intid: random(16), value: 1 + random(15), dt });
  }
  const smallest = writeTrace(events).length / nrEvents;
  assert.ok(smallest <= 5.2, `${smallest} bytes an event`);
  const plain = writeTrace(events, { form: 'plain' }).length / nrEvents;
  assert.ok(plain > 12 && plain < 12.1, `${plain} bytes an event`);
});

test('the schema and the framer agree on names and numbers', () => {
  const numbers: Readonly<Record<string, unknown>> = wire;
  for (const message of ['Trace', 'Block', 'Index', 'End']) {
    const { fieldsArray } = lookupMessage('Trace').root.lookupType(`vgic.trace.v1.${message}`);
    assert.ok(fieldsArray.length >= 4);
    for (const { name, id } of fieldsArray) {
      const constant = `${message}_${name.replace(/[A-Z]/g, (letter) => `_${letter}`)}`.toUpperCase();
      assert.equal(name === 'pad' ? wire.PAD : numbers[constant], id, constant);
    }
  }
});

test('any header survives; control characters in its texts do not', () => {
  const text = fc.string({ unit: 'grapheme', maxLength: 30 });
  const count = fc.maxSafeNat();
  const header: fc.Arbitrary<TraceHeader> = fc.record({
    machine: fc.record({
      flavour: fc.constant('kvm-6.1' as const),
      model: fc.constantFrom('gicv3' as const, 'gicv2' as const, 'gicv2-on-gicv3' as const),
      nrVcpus: fc.integer({ min: 1, max: 8 }),
      nrSpis: fc.nat(988),
      nrLpis: fc.constant(0),
      nrLr: fc.integer({ min: 1, max: 64 }),
      distEnabledAtStart: fc.boolean(),
      pmrAtStart: fc.nat(255),
    }),
    fidelity: fc.constantFrom(0 as const, 1 as const, 2 as const, 3 as const),
    name: text,
    title: text,
    tickNs: fc.double({ min: 1e-3, max: 1e9, noNaN: true }),
    clock: text,
    provenance: fc.record({ tool: text, kernel: text, when: text, how: text, licence: text, sourceSha256: text }),
    importer: fc.record({ name: text, version: text }),
    guestAccesses: fc.constantFrom('recorded' as const, 'lr-state' as const, 'drain' as const, 'events' as const),
    counts: fc.record({
      sourceLines: count,
      unknownLines: count,
      lostEvents: count,
      decisionsFromRecording: count,
      noEffect: count,
      cutOff: count,
      reordered: count,
    }),
    gaps: fc.array(fc.record({ afterEvent: count, lost: count, place: text }), { maxLength: 3 }),
  });
  const expected = (value: TraceHeader): unknown =>
    JSON.parse(JSON.stringify(value).replace(/\\u00[01].|\\[bfnrt]|[\x7f-\x9f]/g, ' '));
  fc.assert(
    fc.property(header, (given) => {
      const bytes = writeTrace([], {}, given);
      assert.deepEqual(readTrace(createMemorySource(bytes)).header, expected(given));
      assert.deepEqual(readTrace(createMemorySource(reserializeTrace(bytes))).header, expected(given));
    }),
    { seed: 1 },
  );
  const hostile = { ...HEADER, name: 'a\x1b[2Jb\nc\x9bd' };
  assert.equal(readTrace(createMemorySource(writeTrace([], {}, hostile))).header.name, 'a [2Jb c d');
});

test('the format document lists every kind as the code has it', () => {
  const text = readFileSync(new URL('../../../proto/README.md', import.meta.url), 'utf8');
  const rows = [...text.matchAll(/^\| (\d+) +\| ([a-z-]+) +\| ([0-3]) +\|/gm)].map(
    ([, kind, name, level]) => `${kind} ${name} L${level}`,
  );
  assert.deepEqual(
    rows,
    KINDS.map(({ kind, name, fidelity }) => `${kind} ${name} L${fidelity}`),
  );
});
