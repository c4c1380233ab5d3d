/** One recording as every recorder of stock tracepoints would print or pack it. */
import { existsSync, readFileSync } from 'node:fs';
import { deflateSync, gunzipSync } from 'node:zlib';
import protobuf from 'protobufjs';
import type { EventSink } from '../../trace/events.js';
import type { TraceHeader } from '../../trace/header.js';
import { createFtraceImporter } from '../ftrace/importer.js';
import { parseLine } from '../ftrace/line.js';
import { createPerfettoImporter, isPerfetto } from '../perfetto/importer.js';
import type { ByteImporter } from '../two-passes.js';

export interface Recorded {
  readonly comm: string;
  readonly pid: number;
  readonly cpu: number;
  readonly ns: number;
  /** The column of tracefs, `d.h1.`; none: no flag is set. */
  readonly flags?: string;
  readonly event: string;
  readonly text: string;
  /** Events that the buffer of this CPU lost just before; none: 0. */
  readonly lost?: number;
}

const STOCK = /^(kvm_|vgic_update_irq_pending$|irq_handler_entry$)/;
const TRACES = new URL('../../../../traces/', import.meta.url);

/** Lines of tracefs that `keep` matches, the first `limit`; equal microseconds keep their order as nanoseconds. */
export function readRecorded(text: string, limit: number, keep = STOCK): Recorded[] {
  const found: Recorded[] = [];
  let last = -1;
  // The probes' lines stand between the tracepoints'.
  const lines = text.split('\n', limit * 20);
  for (const [i, line] of lines.entries()) {
    const at = parseLine(line, i + 1);
    if (at === null || !keep.test(at.event)) continue;
    const ns = Math.max(at.tick * 1000, last + 1);
    last = ns;
    const flags = /\] (\S{5}) /.exec(line)?.[1];
    found.push({ comm: at.comm, pid: at.pid, cpu: at.cpu, ns, flags, event: at.event, text: at.text });
    if (found.length === limit) break;
  }
  return found;
}

/** The stock tracepoints of a raw recording, or what `keep` matches. */
export const readRecording = (name: string, limit: number, keep = STOCK): Recorded[] =>
  readRecorded(gunzipSync(readFileSync(new URL(`raw/${name}/trace.txt.gz`, TRACES))).toString('latin1'), limit, keep);

/** What is left when the buffer of `cpu` loses `count` of its events from the `from`-th of all on. */
export function loseEvents(events: readonly Recorded[], cpu: number, from: number, count: number): Recorded[] {
  const mine = events.flatMap((event, i) => (event.cpu === cpu && i >= from ? [i] : []));
  const gone = new Set(mine.slice(0, count));
  const next = mine[count];
  if (next === undefined) throw new Error(`CPU ${cpu} has no ${count} events to lose`);
  return events.map((event, i) => (i === next ? { ...event, lost: count } : event)).filter((_event, i) => !gone.has(i));
}

const NO_FLAGS = '.....';
/** Seconds with nine digits, or six: then cut, not rounded. */
const stamp = (ns: number, digits = 9): string =>
  `${Math.floor(ns / 1e9)}.${String(ns % 1e9)
    .padStart(9, '0')
    .slice(0, digits)}`;
/** As trace-cmd and perf pad it. */
const paddedStamp = (ns: number, digits = 9): string => stamp(ns, digits).padStart(6 + digits);
const cpuColumn = (cpu: number): string => `[${String(cpu).padStart(3, '0')}]`;
const cpuCount = (events: readonly Recorded[]): number => events.reduce((most, { cpu }) => Math.max(most, cpu + 1), 0);
const join = (lines: readonly string[]): string => `${lines.join('\n')}\n`;

export const printTracefs = (events: readonly Recorded[], digits = 9): string =>
  join([
    '# tracer: nop',
    '#',
    `# entries-in-buffer/entries-written: ${events.length}/${events.length}   #P:${cpuCount(events)}`,
    ...events.flatMap(({ comm, pid, cpu, ns, flags = NO_FLAGS, event, text, lost = 0 }) => [
      ...(lost > 0 ? [`CPU:${cpu} [LOST ${lost} EVENTS]`] : []),
      `${comm.padStart(16)}-${String(pid).padEnd(7)} ${cpuColumn(cpu)} ${flags}  ${stamp(ns, digits)}: ${event}: ${text}`,
    ]),
  ]);

