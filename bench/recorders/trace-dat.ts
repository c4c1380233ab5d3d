/** A trace.dat of version 6, as trace-cmd.dat.v6(5) and the kernel's header_page and header_event describe it. */
import type { EventFormat } from './event-format.js';

export interface BufferedRecord {
  readonly cpu: number;
  readonly ns: number;
  /** Events that this CPU's buffer lost before the record; -1: it lost some, nobody counted. */
  readonly lost: number;
  readonly bytes: Buffer;
}

export interface Machine {
  readonly cpus: number;
  readonly formats: readonly EventFormat[];
  readonly kallsyms: string;
  /** Thread id → name. */
  readonly threads: ReadonlyMap<number, string>;
}

const PAGE = 4096;
const PAGE_HEAD = 16;
const TYPE_TIME_EXTEND = 30;
const MAX_DELTA = 2 ** 27;
/** In the word `commit` of a page: events were lost before it; their number stands behind the data. */
const MISSED = 2 ** 31;
const MISSED_STORED = 2 ** 30;

const HEADER_PAGE = [
  '\tfield: u64 timestamp;\toffset:0;\tsize:8;\tsigned:0;',
  '\tfield: local_t commit;\toffset:8;\tsize:8;\tsigned:1;',
  '\tfield: int overwrite;\toffset:8;\tsize:1;\tsigned:1;',
  '\tfield: char data;\toffset:16;\tsize:4080;\tsigned:0;',
  '',
].join('\n');
const HEADER_EVENT = [
  '# compressed entry header',
  '\ttype_len    :    5 bits',
  '\ttime_delta  :   27 bits',
  '\tarray       :   32 bits',
  '',
  '\tpadding     : type == 29',
  '\ttime_extend : type == 30',
  '\ttime_stamp : type == 31',
  '\tdata max type_len  == 28',
  '',
].join('\n');

const u16 = (value: number): Buffer => {
  const bytes = Buffer.alloc(2);
  bytes.writeUInt16LE(value);
  return bytes;
};
export const u32 = (value: number): Buffer => {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
};
export const u64 = (value: number | bigint): Buffer => {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(BigInt(value));
  return bytes;
};
const text = (value: string): Buffer => Buffer.from(value, 'latin1');
const sized = (value: string): Buffer[] => [u64(text(value).length), text(value)];

/** The part that perf.data has too: from the magic to the names of the threads. `version`: "6", of perf "0.6". */
export function packTracingData(version: string, { formats, kallsyms, threads }: Machine): Buffer {
  const groups = new Map<string, EventFormat[]>();
  for (const format of formats) groups.set(format.group, [...(groups.get(format.group) ?? []), format]);
  const names = [...threads].map(([pid, comm]) => `${pid} ${comm}\n`).join('');
  return Buffer.concat([
    text('\x17\x08\x44tracing'),
    text(`${version}\0`),
    // Little endian, longs of 8 bytes.
    Buffer.from([0, 8]),
    u32(PAGE),
    text('header_page\0'),
    ...sized(HEADER_PAGE),
    text('header_event\0'),
    ...sized(HEADER_EVENT),
    u32(0),
    u32(groups.size),
    ...[...groups].flatMap(([group, events]) => [
      text(`${group}\0`),
      u32(events.length),
      ...events.flatMap((format) => sized(format.text)),
    ]),
    u32(text(kallsyms).length),
    text(kallsyms),
    u32(0),
    ...sized(names),
  ]);
}

/** An entry of the ring buffer: a time extension if the time since the last one needs it, head, record. */
function packEntry(bytes: Buffer, delta: number): Buffer {
  const parts: Buffer[] = [];
  let low = delta;
  if (delta >= MAX_DELTA) {
    parts.push(u32(TYPE_TIME_EXTEND + (delta % MAX_DELTA) * 32), u32(Math.floor(delta / MAX_DELTA)));
    low = 0;
  }
  const words = bytes.length / 4;
  if (words <= 28) parts.push(u32(words + low * 32));
  else parts.push(u32(low * 32), u32(bytes.length + 4));
  return Buffer.concat([...parts, bytes]);
}

/** The pages of one CPU's buffer. A loss begins a page. */
function packPages(records: readonly BufferedRecord[]): Buffer {
  const pages: Buffer[] = [];
  let entries: Buffer[] = [];
  let used = 0;
  let first: BufferedRecord | undefined;
  let last = 0;
  const close = (): void => {
    if (first === undefined) return;
    const page = Buffer.alloc(PAGE);
    page.writeBigUInt64LE(BigInt(first.ns), 0);
    Buffer.concat(entries).copy(page, PAGE_HEAD);
    const hasRoom = used + 8 <= PAGE - PAGE_HEAD;
    const mark = first.lost === 0 ? 0 : MISSED + (first.lost > 0 && hasRoom ? MISSED_STORED : 0);
    page.writeBigUInt64LE(BigInt(used + mark), 8);
    if (first.lost > 0 && hasRoom) page.writeBigUInt64LE(BigInt(first.lost), PAGE_HEAD + used);
    pages.push(page);
    first = undefined;
    entries = [];
    used = 0;
  };
  for (const record of records) {
    if (record.lost !== 0) close();
    let entry = packEntry(record.bytes, first === undefined ? 0 : record.ns - last);
    if (used + entry.length > PAGE - PAGE_HEAD) {
      close();
      entry = packEntry(record.bytes, 0);
    }
    first ??= record;
    entries.push(entry);
    used += entry.length;
    last = record.ns;
  }
  close();
  return Buffer.concat(pages);
}

const OPTION_CPUSTAT = 2;
const OPTION_CLOCK = 4;
const OPTION_UNAME = 5;

/** `records` in the order of their times. */
export function packTraceDat(machine: Machine, records: readonly BufferedRecord[], uname: string): Buffer {
  const option = (id: number, value: string): Buffer[] => [u16(id), u32(text(value).length + 1), text(`${value}\0`)];
  const cpus = Array.from({ length: machine.cpus }, (_, cpu) => cpu);
  const head = Buffer.concat([
    packTracingData('6', machine),
    u32(machine.cpus),
    text('options  \0'),
    ...cpus.flatMap((cpu) => option(OPTION_CPUSTAT, `CPU: ${cpu}\nentries: 0\noverrun: 0\ncommit overrun: 0\n`)),
    ...option(OPTION_CLOCK, 'local [global] counter uptime perf mono mono_raw boot tai'),
    ...option(OPTION_UNAME, uname),
    u16(0),
    text('flyrecord\0'),
  ]);
  const buffers = cpus.map((cpu) => packPages(records.filter((record) => record.cpu === cpu)));
  let at = Math.ceil((head.length + 16 * machine.cpus) / PAGE) * PAGE;
  const index: Buffer[] = [];
  for (const buffer of buffers) {
    index.push(u64(at), u64(buffer.length));
    at += buffer.length;
  }
  const front = Buffer.concat([head, ...index]);
  return Buffer.concat([front, Buffer.alloc(-front.length & (PAGE - 1)), ...buffers]);
}
