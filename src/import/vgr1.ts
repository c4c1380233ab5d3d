/**
 * VGR1: event files of the compiled Linux 6.1 vgic (traces/golden/README.md). Little-endian; a header of 20 bytes
 * ("VGR1", nr vCPUs, nr SPIs, nr_lr | model << 8, nr events) and records of 16 bytes (u8 operation, u8 vCPU, u16 flags,
 * u32 intid, u32 value, u32 dt). One record becomes one event, so an event's index is its record's index.
 */
import { InputError } from '../base/errors.js';
import {
  type GicModel,
  isLpi,
  isSgi,
  MAX_NR_LR,
  MAX_SPIS,
  maxVcpusOf,
  NR_LPIS,
  SPI_BASE,
  SPI_END,
  SPURIOUS_INTID,
} from '../gic/intid.js';
import * as ev from '../trace/events.js';
import { noImportCounts, type TraceHeader } from '../trace/header.js';

export const VGR1_HEADER_BYTES = 20;
export const VGR1_RECORD_BYTES = 16;
/** "VGR1" read as a little-endian word. */
const MAGIC = 0x31524756;
const MODELS: readonly GicModel[] = ['gicv3', 'gicv2', 'gicv2-on-gicv3'];
const PMR_AT_START = 0xf8;
const NR_OPERATIONS = 26;
const INTIDS_OF_EVENT = 2 ** ev.INTID_BITS;

/** Does the file begin like a VGR1 file? Needs its first four bytes. */
export const isVgr1 = (head: Uint8Array): boolean =>
  head.length >= 4 && head[0] === 0x56 && head[1] === 0x47 && head[2] === 0x52 && head[3] === 0x31;

interface FileHeader {
  readonly nrVcpus: number;
  readonly nrSpis: number;
  readonly nrLr: number;
  readonly model: GicModel;
  readonly nrEvents: number;
}

interface Vgr1Record {
  readonly op: number;
  readonly vcpu: number;
  readonly flags: number;
  readonly intid: number;
  readonly value: number;
}

type Event = readonly [kind: number, vcpu: number, intid: number, value: number];
/** One row an operation: the event it stands for, or undefined if it has no effect on this machine. */
type Translate = (record: Vgr1Record, file: FileHeader) => Event | undefined;

const isBanked = (intid: number, file: FileHeader): boolean => intid < SPI_BASE + file.nrSpis;
/** LPIs may or may not be mapped at that time. */
const isThere = (intid: number, file: FileHeader): boolean => isBanked(intid, file) || isLpi(intid);
const userBit = (record: Vgr1Record): number => (record.flags & 1) << 1;
const bit0 = (value: number): number => value & 1;

const ofVcpu =
  (kind: number, computeValue: (value: number) => number = () => 0): Translate =>
  (record) => [kind, record.vcpu, 0, computeValue(record.value)];

const ofIrq =
  (kind: number, computeValue: (record: Vgr1Record) => number): Translate =>
  (record, file) =>
    isBanked(record.intid, file) ? [kind, record.vcpu, record.intid, computeValue(record)] : undefined;

const ofLpi =
  (kind: number, computeValue: (value: number) => number): Translate =>
  (record) =>
    isLpi(record.intid) ? [kind, record.vcpu, record.intid, computeValue(record.value)] : undefined;

/** The vCPU stands in the low bits of the value. */
const ofTargetedLpi =
  (kind: number, vcpuMask: number, valueMask: number): Translate =>
  (record, file) => {
    const vcpu = record.value & vcpuMask;
    if (!isLpi(record.intid) || vcpu < 0 || vcpu >= file.nrVcpus) return undefined;
    return [kind, vcpu, record.intid, record.value & valueMask];
  };

/** Acknowledges name what the real run got, where that is known: anything else asserts nothing (0). */
const translateAck: Translate = (record, file) => {
  const isKnown = record.intid === SPURIOUS_INTID || isThere(record.intid, file);
  return [ev.ACK, record.vcpu, isKnown ? record.intid : 0, record.flags & 1];
};

function translatePhysLine(record: Vgr1Record): Event | undefined {
  // A host interrupt that no event can name cannot be mapped either: list registers hold ten bits of it.
  if (record.intid >= INTIDS_OF_EVENT) return undefined;
  return [ev.PHYS_LINE, record.vcpu, record.intid, bit0(record.value)];
}

function translateSgi(record: Vgr1Record, file: FileHeader): Event | undefined {
  if (!isSgi(record.intid)) return undefined;
  const allButSelf = record.flags & 2 ? 1 << 4 : 0;
  return [ev.SGI, record.vcpu, record.intid | allButSelf, record.value & (file.model === 'gicv3' ? 0xffff : 0xff)];
}