/** What the plugin for KVM, made for x86, puts before the fields of arm64. */
const PLUGIN_WORDS: Readonly<Record<string, string>> = {
  kvm_entry: `CAN'T FIND FIELD "vcpu_id"<CANT FIND FIELD rip>`,
  kvm_exit: '<CANT FIND FIELD exit_reason>',
};
/** The library of both cannot print a single letter, and then takes the address for the letter. */
const lossyText = ({ event, text }: Recorded): string =>
  event === 'kvm_wfx_arm64' ? 'guest executed wf>c< at: 0x0000000000000000' : text;
const traceCmdEvent = (recorded: Recorded, plugins: boolean): string => {
  const words = plugins ? (PLUGIN_WORDS[recorded.event] ?? '') : '';
  return `${`${recorded.event}:`.padEnd(21)} ${words}${lossyText(recorded)}`;
};

/** `plugins`: without -N; `digits`: 9 with -t. */
export const printTraceCmd = (events: readonly Recorded[], { plugins = true, digits = 9 } = {}): string =>
  join([
    `cpus=${cpuCount(events)}`,
    ...events.flatMap((event) => {
      const { comm, pid, cpu, ns, lost = 0 } = event;
      const thread = `${comm.padStart(16)}-${String(pid).padEnd(5)}`;
      return [
        ...(lost > 0 ? [`CPU:${cpu} [${lost} EVENTS DROPPED]`] : []),
        `${thread} ${cpuColumn(cpu)} ${paddedStamp(ns, digits)}: ${traceCmdEvent(event, plugins)}`,
      ];
    }),
  ]);

/** It has one letter for what the kernel has two or three. */
const latencyFlags = (flags: string): string => flags.replace('D', 'd').replace('n', 'N');

/** -l -t */
export const printTraceCmdLatency = (events: readonly Recorded[]): string =>
  join([
    `cpus=${cpuCount(events)}`,
    ...events.map((event) => {
      const { comm, pid, cpu, ns, flags = NO_FLAGS } = event;
      const thread = `${comm.slice(0, 8).padStart(8)}-${String(pid).padEnd(5)}`;
      return `${thread} ${String(cpu).padStart(3)}${latencyFlags(flags)} ${paddedStamp(ns)}: ${traceCmdEvent(event, true)}`;
    }),
  ]);

/** perf calls idle threads by the name of the first one. */
const perfComm = ({ comm, pid }: Recorded): string => (pid === 0 ? 'swapper' : comm).padStart(16);
const perfEvent = (recorded: Recorded): string => {
  const group = recorded.event.startsWith('irq_') ? 'irq' : 'kvm';
  return `${`${group}:${recorded.event}`.padStart(27)}: ${lossyText(recorded)}`;
};

/** --ns --show-lost-events; without --ns `digits` is 6. */
export const printPerf = (events: readonly Recorded[], digits = 9): string =>
  join(
    events.flatMap((event) => {
      const { pid, cpu, ns, lost = 0 } = event;
      const begin = `${perfComm(event)} ${String(pid).padStart(5)} ${cpuColumn(cpu)} ${paddedStamp(ns, digits)}: `;
      return [...(lost > 0 ? [`${begin}PERF_RECORD_LOST lost ${lost}`] : []), `${begin}${perfEvent(event)}`];
    }),
  );

/** --header: of its lines those that say something about the recording. */
export const PERF_HEADER = join([
  '# ========',
  '# captured on    : Thu Mar  5 10:11:12 2026',
  '# os release : 6.1.0-56-arm64',
  '# perf version : 6.1.192',
  '# ========',
  '#',
]);

/** --ns -F comm,pid,tid,cpu,time,period,event,trace; `process`: that of a thread. */
export const printPerfWithProcess = (events: readonly Recorded[], process = (_pid: number): number => 160): string =>
  join(
    events.map((event) => {
      const { pid, cpu, ns } = event;
      const threads = `${String(process(pid)).padStart(5)}/${String(pid).padEnd(5)}`;
      return `${perfComm(event)} ${threads} ${cpuColumn(cpu)} ${paddedStamp(ns)}: ${'1'.padStart(10)} ${perfEvent(event)}`;
    }),
  );

