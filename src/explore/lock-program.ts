/**
 * The program of a thread: numbered atomic steps on shared cells, locks, jumps. Reads and writes are declared, because the
 * reduced search asks before a step what it may touch; a step that touches anything else is a bug and throws.
 */
import { assert } from '../base/errors.js';
import type { ProblemKind } from './system.js';

/** A lock. Taken from the smaller rank to the larger one; of two with one rank as `pairs` says. */
export interface Lock {
  readonly name: string;
  readonly rank: number;
  readonly order: number;
  /** ascending: the smaller `order` first. Else: in any order, but only while a lock of rank `under` is held. */
  readonly pairs: 'ascending' | { readonly under: number };
  /** Place in the state, where 0 is free and else 1 + index of the thread that holds it. */
  readonly index: number;
}

/** A variable: shared, or of one thread (index below 0: its place among the thread's own). */
export interface Cell {
  readonly name: string;
  readonly index: number;
  /** A write needs all of these locks, a read one of them (vgic-spec 1.2). None: no lock is needed. */
  readonly guards: readonly Lock[];
}

/** What a step sees and does. */
export interface Access {
  get(cell: Cell): number;
  set(cell: Cell, value: number): void;
  /** Goes on at a label (declared with the step) instead of the next step. */
  goto(label: string): void;
  fail(kind: ProblemKind, text: string): void;
}

export interface Touches {
  readonly reads?: readonly Cell[];
  readonly writes?: readonly Cell[];
  readonly jumps?: readonly string[];
}

/** Index of a lock, found in the thread's own variables. */
export type Choose = (own: Pick<Access, 'get'>) => number;

/** In words, given what was read or written. */
type Text = (value: number) => string;

export interface Instruction extends Required<Touches> {
  readonly kind: 'step' | 'lock' | 'unlock' | 'irqs-off' | 'irqs-on' | 'take-irq' | 'return-irq';
  readonly text: Text;
  /** lock and unlock: the one of these that `choose` names. */
  readonly locks: readonly Lock[];
  readonly choose: Choose;
  /** Returns what was read or written. */
  readonly run: (access: Access) => number;
}

/** Writes a program down, step by step. */
export interface Assembler {
  /** A variable of this thread alone; starts as 0. */
  local(name: string): Cell;
  label(name: string): void;
  step(text: string | Text, touches: Touches, run: (access: Access) => number): void;
  /** `next`: label to go on at. */
  lock(lock: Lock, next?: string): void;
  unlock(lock: Lock, next?: string): void;
  /** As lock and unlock, of the lock whose index `choose` finds in the thread's own variables. */
  lockOneOf(locks: readonly Lock[], choose: Choose): void;
  unlockOneOf(locks: readonly Lock[], choose: Choose, next?: string): void;
  /** Interrupts of the thread's CPU; does nothing to a CPU without handler. */
  irqsOff(): void;
  irqsOn(): void;
}

export interface Program {
  readonly instructions: readonly Instruction[];
  readonly labels: ReadonlyMap<string, number>;
  readonly locals: readonly Cell[];
  /** For each program counter, the instructions that may still be executed. */
  readonly ahead: readonly (readonly Instruction[])[];
}

const nothing = (): number => 0;

/** `isHandler`: it starts by being taken, which needs interrupts on, and ends by returning. */
export function assemble(isHandler: boolean, write: (assembler: Assembler) => void): Program {
  const instructions: Instruction[] = [];
  const labels = new Map<string, number>();
  const locals: Cell[] = [];
  const add = (kind: Instruction['kind'], text: string | Text, rest: Partial<Instruction> = {}): void => {
    const words = typeof text === 'string' ? () => text : text;
    const none = { reads: [], writes: [], jumps: [], locks: [], choose: nothing, run: nothing };
    instructions.push({ ...none, ...rest, kind, text: words });
  };
  const useLock =
    (kind: 'lock' | 'unlock') =>
    (locks: readonly Lock[], choose: Choose, next?: string): void =>
      add(kind, (value) => `${kind}s ${locks[value].name}`, {
        locks,
        choose,
        jumps: next === undefined ? [] : [next],
        run(access) {
          if (next !== undefined) access.goto(next);
          return 0;
        },
      });
  const [lock, unlock] = [useLock('lock'), useLock('unlock')];
  if (isHandler) add('take-irq', 'interrupt taken');
  write({
    local(name) {
      locals.push({ name, index: -1 - locals.length, guards: [] });
      return locals[locals.length - 1];
    },
    label(name) {
      assert(!labels.has(name), `label ${name} twice`);
      labels.set(name, instructions.length);
    },
    step: (text, touches, run) => add('step', text, { ...touches, run }),
    lock: (one, next) => lock([one], nothing, next),
    unlock: (one, next) => unlock([one], nothing, next),
    lockOneOf: lock,
    unlockOneOf: unlock,
    irqsOff: () => add('irqs-off', 'IRQs off'),
    irqsOn: () => add('irqs-on', 'IRQs on'),
  });
  if (isHandler) add('return-irq', 'returns');
  for (const label of instructions.flatMap(({ jumps }) => jumps)) assert(labels.has(label), `no label ${label}`);
  const ahead = Array.from({ length: instructions.length + 1 }, (_, at) => instructionsAhead(instructions, labels, at));
  return { instructions, labels, locals, ahead };
}

/** Those below the program counter, and because of jumps back more than those. */
function instructionsAhead(
  instructions: readonly Instruction[],
  labels: ReadonlyMap<string, number>,
  counter: number,
): Instruction[] {
  let first = counter;
  for (;;) {
    const targets = instructions.slice(first).flatMap(({ jumps }) => jumps.map((label) => labels.get(label) ?? first));
    const least = Math.min(first, ...targets);
    if (least === first) return instructions.slice(first);
    first = least;
  }
}
