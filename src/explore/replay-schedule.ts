/** A schedule taken step by step through a system: does it end where it says? */
import type { ScheduledStep } from './index.js';
import type { Move, Problem, System } from './system.js';

export interface ScheduleReplay {
  /** The steps that could be taken. */
  readonly steps: readonly ScheduledStep[];
  /** What is wrong after the last of them. */
  readonly problem: Problem | null;
  /** Why the rest was not taken, or null. */
  readonly stopped: string | null;
}

/** Takes `moves` until one of them cannot be taken; a step with a problem must be the last one. */
export function replayMoves(system: System, moves: Iterable<Move>): ScheduleReplay {
  const steps: ScheduledStep[] = [];
  let state = system.initial;
  let problem: Problem | null = null;
  for (const move of moves) {
    const at = `step ${steps.length + 1}`;
    if (problem !== null) return { steps, problem, stopped: `${at} comes after the failure` };
    const step = system.stepsFrom(state).find(({ thread, id }) => thread === move.thread && id === move.id);
    if (step === undefined)
      return { steps, problem, stopped: `${at}: thread ${move.thread} cannot take step ${move.id} here` };
    if (step.value !== move.value)
      return { steps, problem, stopped: `${at}: the value is ${step.value}, not ${move.value}` };
    steps.push({ ...move, text: system.describe(move, state) });
    state = step.next;
    problem = step.problem ?? system.problemOf(state, system.stepsFrom(state));
  }
  return { steps, problem, stopped: null };
}
