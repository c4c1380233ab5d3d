/**
 * Threads with locks on CPUs whose interrupts are on or off (vgic-spec 1.5, 4.3). Memory is sequentially consistent: what the
 * models share is behind locks. Every step is checked for the lock order and for the locks that a cell needs; every state for
 * a circle of contexts that wait for each other.
 */
import { assert } from '../base/errors.js';
import {
  type Access,
  type Assembler,
  assemble,
  type Cell,
  type Instruction,
  type Lock,
  type Program,
} from './lock-program.js';
import { reduceSteps } from './lock-reduction.js';
import type { Problem, ProblemKind, State, Step, System } from './system.js';

export interface ThreadOptions {
  /** The CPU it runs on; threads without one have a CPU each. */
  readonly cpu?: number;
  /** An interrupt handler: may start between any two steps while interrupts are on; keeps its CPU until it returns. */
  readonly isHandler?: boolean;
}

export interface Thread {
  readonly name: string;
  readonly program: Program;
  /** -1: its own. */
  readonly cpu: number;
  readonly isHandler: boolean;
  /** Its place among the threads. */
  readonly index: number;
  /** Place of its program counter in the state; its own variables follow. */
  readonly base: number;
}

export interface MachineOptions {
  /** Problem when every thread is done, or null. */
  readonly atRest?: (get: (cell: Cell) => number) => Problem | null;
  /** Report a wrong order of locks before it leads to a deadlock (default true). */
  readonly checksOrder?: boolean;
}

export interface LockMachine {
  lock(name: string, rank: number, order?: number, pairs?: Lock['pairs']): Lock;
  cell(name: string, initial: number, guards?: readonly Lock[]): Cell;
  thread(name: string, write: (assembler: Assembler) => void, options?: ThreadOptions): void;
  build(options?: MachineOptions): System;
}

const FREE = 0;
const IRQS_OFF = 0;
const IRQS_ON = 1;

export function createLockMachine(): LockMachine {
  const initial: number[] = [];
  const locks: Lock[] = [];
  const written: { name: string; program: Program; cpu: number; isHandler: boolean }[] = [];
  const place = (value: number): number => initial.push(value) - 1;
  return {
    lock(name, rank, order = 0, pairs = 'ascending') {
      locks.push({ name, rank, order, pairs, index: place(FREE) });
      return locks[locks.length - 1];
    },
    cell: (name, value, guards = []) => ({ name, index: place(value), guards }),
    thread(name, write, { cpu = -1, isHandler = false } = {}) {
      assert(cpu >= 0 || !isHandler, `handler ${name} needs a CPU`);
      written.push({ name, program: assemble(isHandler, write), cpu, isHandler });
    },
    build(options = {}) {
      const cpus = Array.from({ length: Math.max(0, ...written.map(({ cpu }) => cpu + 1)) }, () => place(IRQS_ON));
      const threads = written.map((thread, index): Thread => {
        const base = place(0);
        for (const _ of thread.program.locals) place(0);
        return { ...thread, index, base };
      });
      return createSystem(initial, locks, cpus, threads, options);
    },
  };
}

const instructionAt = (state: State, { program, base }: Thread): Instruction | undefined =>
  program.instructions[state[base]];

const placeOf = (cell: Cell, { base }: Thread): number => (cell.index < 0 ? base - cell.index : cell.index);

const ownVariables = (state: State, thread: Thread): Pick<Access, 'get'> => ({
  get(cell) {
    assert(cell.index < 0, `${cell.name} is shared`);
    return state[placeOf(cell, thread)];
  },
});

const isDone = (state: State, thread: Thread): boolean => instructionAt(state, thread) === undefined;
/** Between being taken and having returned. */
const isActive = (state: State, thread: Thread): boolean =>
  thread.isHandler && state[thread.base] > 0 && !isDone(state, thread);

