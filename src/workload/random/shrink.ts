import { PRUNE } from '../../trace/events.js';
import type { Scenario } from './scenario.js';
import { Sequencer } from './sequencer.js';

/**
 * Takes out events, in ever smaller pieces, as long as it fails; entries and exits that are then missing are put in.
 * `budget`: events that may be tried in all; the best so far is returned when it is spent.
 */
export function shrinkScenario(
  scenario: Scenario,
  fails: (candidate: Scenario) => boolean,
  budget = Number.POSITIVE_INFINITY,
): Scenario {
  let best = scenario;
  let left = budget;
  for (let piece = Math.ceil(best.events.length / 2); piece >= 1; piece = piece === 1 ? 0 : Math.ceil(piece / 2)) {
    for (let from = 0; from < best.events.length; ) {
      const sequencer = new Sequencer(best.machine.nrVcpus);
      best.events.forEach((event, at) => {
        // A prune without a fold is none; where one is due the sequencer adds it.
        const isKept = (at < from || at >= from + piece) && event.kind !== PRUNE;
        if (isKept) sequencer.add(event);
      });
      const candidate = { machine: best.machine, events: sequencer.events };
      left -= candidate.events.length;
      if (left < 0) return best;
      if (candidate.events.length < best.events.length && fails(candidate)) best = candidate;
      else from += piece;
    }
  }
  return best;
}
