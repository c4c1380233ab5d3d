/** Test support: what every ap_list strategy promises, on one scenario: sound lists, the invariants, its declared class. */

import { apListStrategies, type ChosenStrategy, strategyNamed } from '../strategy/index.js';
import type { Scenario } from '../workload/random/scenario.js';
import { checkContract, columnsOf } from './contract.js';

/** Every strategy, and hybrid with thresholds that random lists cross. */
export const checkedStrategies: readonly ChosenStrategy[] = [
  ...apListStrategies.map(({ id }) => strategyNamed(id)),
  strategyNamed('hybrid:threshold=2'),
  strategyNamed('hybrid:threshold=4'),
];

const CHECK_ALL_EVERY = 64;

/** Throws where the strategy breaks its word; returns the number of events checked. */
export function checkStrategy({ machine, events }: Scenario, candidate: ChosenStrategy): number {
  const { events: checked, breach } = checkContract(machine, columnsOf(events), candidate, CHECK_ALL_EVERY);
  if (breach !== null)
    throw new Error(`${machine.flavour}, ${candidate.label}: event ${breach.event}, ${breach.kind}: ${breach.what}`);
  return checked;
}
