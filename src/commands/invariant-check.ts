/** The option --check of verbs that replay: the invariants after every event (replay/invariants.ts). */
import { FidelityError, UsageError } from '../base/errors.js';
import { flavourNamed } from '../gic/flavour/index.js';
import { type BlockSource, type ReplayObservers, replayTrace, type TraceIdentity } from '../replay/replay.js';
import type { ExactPart } from '../replay/result.js';
import type { ChosenStrategy } from '../strategy/index.js';

export const CHECK_HELP =
  "also check the vGIC's invariants after every event, with each strategy; exit 5 if one breaks";

/** As replayTrace with the invariants checked; `requireSound` refuses a trace that no machine can be judged by. */
export function replayChecked(
  source: BlockSource,
  chosen: readonly ChosenStrategy[],
  identity: TraceIdentity,
  requireSound: () => void,
): ExactPart[] {
  const { machine, name } = source.header;
  if (flavourNamed(machine.flavour).structure !== 'ap-list')
    throw new UsageError(
      `${identity.path}: --check knows the invariants of an ap_list, which ${machine.flavour} has not`,
    );
  const broken: string[] = [];
  const onViolation: ReplayObservers['onViolation'] = ({ event, kind, invariant, what }, at) => {
    broken.push(
      `${name}: event ${event}, ${kind}: invariant ${invariant} does not hold with strategy ${chosen[at].label}: ${what}; report it with the trace`,
    );
  };
  const exact = replayTrace(source, chosen, identity, { onViolation });
  if (broken.length === 0) return exact;
  requireSound();
  throw new FidelityError(broken[0]);
}
