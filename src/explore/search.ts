/** Breadth-first search over all states of a system: the first problem it meets has a shortest schedule. */
import { keyOf, type Move, type Problem, type State, type Step, type System } from './system.js';

export interface SearchOptions {
  /**
   * Follow one of several orders of steps that do not depend on each other (partial-order reduction). Same verdict, fewer
   * states; the schedule found need not be a shortest one.
   */
  readonly reduced?: boolean;
}

export interface SearchResult {
  /** States reached, and steps taken between them, until the end or the first problem. */
  readonly states: number;
  readonly transitions: number;
  /** Null: every state was visited, none has a problem. */
  readonly problem: Problem | null;
  /** From the initial state to the problem; empty without one. */
  readonly schedule: readonly Move[];
}

interface Node {
  readonly state: State;
  readonly parent: Node | null;
  readonly step: Step | null;
}

export function search(system: System, { reduced = false }: SearchOptions = {}): SearchResult {
  const seen = new Set([keyOf(system.initial)]);
  const queue: Node[] = [{ state: system.initial, parent: null, step: null }];
  let transitions = 0;
  for (const node of queue) {
    const steps = system.stepsFrom(node.state);
    const problem = node.step?.problem ?? system.problemOf(node.state, steps);
    if (problem !== null) return { states: seen.size, transitions, problem, schedule: scheduleTo(node) };
    for (const step of reduced ? chooseSteps(system, node.state, steps, seen) : steps) {
      transitions++;
      const key = keyOf(step.next);
      // A step with a problem stands for itself: another way may lead to the same state without one.
      if (step.problem === null && seen.has(key)) continue;
      seen.add(key);
      queue.push({ state: step.next, parent: node, step });
    }
  }
  return { states: seen.size, transitions, problem: null, schedule: [] };
}

/** All steps again if those chosen lead nowhere new: a loop must not put off the other threads for ever. */
function chooseSteps(system: System, state: State, steps: readonly Step[], seen: ReadonlySet<string>): readonly Step[] {
  const chosen = system.reduce(state, steps);
  return chosen.every(({ next }) => seen.has(keyOf(next))) ? steps : chosen;
}

function scheduleTo(node: Node): Move[] {
  const moves: Move[] = [];
  for (let at = node; at.parent !== null && at.step !== null; at = at.parent) {
    const { thread, id, value } = at.step;
    moves.push({ thread, id, value });
  }
  return moves.reverse();
}
