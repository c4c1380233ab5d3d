/**
 * A Perfetto trace (TrackEvent) that ui.perfetto.dev opens: of each vCPU when it was in the guest, and as counters the depth of its
 * ap_list, the list registers in use, and the steps of each entry and exit. Time is that of the trace. Field numbers:
 * google/perfetto, protos/perfetto/trace/trace_packet.proto and track_event/.
 */
import { plural } from '../../base/number-format.js';
import type { CallRecord } from '../../replay/call-record.js';
import type { EntryColumns } from '../../replay/entry-log.js';
import { type MessageWriter, writeMessage } from './protobuf-writer.js';
import type { Reporter } from './reporter.js';

const TRACE_PACKET = 1;
const PACKET = { timestamp: 8, sequenceId: 10, trackEvent: 11, sequenceFlags: 13, trackDescriptor: 60 } as const;
const STATE_CLEARED = 1;
const TRACK = { uuid: 1, name: 2, process: 3, thread: 4, parentUuid: 5, counter: 8 } as const;
const PROCESS = { pid: 1, name: 6 } as const;
const THREAD = { pid: 1, tid: 2, name: 5 } as const;
const COUNTER = { unit: 3, unitName: 6 } as const;
const UNIT_COUNT = 2;
const EVENT = { type: 9, trackUuid: 11, name: 23, counterValue: 30 } as const;
const SLICE_BEGIN = 1;
const SLICE_END = 2;
const TYPE_COUNTER = 4;

/** One writer wrote all of it. */
const SEQUENCE = 1;

/** Counter tracks of a vCPU: name, unit, the column that has the values, and when they are so. */
const COUNTERS = [
  { name: 'ap_list depth', unit: 'interrupts', column: 'depth', isOfExit: false },
  { name: 'LRs used', unit: 'LRs', column: 'usedLrs', isOfExit: false },
  { name: 'steps of entry', unit: 'steps', column: 'entrySteps', isOfExit: false },
  { name: 'steps of exit', unit: 'steps', column: 'exitSteps', isOfExit: true },
] as const;

/** Fields go in the order of their numbers, as protobuf libraries write them. */
interface PacketWriter {
  descriptor(write: (track: MessageWriter) => void): void;
  event(nanoseconds: number, write: (event: MessageWriter) => void): void;
}

function createPacketWriter(trace: MessageWriter): PacketWriter {
  let isFirst = true;
  return {
    descriptor: (write) =>
      trace.message(TRACE_PACKET, (packet) => {
        packet.varint(PACKET.sequenceId, SEQUENCE);
        if (isFirst) packet.varint(PACKET.sequenceFlags, STATE_CLEARED);
        isFirst = false;
        packet.message(PACKET.trackDescriptor, write);
      }),
    event: (nanoseconds, write) =>
      trace.message(TRACE_PACKET, (packet) => {
        packet.varint(PACKET.timestamp, nanoseconds);
        packet.varint(PACKET.sequenceId, SEQUENCE);
        packet.message(PACKET.trackEvent, write);
      }),
  };
}

/** Track ids: a block of numbers a cell, in it one for the process and then five a vCPU. */
const TRACKS_OF_VCPU = 1 + COUNTERS.length;

function describeTracks({ descriptor: track }: PacketWriter, record: CallRecord, pid: number, base: number): void {
  const { trace, machine, strategy, entriesPerSample, stoppedAt } = record;
  const joined = entriesPerSample === 1 ? '' : `, up to ${entriesPerSample} entries as one`;
  const stop = stoppedAt === null ? '' : `, stopped at event ${stoppedAt}`;
  track((descriptor) => {
    descriptor.varint(TRACK.uuid, base);
    descriptor.message(TRACK.process, (inner) => {
      inner.varint(PROCESS.pid, pid);
      inner.text(PROCESS.name, `${trace}/${machine.flavour}/${strategy}${joined}${stop}`);
    });
  });
  for (let vcpu = 0; vcpu < machine.nrVcpus; vcpu++) {
    const own = trackOf(base, vcpu);
    track((descriptor) => {
      descriptor.varint(TRACK.uuid, own);
      descriptor.message(TRACK.thread, (inner) => {
        inner.varint(THREAD.pid, pid);
        inner.varint(THREAD.tid, pid + 1 + vcpu);
        inner.text(THREAD.name, `vCPU ${vcpu}`);
      });
      descriptor.varint(TRACK.parentUuid, base);
    });
    COUNTERS.forEach(({ name, unit }, at) => {
      track((descriptor) => {
        descriptor.varint(TRACK.uuid, own + 1 + at);
        descriptor.text(TRACK.name, `vCPU ${vcpu} ${name}`);
        descriptor.varint(TRACK.parentUuid, base);
        descriptor.message(TRACK.counter, (inner) => {
          inner.varint(COUNTER.unit, UNIT_COUNT);
          inner.text(COUNTER.unitName, unit);
        });
      });
    });
  }
}

