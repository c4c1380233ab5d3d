/**
 * Raw accesses to the distributor and to a redistributor: a table of rows (offset, width, effect), vgic-spec 2.1, 2.2, E.4.
 * An access that no row serves is RAZ/WI in KVM and unhandled, a data abort in the guest, in Xen.
 */
import { NR_PRIVATE_IRQS, NR_SGIS, SPI_BASE } from '../gic/intid.js';
import { affinityOf } from './affinity.js';
import { HostStop } from './host-stop.js';
import type { Inject } from './inject.js';
import type { LpiPort } from './its/its.js';
import { PENDBASER_PTZ_HI, PENDBASER_RULES, PROPBASER_RULES, sanitise } from './its/register-words.js';
import type { Registers } from './registers.js';
import { slotOf, type VgicState } from './state.js';
import { ACTIVE, ENABLED, GROUP, HW, isPending, LEVEL, priorityOf } from './word.js';

/** A bank of one field an interrupt, or (bits 0) one register. */
interface Row {
  readonly name: string;
  /** Byte offset in the frame, and size. */
  readonly offset: number;
  readonly bytes: number;
  /** Bits of one interrupt's field; 0: the row is one register, written and read whole by `vcpu`. */
  readonly bits: number;
  /** Allowed access widths in bytes. */
  readonly widths: readonly number[];
  /** Accesses halt the guest as the flavour says (2.3). */
  readonly halts?: boolean;
  /** Field of `intid`; with bits 0 the whole value, and the byte of the register that was written in place of an INTID. */
  write(vcpu: number, intid: number, field: number): void;
  read(vcpu: number, intid: number): number;
}

export interface Mmio {
  /**
   * Write of `length` bytes; `lo` holds bits 31:0, `hi` 63:32. False: unhandled.
   * `redist`: the redistributor of `vcpu`, its SGI frame from 0x10000; otherwise the distributor.
   */
  mmioWrite(vcpu: number, redist: boolean, offset: number, length: number, lo: number, hi: number): boolean;
  /** Value read, unsigned; -1: unhandled. */
  mmioRead(vcpu: number, redist: boolean, offset: number, length: number): number;
}

const SGI_FRAME = 0x10000;
const UNHANDLED = -1;
const WORD = [4] as const;
const BYTE_OR_WORD = [1, 4] as const;
const WORD_OR_DOUBLE = [4, 8] as const;
const LPI_ID_BITS = 16;
const SPI_ID_BITS = 10;
const ignore = (): void => {};
const zero = (): number => 0;

export interface MmioServices {
  readonly registers: Registers;
  readonly inject: Pick<Inject, 'sgi' | 'dropLpis'>;
  /** The vCPU that accesses a register is the one on its CPU. */
  readonly current: Int32Array;
  queueIrq(slot: number, word: number): void;
  /** The ITS, once there is one. */
  lpiPort(): LpiPort | undefined;
}

