/** What came of scenarios, counted by flavour. */
import type { ScenarioResult } from './run.js';

export interface FlavourSummary {
  readonly flavour: string;
  readonly passed: number;
  readonly failed: number;
  readonly notRun: number;
  /** Why some were not run, and how many for each reason, most frequent first. */
  readonly reasons: readonly { readonly reason: string; readonly scenarios: number }[];
}

export type Outcome = 'passed' | 'failed' | 'not-run';

export function outcomeOf({ notRun, differences }: ScenarioResult): Outcome {
  if (notRun !== undefined) return 'not-run';
  return differences.length === 0 ? 'passed' : 'failed';
}

/** One entry for each of `flavours`, in that order. */
export function summarise(results: readonly ScenarioResult[], flavours: readonly string[]): FlavourSummary[] {
  return flavours.map((flavour) => {
    const own = results.filter((result) => result.flavour === flavour);
    const count = (outcome: Outcome): number => own.filter((result) => outcomeOf(result) === outcome).length;
    const reasons = new Map<string, number>();
    for (const { notRun } of own) if (notRun !== undefined) reasons.set(notRun, (reasons.get(notRun) ?? 0) + 1);
    return {
      flavour,
      passed: count('passed'),
      failed: count('failed'),
      notRun: count('not-run'),
      reasons: [...reasons]
        .map(([reason, scenarios]) => ({ reason, scenarios }))
        .sort((a, b) => b.scenarios - a.scenarios || (a.reason < b.reason ? -1 : 1)),
    };
  });
}
