/**
 * Packets of a Perfetto trace → records of stock tracepoints, places where events were lost, and what the trace says of
 * its recording. Field numbers: Perfetto's trace_packet, ftrace_event_bundle, ftrace_stats, process_tree and system_info.
 */
import { InputError } from '../../base/errors.js';
import type { StockRecord } from '../stock/record.js';
import { type Cursor, WireError } from './cursor.js';
import { readFtraceEvent, type Stamp } from './ftrace-event.js';
import { createPacketSplitter, type PacketSplitter } from './packets.js';

// TracePacket.
const PACKET_FTRACE_EVENTS = 1;
const PACKET_PROCESS_TREE = 2;
const PACKET_SEQUENCE_ID = 10;
const PACKET_FTRACE_STATS = 34;
const PACKET_DROPPED = 42;
const PACKET_SYSTEM_INFO = 45;
const PACKET_FIRST = 87;
const PACKET_MACHINE_ID = 98;
// FtraceEventBundle.
const BUNDLE_CPU = 1;
const BUNDLE_EVENT = 2;
const BUNDLE_LOST = 3;
const BUNDLE_COMPACT_SCHED = 4;
const BUNDLE_CLOCK = 5;
const BUNDLE_ERROR = 8;
// ProcessTree and its threads.
const TREE_THREADS = 2;
const THREAD_TID = 1;
const THREAD_NAME = 2;
// SystemInfo and Utsname.
const INFO_UTSNAME = 1;
const INFO_SERVICE_VERSION = 4;
const UTS_RELEASE = 3;
const UTS_MACHINE = 4;
// FtraceStats and the statistics of a CPU.
const STATS_PHASE = 1;
const STATS_CPU = 2;
const CPU_INDEX = 1;
const CPU_OVERRUN = 3;
const CPU_DROPPED = 8;
const PHASE_START = 1;

/** FtraceClock by its number; 0 stands for the usual one. */
const CLOCKS: readonly string[] = ['boot', 'unknown', 'global', 'local', 'mono_raw'];
const MAX_CPUS = 4096;
const MAX_SEQUENCES = 65536;

export interface LostRecord {
  readonly tick: number;
  /** 0: unknown. */
  readonly lost: number;
  readonly place: string;
}

export interface PerfettoVisitor {
  record(record: StockRecord, place: string): void;
  lost(lost: LostRecord): void;
  /** What is left out without being a tracepoint. */
  other(name: string, place: string): void;
  thread(pid: number, name: string): void;
}

export interface PerfettoFacts {
  readonly kernel: string;
  readonly version: string;
  readonly clock: string;
  readonly events: number;
  /** Lost events by the kernel's own statistics at the end; 0 if there are none. */
  readonly lostByStatistics: number;
  /** Of a packet that was cut off, in words; empty: the trace is whole. */
  readonly cut: string;
}

export interface PerfettoReader extends Pick<PacketSplitter, 'push'> {
  end(): PerfettoFacts;
}