export function createMmio(s: VgicState, services: MmioServices): Mmio {
  const { isV2Guest, flavour, machine } = s;
  const nrIrqs = NR_PRIVATE_IRQS + machine.nrSpis;
  const banks = createBanks(s, services);
  const dist = isV2Guest ? [...createV2Rows(s, services), ...banks] : [...createV3Rows(s, services), ...banks];
  const redist = isV2Guest ? [] : createRedistRows(s, services);
  const { haltFor } = services.registers;
  const { current } = services;
  /** What an access gets that no row serves: RAZ/WI, or a data abort. */
  const unserved = flavour.isXen ? { isHandled: false, value: UNHANDLED } : { isHandled: true, value: 0 };

  function findRow(rows: readonly Row[], offset: number, length: number): Row | undefined {
    for (const row of rows) {
      if (offset < row.offset || offset >= row.offset + row.bytes) continue;
      return row.widths.includes(length) && offset % length === 0 ? row : undefined;
    }
    return undefined;
  }

  /** The row that serves an access, and the first INTID it reaches; undefined if none does. */
  function rowOf(redistFrame: boolean, offset: number, length: number): Row | undefined {
    if (!redistFrame) return findRow(dist, offset, length);
    if (offset < SGI_FRAME) return findRow(redist, offset, length);
    return isV2Guest ? undefined : findRow(banks, offset - SGI_FRAME, length);
  }
  const firstIntid = (row: Row, redistFrame: boolean, offset: number): number =>
    row.bits === 0 ? 0 : Math.floor(((offset - (redistFrame ? SGI_FRAME : 0) - row.offset) * 8) / row.bits);

  /** INTIDs of a bank that a frame serves: GICv3 has the private ones in the redistributor, and nothing else there. */
  const isServed = (intid: number, redistFrame: boolean): boolean =>
    intid < nrIrqs && (isV2Guest || (redistFrame ? intid < NR_PRIVATE_IRQS : intid >= NR_PRIVATE_IRQS));

  return {
    mmioWrite(vcpu, redistFrame, offset, length, lo, hi) {
      current[0] = vcpu;
      const row = rowOf(redistFrame, offset, length);
      if (row === undefined) return unserved.isHandled;
      if (row.bits === 0) {
        row.write(vcpu, offset - row.offset, lo);
        if (length === 8) row.write(vcpu, 4, hi);
        return true;
      }
      const first = firstIntid(row, redistFrame, offset);
      if (first >= nrIrqs) return unserved.isHandled;
      if (row.bits > 32) {
        // IROUTER: the low word counts, the upper one is ignored.
        if (offset % 8 === 0 && isServed(first, redistFrame)) row.write(vcpu, first, lo);
        return true;
      }
      if (row.halts === true && isServed(first, redistFrame)) haltFor(first);
      const mask = 2 ** row.bits - 1;
      for (let i = 0, shift = 0; shift < 8 * length; i++, shift += row.bits) {
        if (isServed(first + i, redistFrame)) row.write(vcpu, first + i, (lo >>> shift) & mask);
      }
      return true;
    },
    mmioRead(vcpu, redistFrame, offset, length) {
      current[0] = vcpu;
      const row = rowOf(redistFrame, offset, length);
      if (row === undefined) return unserved.value;
      if (row.bits === 0) return part(row.read(vcpu, 0), offset - row.offset, length);
      const first = firstIntid(row, redistFrame, offset);
      if (first >= nrIrqs) return unserved.value;
      if (row.bits > 32) return isServed(first, redistFrame) ? part(row.read(vcpu, first), offset % 8, length) : 0;
      if (row.halts === true && isServed(first, redistFrame)) haltFor(first);
      let value = 0;
      for (let i = 0, shift = 0; shift < 8 * length; i++, shift += row.bits) {
        if (isServed(first + i, redistFrame)) value |= row.read(vcpu, first + i) << shift;
      }
      return value >>> 0;
    },
  };
}

/** Two words as one number: exact below 2^53. */
const double = (lo: number, hi: number): number => (hi >>> 0) * 2 ** 32 + (lo >>> 0);

/** `length` bytes of a value below 2^53, from byte `at` on. */
const part = (value: number, at: number, length: number): number =>
  Math.floor(value / 2 ** (8 * at)) % 2 ** (8 * length);

/** The banks that GICv2 distributor, GICv3 distributor and SGI frame have at the same offsets. */
function createBanks(s: VgicState, { registers: r, queueIrq }: MmioServices): Row[] {
  const { word, physRow, physLine, physPending, flavour } = s;
  const { isXen } = flavour;
  const wordOf = (vcpu: number, intid: number): number => word[slotOf(s, vcpu, intid)];

  const readPendingXen = (vcpu: number, intid: number): number => (isPending(wordOf(vcpu, intid)) ? 1 : 0);
  function readPendingKvm(vcpu: number, intid: number): number {
    const slot = slotOf(s, vcpu, intid);
    if ((word[slot] & (HW | LEVEL)) !== (HW | LEVEL)) return isPending(word[slot]) ? 1 : 0;
    return physLine[physRow[slot]] | physPending[physRow[slot]];
  }
  const readPending = isXen ? readPendingXen : readPendingKvm;

  const bank = (name: string, offset: number, write: Row['write'], read: Row['read'], halts = false): Row => ({
    name,
    offset,
    bytes: 0x80,
    bits: 1,
    widths: WORD,
    halts,
    write,
    read,
  });
  const ifSet =
    (effect: (vcpu: number, intid: number) => void): Row['write'] =>
    (vcpu, intid, field) => {
      if (field !== 0) effect(vcpu, intid);
    };
  const bit = (mask: number) => (vcpu: number, intid: number) => ((wordOf(vcpu, intid) & mask) !== 0 ? 1 : 0);

  function writeGroup(vcpu: number, intid: number, field: number): void {
    const slot = slotOf(s, vcpu, intid);
    queueIrq(slot, field !== 0 ? word[slot] | GROUP : word[slot] & ~GROUP);
  }

  return [
    bank('IGROUPR', 0x080, isXen ? ignore : writeGroup, isXen ? () => 1 : bit(GROUP)),
    bank(
      'ISENABLER',
      0x100,
      ifSet((vcpu, intid) => r.setEnable(vcpu, intid, true, false)),
      bit(ENABLED),
    ),
    bank(
      'ICENABLER',
      0x180,
      ifSet((vcpu, intid) => r.setEnable(vcpu, intid, false, false)),
      bit(ENABLED),
    ),
    bank(
      'ISPENDR',
      0x200,
      ifSet((vcpu, intid) => r.setPending(vcpu, intid, true, false)),
      readPending,
    ),
    bank(
      'ICPENDR',
      0x280,
      ifSet((vcpu, intid) => r.setPending(vcpu, intid, false, false)),
      readPending,
    ),
    bank(
      'ISACTIVER',
      0x300,
      ifSet((vcpu, intid) => r.setActive(vcpu, intid, true, false)),
      bit(ACTIVE),
      true,
    ),
    bank(
      'ICACTIVER',
      0x380,
      ifSet((vcpu, intid) => r.setActive(vcpu, intid, false, false)),
      bit(ACTIVE),
      true,
    ),
    {
      name: 'IPRIORITYR',
      offset: 0x400,
      bytes: 0x400,
      bits: 8,
      widths: BYTE_OR_WORD,
      write: r.setPriority,
      read: (vcpu, intid) => priorityOf(wordOf(vcpu, intid)),
    },
    {
      name: 'ICFGR',
      offset: 0xc00,
      bytes: 0x100,
      bits: 2,
      widths: WORD,
      write: (vcpu, intid, field) => r.setConfig(vcpu, intid, (field & 2) === 0),
      read: (vcpu, intid) => ((wordOf(vcpu, intid) & LEVEL) !== 0 ? 0 : 2),
    },
  ];
}

