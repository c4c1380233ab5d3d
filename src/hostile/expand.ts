/** A guest program at a size → events. */
import type { Machine } from '../gic/intid.js';
import { LPI_BASE, SPI_BASE } from '../gic/intid.js';
import type { EventSink } from '../trace/events.js';
import * as K from '../trace/events.js';
import { type GuestProgram, NEXT_VCPU, type Op, priorityAt, SHARES, type Verb, verbInfo } from './program.js';

// Register banks of the distributor (vgic-spec E.4).
const ISENABLER = 0x100;
const ICENABLER = 0x180;
const ISPENDR = 0x200;
const ICPENDR = 0x280;
const ISACTIVER = 0x300;
const ICACTIVER = 0x380;

const AT_BOOT = 0xa0;
/** Where a GICv3 guest has the private ones: redistributor, SGI frame. */
const SGI_FRAME = 0x10000;
/** Commands behind one CWRITER write: a queue of 256 pages holds one less than its slots (vgic-spec 6.2). */
export const MAX_COMMANDS = 32767;
/** Flags of ACK, and of EOI and DEACTIVATE (trace/events.ts). */
const ACK_BY_RULES = 4;
const BY_RULES = 1;
/** CPUIF: the groups that are on from the start. */
const GROUP1_ON = 2 << 8;
const BOTH_GROUPS_ON = 3 << 8;
const EOIMODE = 1 << 10;

export interface ExpandOptions {
  /** Interrupts of the program (interruptsAt). */
  readonly spis: number;
  readonly lpis: number;
  /** Register writes that one exit does; 1: each traps by itself. Infinity: a vCPU writes without entering at all. */
  readonly writesPerExit: number;
}