function createSystem(
  initial: State,
  locks: readonly Lock[],
  cpus: readonly number[],
  threads: readonly Thread[],
  { atRest = () => null, checksOrder = true }: MachineOptions,
): System {
  const handlerOn = (state: State, cpu: number): number =>
    cpu < 0 ? -1 : threads.findIndex((thread) => thread.cpu === cpu && isActive(state, thread));

  /** The lock that the thread is about to take, or undefined. */
  const wantedLock = (state: State, thread: Thread): Lock | undefined => {
    const instruction = instructionAt(state, thread);
    if (instruction?.kind !== 'lock') return undefined;
    return instruction.locks[instruction.choose(ownVariables(state, thread))];
  };

  const canStep = (state: State, thread: Thread): boolean => {
    const instruction = instructionAt(state, thread);
    if (instruction === undefined) return false;
    const handler = handlerOn(state, thread.cpu);
    if (handler >= 0 && threads[handler] !== thread) return false;
    if (instruction.kind === 'take-irq') return state[cpus[thread.cpu]] === IRQS_ON;
    const lock = wantedLock(state, thread);
    return lock === undefined || state[lock.index] === FREE;
  };

  const createAccess = (next: number[], thread: Thread, instruction: Instruction): { access: Access; found: Found } => {
    const me = thread.index + 1;
    const own = ownVariables(next, thread);
    const found: Found = { problem: null, target: next[thread.base] + 1 };
    const fail = (kind: ProblemKind, text: string): void => {
      found.problem ??= { kind, text: `${thread.name}: ${text}` };
    };
    const holds = (lock: Lock): boolean => next[lock.index] === me;
    const access: Access = {
      get(cell) {
        if (cell.index < 0) return own.get(cell);
        const isDeclared = instruction.reads.includes(cell) || instruction.writes.includes(cell);
        assert(isDeclared, `${thread.name} reads ${cell.name} undeclared`);
        if (cell.guards.length > 0 && !cell.guards.some(holds))
          fail('unprotected', `reads ${cell.name} without ${cell.guards.map(({ name }) => name).join(' or ')}`);
        return next[cell.index];
      },
      set(cell, value) {
        assert(cell.index < 0 || instruction.writes.includes(cell), `${thread.name} writes ${cell.name} undeclared`);
        const missing = cell.guards.find((lock) => !holds(lock));
        if (missing !== undefined) fail('unprotected', `writes ${cell.name} without ${missing.name}`);
        next[placeOf(cell, thread)] = value;
      },
      goto(label) {
        const at = thread.program.labels.get(label);
        assert(at !== undefined && instruction.jumps.includes(label), `${thread.name} jumps to ${label} undeclared`);
        found.target = at;
      },
      fail,
    };
    return { access, found };
  };

  const take = (state: State, thread: Thread): Step => {
    const { index } = thread;
    const id = state[thread.base];
    const instruction = thread.program.instructions[id];
    const next = [...state];
    const { access, found } = createAccess(next, thread, instruction);
    const chosen = instruction.choose(ownVariables(state, thread));
    const lock = instruction.locks[chosen];
    if (instruction.kind === 'lock') {
      const held = locks.filter((each) => next[each.index] === index + 1);
      const above = held.find((each) => isOutOfOrder(each, lock, held));
      if (checksOrder && above !== undefined)
        access.fail('lock-order', `locks ${lock.name} while it holds ${above.name}`);
      next[lock.index] = index + 1;
    } else if (instruction.kind === 'unlock') {
      assert(next[lock.index] === index + 1, `${thread.name} unlocks ${lock.name}, which it does not hold`);
      next[lock.index] = FREE;
    } else if (instruction.kind === 'irqs-off' || instruction.kind === 'irqs-on') {
      if (thread.cpu >= 0) next[cpus[thread.cpu]] = instruction.kind === 'irqs-on' ? IRQS_ON : IRQS_OFF;
    }
    const result = instruction.run(access);
    next[thread.base] = found.target;
    // A context that is done forgets its variables: what it ended with makes no other state.
    if (isDone(next, thread)) next.fill(0, thread.base + 1, thread.base + 1 + thread.program.locals.length);
    return { thread: index, id, value: lock === undefined ? result : chosen, next, problem: found.problem };
  };

  /** What each thread waits for: index of the thread that has to go on first, or -1. */
  const waitsFor = (state: State, thread: Thread): { whom: number; why: string } => {
    const handler = handlerOn(state, thread.cpu);
    if (handler >= 0 && threads[handler] !== thread)
      return { whom: handler, why: `is interrupted by ${threads[handler].name}` };
    const lock = wantedLock(state, thread);
    if (lock === undefined || state[lock.index] === FREE) return { whom: -1, why: '' };
    const whom = state[lock.index] - 1;
    const holder = threads[whom] === thread ? 'itself' : threads[whom].name;
    return { whom, why: `waits for ${lock.name}, held by ${holder}` };
  };

  /** Follows who waits for whom from `start`; the links of the circle if it leads back, or ends at one that is done. */
  const findCircle = (state: State, start: number): string[] => {
    const reasons: string[] = [];
    for (let at = start; reasons.length <= threads.length; ) {
      if (isDone(state, threads[at])) return at === start ? [] : [...reasons, `${threads[at].name} is done`];
      const { whom, why } = waitsFor(state, threads[at]);
      if (whom < 0) return [];
      reasons.push(`${threads[at].name} ${why}`);
      if (whom === start) return reasons;
      at = whom;
    }
    return [];
  };

  return {
    threads: threads.map(({ name }) => name),
    initial,
    stepsFrom: (state) => threads.filter((thread) => canStep(state, thread)).map((thread) => take(state, thread)),
    reduce: (state, steps) => reduceSteps(state, steps, threads),
    problemOf(state, steps) {
      for (const start of threads.keys()) {
        const circle = findCircle(state, start);
        if (circle.length > 0) return { kind: 'deadlock', text: circle.join('; ') };
      }
      if (steps.length > 0) return null;
      assert(
        threads.every((thread) => isDone(state, thread)),
        'nobody can go on, and nobody waits',
      );
      return atRest((cell) => state[cell.index]);
    },
    describe: ({ thread, id, value }) => threads[thread].program.instructions[id].text(value),
  };
}

interface Found {
  problem: Problem | null;
  /** Where the thread goes on. */
  target: number;
}

/** Would taking `lock` go against vgic-spec 1.5, because `one` of the `held` locks is held? */
function isOutOfOrder(one: Lock, lock: Lock, held: readonly Lock[]): boolean {
  if (one.rank !== lock.rank) return one.rank > lock.rank;
  const { pairs } = lock;
  return pairs === 'ascending' ? one.order > lock.order : !held.some(({ rank }) => rank === pairs.under);
}
