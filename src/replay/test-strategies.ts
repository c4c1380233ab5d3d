/** Test support: what every ap_list strategy promises, on one scenario: sound lists, the invariants, its declared class. */

import type { Scenario } from '../reference/arbitrary.js';
import { apListStrategies, type ChosenStrategy, reference, strategyNamed } from '../strategy/index.js';
import { FLUSH, packWord } from '../trace/events.js';
import { HostStop } from '../vgic/host-stop.js';
import { createVgic } from '../vgic/vgic.js';
import { createModel } from './create-model.js';
import { createEngine } from './engine.js';
import { createEquivalenceChecker } from './equivalence.js';
import { createInvariantChecker } from './invariants.js';

/** Every strategy, and hybrid with thresholds that random lists cross. */
export const checkedStrategies: readonly ChosenStrategy[] = [
  ...apListStrategies.map(({ id }) => strategyNamed(id)),
  strategyNamed('hybrid:threshold=2'),
  strategyNamed('hybrid:threshold=4'),
];

const CHECK_ALL_EVERY = 64;

/** Throws where the strategy breaks its word; returns the number of events checked. */
export function checkStrategy({ machine, events }: Scenario, candidate: ChosenStrategy): number {
  const vgic = createModel(machine, candidate);
  const other = createVgic(machine, reference.create({}));
  const engine = createEngine(vgic);
  const otherEngine = createEngine(other);
  const checker = createEquivalenceChecker(vgic, other, candidate.strategy.equivalence);
  const keepsOrder = candidate.strategy === reference;
  const invariants = createInvariantChecker(vgic, { keepsOrder, interval: CHECK_ALL_EVERY });
  const complain = (what: string): never => {
    throw new Error(`${machine.flavour}, ${candidate.label}: ${what}`);
  };
  const demandInvariants = (): void => {
    const violation = invariants.violation();
    if (violation !== null) complain(`event ${violation.event}: invariant ${violation.invariant}: ${violation.what}`);
  };
  for (let event = 0; event < events.length; event++) {
    const { kind, vcpu, intid, value } = events[event];
    const word = packWord(kind, vcpu, intid);
    if (kind === FLUSH) checker.beforeFlush(vcpu);
    invariants.before(word, value);
    try {
      engine.step(word, value);
      otherEngine.step(word, value);
    } catch (error) {
      if (error instanceof HostStop) return event + 1;
      throw error;
    }
    invariants.after(event);
    demandInvariants();
    if (kind === FLUSH) checker.afterFlush(vcpu, event);
    const { holds, declared } = checker.result();
    if (!holds) complain(`event ${event}: declares '${declared}' and is not`);
  }
  invariants.finish();
  demandInvariants();
  return events.length;
}
