/** Which baseline the gate takes where none is named: the package's for what comes with it, else the team's. */
import { SHIPPED_BASELINE, TEAM_BASELINE } from './baseline-file.js';
import type { CheckPlan } from './check-plan.js';
import { isStrategyFile } from './strategy-files.js';

export interface ChosenBaseline {
  readonly file: string;
  /** Why this one, where a reader may have meant the other; or null. */
  readonly said: string | null;
}

/** `named`: on the command line or in the settings. A strategy of one's own is in no baseline of the package either. */
export function chooseBaseline(
  named: string | undefined,
  { isShipped, own, paths }: CheckPlan,
  strategies: readonly string[],
): ChosenBaseline {
  if (named !== undefined) return { file: named, said: null };
  const ownStrategy = strategies.find(isStrategyFile);
  const foreign = own[0] ?? ownStrategy;
  if (foreign === undefined)
    return {
      file: SHIPPED_BASELINE,
      said: isShipped
        ? null
        : 'baseline: that of the package, which all of these traces come with (else --baseline FILE)',
    };
  const isMixed = own.length === 0 || own.length < paths.size;
  return {
    file: TEAM_BASELINE,
    said: isMixed ? `baseline: ${TEAM_BASELINE}, since ${foreign} is not of the package` : null,
  };
}
