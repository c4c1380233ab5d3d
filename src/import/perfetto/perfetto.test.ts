/** Perfetto traces that are cut off, damaged, lossy, or of something else. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { InputError } from '../../base/errors.js';
import { createGenerator } from '../../base/rng.js';
import { LOST } from '../../trace/events.js';
import type { TraceHeader } from '../../trace/header.js';
import {
  compressPackets,
  createListSink,
  packTrace,
  type Recorded,
  readRecording,
  toFtraceEvent,
  toPackets,
} from '../stock/recorders.test.support.js';
import { createPerfettoImporter, isPerfetto } from './importer.js';
import { TimeOrder } from './time-order.js';

interface Imported {
  readonly header: TraceHeader;
  readonly list: readonly string[];
  readonly warnings: readonly string[];
}

function importBytes(bytes: Uint8Array): Imported {
  const { sink, list } = createListSink();
  const warnings: string[] = [];
  const importer = createPerfettoImporter('t.pftrace', sink, {
    onWarning: ({ place, what }) => void warnings.push(`${place}: ${what}`),
  });
  importer.push(bytes);
  return { header: importer.end(), list, warnings };
}

/** The message of the refusal, or the trace. */
function tryImport(bytes: Uint8Array): Imported | string {
  try {
    return importBytes(bytes);
  } catch (error) {
    if (error instanceof InputError) return error.message;
    throw error;
  }
}

const PC = 'PC: 0x0000000040000000';
const record = (cpu: number, pid: number, ns: number, event: string, text: string): Recorded => ({
  comm: `vcpu${pid - 70}`,
  pid,
  cpu,
  ns,
  event,
  text,
});
const inject = (ns: number, cpu = 0): Recorded =>
  record(cpu, 9, ns, 'vgic_update_irq_pending', 'VCPU: 0, IRQ 40, level: 1');
const entry = (ns: number, cpu = 0): Recorded => record(cpu, 70 + cpu, ns, 'kvm_entry', PC);
const bundle = (cpu: number, events: readonly Recorded[], more: object = {}): object => ({
  ftrace_events: { cpu, event: events.map(toFtraceEvent), ...more },
  trusted_packet_sequence_id: 5,
});

test('events that were lost are a gap before the bundle that says so, in the order of time', () => {
  const { header, list, warnings } = importBytes(
    packTrace([
      bundle(0, [entry(1000), inject(5000)]),
      bundle(1, [entry(3000, 1)], { lost_events: 1 }),
      bundle(0, [inject(7000)], { lost_events: 42 }),
    ]),
  );
  assert.deepEqual(
    header.gaps.map(({ afterEvent, lost }) => [afterEvent, lost]),
    [
      [1, 0],
      [6, 42],
    ],
  );
  for (const { afterEvent } of header.gaps) assert.ok(list[afterEvent].startsWith(`${LOST} `));
  assert.equal(header.counts.lostEvents, 42);
  assert.match(header.gaps[0].place, /^CPU 1, byte \d+$/);
  assert.equal(warnings.length, 2);
});

test('dropped packets are a gap, the first packet of a sequence is none', () => {
  const drop = { previous_packet_dropped: 1 };
  const gapsOf = (second: object): number =>
    importBytes(
      packTrace([
        { ...bundle(0, [entry(1000)]), ...drop },
        { ...bundle(0, [inject(2000)]), ...second },
      ]),
    ).header.gaps.length;
  assert.equal(gapsOf({}), 0);
  assert.equal(gapsOf(drop), 1);
  assert.equal(gapsOf({ ...drop, first_packet_on_sequence: true }), 0);
  assert.equal(gapsOf({ ...drop, trusted_packet_sequence_id: 6 }), 0);
});

test("the kernel's own statistics of lost events count, what was lost before the start does not", () => {
  const stats = (phase: number, overrun: number): object => ({
    ftrace_stats: { phase, cpu_stats: [{ cpu: 0, overrun, dropped_events: 1 }] },
  });
  const { header } = importBytes(packTrace([stats(1, 10), bundle(0, [entry(1000)]), stats(2, 30)]));
  assert.equal(header.counts.lostEvents, 20);
  assert.deepEqual(header.gaps[0].lost, 20);
});

test('what is no tracepoint of KVM is counted by name', () => {
  const { header, warnings } = importBytes(
    packTrace([
      { ftrace_events: { cpu: 0, event: [toFtraceEvent(entry(1)), { timestamp: 2, pid: 3, sched_switch: {} }] } },
      { ...bundle(0, [inject(9)]), machine_id: 2 },
    ]),
  );
  assert.match(header.provenance.how, /left out: packets of another machine 1, sched_switch 1$/);
  assert.equal(header.counts.unknownLines, 1);
  assert.match(warnings[0], /unknown event sched_switch/);
});