/** Ticks are nanoseconds since the first time stamp of the file, and may be negative. Throws InputError. */
export function createPerfettoReader(file: string, visitor: PerfettoVisitor): PerfettoReader {
  let base: Stamp | undefined;
  let lastTick = 0;
  let events = 0;
  let kernel = '';
  let version = '';
  let clock = '';
  const sequences = new Set<number>();
  /** Lost events of each CPU: at the start of the trace, and at last. */
  const lostAtStart = new Map<number, number>();
  const lostAtLast = new Map<number, number>();

  const tickOf = (stamp: Stamp): number => {
    base ??= stamp;
    const tick = (stamp.high - base.high) * 4294967296 + (stamp.low - base.low);
    if (!Number.isSafeInteger(tick)) throw new WireError(0, 'a time stamp more than 100 days from the first');
    return tick;
  };

  const readBundle = (bundle: Cursor, isDropped: boolean, place: string): void => {
    let cpu = 0;
    let lost = -1;
    let isFirst = true;
    const noteLost = (tick: number): void => {
      if (lost >= 0 || isDropped)
        visitor.lost({ tick, lost: isDropped ? 0 : Math.max(0, lost), place: `CPU ${cpu}, ${place}` });
    };
    // The flag may come behind the events.
    const look = bundle.copy();
    while (look.next()) {
      if (look.field === BUNDLE_CPU) cpu = look.low;
      // A flag; in traces before 2018 the number of events.
      else if (look.field === BUNDLE_LOST && look.unsigned > 0) lost = look.unsigned === 1 ? 0 : look.unsigned;
      else if (look.field === BUNDLE_ERROR) lost = Math.max(0, lost);
      else if (look.field === BUNDLE_CLOCK) clock = CLOCKS[look.low] ?? `${look.low}`;
    }
    while (bundle.next()) {
      if (bundle.field === BUNDLE_COMPACT_SCHED) visitor.other('compact_sched', place);
      if (bundle.field !== BUNDLE_EVENT) continue;
      const { stamp, record } = readFtraceEvent(bundle.message());
      const tick = tickOf(stamp);
      events++;
      if (isFirst) noteLost(tick);
      isFirst = false;
      lastTick = tick;
      visitor.record({ ...record, tick }, place);
    }
    if (isFirst) noteLost(lastTick);
  };

  const readStatistics = (stats: Cursor): void => {
    let phase = 0;
    const found = new Map<number, number>();
    while (stats.next()) {
      if (stats.field === STATS_PHASE) phase = stats.low;
      if (stats.field !== STATS_CPU) continue;
      let cpu = 0;
      let lost = 0;
      const fields = stats.message();
      while (fields.next()) {
        if (fields.field === CPU_INDEX) cpu = fields.low;
        else if (fields.field === CPU_OVERRUN || fields.field === CPU_DROPPED) lost += fields.unsigned;
      }
      if (found.size < MAX_CPUS) found.set(cpu, lost);
    }
    for (const [cpu, lost] of found) (phase === PHASE_START ? lostAtStart : lostAtLast).set(cpu, lost);
  };

  const readThreads = (tree: Cursor): void => {
    while (tree.next()) {
      if (tree.field !== TREE_THREADS) continue;
      let tid = -1;
      let name = '';
      const fields = tree.message();
      while (fields.next()) {
        if (fields.field === THREAD_TID) tid = fields.low;
        else if (fields.field === THREAD_NAME && fields.isBytes) name = fields.text;
      }
      if (tid >= 0 && name !== '') visitor.thread(tid, name.slice(0, 64));
    }
  };

  const readSystem = (info: Cursor, place: string): void => {
    while (info.next()) {
      if (info.field === INFO_SERVICE_VERSION && info.isBytes) version = info.text.slice(0, 100);
      if (info.field !== INFO_UTSNAME) continue;
      const names = info.message();
      while (names.next()) {
        if (names.field === UTS_RELEASE && names.isBytes) kernel = names.text.slice(0, 100);
        if (names.field === UTS_MACHINE && names.isBytes && !/^(aarch64|arm|$)/.test(names.text))
          throw new InputError(file, place, 'recorded on a machine that is no Arm', 'record on an arm64 host');
      }
    }
  };

  const splitter = createPacketSplitter(file, (packet, offset) => {
    const place = `byte ${offset}`;
    let sequence = 0;
    let isMarked = false;
    let isFirst = false;
    const look = packet.copy();
    while (look.next()) {
      if (look.field === PACKET_SEQUENCE_ID) sequence = look.low;
      else if (look.field === PACKET_DROPPED) isMarked = look.unsigned !== 0;
      else if (look.field === PACKET_FIRST) isFirst = look.low !== 0;
      else if (look.field === PACKET_MACHINE_ID && look.low !== 0) {
        visitor.other('packets of another machine', place);
        return;
      }
    }
    // The first packet of a sequence is marked too.
    const isDropped = isMarked && !isFirst && sequences.has(sequence);
    if (sequences.size < MAX_SEQUENCES) sequences.add(sequence);
    while (packet.next()) {
      if (!packet.isBytes) continue;
      if (packet.field === PACKET_FTRACE_EVENTS) readBundle(packet.message(), isDropped, place);
      else if (packet.field === PACKET_PROCESS_TREE) readThreads(packet.message());
      else if (packet.field === PACKET_FTRACE_STATS) readStatistics(packet.message());
      else if (packet.field === PACKET_SYSTEM_INFO) readSystem(packet.message(), place);
    }
  });

  return {
    push: splitter.push,
    end() {
      const cut = splitter.end();
      let lostByStatistics = 0;
      for (const [cpu, lost] of lostAtLast) lostByStatistics += Math.max(0, lost - (lostAtStart.get(cpu) ?? 0));
      return {
        kernel,
        version,
        clock: clock === '' ? CLOCKS[0] : clock,
        events,
        lostByStatistics,
        cut: cut === undefined ? '' : `byte ${cut.offset}: the trace ends ${cut.bytes} bytes into a packet`,
      };
    },
  };
}
