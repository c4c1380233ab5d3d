/** Strategies of one trace with equal figures share a row. */
import { formatInteger, joinWords } from '../base/number-format.js';
import type { StrategyOnTrace } from './facts.js';

export interface RunGroup<Figures> {
  readonly runs: readonly StrategyOnTrace[];
  readonly figures: Figures;
}

/** Runs with equal figures together, in the order of the runs; those for which `pick` gives null are left out. */
export function groupRuns<Figures>(
  runs: readonly StrategyOnTrace[],
  pick: (run: StrategyOnTrace) => Figures | null,
): RunGroup<Figures>[] {
  const groups = new Map<string, { runs: StrategyOnTrace[]; figures: Figures }>();
  for (const run of runs) {
    const figures = pick(run);
    if (figures === null) continue;
    const key = JSON.stringify(figures);
    const known = groups.get(key);
    if (known) known.runs.push(run);
    else groups.set(key, { runs: [run], figures });
  }
  return [...groups.values()];
}

/** "all 6", "all but fifo", or the names. */
export function nameRuns(runs: readonly StrategyOnTrace[], all: readonly StrategyOnTrace[]): string {
  if (all.length > 1 && runs.length === all.length) return `all ${formatInteger(all.length)}`;
  const others = all.filter((run) => !runs.includes(run));
  const few = runs.length > 2 && others.length <= 2 ? others : runs;
  const names = joinWords(few.map(({ label }) => label));
  return few === others ? `all but ${names}` : names;
}