const register = (name: string, offset: number, bytes: number, write: Row['write'], read: Row['read']): Row => ({
  name,
  offset,
  bytes,
  bits: 0,
  widths: WORD,
  write,
  read,
});

/** Registers that only a GICv2 distributor has. */
function createV2Rows(s: VgicState, { registers: r, inject: { sgi } }: MmioServices): Row[] {
  const { route, source, dist, nrVcpus, flavour } = s;
  const sgiBank = (name: string, offset: number, isSet: boolean): Row => ({
    name,
    offset,
    bytes: NR_SGIS,
    bits: 8,
    widths: BYTE_OR_WORD,
    write: (vcpu, intid, field) => r.setSgiSources(vcpu, intid, field, isSet),
    read: (vcpu, intid) => source[vcpu * NR_PRIVATE_IRQS + intid],
  });
  return [
    register(
      'CTLR',
      0x000,
      4,
      (_vcpu, _intid, value) => r.setDistEnable((value & 1) === 1),
      () => dist[0],
    ),
    register('TYPER', 0x004, 4, ignore, () => itLines(s) | ((nrVcpus - 1) << 5)),
    {
      name: 'ITARGETSR',
      offset: 0x800,
      bytes: 0x400,
      bits: 8,
      widths: BYTE_OR_WORD,
      write: (_vcpu, intid, field) => r.setTargetMask(intid, field),
      // The private ones read as the vCPU that reads.
      read: (vcpu, intid) => (intid < SPI_BASE ? 1 << vcpu : route[intid - SPI_BASE]),
    },
    register(
      'SGIR',
      0xf00,
      4,
      (vcpu, _intid, value) => {
        const filter = (value >>> 24) & 3;
        if (filter === 3) {
          if (flavour.defect === 'SGIR mode 3') throw new HostStop('memory-error', 'GICD_SGIR with mode 3');
          return;
        }
        const targets = filter === 0 ? (value >>> 16) & 0xff : filter === 2 ? 1 << vcpu : 0;
        sgi(vcpu, value & 0xf, 0, targets, filter === 1, false);
      },
      zero,
    ),
    sgiBank('CPENDSGIR', 0xf10, false),
    sgiBank('SPENDSGIR', 0xf20, true),
  ];
}

const itLines = (s: VgicState): number => (NR_PRIVATE_IRQS + s.machine.nrSpis) / 32 - 1;

