/** How many instructions the guest needs for a program, at least: what budgets and amplification are counted in. */
import { LPI_BASE } from '../gic/intid.js';
import { type GuestProgram, interruptsAt, type Op, type ProgramSize, SHARES, verbInfo } from '../hostile/program.js';
import * as K from '../trace/events.js';

export interface InstructionCounter {
  readonly count: number;
  /** `intid`: of the interrupt, or the offset of the register. */
  see(kind: number, intid: number): void;
}

/** Offsets of ISACTIVER and ICACTIVER (vgic-spec E.4): an access takes every vCPU out of the guest for its time (2.3). */
const ACTIVE_BANKS = { first: 0x300, end: 0x400 };

const isActiveAccess = (kind: number, offset: number): boolean =>
  (kind === K.MMIO_DIST || kind === K.MMIO_DIST_READ) && offset >= ACTIVE_BANKS.first && offset < ACTIVE_BANKS.end;

/**
 * One a register access, acknowledge or end; one an ITS command (its CWRITER write is shared by any number); one for an
 * exit that no register write causes (a hypercall), but for those with which the program ends. An access that halts the guest
 * causes the exits of all vCPUs. Four priorities of one IPRIORITYR word are one write. A drain is one here: how many it takes is
 * the strategy's (evaluate.ts). What a device does is none, but for an LPI, which nothing here tells from the guest's own INT.
 */
export function createInstructionCounter(): InstructionCounter {
  let count = 0;
  let lastKind = 0;
  let lastIntid = 0;
  /** Exits that nothing has caused so far: each is counted unless a register write follows, which is what caused it. */
  let exits = 0;
  /** After a DIR, until vCPUs enter again: their exits are its. */
  let isHalting = false;

  function weigh(kind: number, intid: number): number {
    switch (kind) {
      case K.PRIORITY:
        return lastKind === K.PRIORITY && intid === lastIntid + 1 && (intid & 3) !== 0 ? 0 : 1;
      case K.INJECT:
        return intid >= LPI_BASE ? 1 : 0;
      default:
        return 1;
    }
  }

  /** One exit is that of the write itself. */
  function explainExits(kind: number, offset: number): void {
    if (exits > 1 && !isActiveAccess(kind, offset)) count += exits - 1;
    exits = 0;
    isHalting = kind === K.DEACTIVATE;
  }

  function see(kind: number, intid: number): void {
    if (kind === K.SYNC) {
      if (!isHalting) exits += 1;
    } else if (kind === K.FLUSH) {
      count += exits;
      exits = 0;
      isHalting = false;
    } else {
      explainExits(kind, intid);
      count += weigh(kind, intid);
    }
    lastKind = kind;
    lastIntid = intid;
  }

  return {
    get count() {
      return count;
    },
    see,
  };
}

/** Verbs of one bit an interrupt, 32 a register. */
const BITS: readonly Op['verb'][] = ['enable', 'disable', 'pend', 'unpend', 'activate', 'deactivate'];
const BITS_PER_WRITE = 32;
const PRIORITIES_PER_WRITE = 4;

/** Verbs of which `value` says how many list registers they may take, one instruction each. */
const ONE_EACH_LR: readonly Op['verb'][] = ['ack', 'ack-nested', 'drop'];
/** Verbs that may do nothing: the vCPU may be there already. */
const FREE: readonly Op['verb'][] = ['enter', 'exit'];

/** No more than the program has at a size, without its events: enough to leave out what is far over a budget. */
export function estimateInstructions(program: GuestProgram, size: ProgramSize): number {
  const { spis, lpis } = interruptsAt(program, size);
  const ofOp = ({ verb, from, to, order, value }: Op): number => {
    const { on, needs } = verbInfo(verb);
    if (needs === 'device' || FREE.includes(verb)) return 0;
    if (ONE_EACH_LR.includes(verb)) return Math.min(value, size.nrLr);
    if (verb === 'lpis-off' && lpis === 0) return 0;
    if (on === 'nothing') return 1;
    const spanOf = (count: number): number =>
      count === 0 ? 0 : Math.max(1, Math.floor((count * (to - from)) / SHARES));
    const span = (on === 'lpi' ? 0 : spanOf(spis)) + (on === 'spi' ? 0 : spanOf(lpis));
    // The first ones may be in the word that was written before.
    if (verb === 'priority') return Math.floor(span / PRIORITIES_PER_WRITE);
    const isByWord = verb === 'active-read' || (BITS.includes(verb) && order !== 'shuffled');
    return isByWord ? Math.ceil(span / BITS_PER_WRITE) : span;
  };
  const sum = (ops: readonly Op[]): number => ops.reduce((all, op) => all + ofOp(op), 0);
  return sum(program.setUp) + program.rounds * sum(program.round);
}
