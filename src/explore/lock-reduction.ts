/**
 * Partial-order reduction of a lock machine: a step may be taken alone if nothing that the other threads do before it, now or
 * later, can depend on it. That is so if each thing it touches is either behind a lock that its thread holds, or touched by no
 * instruction that another thread can still reach. An unlock is always so: nobody can take that lock before it.
 */
import type { Thread } from './lock-machine.js';
import type { Cell, Instruction, Lock } from './lock-program.js';
import type { State, Step } from './system.js';

export function reduceSteps(state: State, steps: readonly Step[], threads: readonly Thread[]): readonly Step[] {
  const free = steps.find((step) => isFree(state, step, threads));
  return free === undefined ? steps : [free];
}

function isFree(state: State, { thread: index, id, value }: Step, threads: readonly Thread[]): boolean {
  const thread = threads[index];
  const instruction = thread.program.instructions[id];
  // What a handler may interrupt is not free to move, nor is the moment when it is taken.
  const mayBeInterrupted = threads.some(
    (other) => !thread.isHandler && other.isHandler && other.cpu === thread.cpu && reachable(state, other).length > 0,
  );
  if (mayBeInterrupted || instruction.kind === 'take-irq') return false;
  const others = threads.filter((other) => other !== thread).flatMap((other) => reachable(state, other));
  if (instruction.kind === 'lock' && others.some(({ locks }) => locks.includes(instruction.locks[value]))) return false;
  const holds = (lock: Lock): boolean => state[lock.index] === index + 1;
  const isMine = (cell: Cell, isWritten: boolean): boolean =>
    cell.index < 0 || (cell.guards.length > 0 && (isWritten ? cell.guards.every(holds) : cell.guards.some(holds)));
  return (
    instruction.writes.every((cell) => isMine(cell, true) || !others.some((other) => touches(other, cell))) &&
    instruction.reads.every((cell) => isMine(cell, false) || !others.some(({ writes }) => writes.includes(cell)))
  );
}

const touches = ({ reads, writes }: Instruction, cell: Cell): boolean => reads.includes(cell) || writes.includes(cell);

const reachable = (state: State, { program, base }: Thread): readonly Instruction[] => program.ahead[state[base]];