/** Registers that only a GICv3 distributor has. */
function createV3Rows(s: VgicState, { registers: r }: MmioServices): Row[] {
  const { route, dist, machine } = s;
  /** ARE_NS and DS are fixed to 1. */
  const CTLR_FIXED = 0x50;
  const CTLR_ENABLE_GROUP1 = 0x2;
  const hasLpis = machine.nrLpis > 0;
  return [
    register(
      'CTLR',
      0x000,
      4,
      (_vcpu, _intid, value) => r.setDistEnable((value & CTLR_ENABLE_GROUP1) !== 0),
      () => (dist[0] === 1 ? CTLR_FIXED | CTLR_ENABLE_GROUP1 : CTLR_FIXED),
    ),
    register('TYPER', 0x004, 4, ignore, () => {
      const idBits = hasLpis ? LPI_ID_BITS : SPI_ID_BITS;
      return itLines(s) | (hasLpis ? 1 << 17 : 0) | ((idBits - 1) << 19);
    }),
    register('STATUSR', 0x010, 4, ignore, () => 0xffffffff),
    {
      name: 'IROUTER',
      offset: 0x6000,
      bytes: 0x2000,
      bits: 64,
      widths: WORD_OR_DOUBLE,
      write: (_vcpu, intid, value) => r.setAffinity(intid, value),
      read: (_vcpu, intid) => route[intid - SPI_BASE],
    },
  ];
}

/** Registers of a redistributor's first frame. */
function createRedistRows(s: VgicState, { inject: { dropLpis }, lpiPort }: MmioServices): Row[] {
  const { lpisEnabled, machine, nrVcpus, propbaser, pendbaser } = s;
  const hasLpis = machine.nrLpis > 0;
  const typer = (vcpu: number): number => {
    const last = vcpu === nrVcpus - 1 ? 1 << 4 : 0;
    return affinityOf(vcpu) * 2 ** 32 + ((vcpu << 8) | last | (machine.nrLpis > 0 ? 1 : 0));
  };
  return [
    register(
      'CTLR',
      0x000,
      4,
      (vcpu, _intid, value) => {
        if (!hasLpis) return;
        const enable = value & 1;
        const was = lpisEnabled[vcpu];
        lpisEnabled[vcpu] = enable;
        // Without an ITS what enabling reads from the pending tables in guest memory comes as LPI_PENDING events.
        if (was === 0 && enable === 1 && (pendbaser[2 * vcpu + 1] & PENDBASER_PTZ_HI) === 0)
          lpiPort()?.lpisEnabled(vcpu);
        if (was === 0 || enable === 1) return;
        dropLpis(vcpu);
        lpiPort()?.lpisDisabled();
      },
      (vcpu) => lpisEnabled[vcpu],
    ),
    { ...register('TYPER', 0x008, 8, ignore, typer), widths: WORD_OR_DOUBLE },
    {
      // One for the VM: the last writer wins.
      ...register(
        'PROPBASER',
        0x070,
        8,
        (vcpu, at, value) => {
          if (!hasLpis || lpisEnabled[vcpu] === 1) return;
          propbaser.set(
            at < 4 ? sanitise(value, propbaser[1], PROPBASER_RULES) : sanitise(propbaser[0], value, PROPBASER_RULES),
          );
        },
        () => double(propbaser[0], propbaser[1]),
      ),
      widths: WORD_OR_DOUBLE,
    },
    {
      ...register(
        'PENDBASER',
        0x078,
        8,
        (vcpu, at, value) => {
          if (!hasLpis || lpisEnabled[vcpu] === 1) return;
          const [lo, hi] = pendbaser.subarray(2 * vcpu, 2 * vcpu + 2);
          pendbaser.set(sanitise(at < 4 ? value : lo, at < 4 ? hi : value, PENDBASER_RULES), 2 * vcpu);
        },
        (vcpu) => double(pendbaser[2 * vcpu], pendbaser[2 * vcpu + 1] & ~PENDBASER_PTZ_HI),
      ),
      widths: WORD_OR_DOUBLE,
    },
    {
      ...register(
        'INVLPIR',
        0x0a0,
        8,
        (vcpu, at, value) => {
          // While the redistributor's LPIs are off the architecture gives both registers no effect.
          if (at < 4 && lpisEnabled[vcpu] === 1) lpiPort()?.readConfig(value >>> 0);
        },
        zero,
      ),
      widths: WORD_OR_DOUBLE,
    },
    {
      ...register(
        'INVALLR',
        0x0b0,
        8,
        (vcpu, at) => {
          if (at < 4 && lpisEnabled[vcpu] === 1) lpiPort()?.readConfigsOf(vcpu);
        },
        zero,
      ),
      widths: WORD_OR_DOUBLE,
    },
    // Invalidations are over before the write that asks for them is.
    register('SYNCR', 0x0c0, 4, ignore, zero),
  ];
}
