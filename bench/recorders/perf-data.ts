/** A perf.data, as tools/perf/Documentation/perf.data-file-format.txt and perf_event_open(2) describe it. */
import type { EventFormat } from './event-format.js';
import { type Machine, packTracingData, u32, u64 } from './trace-dat.js';

export interface Sample {
  readonly cpu: number;
  readonly ns: number;
  readonly pid: number;
  /** Samples that this CPU's buffer lost before this one. */
  readonly lost: number;
  readonly format: EventFormat;
  readonly bytes: Buffer;
}

export interface PerfHeader {
  readonly hostname: string;
  readonly release: string;
  readonly version: string;
  readonly arch: string;
  readonly command: readonly string[];
}

const TYPE_TRACEPOINT = 2;
const ATTR_BYTES = 128;
const HEADER_BYTES = 104;
// perf_event_attr.sample_type: IDENTIFIER, IP, TID, TIME, CPU, PERIOD, RAW: what `perf record -a -e kvm:*` asks for.
const SAMPLE_TYPE = (1 << 16) | 1 | 2 | 4 | (1 << 7) | (1 << 8) | (1 << 10);
const READ_FORMAT = 4 | 16;
const ATTR_INHERIT = 1n << 1n;
const ATTR_SAMPLE_ID_ALL = 1n << 18n;

const RECORD_LOST = 2;
const RECORD_COMM = 3;
const RECORD_SAMPLE = 9;

const FEATURE_TRACING_DATA = 1;
const FEATURE_HOSTNAME = 3;
const FEATURE_RELEASE = 4;
const FEATURE_VERSION = 5;
const FEATURE_ARCH = 6;
const FEATURE_CPUS = 7;
const FEATURE_COMMAND = 11;

function packAttribute(id: number): Buffer {
  const attribute = Buffer.alloc(ATTR_BYTES);
  attribute.writeUInt32LE(TYPE_TRACEPOINT, 0);
  attribute.writeUInt32LE(ATTR_BYTES, 4);
  attribute.writeBigUInt64LE(BigInt(id), 8);
  attribute.writeBigUInt64LE(1n, 16);
  attribute.writeBigUInt64LE(BigInt(SAMPLE_TYPE), 24);
  attribute.writeBigUInt64LE(BigInt(READ_FORMAT), 32);
  attribute.writeBigUInt64LE(ATTR_INHERIT | ATTR_SAMPLE_ID_ALL, 40);
  return attribute;
}

function packRecord(type: number, ...parts: readonly Buffer[]): Buffer {
  const body = Buffer.concat(parts);
  const head = Buffer.alloc(8);
  head.writeUInt32LE(type, 0);
  head.writeUInt16LE(body.length + 8, 6);
  return Buffer.concat([head, body]);
}

const padded = (value: string): Buffer => Buffer.alloc((Buffer.byteLength(value) + 8) & ~7, `${value}\0`);
/** As perf writes it: length, then the text in units of 64 bytes. */
const packString = (value: string): Buffer[] => {
  const bytes = Buffer.alloc((Buffer.byteLength(value) + 64) & ~63);
  bytes.write(value);
  return [u32(bytes.length), bytes];
};

/** `samples` in the order of their times; all threads are of process `tgid`, but for the idle ones. */
export function packPerfData(
  machine: Machine,
  samples: readonly Sample[],
  header: PerfHeader,
  processOf: (pid: number) => number,
): Buffer {
  const used = [...new Set(samples.map(({ format }) => format))];
  const idOf = new Map(used.map((format, i) => [format, 100 + i]));
  const who = ({ pid, cpu, ns }: Sample, id: number): Buffer[] => [
    u32(processOf(pid)),
    u32(pid),
    u64(ns),
    u32(cpu),
    u32(0),
    u64(id),
  ];
  const data: Buffer[] = [];
  const [first] = samples;
  for (const [pid, comm] of machine.threads) {
    // The kernel names idle threads itself.
    if (pid === 0) continue;
    const head = [u32(processOf(pid)), u32(pid), padded(comm)];
    data.push(packRecord(RECORD_COMM, ...head, ...who({ ...first, pid, ns: 0 }, 100)));
  }
  for (const sample of samples) {
    const { cpu, ns, pid, lost, format, bytes } = sample;
    const id = idOf.get(format) ?? 0;
    if (lost > 0) data.push(packRecord(RECORD_LOST, u64(id), u64(lost), ...who(sample, id)));
    const raw = Buffer.concat([bytes, Buffer.alloc(-(bytes.length + 4) & 7)]);
    data.push(
      packRecord(
        RECORD_SAMPLE,
        ...[u64(id), u64(0xffff800008080000n), u32(processOf(pid)), u32(pid), u64(ns), u32(cpu), u32(0), u64(1)],
        u32(raw.length),
        raw,
      ),
    );
  }
  const ids = used.map((format) => u64(idOf.get(format) ?? 0));
  const idsAt = HEADER_BYTES;
  const attributesAt = idsAt + 8 * used.length;
  const attributes = used.map((format, i) => Buffer.concat([packAttribute(format.id), u64(idsAt + 8 * i), u64(8)]));
  const dataAt = attributesAt + attributes.length * (ATTR_BYTES + 16);
  const records = Buffer.concat(data);
  const features = new Map<number, Buffer>([
    [FEATURE_TRACING_DATA, packTracingData('0.6', machine)],
    [FEATURE_HOSTNAME, Buffer.concat(packString(header.hostname))],
    [FEATURE_RELEASE, Buffer.concat(packString(header.release))],
    [FEATURE_VERSION, Buffer.concat(packString(header.version))],
    [FEATURE_ARCH, Buffer.concat(packString(header.arch))],
    [FEATURE_CPUS, Buffer.concat([u32(machine.cpus), u32(machine.cpus)])],
    [FEATURE_COMMAND, Buffer.concat([u32(header.command.length), ...header.command.flatMap(packString)])],
  ]);
  let at = dataAt + records.length + 16 * features.size;
  let bits = 0;
  const index: Buffer[] = [];
  for (const [feature, bytes] of features) {
    bits |= 1 << feature;
    index.push(u64(at), u64(bytes.length));
    at += bytes.length;
  }
  const head = Buffer.concat([
    Buffer.from('PERFILE2'),
    ...[HEADER_BYTES, ATTR_BYTES + 16, attributesAt, attributes.length * (ATTR_BYTES + 16)].map(u64),
    ...[dataAt, records.length, 0, 0, bits, 0, 0, 0].map(u64),
  ]);
  return Buffer.concat([head, ...ids, ...attributes, records, ...index, ...features.values()]);
}
