/** How many executions a system has: not its states, but the ways through them. */
import { keyOf, type State, type System } from './system.js';

export interface Executions {
  /** Distinct sequences of steps from the initial state to the end: all at rest, or a problem. */
  readonly all: number;
  /** Those of them that end in a problem. */
  readonly failing: number;
}

/**
 * Null if the number is no exact integer (2^53 and more), or if a loop makes it infinite. Each state is looked at once: its
 * executions are the sum of those of the states behind it.
 */
export function countExecutions(system: System): Executions | null {
  const known = new Map<string, Executions | null>();
  const count = (state: State): Executions | null => {
    const key = keyOf(state);
    const before = known.get(key);
    if (before !== undefined) return before;
    // Met again before it is known: a loop.
    known.set(key, null);
    const steps = system.stepsFrom(state);
    if (system.problemOf(state, steps) !== null) return remember(key, { all: 1, failing: 1 });
    if (steps.length === 0) return remember(key, { all: 1, failing: 0 });
    let all = 0;
    let failing = 0;
    for (const step of steps) {
      const rest = step.problem === null ? count(step.next) : { all: 1, failing: 1 };
      if (rest === null) return null;
      all += rest.all;
      failing += rest.failing;
    }
    return remember(key, Number.isSafeInteger(all) ? { all, failing } : null);
  };
  const remember = (key: string, executions: Executions | null): Executions | null => {
    known.set(key, executions);
    return executions;
  };
  return count(system.initial);
}