/** Own words for the messages that are needed here; names and numbers are Perfetto's. */
const SCHEMA = `syntax = "proto2";
message Trace { repeated TracePacket packet = 1; }
message TracePacket {
  optional FtraceEventBundle ftrace_events = 1; optional ProcessTree process_tree = 2; optional uint64 timestamp = 8;
  optional uint32 trusted_packet_sequence_id = 10; optional FtraceStats ftrace_stats = 34;
  optional uint32 previous_packet_dropped = 42; optional SystemInfo system_info = 45;
  optional bytes compressed_packets = 50; optional bool first_packet_on_sequence = 87; optional uint32 machine_id = 98;
  optional bytes zstd_compressed_packets = 133;
}
message ProcessTree {
  message Thread { optional int32 tid = 1; optional string name = 2; optional int32 tgid = 3; }
  repeated Thread threads = 2;
}
message Utsname { optional string sysname = 1; optional string version = 2; optional string release = 3; optional string machine = 4; }
message SystemInfo { optional Utsname utsname = 1; optional string tracing_service_version = 4; }
message FtraceCpuStats { optional uint64 cpu = 1; optional uint64 overrun = 3; optional uint64 dropped_events = 8; }
message FtraceStats { optional uint32 phase = 1; repeated FtraceCpuStats cpu_stats = 2; }
message FtraceEventBundle {
  optional uint32 cpu = 1; repeated FtraceEvent event = 2; optional uint32 lost_events = 3; optional uint32 ftrace_clock = 5;
}
message FtraceEvent {
  optional uint64 timestamp = 1; optional uint32 pid = 2; optional SchedSwitch sched_switch = 4;
  optional IrqHandlerEntry irq_handler_entry = 36; optional KvmAckIrq kvm_ack_irq = 369;
  optional KvmEntry kvm_entry = 376; optional KvmExit kvm_exit = 377; optional KvmHvc kvm_hvc_arm64 = 382;
  optional KvmHandleSysReg kvm_handle_sys_reg = 381; optional KvmIrqLine kvm_irq_line = 383;
  optional KvmMmio kvm_mmio = 384; optional KvmSysAccess kvm_sys_access = 390;
  optional KvmTimerUpdateIrq kvm_timer_update_irq = 396; optional KvmUserspaceExit kvm_userspace_exit = 399;
  optional KvmVcpuWakeup kvm_vcpu_wakeup = 400; optional KvmWfx kvm_wfx_arm64 = 401;
  optional VgicUpdateIrqPending vgic_update_irq_pending = 403;
}
message SchedSwitch { optional string prev_comm = 1; }
message IrqHandlerEntry { optional int32 irq = 1; optional string name = 2; }
message KvmAckIrq { optional uint32 irqchip = 1; optional uint32 pin = 2; }
message KvmEntry { optional uint64 vcpu_pc = 1; }
message KvmExit { optional uint32 esr_ec = 1; optional int32 ret = 2; optional uint64 vcpu_pc = 3; }
message KvmHvc { optional uint64 vcpu_pc = 3; }
message KvmHandleSysReg { optional uint64 hsr = 1; }
message KvmIrqLine { optional int32 irq_num = 1; optional int32 level = 2; optional uint32 type = 3; optional int32 vcpu_idx = 4; }
message KvmMmio { optional uint64 gpa = 1; }
message KvmSysAccess { optional uint32 CRm = 1; }
message KvmTimerUpdateIrq { optional uint32 irq = 1; optional int32 level = 2; optional uint64 vcpu_id = 3; }
message KvmUserspaceExit { optional uint32 reason = 1; }
message KvmVcpuWakeup { optional uint64 ns = 1; optional uint32 valid = 2; optional uint32 waited = 3; }
message KvmWfx { optional uint32 is_wfe = 1; optional uint64 vcpu_pc = 2; }
message VgicUpdateIrqPending { optional uint32 irq = 1; optional uint32 level = 2; optional uint64 vcpu_id = 3; }
`;
const types = protobuf.parse(SCHEMA, { keepCase: true }).root;
const TRACE = types.lookupType('Trace');

/** Bytes of a trace with these packets. */
export const packTrace = (packets: readonly object[]): Uint8Array =>
  Uint8Array.from(TRACE.encode(TRACE.fromObject({ packet: packets })).finish());

/** A packet that holds others, compressed. */
export const compressPackets = (packets: readonly object[]): object => ({
  compressed_packets: deflateSync(packTrace(packets)),
});

/** An event as a message: the numbers in its text, by Perfetto's names. */
export function toFtraceEvent({ pid, ns, event, text }: Recorded): object {
  const numbers = (text.match(/-?\b\d+\b/g) ?? []).map(Number);
  const [first = 0, second = 0, third = 0, fourth = 0] = numbers;
  const bodies: Readonly<Record<string, object>> = {
    vgic_update_irq_pending: { vcpu_id: first, irq: second, level: third },
    kvm_timer_update_irq: { vcpu_id: first, irq: second, level: third },
    kvm_irq_line: { type: first, vcpu_idx: second, irq_num: third, level: fourth },
    kvm_wfx_arm64: { is_wfe: text.includes('wfi') ? 0 : 1 },
    irq_handler_entry: { irq: first, name: text.slice(text.indexOf('name=') + 5) },
    kvm_entry: { vcpu_pc: 0x40000000 },
  };
  return { timestamp: ns, pid, [event]: bodies[event] ?? {} };
}

