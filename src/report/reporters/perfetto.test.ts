import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { type CallRecord, recordCalls } from '../../replay/call-record.js';
import { firstEvents, tracesFolder } from '../../replay/test-traces.js';
import { strategyNamed } from '../../strategy/index.js';
import { openTrace } from '../../trace/reader.js';
import { createMemorySource } from '../../trace/source.js';
import { renderPerfetto } from './perfetto.js';
import { decodePerfetto, encodeAgain, type PerfettoPacket, type PerfettoTrack } from './test-perfetto.js';

const FIXTURE = new URL('../../../../src/report/reporters/fixtures/chromium.pftrace', import.meta.url);

function record(name: string, strategy: string, entries = 1_000_000): CallRecord {
  const bytes = readFileSync(new URL(`recorded/${name}.vgt`, tracesFolder));
  return recordCalls(firstEvents(openTrace(createMemorySource(bytes, name)), 20_000), strategyNamed(strategy), {
    entries,
    windows: 16,
  });
}

const tracksOf = (packets: readonly PerfettoPacket[]): Map<string, PerfettoTrack> =>
  new Map(packets.flatMap(({ track_descriptor: track }) => (track === undefined ? [] : [[track.uuid, track]])));

/** Clocks from this number on belong to a packet sequence. */
const FIRST_OWN_CLOCK = 64;

/**
 * What every Perfetto trace must hold: tracks described before use, slices that nest, times that do not run backwards. Returns
 * how many slices are open at the end, as in a trace that was stopped.
 */
function assertSound(packets: readonly PerfettoPacket[]): number {
  const known = new Map<string, PerfettoTrack>();
  const open = new Map<string, number>();
  let defaultTrack: string | undefined;
  let isRelative = false;
  let last = 0n;
  assert.equal(packets[0].sequence_flags, 1, 'the first packet begins the sequence');
  for (const {
    timestamp,
    trusted_packet_sequence_id,
    track_descriptor,
    track_event,
    trace_packet_defaults,
  } of packets) {
    assert.ok(trusted_packet_sequence_id! > 0);
    defaultTrack = trace_packet_defaults?.track_event_defaults?.track_uuid ?? defaultTrack;
    // A clock of the sequence's own counts from the packet before.
    isRelative = (trace_packet_defaults?.timestamp_clock_id ?? (isRelative ? FIRST_OWN_CLOCK : 0)) >= FIRST_OWN_CLOCK;
    if (track_descriptor !== undefined) known.set(track_descriptor.uuid, track_descriptor);
    if (track_event === undefined) continue;
    const time = BigInt(timestamp!) + (isRelative ? last : 0n);
    assert.ok(time >= last);
    last = time;
    const uuid = track_event.track_uuid ?? defaultTrack!;
    const track = known.get(uuid);
    assert.ok(track !== undefined, `track ${uuid} is described`);
    assert.equal(track_event.type === 'TYPE_COUNTER', track.counter !== undefined);
    const depth = open.get(uuid) ?? 0;
    if (track_event.type === 'TYPE_SLICE_BEGIN') {
      assert.ok(track_event.name !== undefined || track_event.name_iid !== undefined);
      open.set(uuid, depth + 1);
    }
    if (track_event.type === 'TYPE_SLICE_END') {
      assert.ok(depth > 0, 'a slice ends that began');
      open.set(uuid, depth - 1);
    }
    if (track_event.type === 'TYPE_COUNTER') assert.ok(track_event.counter_value !== undefined);
  }
  for (const { parent_uuid } of known.values()) assert.ok(parent_uuid === undefined || known.has(parent_uuid));
  return [...open.values()].reduce((sum, depth) => sum + depth, 0);
}

