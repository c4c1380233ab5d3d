/** The model of a machine: its flavour's virtual GIC with one strategy, or Xen's default vGIC, which is both in one. */
import { assert, UsageError } from '../base/errors.js';
import { flavourNamed } from '../gic/flavour/index.js';
import { MAX_NR_LR, type Machine } from '../gic/intid.js';
import { type ChosenStrategy, reference, strategyNamed, usualStrategies } from '../strategy/index.js';
import type { ApListStrategy } from '../strategy/strategy.js';
import { xenOld } from '../strategy/xen-old.js';
import { createVgic, type Vgic } from '../vgic/vgic.js';
import { createXenOldVgic } from '../vgic/xen-old/index.js';

/** Why a strategy cannot run on a machine, in words, or undefined. */
export function findStrategyLack(machine: Machine, { id, structure }: ApListStrategy): string | undefined {
  const flavour = flavourNamed(machine.flavour);
  if (structure === 'ap-list')
    return flavour.structure === 'ap-list'
      ? undefined
      : `${flavour.id} has no ap_list; its one strategy is ${xenOld.id}`;
  const lacksModel = !flavourNamed(id).guestModels.includes(machine.model);
  return lacksModel ? `${id} has no ${machine.model} machine` : undefined;
}

/** The strategies of `chosen` that a machine can run; those that are not on request only if none are chosen. Throws UsageError for a named one that cannot. */
export function strategiesFor(machine: Machine, chosen: readonly ChosenStrategy[] | undefined): ChosenStrategy[] {
  if (chosen === undefined)
    return usualStrategies
      .filter((strategy) => findStrategyLack(machine, strategy) === undefined)
      .map(({ id }) => strategyNamed(id));
  return chosen.filter(({ label, strategy, isByAll }) => {
    const lack = findStrategyLack(machine, strategy);
    if (lack !== undefined && isByAll !== true)
      throw new UsageError(`strategy '${label}' cannot be replayed here: ${lack}`);
    return lack === undefined;
  });
}

/** The strategy that is the flavour's own algorithm. */
export const referenceFor = (machine: Machine): ChosenStrategy =>
  strategyNamed(flavourNamed(machine.flavour).structure === 'two-lists' ? xenOld.id : reference.id);

export function createModel(machine: Machine, { strategy, create }: ChosenStrategy): Vgic {
  assert(findStrategyLack(machine, strategy) === undefined, `${strategy.id} runs on this machine`);
  if (strategy.structure === 'two-lists') return createXenOldVgic(machine);
  return createVgic(strategy.lrs === 'unlimited' ? { ...machine, nrLr: MAX_NR_LR } : machine, create);
}