export interface PerfettoLayout {
  /** Events a round of reading the CPUs' buffers (default 100). */
  readonly round?: number;
  /** Is every other round compressed? */
  readonly compressed?: boolean;
  /** Are the names of threads in the trace (default true)? */
  readonly names?: boolean;
}

/** One bundle a CPU and round, as the recorder reads its buffers; threads and the kernel beside them. */
export function toPackets(events: readonly Recorded[], layout: PerfettoLayout = {}): object[] {
  const { round = 100, compressed = false, names = true } = layout;
  const packets: object[] = [
    {
      system_info: {
        utsname: { sysname: 'Linux', release: '6.1.0-56-arm64', machine: 'aarch64' },
        tracing_service_version: 'v47',
      },
    },
  ];
  for (let from = 0; from < events.length; from += round) {
    const part = events.slice(from, from + round);
    const cpus = [...new Set(part.map(({ cpu }) => cpu))].sort((a, b) => b - a);
    const bundles = cpus.map((cpu) => ({
      trusted_packet_sequence_id: 7,
      ftrace_events: { event: part.filter((event) => event.cpu === cpu).map(toFtraceEvent), cpu, ftrace_clock: 2 },
    }));
    if (compressed && (from / round) % 2 === 1) packets.push(compressPackets(bundles));
    else packets.push(...bundles);
  }
  if (names) {
    const threads = new Map(events.map(({ pid, comm }) => [pid, comm]));
    packets.push({ process_tree: { threads: [...threads].map(([tid, name]) => ({ tid, name })) } });
  }
  return packets;
}

/** Events as "kind vcpu intid value dt". */
export function createListSink(): { sink: EventSink; list: string[] } {
  const list: string[] = [];
  return {
    list,
    sink: { event: (kind, vcpu, intid, value, dt) => void list.push(`${kind} ${vcpu} ${intid} ${value} ${dt >>> 0}`) },
  };
}

/** Recordings of which fixtures/ has what the real tools print. `hasProbes`: also of the lines of the vgic probes. */
export const FIXTURE_RECORDINGS = [
  { name: 'bare-gicv2-fuzz', hasProbes: true },
  { name: 'bare-sgi-storm', hasProbes: true },
  { name: 'virtio-mmio-blk', hasProbes: false },
] as const;
export const FIXTURE_EVENTS = 700;
export const FIXTURE_PROBE_EVENTS = 2600;
/** CPU, from which event on, how many. */
export const FIXTURE_LOSS = [1, 300, 20] as const;
/** What src/import/README.md says to record, and more of KVM; not kvm_sys_access, whose format the tools cannot read. */
const FIXTURE_STOCK = /^(kvm_(?!sys_access$)|vgic_update_irq_pending$|irq_handler_entry$)/;

export const FIXTURES = new URL('../../../../src/import/stock/fixtures/', import.meta.url);
/** What tracefs printed of the events of a fixture. */
export function readFixtureSource(name: string, events = FIXTURE_EVENTS, keep = FIXTURE_STOCK): Recorded[] {
  const own = new URL(`${name}/tracefs.txt.gz`, FIXTURES);
  if (!existsSync(own)) return readRecording(name, events, keep);
  return readRecorded(gunzipSync(readFileSync(own)).toString('latin1'), events, keep);
}

export interface Imported {
  readonly header: TraceHeader;
  readonly list: readonly string[];
  readonly warnings: readonly string[];
}

/** A trace of text or of Perfetto, in pieces of `piece` bytes. */
export function importBytes(bytes: Uint8Array | string, piece = 1 << 16, name = 'a/my_trace.txt'): Imported {
  const { sink, list } = createListSink();
  const warnings: string[] = [];
  const onWarning = ({ place, what }: { place: string; what: string }): void => void warnings.push(`${place}: ${what}`);
  const data = typeof bytes === 'string' ? new TextEncoder().encode(bytes) : bytes;
  const importer: ByteImporter = isPerfetto(data)
    ? createPerfettoImporter(name, sink, { onWarning })
    : createFtraceImporter(name, sink, { onWarning });
  for (let at = 0; at < data.length; at += piece) importer.push(data.subarray(at, at + piece));
  return { header: importer.end(), list, warnings };
}
