/**
 * What a concurrent model is to the search: a state of small numbers, the steps that lead on from it, and what can be wrong
 * with a step or with a state. `lock-machine.ts` builds systems of threads with locks, `weak-memory.ts` of threads whose
 * memory operations overtake each other.
 */

/** Whole numbers from 0 to 65535; two states are the same if all numbers are. */
export type State = readonly number[];

/**
 * deadlock: somebody waits for a lock whose holder cannot go on. lock-order: locks taken against vgic-spec 1.5. unprotected: a
 * field touched without the lock that protects it (1.2). queued-twice, two-lists, not-on-list: a list would be corrupted.
 * wrong-list, queued-disabled: appended although the oracle says another list, or none. lost-interrupt: pending, enabled and
 * on no list when all is done. lost-wakeup: nobody is left to tell the vCPU. use-after-free: a descriptor is used after its
 * last reference was put.
 */
export type ProblemKind =
  | 'deadlock'
  | 'lock-order'
  | 'unprotected'
  | 'queued-twice'
  | 'two-lists'
  | 'not-on-list'
  | 'wrong-list'
  | 'queued-disabled'
  | 'lost-interrupt'
  | 'lost-wakeup'
  | 'use-after-free';

export interface Problem {
  readonly kind: ProblemKind;
  /** One line, without a full stop. */
  readonly text: string;
}

/** A thread, the number of the step within its program, and what the step read or wrote: these name a step of a schedule. */
export interface Move {
  readonly thread: number;
  readonly id: number;
  readonly value: number;
}

export interface Step extends Move {
  readonly next: State;
  /** What the step itself breaks. */
  readonly problem: Problem | null;
}

export interface System {
  /** Names of the threads; a handler is a thread too. */
  readonly threads: readonly string[];
  readonly initial: State;
  /** Every step that can be taken, at most one of each name. */
  stepsFrom(state: State): readonly Step[];
  /**
   * Partial-order reduction: of all `steps`, some that may be taken first, because none of the other threads' steps, now or
   * later, depends on them.
   */
  reduce(state: State, steps: readonly Step[]): readonly Step[];
  /** What is wrong with a state from which all `steps` lead on: a deadlock, or what is left undone at rest. */
  problemOf(state: State, steps: readonly Step[]): Problem | null;
  /** A move in words, taken in the state `from`. */
  describe(move: Move, from: State): string;
}

/** A state as a key of a map. */
export const keyOf = (state: State): string => String.fromCharCode(...state);