test('time stamps of a host that has run for years are exact', () => {
  const years = 3 * 365 * 86400 * 1e9;
  const late = (ns: bigint, name: string): object => ({ timestamp: ns, pid: 70, [name]: {} });
  const start = BigInt(years) + 1n;
  const events = [late(start, 'kvm_entry'), late(start + 3n, 'kvm_exit')].map((each) => ({
    ...each,
    timestamp: String((each as { timestamp: bigint }).timestamp),
  }));
  const { list } = importBytes(packTrace([{ ftrace_events: { cpu: 0, event: events } }]));
  assert.deepEqual(
    list.map((line) => line.split(' ')[4]),
    ['0', '3', '0'],
  );
});

test('records that come later than the window holds back are counted as out of order', () => {
  const seen: number[] = [];
  const order = new TimeOrder<{ tick: number }>(({ tick }) => void seen.push(tick), 3);
  for (const tick of [5, 4, 9, 1, 8, 2, 2]) order.add({ tick });
  order.finish();
  assert.deepEqual(seen, [1, 4, 2, 2, 5, 8, 9]);
});

test('a trace without KVM events, of another architecture, or packed with zstd is refused with a remedy', () => {
  const refusals: [object[], RegExp][] = [
    [
      [{ ftrace_events: { cpu: 0, event: [{ timestamp: 2, pid: 3, sched_switch: {} }] } }],
      /none of them of KVM; record/,
    ],
    [[{ system_info: { utsname: { machine: 'x86_64' } } }, bundle(0, [entry(1)])], /no Arm; record on an arm64 host/],
    [[{ zstd_compressed_packets: new Uint8Array(9) }], /zstd; record with "compression_type/],
    [[{ compressed_packets: new Uint8Array(9) }], /compressed packets that cannot be unpacked \(Z_/],
    [[compressPackets([compressPackets([bundle(0, [entry(1)])])])], /compressed packets within compressed/],
  ];
  for (const [packets, expected] of refusals) {
    const message = tryImport(packTrace(packets));
    assert.equal(typeof message, 'string');
    assert.match(String(message), expected);
    assert.match(String(message), /^t\.pftrace: byte \d+: [^\n]+; [^\n]+$/);
  }
});

const SMALL = packTrace(
  toPackets(readRecording('bare-sgi-storm', 2500).slice(2200, 2260), { compressed: true, round: 20 }),
);

test('cut off at any byte: what is whole is imported and the cut is said, or it is refused in one line', () => {
  const whole = importBytes(SMALL);
  assert.equal(whole.header.counts.cutOff, 0);
  let imported = 0;
  for (let length = 0; length < SMALL.length; length++) {
    const result = tryImport(SMALL.subarray(0, length));
    if (typeof result === 'string') {
      assert.match(result, /^t\.pftrace: byte \d+: [^\n]+; [^\n]+$/);
      continue;
    }
    imported++;
    assert.ok(result.list.length <= whole.list.length);
    if (result.header.counts.cutOff === 1)
      assert.ok(result.warnings.some((warning) => /the trace ends \d+ bytes into a packet/.test(warning)));
  }
  assert.ok(imported > 100);
});

test('damaged at any byte, or junk: refused in one line or imported, never a crash, never for ever', () => {
  const random = createGenerator(20260305);
  for (let at = 0; at < SMALL.length; at++) {
    const damaged = SMALL.slice();
    damaged[at] = random.nextBelow(256);
    const result = tryImport(damaged);
    if (typeof result === 'string') assert.match(result, /^t\.pftrace: byte \d+: [^\n]+; [^\n]+$/);
  }
  for (let round = 0; round < 200; round++) {
    const junk = Uint8Array.from({ length: random.nextBelow(300) }, () => random.nextBelow(256));
    junk[0] = 0x0a;
    tryImport(junk);
    isPerfetto(junk);
  }
});

test('a Perfetto trace is known by its first bytes, also if its first packet is longer than what is looked at', () => {
  const events = readRecording('bare-sgi-storm', 600);
  for (const packets of [toPackets(events), toPackets(events).slice(1), [compressPackets(toPackets(events))]]) {
    const trace = packTrace(packets);
    for (const length of [trace.length, 4000, 64, 16]) assert.equal(isPerfetto(trace.subarray(0, length)), true);
  }
  for (const text of [
    '\n',
    '\nabcdefghijklmnopqrstuv',
    '\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n',
    '\n\x16\n\x11vgic-replay-trace\x10\x01',
  ])
    assert.equal(isPerfetto(new TextEncoder().encode(text)), false, JSON.stringify(text));
});