test('the decoder and the rules hold for a trace that the Perfetto SDK of Chromium wrote', () => {
  const packets = decodePerfetto(readFileSync(FIXTURE));
  // What is not of this sequence is in other packets: the process is described there too.
  const threads = [...tracksOf(packets).values()].filter(({ thread }) => thread !== undefined);
  assert.equal(threads.length, 1);
  assert.match(threads[0].thread!.thread_name, /\w/);
  const types = packets.flatMap(({ track_event }) => track_event?.type ?? []);
  assert.ok(types.filter((type) => type === 'TYPE_SLICE_BEGIN').length > 10);
  assertSound(
    packets.filter(
      ({ timestamp, track_descriptor, sequence_flags }) => timestamp ?? track_descriptor ?? sequence_flags,
    ),
  );
});

test('a recording as a timeline: a process a cell, a thread and four counters a vCPU', () => {
  const calls = record('ipi-2', 'sort-on-flush');
  const bytes = renderPerfetto([calls]);
  const packets = decodePerfetto(bytes);
  assert.equal(assertSound(packets), 0);
  assert.ok(Buffer.from(encodeAgain(bytes)).equals(bytes), 'as protobufjs writes it');
  const events = new Map<string, PerfettoPacket[]>();
  for (const packet of packets) {
    const uuid = packet.track_event?.track_uuid;
    if (uuid === undefined) continue;
    if (!events.has(uuid)) events.set(uuid, []);
    events.get(uuid)!.push(packet);
  }
  const tracks = [...tracksOf(packets).values()];
  assert.deepEqual(
    tracks.map(({ process, thread, name }) => process?.process_name ?? thread?.thread_name ?? name),
    [
      'ipi-2/kvm-6.1/sort-on-flush',
      ...[0, 1].flatMap((vcpu) => [
        `vCPU ${vcpu}`,
        ...['ap_list depth', 'LRs used', 'steps of entry', 'steps of exit'].map((name) => `vCPU ${vcpu} ${name}`),
      ]),
    ],
  );
  calls.entries.forEach(({ depth, usedLrs, entrySteps, exitSteps, entryTick, exitTick }, vcpu) => {
    const valuesOf = (name: string): number[] => {
      const { uuid } = tracks.find((track) => track.name === `vCPU ${vcpu} ${name}`)!;
      return events.get(uuid)!.map(({ track_event }) => Number(track_event!.counter_value));
    };
    assert.deepEqual(valuesOf('ap_list depth'), depth);
    assert.deepEqual(valuesOf('LRs used'), usedLrs);
    assert.deepEqual(valuesOf('steps of entry'), entrySteps);
    assert.deepEqual(
      valuesOf('steps of exit'),
      exitSteps.filter((_steps, at) => exitTick[at] >= 0),
    );
    const { uuid } = tracks.find(({ thread }) => thread?.thread_name === `vCPU ${vcpu}`)!;
    const begins = events.get(uuid)!.filter(({ track_event }) => track_event!.type === 'TYPE_SLICE_BEGIN');
    assert.deepEqual(
      begins.map(({ timestamp }) => Number(timestamp)),
      entryTick.filter((_tick, at) => exitTick[at] >= 0).map((tick) => tick * calls.tickNs),
    );
  });
});

test('two cells keep apart; joined entries say how many they are', () => {
  const records = [record('ipi-2', 'fifo', 50), record('ipi-2', 'sort-on-flush', 50)];
  const packets = decodePerfetto(renderPerfetto(records));
  const starts = packets.flatMap(({ track_descriptor: track }, at) => (track?.process === undefined ? [] : [at]));
  assert.equal(starts.length, 2);
  assert.equal(tracksOf(packets).size, 22);
  const [{ sequence_flags }] = packets;
  assert.equal(assertSound(packets.slice(0, starts[1])), 0);
  assert.equal(assertSound([{ ...packets[starts[1]], sequence_flags }, ...packets.slice(starts[1] + 1)]), 0);
  const { process } = packets[starts[1]].track_descriptor!;
  const { entriesPerSample } = records[1];
  assert.equal(process!.process_name, `ipi-2/kvm-6.1/sort-on-flush, up to ${entriesPerSample} entries as one`);
  const names = packets.flatMap(({ track_event }) => track_event?.name ?? []);
  assert.ok(names.includes(`${entriesPerSample.toLocaleString('en')} entries`), names.join());
});