/** Writes the events of a program on `machine`: interrupts enabled at one priority on vCPU 0 first, then set-up and rounds. */
export function expandProgram(program: GuestProgram, machine: Machine, options: ExpandOptions, sink: EventSink): void {
  const { spis, lpis, writesPerExit } = options;
  const { nrVcpus } = machine;
  const isV2 = machine.model !== 'gicv3';
  const inGuest = new Uint8Array(nrVcpus);
  const pmr = new Uint8Array(nrVcpus).fill(machine.pmrAtStart);
  /** Bits of CPUIF beside the PMR. */
  const control = new Int32Array(nrVcpus).fill(isV2 ? BOTH_GROUPS_ON : GROUP1_ON);
  /** Register writes since the exit of the vCPU that is out to write; -1: none is. */
  let writer = -1;
  let writes = 0;

  const emit = (kind: number, vcpu: number, intid: number, value: number): void =>
    sink.event(kind, vcpu, intid, value, 1);

  function enter(vcpu: number): void {
    if (inGuest[vcpu] === 1) return;
    inGuest[vcpu] = 1;
    emit(K.FLUSH, vcpu, 0, 0);
  }

  function leave(vcpu: number): void {
    if (inGuest[vcpu] === 0) return;
    inGuest[vcpu] = 0;
    emit(K.SYNC, vcpu, 0, 0);
  }

  /** The vCPU that is out to write goes back into the guest. */
  function resume(): void {
    if (writer < 0) return;
    const vcpu = writer;
    writer = -1;
    enter(vcpu);
  }

  /** Before a register write: the access traps. */
  function trap(vcpu: number): void {
    if (writer === vcpu && writes < writesPerExit) {
      writes++;
      return;
    }
    resume();
    // With a budget the vCPU must be in the guest to write.
    if (inGuest[vcpu] === 0 && Number.isFinite(writesPerExit)) enter(vcpu);
    if (inGuest[vcpu] === 0) return;
    leave(vcpu);
    writer = vcpu;
    writes = 1;
  }

  function runningVcpus(): number[] {
    const running: number[] = [];
    for (let vcpu = 0; vcpu < nrVcpus; vcpu++) if (inGuest[vcpu] === 1) running.push(vcpu);
    return running;
  }

  /** An access to active states takes every vCPU out of the guest for its time (vgic-spec 2.3). */
  function whileHalted(access: () => void): void {
    const running = runningVcpus();
    for (const vcpu of running) leave(vcpu);
    access();
    for (const vcpu of running) enter(vcpu);
  }

  /** Indexes into the interrupts of a kind, in the order of the span. */
  function indexes(op: Op, count: number, round: number): number[] {
    if (count === 0) return [];
    const first = Math.min(count - 1, Math.floor((count * op.from) / SHARES));
    const end = op.to <= op.from ? first + 1 : Math.max(first + 1, Math.floor((count * op.to) / SHARES));
    const shift = op.slides ? round : 0;
    const span: number[] = [];
    for (let index = first; index < end; index++) span.push((index + shift) % count);
    if (op.order === 'down') return span.reverse();
    return op.order === 'up' ? span : shuffled(span);
  }

  /** A read of each register of the span. */
  function readActive(op: Op, round: number, vcpu: number): void {
    const words = new Set(indexes(op, spis, round).map((index) => (SPI_BASE + index) >> 5));
    for (const word of words) {
      trap(vcpu);
      whileHalted(() => emit(K.MMIO_DIST_READ, vcpu, ISACTIVER + 4 * word, 4));
    }
  }

  /** One bit an interrupt, 32 a register: as many writes as registers, or one each in an order of its own. */
  function writeBits(op: Op, round: number, bank: number): void {
    const span = indexes(op, spis, round);
    const write = (word: number, mask: number): void => {
      trap(op.vcpu % nrVcpus);
      const access = (): void => emit(K.MMIO_DIST, op.vcpu % nrVcpus, bank + 4 * word, mask);
      if (bank === ISACTIVER || bank === ICACTIVER) whileHalted(access);
      else access();
    };
    let word = -1;
    let mask = 0;
    for (const index of span) {
      const intid = SPI_BASE + index;
      if (word >= 0 && (intid >> 5 !== word || op.order === 'shuffled')) {
        write(word, mask);
        mask = 0;
      }
      word = intid >> 5;
      mask |= 1 << (intid & 31);
    }
    if (word >= 0) write(word, mask);
  }

  function writeEach(op: Op, round: number, kind: number, value: number): void {
    const vcpu = op.vcpu % nrVcpus;
    for (const index of indexes(op, spis, round)) {
      trap(vcpu);
      emit(kind, vcpu, SPI_BASE + index, value);
    }
  }

  /** Four priorities a register where they follow each other, a byte otherwise. */
  function writePriorities(op: Op, round: number): void {
    const vcpu = op.vcpu % nrVcpus;
    const span = indexes(op, spis, round);
    for (let i = 0; i < span.length; ) {
      trap(vcpu);
      const intid = SPI_BASE + span[i];
      const isWord = (intid & 3) === 0 && [1, 2, 3].every((step) => span[i + step] === span[i] + step);
      for (let step = 0; step < (isWord ? 4 : 1); step++, i++)
        emit(K.PRIORITY, vcpu, SPI_BASE + span[i], priorityAt(op.value, i, span.length));
    }
  }

  /** Commands in the ITS queue: one CWRITER write for as many as it holds. */
  function command(op: Op, round: number, write: (intid: number, i: number, count: number) => void): void {
    const span = indexes(op, lpis, round);
    span.forEach((index, i) => {
      if (i % MAX_COMMANDS === 0) trap(op.vcpu % nrVcpus);
      write(LPI_BASE + index, i, span.length);
    });
  }

  const vcpuOf = (value: number, round: number): number => (value === NEXT_VCPU ? round + 1 : value) % nrVcpus;

  function onEach(op: Op, round: number, write: (intid: number) => void): void {
    for (const index of indexes(op, spis, round)) write(SPI_BASE + index);
    for (const index of indexes(op, lpis, round)) write(LPI_BASE + index);
  }

  function sendSgi(op: Op): void {
    const vcpu = op.vcpu % nrVcpus;
    trap(vcpu);
    const isToFirst = (op.value & 16) !== 0;
    emit(K.SGI, vcpu, (op.value & 15) | (isToFirst ? 0 : 16), isToFirst ? 1 : 0);
  }

  const configOf = (op: Op, i: number, count: number): number => (priorityAt(op.value, i, count) & 0xfc) | 1;

  /**
   * In kvm-7.2 a DIR of what is active elsewhere traps, and may halt the guest: the event does both there. The exits that
   * follow are those of the other flavours, which see none by themselves.
   */
  function deactivate(op: Op, round: number, vcpu: number): void {
    onEach(op, round, (intid) => {
      enter(vcpu);
      emit(K.DEACTIVATE, vcpu, intid, BY_RULES);
      const running = runningVcpus();
      for (const other of running) leave(other);
      for (const other of running) enter(other);
    });
  }

  function writeControl(vcpu: number, field: number, value: number): void {
    control[vcpu] = (control[vcpu] & ~field) | value;
    emit(K.CPUIF, vcpu, 0, pmr[vcpu] | control[vcpu]);
  }

  function repeat(count: number, action: () => void): void {
    for (let time = 0; time < count; time++) action();
  }

  const actions: Readonly<Record<Verb, (op: Op, round: number, vcpu: number) => void>> = {
    enable: (op, round) => writeBits(op, round, ISENABLER),
    disable: (op, round) => writeBits(op, round, ICENABLER),
    pend: (op, round) => writeBits(op, round, ISPENDR),
    unpend: (op, round) => writeBits(op, round, ICPENDR),
    activate: (op, round) => writeBits(op, round, ISACTIVER),
    deactivate: (op, round) => writeBits(op, round, ICACTIVER),
    priority: writePriorities,
    target: (op, round) => writeEach(op, round, K.TARGET, vcpuOf(op.value, round)),
    edge: (op, round) => writeEach(op, round, K.CONFIG, 0),
    level: (op, round) => writeEach(op, round, K.CONFIG, 1),
    group: (op, round) => writeEach(op, round, K.GROUP_ONE, op.value & 1),
    dist(op, _round, vcpu) {
      trap(vcpu);
      emit(K.DIST_ENABLE, vcpu, 0, op.value & 1);
    },
    'pend-private'(op, _round, vcpu) {
      trap(vcpu);
      const bit = 1 << (op.value & 31);
      if (isV2) emit(K.MMIO_DIST, vcpu, ISPENDR, bit);
      else emit(K.MMIO_REDIST, vcpu, SGI_FRAME + ISPENDR, bit);
    },
    'active-read': readActive,
    sgi: sendSgi,
    int: (op, round, vcpu) => command(op, round, (intid) => emit(K.INJECT, vcpu, intid, 1)),
    'lpi-config': (op, round, vcpu) =>
      command(op, round, (intid, i, count) => emit(K.LPI_CONFIG, vcpu, intid, configOf(op, i, count))),
    'lpi-move': (op, round) => command(op, round, (intid) => emit(K.LPI_MOVE, vcpuOf(op.value, round), intid, 0)),
    'lpi-clear': (op, round, vcpu) => command(op, round, (intid) => emit(K.LPI_CLEAR, vcpu, intid, 0)),
    'lpi-map': (op, round, vcpu) =>
      command(op, round, (intid, i, count) =>
        emit(K.LPI_MAP, vcpu, intid, (priorityAt(op.value, i, count) << 8) | (1 << 16)),
      ),
    'lpi-unmap': (op, round, vcpu) => command(op, round, (intid) => emit(K.LPI_UNMAP, vcpu, intid, 0)),
    'lpis-off'(_op, _round, vcpu) {
      if (lpis === 0) return;
      trap(vcpu);
      emit(K.LPI_FLUSH, vcpu, 0, 0);
    },
    raise: (op, round) => onEach(op, round, (intid) => emit(K.INJECT, 0, intid, 1)),
    lower: (op, round) => onEach(op, round, (intid) => emit(K.INJECT, 0, intid, 0)),
    pmr(op, _round, vcpu) {
      pmr[vcpu] = op.value & 0xff;
      emit(K.PMR, vcpu, 0, pmr[vcpu]);
    },
    'eoi-mode': (op, _round, vcpu) => writeControl(vcpu, EOIMODE, (op.value & 1) === 1 ? EOIMODE : 0),
    groups: (op, _round, vcpu) => writeControl(vcpu, BOTH_GROUPS_ON, (op.value & 3) << 8),
    ack(op, _round, vcpu) {
      enter(vcpu);
      repeat(Math.min(op.value, machine.nrLr), () => emit(K.ACK, vcpu, 0, 0));
    },
    'ack-nested'(op, _round, vcpu) {
      enter(vcpu);
      repeat(Math.min(op.value, machine.nrLr), () => emit(K.ACK, vcpu, 0, ACK_BY_RULES));
    },
    drop(op, _round, vcpu) {
      enter(vcpu);
      repeat(Math.min(op.value, machine.nrLr), () => emit(K.PRIORITY_DROP, vcpu, 0, 0));
    },
    dir: deactivate,
    eoi(op, round, vcpu) {
      enter(vcpu);
      onEach(op, round, (intid) => emit(K.EOI, vcpu, intid, 0));
    },
    drain(op, _round, vcpu) {
      enter(vcpu);
      emit(K.GUEST_DRAIN, vcpu, 0, op.value);
    },
    enter: (_op, _round, vcpu) => enter(vcpu),
    exit: (_op, _round, vcpu) => leave(vcpu),
    wfi(_op, _round, vcpu) {
      leave(vcpu);
      emit(K.WFI, vcpu, 0, 0);
    },
  };

  function run(op: Op, round: number): void {
    const { needs } = verbInfo(op.verb);
    if (needs === 'cpu' || needs === 'device') resume();
    actions[op.verb](op, round, op.vcpu % nrVcpus);
  }

  for (let spi = SPI_BASE; spi < SPI_BASE + spis; spi++) {
    emit(K.TARGET, 0, spi, 0);
    emit(K.PRIORITY, 0, spi, AT_BOOT);
    emit(K.ENABLE, 0, spi, 1);
  }
  if (!isV2) for (let lpi = LPI_BASE; lpi < LPI_BASE + lpis; lpi++) emit(K.LPI_MAP, 0, lpi, (AT_BOOT << 8) | (1 << 16));
  for (const op of program.setUp) run(op, 0);
  for (let round = 0; round < program.rounds; round++) for (const op of program.round) run(op, round);
  resume();
  for (let vcpu = 0; vcpu < nrVcpus; vcpu++) leave(vcpu);
}

/** The same order for the same span, whatever ran before. */
function shuffled(span: readonly number[]): number[] {
  return span
    .map((index) => [Math.imul(index + 1, 0x9e3779b1) >>> 0, index])
    .sort(([a], [b]) => a - b)
    .map(([, index]) => index);
}