/** Accesses of 4 bytes; 8 only for IROUTER, whose upper word is ignored. */
function translateMmio(record: Vgr1Record, file: FileHeader): Event | undefined {
  const width = record.flags & 15;
  const isRedistributor = (record.flags & 16) !== 0;
  const isRouter = !isRedistributor && file.model === 'gicv3' && record.intid >= 0x6000 && record.intid % 8 === 0;
  if (record.intid >= INTIDS_OF_EVENT || !(width === 4 || (width === 8 && isRouter))) return undefined;
  return [isRedistributor ? ev.MMIO_REDIST : ev.MMIO_DIST, record.vcpu, record.intid, record.value];
}

const TRANSLATIONS: readonly Translate[] = [
  (record, file) =>
    isThere(record.intid, file) ? [ev.INJECT, record.vcpu, record.intid, bit0(record.value)] : undefined,
  ofVcpu(ev.FLUSH),
  translateAck,
  (record, file) => (isThere(record.intid, file) ? [ev.EOI, record.vcpu, record.intid, 0] : undefined),
  ofVcpu(ev.SYNC),
  ofIrq(ev.ENABLE, (record) => bit0(record.value) | userBit(record)),
  ofIrq(ev.PRIORITY, (record) => record.value & 0xff),
  ofIrq(ev.PENDING, (record) => bit0(record.value) | userBit(record)),
  ofIrq(ev.ACTIVE, (record) => bit0(record.value)),
  ofIrq(ev.CONFIG, (record) => bit0(record.value)),
  ofIrq(ev.TARGET, (record) => record.value),
  translateSgi,
  ofTargetedLpi(ev.LPI_MAP, 0xff, 0x1ff00),
  ofLpi(ev.LPI_CONFIG, (value) => value & 0xff),
  ofTargetedLpi(ev.LPI_MOVE, -1, 0),
  ofLpi(ev.LPI_UNMAP, () => 0),
  ofIrq(ev.GROUP, (record) => bit0(record.value)),
  ofVcpu(ev.DIST_ENABLE, bit0),
  // The format has no flag there: what is too large stays so, and is refused.
  ofIrq(ev.HW_MAP, (record) => Math.min(record.value >>> 0, SPI_END)),
  ofIrq(ev.HW_UNMAP, () => 0),
  translatePhysLine,
  translateMmio,
  (record) =>
    isSgi(record.intid)
      ? [ev.SGI_PEND, record.vcpu, record.intid, (record.value & 0xff) | (record.flags & 1 ? 1 << 31 : 0)]
      : undefined,
  ofVcpu(ev.LPI_FLUSH),
  ofVcpu(ev.PENDING_QUERY),
  ofVcpu(ev.PMR, (value) => value & 0xff),
];

function readFileHeader(view: DataView, name: string): FileHeader {
  const fail = (byte: number, what: string, remedy: string): never => {
    throw new InputError(name, `byte ${byte}`, what, remedy);
  };
  const remedy = 'this is no VGR1 file, or it is damaged: get it again from where it was made';
  if (view.getUint32(0, true) !== MAGIC) fail(0, 'does not begin with "VGR1"', 'name a VGR1 file');
  const nrVcpus = view.getUint32(4, true);
  const nrSpis = view.getUint32(8, true);
  const machineWord = view.getUint32(12, true);
  const nrLr = machineWord & 0xff;
  const model = MODELS[machineWord >>> 8];
  if (model === undefined) fail(13, `GIC model ${machineWord >>> 8}, known are 0 to ${MODELS.length - 1}`, remedy);
  const maxVcpus = maxVcpusOf(model);
  if (nrVcpus < 1 || nrVcpus > maxVcpus) fail(4, `${nrVcpus} vCPUs, ${model} has 1 to ${maxVcpus}`, remedy);
  if (nrSpis > MAX_SPIS) fail(8, `${nrSpis} SPIs, a GIC has at most ${MAX_SPIS}`, remedy);
  if (nrLr < 1 || nrLr > MAX_NR_LR) fail(12, `${nrLr} list registers, possible are 1 to ${MAX_NR_LR}`, remedy);
  return { nrVcpus, nrSpis, nrLr, model, nrEvents: view.getUint32(16, true) };
}

/** Takes a VGR1 file in pieces of any size. */
export class Vgr1Importer {
  private readonly name: string;
  private readonly sink: ev.EventSink;
  private file: FileHeader | undefined;
  /** Bytes of a header or record that the next piece completes. */
  private rest = new Uint8Array(0);
  private nrBytes = 0;
  private nrEvents = 0;
  private nrNoEffect = 0;
  private hasLpis = false;

  /** `name` is the file's name for messages and, without folder and suffix, the trace's. */
  constructor(name: string, sink: ev.EventSink) {
    this.name = name;
    this.sink = sink;
  }

