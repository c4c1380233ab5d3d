/** The list of models: command line, studies and tests iterate it. To add one: a file in models/, and a line in `models`. */
import { UsageError } from '../base/errors.js';
import { findSimilar } from '../base/similar.js';
import { countExecutions } from './executions.js';
import type { Model, Variant } from './model.js';
import { comparator } from './models/comparator.js';
import { doorbellLock } from './models/doorbell-lock.js';
import { doorbellWake } from './models/doorbell-wake.js';
import { injectIsr } from './models/inject-isr.js';
import { kick } from './models/kick.js';
import { migrate } from './models/migrate.js';
import { queue } from './models/queue.js';
import { translationCache } from './models/translation-cache.js';
import { replayMoves } from './replay-schedule.js';
import { type SearchOptions, search } from './search.js';
import type { Move, Problem, ProblemKind } from './system.js';

export const models: readonly Model[] = [
  doorbellLock,
  doorbellWake,
  queue,
  kick,
  injectIsr,
  migrate,
  comparator,
  translationCache,
];

/** A step of a counterexample. */
export interface ScheduledStep extends Move {
  /** What it does, in words. */
  readonly text: string;
}

/** What came of one variant; exact, the same on every machine. */
export interface Exploration {
  readonly model: string;
  readonly variant: string;
  readonly summary: string;
  /** Declared: must the search find a problem? */
  readonly isBroken: boolean;
  readonly expected: ProblemKind | null;
  /** found: a problem; exhausted: every state visited, no problem. */
  readonly verdict: 'found' | 'exhausted';
  /** Is it the verdict and the problem that the variant declares? */
  readonly isAsDeclared: boolean;
  readonly problem: Problem | null;
  readonly threads: readonly string[];
  /** Of the search, which ends at the first problem. */
  readonly states: number;
  readonly transitions: number;
  /** Distinct executions, and those that end in a problem; null if there are 2^53 or more. */
  readonly executions: number | null;
  readonly failing: number | null;
  /** Steps of the shortest counterexample; 0 without one. */
  readonly length: number;
  readonly schedule: readonly ScheduledStep[];
}

export function exploreVariant(model: Model, variant: Variant, options: SearchOptions = {}): Exploration {
  const system = variant.create();
  const { problem, states, transitions, schedule } = search(system, options);
  const executions = countExecutions(system);
  return {
    model: model.id,
    variant: variant.id,
    summary: variant.summary,
    isBroken: variant.expected !== null,
    expected: variant.expected,
    verdict: problem === null ? 'exhausted' : 'found',
    isAsDeclared: (problem?.kind ?? null) === variant.expected,
    problem,
    threads: system.threads,
    states,
    transitions,
    executions: executions?.all ?? null,
    failing: executions?.failing ?? null,
    length: schedule.length,
    schedule: replayMoves(system, schedule).steps,
  };
}

/** Every variant of every model, in the order of the lists. */
export const exploreAll = (options: SearchOptions = {}): Exploration[] =>
  models.flatMap((model) => model.variants.map((variant) => exploreVariant(model, variant, options)));

/** The model of that id. Throws UsageError and names the others. */
export function modelNamed(id: string): Model {
  const found = models.find((model) => model.id === id);
  if (found) return found;
  const ids = models.map((model) => model.id);
  throw new UsageError(`unknown model '${id}'${guess(id, ids)}; one of: ${ids.join(', ')}`);
}

/** The variant of that id. Throws UsageError and names the others. */
export function variantNamed(model: Model, id: string): Variant {
  const found = model.variants.find((variant) => variant.id === id);
  if (found) return found;
  const ids = model.variants.map((each) => each.id);
  throw new UsageError(`${model.id} has no variant '${id}'${guess(id, ids)}; it has: ${ids.join(', ')}`);
}

function guess(id: string, ids: readonly string[]): string {
  const similar = findSimilar(id, ids);
  return similar === undefined ? '' : ` (Did you mean ${similar}?)`;
}
