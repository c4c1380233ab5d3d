/** How many instructions the guest needs for the events of a program, at least: what amplification is counted against. */
import { LPI_BASE } from '../gic/intid.js';
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