  /** Throws InputError on a header or a record that cannot be. */
  push(chunk: Uint8Array): void {
    const bytes = this.rest.length === 0 ? chunk : joinBytes(this.rest, chunk);
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    let at = 0;
    if (!this.file && bytes.length >= VGR1_HEADER_BYTES) {
      this.file = readFileHeader(view, this.name);
      at = VGR1_HEADER_BYTES;
    }
    if (this.file) {
      while (this.nrEvents < this.file.nrEvents && at + VGR1_RECORD_BYTES <= bytes.length) {
        this.importRecord(view, at, this.file);
        at += VGR1_RECORD_BYTES;
      }
      if (this.nrEvents === this.file.nrEvents && at < bytes.length) {
        throw new InputError(
          this.name,
          `byte ${this.nrBytes + at}`,
          `bytes after the last of the ${this.nrEvents} events its header announces`,
          'cut the file there, or correct the number of events in bytes 16 to 19',
        );
      }
    }
    this.nrBytes += at;
    this.rest = bytes.slice(at);
  }

  /** Call once, after the last piece. Throws InputError if the file ended too early. */
  end(): TraceHeader {
    const nrBytes = this.nrBytes + this.rest.length;
    const remedy = 'get the whole file: it was cut off';
    if (!this.file) {
      const what = `ends within the ${VGR1_HEADER_BYTES} bytes of the header`;
      throw new InputError(this.name, `byte ${nrBytes}`, what, remedy);
    }
    if (this.nrEvents < this.file.nrEvents) {
      const what = `ends after ${this.nrEvents} of the ${this.file.nrEvents} events its header announces`;
      throw new InputError(this.name, `byte ${nrBytes}`, what, remedy);
    }
    return this.createTraceHeader(this.file);
  }

  private importRecord(view: DataView, at: number, file: FileHeader): void {
    const record: Vgr1Record = {
      op: view.getUint8(at),
      vcpu: view.getUint8(at + 1),
      flags: view.getUint16(at + 2, true),
      intid: view.getUint32(at + 4, true),
      value: view.getInt32(at + 8, true),
    };
    if (record.op >= NR_OPERATIONS) {
      const place = `byte ${this.nrBytes + at}`;
      const what = `operation ${record.op} in event ${this.nrEvents}, known are 0 to ${NR_OPERATIONS - 1}`;
      throw new InputError(this.name, place, what, 'the file is damaged or newer than this importer');
    }
    const event = record.vcpu < file.nrVcpus ? TRANSLATIONS[record.op](record, file) : undefined;
    const dt = view.getInt32(at + 12, true);
    if (event) {
      const [kind, vcpu, intid, value] = event;
      this.sink.event(kind, vcpu, intid, value, dt);
      if (kind === ev.LPI_FLUSH || isLpi(intid)) this.hasLpis ||= !isOffset(kind);
    } else {
      this.sink.event(ev.NOP, 0, 0, record.op, dt);
      this.nrNoEffect++;
    }
    this.nrEvents++;
  }

  private createTraceHeader(file: FileHeader): TraceHeader {
    return {
      machine: {
        flavour: 'kvm-6.1',
        model: file.model,
        nrVcpus: file.nrVcpus,
        nrSpis: file.nrSpis,
        nrLpis: this.hasLpis ? NR_LPIS : 0,
        nrLr: file.nrLr,
        distEnabledAtStart: true,
        pmrAtStart: PMR_AT_START,
      },
      fidelity: 0,
      name: baseNameOf(this.name),
      title: `VGR1 event file ${baseNameOf(this.name)}`,
      tickNs: 1,
      clock: 'none',
      provenance: { tool: 'VGR1', kernel: '', when: '', how: '', licence: '', sourceSha256: '' },
      importer: { name: 'vgr1', version: '1' },
      guestAccesses: 'events',
      counts: { ...noImportCounts(this.nrEvents), noEffect: this.nrNoEffect },
      gaps: [],
    };
  }
}

/** Kinds whose intid field holds something else, which may look like an LPI. */
const isOffset = (kind: number): boolean => kind === ev.MMIO_DIST || kind === ev.MMIO_REDIST || kind === ev.PHYS_LINE;

function joinBytes(head: Uint8Array, tail: Uint8Array): Uint8Array<ArrayBuffer> {
  const joined = new Uint8Array(head.length + tail.length);
  joined.set(head);
  joined.set(tail, head.length);
  return joined;
}

/** File name without folder and VGR1 suffixes, in the trace's kebab-case. */
function baseNameOf(file: string): string {
  const last = file.split(/[\\/]/).at(-1) ?? '';
  return last.replace(/(\.bin|\.vgr1)?(\.gz)?$/, '').replaceAll('_', '-');
}

/**
 * Imports a whole VGR1 file, or its pieces in order, uncompressed. Events go to `sink`; the header is known at the end
 * (whether there are LPIs depends on the events). `dt` is passed on as it stands in the file: decoration, not time.
 */
export function importVgr1(source: Uint8Array | Iterable<Uint8Array>, name: string, sink: ev.EventSink): TraceHeader {
  const importer = new Vgr1Importer(name, sink);
  if (source instanceof Uint8Array) importer.push(source);
  else for (const chunk of source) importer.push(chunk);
  return importer.end();
}
