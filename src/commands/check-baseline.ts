/** Which baseline the gate takes where none is named: the package's for what comes with it, else the team's. */
import type { Plan } from '../run/plan.js';
import { SHIPPED_BASELINE, TEAM_BASELINE } from './baseline-file.js';
import { shippedName } from './shipped.js';
import { isStrategyFile } from './strategy-files.js';

export interface ChosenBaseline {
  readonly file: string;
  /** Why this one, where a reader may have meant the other; or null. */
  readonly said: string | null;
}

/** `named`: on the command line or in the settings. A strategy of one's own is in no baseline of the package either. */
export function chooseBaseline(named: string | undefined, plan: Plan, strategies: readonly string[]): ChosenBaseline {
  if (named !== undefined) return { file: named, said: null };
  const own = listOwn(plan);
  const ownStrategy = strategies.find(isStrategyFile);
  const foreign = own[0] ?? ownStrategy;
  if (foreign === undefined)
    return {
      file: SHIPPED_BASELINE,
      said: plan.options.shipped
        ? null
        : 'baseline: that of the package, which all of these traces come with (else --baseline FILE)',
    };
  const isMixed = own.length === 0 || own.length < plan.traces.length;
  return {
    file: TEAM_BASELINE,
    said: isMixed ? `baseline: ${TEAM_BASELINE}, since ${foreign} is not of the package` : null,
  };
}

/** Traces and workloads that do not come with the package, by content: its baseline knows nothing of them. */
function listOwn({ options, traces, units }: Plan): string[] {
  if (options.shipped === true) return [];
  const workloads = units.flatMap((unit) =>
    unit.kind === 'check' && unit.job.kind === 'workload' ? unit.job.spec : [],
  );
  return [...traces.filter(({ sha256 }) => shippedName(sha256) === undefined).map(({ path }) => path), ...workloads];
}
