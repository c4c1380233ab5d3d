/** Small traces and awkward sources for the tests of this folder. */
import { createEventBlock, EXPECT_LR_LO, EXPECT_LRS, FLUSH, INJECT, packWord, SGI, SYNC } from './events.js';
import { noImportCounts, type TraceHeader } from './header.js';
import { type OpenTraceOptions, openTrace } from './reader.js';
import { type ByteSource, createMemoryTarget } from './source.js';
import { createTraceWriter, type TraceWriterOptions } from './writer.js';

export interface TestEvent {
  readonly kind: number;
  readonly vcpu: number;
  readonly intid: number;
  readonly value: number;
  readonly dt: number;
}

export const HEADER: TraceHeader = {
  machine: {
    flavour: 'kvm-6.1',
    model: 'gicv3',
    nrVcpus: 4,
    nrSpis: 64,
    nrLpis: 57344,
    nrLr: 4,
    distEnabledAtStart: true,
    pmrAtStart: 0xf8,
  },
  fidelity: 3,
  name: 'fixture',
  title: 'A trace made for a test.',
  tickNs: 1000,
  clock: 'global',
  provenance: { tool: 'test', kernel: '6.1', when: '', how: '', licence: 'Apache-2.0', sourceSha256: '' },
  importer: { name: 'test', version: '1' },
  guestAccesses: 'events',
  counts: noImportCounts(7),
  gaps: [],
};

/** The file of a trace. */
export function writeTrace(
  events: readonly TestEvent[],
  options: TraceWriterOptions = {},
  header = HEADER,
): Uint8Array {
  const target = createMemoryTarget();
  const writer = createTraceWriter(target, header, options);
  for (const { kind, vcpu, intid, value, dt } of events) writer.event(kind, vcpu, intid, value, dt);
  writer.finish();
  return target.bytes();
}

/** What a reader gives, in plain arrays; `tick` = ticks since the start of the trace. */
export interface ReadTrace {
  readonly header: TraceHeader;
  readonly word: number[];
  readonly value: number[];
  readonly tick: number[];
  readonly truncatedAt: number | null;
}

/** Reads a whole trace. Throws what the reader throws. */
export function readTrace(source: ByteSource, options?: OpenTraceOptions): ReadTrace {
  const reader = openTrace(source, options);
  const word: number[] = [];
  const value: number[] = [];
  const tick: number[] = [];
  for (const block = createEventBlock(); reader.next(block); ) {
    let now = block.firstTick;
    for (let at = 0; at < block.count; at++) {
      now += block.dt[at] >>> 0;
      word.push(block.word[at]);
      value.push(block.value[at]);
      tick.push(now);
    }
  }
  return { header: reader.header, word, value, tick, truncatedAt: reader.truncatedAt };
}

/** What a reader should give for these events. */
export function expectTrace(events: readonly TestEvent[], header = HEADER): ReadTrace {
  let now = 0;
  const tick = events.map(({ dt }) => {
    now += dt;
    return now;
  });
  const word = events.map(({ kind, vcpu, intid }) => packWord(kind, vcpu, intid));
  return { header, word, value: events.map(({ value }) => value | 0), tick, truncatedAt: null };
}

/** A source that hands out at most `step` bytes a read, as a pipe may; `size` -1 hides its length. */
export function createDribble(bytes: Uint8Array, step: number, size = bytes.length): ByteSource {
  return {
    name: 'dribble',
    size,
    read(target, offset, length) {
      const part = bytes.subarray(offset, offset + Math.min(step, length));
      target.set(part);
      return part.length;
    },
  };
}

/** A generator of pseudo-random integers below `bound` (xorshift), the same on every run. */
export function createRandom(seed: number): (bound: number) => number {
  let state = seed | 1;
  return (bound) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % bound;
  };
}

/** A sound trace: every vCPU enters and leaves in turn, with interrupts, ground truth and long pauses between. */
export function makeEvents(rounds: number, seed = 1): TestEvent[] {
  const random = createRandom(seed);
  const events: TestEvent[] = [];
  const add = (kind: number, vcpu: number, intid: number, value: number): void => {
    const dt = random(20) === 0 ? 300 + random(100_000) : random(60);
    events.push({ kind, vcpu, intid, value, dt });
  };
  for (let round = 0; round < rounds; round++) {
    const vcpu = round % HEADER.machine.nrVcpus;
    add(INJECT, vcpu, 16 + random(80), random(2));
    if (random(4) === 0) add(SGI, vcpu, random(16), 1 + random(15));
    if (random(6) === 0) add(INJECT, vcpu, 8192 + random(4), 1);
    add(FLUSH, vcpu, 0, 0);
    add(EXPECT_LRS, vcpu, 1, 1);
    add(EXPECT_LR_LO, vcpu, 0, 16 + random(80));
    add(SYNC, vcpu, 0, 0);
  }
  return events;
}
