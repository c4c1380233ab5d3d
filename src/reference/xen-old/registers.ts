/** Register accesses of Xen's default vGIC (vgic-spec 2, 1.22 and column xen-old of section 10). */
import type { Frame } from '../../conform/target.js';
import { NR_PRIVATE_IRQS, NR_SGIS, SPI_BASE } from '../../gic/intid.js';
import { injectIrq, retarget, setPending, writeEnable } from './delivery.js';
import { findIrq, type PendingIrq, type Vcpu, type XenOldState } from './state.js';

const SGI_FRAME = 0x10000;
const IROUTER = 0x6000;
const IROUTER_END = 0x8000;
const IROUTER_ANY = 1 << 31;
const AFF0_COUNT = 16;

const bit = (value: number, position: number): boolean => ((value >>> position) & 1) === 1;

/** One access, resolved: register bank, and the interrupts of a machine its bits or bytes stand for. */
interface Access {
  readonly state: XenOldState;
  readonly vcpu: Vcpu;
  readonly length: number;
  /** Byte offset in the distributor, or in the SGI frame. */
  readonly offset: number;
  readonly frame: Frame;
}

interface Bank {
  readonly start: number;
  readonly end: number;
  readonly bitsEach: number;
  readonly widths: readonly number[];
  /** `field`: the bits of one interrupt. False: the guest gets a data abort. */
  write(access: Access, irq: PendingIrq, field: number): boolean;
  read(access: Access, irq: PendingIrq): number;
}

const ignore = (): boolean => true;
const zero = (): number => 0;
const onSet =
  (effect: (access: Access, irq: PendingIrq) => void) =>
  (access: Access, irq: PendingIrq, field: number): boolean => {
    if (field === 1) effect(access, irq);
    return true;
  };
const readEnabled = (_: Access, irq: PendingIrq): number => Number(irq.isEnabled);

const bank = (start: number, end: number, bitsEach: number, parts: Partial<Bank>): Bank => ({
  start,
  end,
  bitsEach,
  widths: [4],
  write: ignore,
  read: zero,
  ...parts,
});

const BANKS: readonly Bank[] = [
  bank(0x080, 0x100, 1, {}),
  bank(0x100, 0x180, 1, {
    write: onSet(({ state, vcpu }, irq) => writeEnable(state, vcpu, irq, true)),
    read: readEnabled,
  }),
  bank(0x180, 0x200, 1, {
    write: onSet(({ state, vcpu }, irq) => writeEnable(state, vcpu, irq, false)),
    read: readEnabled,
  }),
  bank(0x200, 0x280, 1, { write: onSet(({ state, vcpu }, irq) => setPending(state, vcpu, irq)) }),
  bank(0x280, 0x300, 1, {}),
  bank(0x300, 0x380, 1, { write: (_, _irq, field) => field === 0 }),
  bank(0x380, 0x400, 1, {}),
  bank(0x400, 0x800, 8, {
    widths: [1, 4],
    write(_, irq, field) {
      irq.priorityByte = field;
      return true;
    },
    read: (_, irq) => irq.priorityByte,
  }),
  bank(0x800, 0xc00, 8, {
    widths: [1, 4],
    write({ state }, irq, field) {
      const target = state.vcpus.find(({ index }) => bit(field, index));
      if (target && irq.intid >= SPI_BASE) retarget(state, irq, target.index);
      return true;
    },
    read: ({ vcpu }, irq) => 1 << (irq.intid < SPI_BASE ? vcpu.index : irq.target),
  }),
  bank(0xc00, 0xd00, 2, {
    write(_, irq, field) {
      if (irq.intid >= SPI_BASE) irq.isEdge = bit(field, 1);
      return true;
    },
    read: (_, irq) => (irq.isEdge ? 2 : 0),
  }),
];

const isV3Guest = ({ machine }: XenOldState): boolean => machine.model === 'gicv3';

/** Calls `each` with the interrupts that the access covers, in ascending order. */
function forEachIrq(access: Access, { start, bitsEach }: Bank, each: (irq: PendingIrq, at: number) => void): void {
  const { state, vcpu, offset, length, frame } = access;
  const first = ((offset - start) * 8) / bitsEach;
  for (let at = 0; at < (length * 8) / bitsEach; at++) {
    const isPrivate = first + at < NR_PRIVATE_IRQS;
    // A GICv3 guest has its private interrupts in the redistributor, and only there.
    const isHere = isV3Guest(state) ? isPrivate === (frame === 'redist') : true;
    const irq = isHere ? findIrq(state, vcpu, first + at) : undefined;
    if (irq) each(irq, at);
  }
}

