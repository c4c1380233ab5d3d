/** How many instructions the guest needs for a program, at least: what budgets and amplification are counted in. */
import { LPI_BASE } from '../gic/intid.js';
import { type GuestProgram, interruptsAt, type Op, type ProgramSize, SHARES, verbInfo } from '../hostile/program.js';
import * as K from '../trace/events.js';

export interface InstructionCounter {
  readonly count: number;
  see(kind: number, intid: number): void;
}

/**
 * One a register access, acknowledge or end; one an ITS command (its CWRITER write is shared by any number); one for an
 * exit that no register write causes (a hypercall). Four priorities of one IPRIORITYR word are one write. What a device
 * does is none, but for an LPI, which nothing here tells from the guest's own INT.
 */
export function createInstructionCounter(): InstructionCounter {
  let count = 0;
  let lastKind = 0;
  let lastIntid = 0;
  /** An exit is counted unless a register write follows, which is what caused it. */
  let exits = false;

  function weigh(kind: number, intid: number): number {
    switch (kind) {
      case K.PRIORITY:
        return lastKind === K.PRIORITY && intid === lastIntid + 1 && (intid & 3) !== 0 ? 0 : 1;
      case K.INJECT:
        return intid >= LPI_BASE ? 1 : 0;
      case K.FLUSH:
      case K.SYNC:
        return 0;
      default:
        return 1;
    }
  }

  return {
    get count() {
      return count + (exits ? 1 : 0);
    },
    see(kind, intid) {
      if (exits && (kind === K.FLUSH || kind === K.SYNC)) count += 1;
      exits = kind === K.SYNC;
      count += weigh(kind, intid);
      lastKind = kind;
      lastIntid = intid;
    },
  };
}

/** Verbs of one bit an interrupt, 32 a register. */
const BITS: readonly Op['verb'][] = ['enable', 'disable', 'pend', 'unpend', 'activate', 'deactivate'];
const BITS_PER_WRITE = 32;
const PRIORITIES_PER_WRITE = 4;

/** About as many as the program has at a size, without its events: enough to leave out what is far over a budget. */
export function estimateInstructions(program: GuestProgram, size: ProgramSize): number {
  const { spis, lpis } = interruptsAt(program, size);
  const ofOp = ({ verb, from, to, order, value }: Op): number => {
    const { on, needs } = verbInfo(verb);
    if (needs === 'device') return 0;
    if (on === 'nothing') return verb === 'ack' || verb === 'drain' ? Math.max(1, value) : 1;
    const count = on === 'spi' ? spis : on === 'lpi' ? lpis : spis + lpis;
    const span = Math.max(1, Math.floor((count * (to - from)) / SHARES));
    if (order === 'shuffled') return span;
    if (BITS.includes(verb)) return Math.ceil(span / BITS_PER_WRITE);
    return verb === 'priority' ? Math.ceil(span / PRIORITIES_PER_WRITE) : span;
  };
  const sum = (ops: readonly Op[]): number => ops.reduce((all, op) => all + ofOp(op), 0);
  return sum(program.setUp) + program.rounds * sum(program.round);
}