const trackOf = (base: number, vcpu: number): number => base + 1 + vcpu * TRACKS_OF_VCPU;

/** Entries and exits of all vCPUs in the order of time; those that never came are left out. */
function* inOrder(entries: readonly EntryColumns[]): Generator<{ vcpu: number; at: number; isExit: boolean }> {
  /** Of each vCPU: twice the element, and 1 for its exit. */
  const next = entries.map(() => 0);
  const tickOf = (vcpu: number): number | undefined => {
    const { entryTick, exitTick } = entries[vcpu];
    if ((next[vcpu] & 1) === 1 && exitTick[next[vcpu] >>> 1] < 0) next[vcpu] += 1;
    return ((next[vcpu] & 1) === 1 ? exitTick : entryTick)[next[vcpu] >>> 1];
  };
  for (;;) {
    let first = -1;
    let firstTick = Number.POSITIVE_INFINITY;
    for (let vcpu = 0; vcpu < entries.length; vcpu++) {
      const tick = tickOf(vcpu);
      if (tick === undefined || tick >= firstTick) continue;
      first = vcpu;
      firstTick = tick;
    }
    if (first < 0) return;
    yield { vcpu: first, at: next[first] >>> 1, isExit: (next[first] & 1) === 1 };
    next[first] += 1;
  }
}

function writeEvents(packets: PacketWriter, { entries, tickNs, entriesPerSample }: CallRecord, base: number): void {
  const event = (tick: number, type: number, track: number, write?: (writer: MessageWriter) => void): void =>
    packets.event(Math.round(tick * tickNs), (writer) => {
      writer.varint(EVENT.type, type);
      writer.varint(EVENT.trackUuid, track);
      write?.(writer);
    });
  for (const { vcpu, at, isExit } of inOrder(entries)) {
    const own = entries[vcpu];
    const track = trackOf(base, vcpu);
    const tick = (isExit ? own.exitTick : own.entryTick)[at];
    COUNTERS.forEach((counter, index) => {
      if (counter.isOfExit !== isExit) return;
      event(tick, TYPE_COUNTER, track + 1 + index, (writer) =>
        writer.varint(EVENT.counterValue, own[counter.column][at]),
      );
    });
    if (isExit) event(tick, SLICE_END, track);
    // A guest that never left, or whose entry was given up, has no slice.
    else if (own.exitTick[at] >= 0)
      event(tick, SLICE_BEGIN, track, (writer) =>
        writer.text(EVENT.name, entriesPerSample === 1 ? 'guest' : plural(own.count[at], 'entry', 'entries')),
      );
  }
}

/** Each cell is a process of its own, its vCPUs the threads. */
export function renderPerfetto(records: readonly CallRecord[]): Uint8Array {
  return writeMessage((trace) => {
    const packets = createPacketWriter(trace);
    let pid = 1;
    let base = 1;
    for (const record of records) {
      const { nrVcpus } = record.machine;
      describeTracks(packets, record, pid, base);
      writeEvents(packets, record, base);
      pid += 1 + nrVcpus;
      base += 1 + nrVcpus * TRACKS_OF_VCPU;
    }
  });
}

export const perfetto: Reporter = {
  id: 'perfetto',
  summary: 'timeline of each vCPU, opens in ui.perfetto.dev',
  calls: renderPerfetto,
};
