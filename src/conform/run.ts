/** Puts one scenario to a model of one flavour and says in what the two differ. */
import { type Flavour, flavourNamed } from '../gic/flavour/index.js';
import { LPI_BASE, type Machine, NR_LPIS } from '../gic/intid.js';
import { compareFields, type FieldDifference } from './compare.js';
import { createPerformer } from './perform.js';
import type { Scenario, ScenarioMachine, Step } from './scenario.js';
import { STEPS } from './steps.js';
import type { ConformTarget } from './target.js';

export type CreateTarget = (machine: Machine, flavour: Flavour) => ConformTarget;

export interface Difference extends FieldDifference {
  readonly scenario: string;
  readonly flavour: string;
  /** Counted from 1. */
  readonly step: number;
  readonly op: string;
}

export interface ScenarioResult {
  readonly scenario: string;
  readonly flavour: string;
  /** Why it could not be put to this flavour; such a scenario has not passed. */
  readonly notRun: string | undefined;
  readonly differences: readonly Difference[];
}

const PMR_AT_START = 0xf8;

/** What a machine of `flavour` lacks that the steps need, or undefined. */
function findLack(model: ScenarioMachine['model'], steps: readonly Step[], flavour: Flavour): string | undefined {
  if (!flavour.guestModels.includes(model)) return `${flavour.id} has no ${model} machine`;
  if (!flavour.hasLpis && steps.some(({ op }) => STEPS[op].needsLpis)) return `${flavour.id} has no LPIs`;
  return undefined;
}

const namesLpi = ({ op, args }: Step): boolean => STEPS[op].needsLpis || Number(args.intid) >= LPI_BASE;

export function runScenario(scenario: Scenario, flavourId: string, createTarget: CreateTarget): ScenarioResult {
  const { id, machine, needsIts, steps } = scenario;
  const flavour = flavourNamed(flavourId);
  const about = { scenario: id, flavour: flavourId };
  const lack = findLack(machine.model, steps, flavour);
  if (lack !== undefined) return { ...about, notRun: lack, differences: [] };

  const hasLpis = flavour.hasLpis && machine.model === 'gicv3' && (needsIts || steps.some(namesLpi));
  const start = { nrLpis: hasLpis ? NR_LPIS : 0, distEnabledAtStart: false, pmrAtStart: PMR_AT_START };
  const target = createTarget({ ...machine, ...start, flavour: flavour.id }, flavour);
  const its = needsIts ? target.its() : undefined;
  if (needsIts && its === undefined) return { ...about, notRun: 'needs an ITS', differences: [] };
  const perform = createPerformer(target, flavour, its);
  const differences: Difference[] = [];
  for (const [at, step] of steps.entries()) {
    const named = { ...about, step: step.index, op: step.op };
    const observed = perform(step);
    const expected = step.expectedOn(flavourId);
    for (const found of compareFields(observed, expected, flavour)) differences.push({ ...named, ...found });
    const fatal = target.fatal();
    if (fatal === undefined || step.op === 'expectFatal') continue;
    const next = steps[at + 1];
    if (next?.op === 'expectFatal' && next.expectedOn(flavourId) !== undefined) continue;
    differences.push({ ...named, field: 'fatal', expected: null, got: fatal });
    break;
  }
  return { ...about, notRun: undefined, differences };
}