function resolve(state: XenOldState, vcpu: Vcpu, frame: Frame, offset: number, length: number): Access | undefined {
  if (frame === 'dist') return { state, vcpu, frame, offset, length };
  if (!isV3Guest(state) || offset < SGI_FRAME) return undefined;
  return { state, vcpu, frame, offset: offset - SGI_FRAME, length };
}

const findBank = ({ state, offset, length }: Access): Bank | undefined =>
  BANKS.find(
    ({ start, end, widths }) =>
      offset >= start &&
      offset + length <= end &&
      widths.includes(length) &&
      offset % length === 0 &&
      // ITARGETSR is no register of a GICv3 guest.
      !(start === 0x800 && isV3Guest(state)),
  );

/** False: the guest gets a data abort. */
export function writeRegister(
  state: XenOldState,
  vcpu: Vcpu,
  frame: Frame,
  offset: number,
  length: number,
  value: number,
): boolean {
  const access = resolve(state, vcpu, frame, offset, length);
  if (!access) return false;
  const found = findBank(access);
  if (found) {
    let isHandled = true;
    const mask = 2 ** found.bitsEach - 1;
    forEachIrq(access, found, (irq, at) => {
      const field = (value >>> (at * found.bitsEach)) & mask;
      if (!found.write(access, irq, field)) isHandled = false;
    });
    return isHandled;
  }
  if (frame !== 'dist') return false;
  if (offset === 0x000 && length === 4) {
    state.distCtlr = value;
    return true;
  }
  if (offset === 0xf00 && length === 4 && !isV3Guest(state)) {
    writeSgir(state, vcpu, value);
    return true;
  }
  return writeIrouter(access, value);
}

function writeIrouter({ state, vcpu, offset, length }: Access, value: number): boolean {
  const isLow = offset % 8 === 0;
  if (!isV3Guest(state) || offset < IROUTER || offset >= IROUTER_END) return false;
  if (!(length === 8 ? isLow : length === 4 && offset % 4 === 0)) return false;
  const intid = (offset - IROUTER) >>> 3;
  const irq = intid >= SPI_BASE ? findIrq(state, vcpu, intid) : undefined;
  // The upper word holds Aff3, which no vCPU has.
  if (!irq || !isLow) return true;
  const isAny = (value & IROUTER_ANY) !== 0;
  const named = (value & 0xff) + AFF0_COUNT * ((value >>> 8) & 0xffff);
  const target = isAny ? 0 : named;
  if (target < state.vcpus.length && (isAny || (value & 0xff) < AFF0_COUNT)) retarget(state, irq, target);
  return true;
}

/** Unsigned; -1: the guest gets a data abort. */
export function readRegister(state: XenOldState, vcpu: Vcpu, frame: Frame, offset: number, length: number): number {
  const access = resolve(state, vcpu, frame, offset, length);
  if (!access) return -1;
  const found = findBank(access);
  if (found) {
    let value = 0;
    forEachIrq(access, found, (irq, at) => {
      value |= found.read(access, irq) << (at * found.bitsEach);
    });
    return value >>> 0;
  }
  if (frame !== 'dist') return -1;
  const { nrSpis, nrVcpus } = state.machine;
  if (offset === 0x000 && length === 4) return state.distCtlr >>> 0;
  if (offset === 0x004 && length === 4) return ((nrVcpus - 1) << 5) | Math.ceil(nrSpis / 32);
  const irq = offset >= IROUTER && offset < IROUTER_END ? findIrq(state, vcpu, (offset - IROUTER) >>> 3) : undefined;
  if (!isV3Guest(state) || !irq || irq.intid < SPI_BASE || (length !== 8 && length !== 4)) return -1;
  return offset % 8 === 0 ? (irq.target % AFF0_COUNT) | (Math.floor(irq.target / AFF0_COUNT) << 8) : 0;
}

/** GICD_SGIR: filter 0 the listed ones, 1 all but the writer, 2 the writer, 3 nobody. */
function writeSgir(state: XenOldState, writer: Vcpu, value: number): void {
  const filter = (value >>> 24) & 3;
  sendSgi(state, value & (NR_SGIS - 1), ({ index }) => {
    if (filter === 0) return bit(value >>> 16, index) && index < 8;
    return filter === 1 ? index !== writer.index : filter === 2 && index === writer.index;
  });
}

/** To every vCPU that is meant, lowest first. */
export function sendSgi(state: XenOldState, intid: number, isMeant: (vcpu: Vcpu) => boolean): void {
  for (const vcpu of state.vcpus) if (isMeant(vcpu)) injectIrq(state, vcpu, vcpu.privateIrqs[intid]);
}
