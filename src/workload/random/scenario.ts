/**
 * Random machines with random events from a seed: whatever a guest, its devices and user space may do in any order, in
 * every flavour (which kinds, and how often: steps.ts). Well-formed as recordings are (sequencer.ts).
 */
import type { Generator } from '../../base/rng.js';
import { flavourNamed } from '../../gic/flavour/index.js';
import { type Machine, NR_LPIS } from '../../gic/intid.js';
import { type ScenarioEvent, Sequencer } from './sequencer.js';
import { addGuestSetUp, addSetUp, type SetUp } from './set-up.js';
import {
  type Company,
  createStage,
  NR_LPIS_USED,
  NR_SPIS_USED,
  RECORDED_WEIGHTS,
  realizeStep,
  type Step,
  WEIGHTS,
} from './steps.js';

export interface Scenario {
  readonly machine: Machine;
  readonly events: readonly ScenarioEvent[];
}

const MAX_VCPUS = 8;
const PRIORITIES: readonly number[] = [0, 0x10, 0x40, 0x80, 0x80, 0x80, 0xa0, 0xf0, 0xf8, 0x47];
const COMPANIES: readonly Company[] = ['many', 'few', 'lpis'];
const ALL_WEIGHTS = [...WEIGHTS, ...RECORDED_WEIGHTS];
const SUM_OF_WEIGHTS = ALL_WEIGHTS.reduce((sum, [, weight]) => sum + weight, 0);

const from = <T>(rng: Generator, choices: readonly T[]): T => choices[rng.nextBelow(choices.length)];
/** True once in `n`. */
const oneIn = (rng: Generator, n: number): boolean => rng.nextBelow(n) === 0;

function drawMachine(rng: Generator, flavour: string): Machine {
  const { guestModels, hasLpis } = flavourNamed(flavour);
  // GICv3 as often as both others: only it has LPIs.
  const models = guestModels.includes('gicv3') ? [...guestModels, 'gicv3' as const] : guestModels;
  const model = from(rng, models);
  const hasIts = !oneIn(rng, 4) && hasLpis && model === 'gicv3';
  return {
    flavour,
    model,
    nrVcpus: oneIn(rng, 5) ? 5 + rng.nextBelow(MAX_VCPUS - 4) : 1 + rng.nextBelow(4),
    nrSpis: 32 * (1 + rng.nextBelow(4)),
    nrLpis: hasIts ? NR_LPIS : 0,
    nrLr: oneIn(rng, 5) ? 9 + rng.nextBelow(8) : 1 + rng.nextBelow(8),
    distEnabledAtStart: !oneIn(rng, 8),
    pmrAtStart: 0xf8,
  };
}

const drawSetUp = (rng: Generator): SetUp => ({
  enabled: !oneIn(rng, 6),
  priority: from(rng, PRIORITIES),
  isLevel: oneIn(rng, 2),
  target: rng.nextBelow(MAX_VCPUS + 1),
  isMapped: oneIn(rng, 4),
});

function drawKind(rng: Generator): number {
  let left = rng.nextBelow(SUM_OF_WEIGHTS);
  for (const [kind, weight] of ALL_WEIGHTS) {
    if (left < weight) return kind;
    left -= weight;
  }
  return ALL_WEIGHTS[0][0];
}

const drawStep = (rng: Generator): Step => ({
  kind: drawKind(rng),
  vcpu: rng.nextBelow(MAX_VCPUS),
  pick: rng.nextBelow(0x10000),
  value: rng.nextUint32() | 0,
});

/** About `length` events of one machine of that flavour. */
export function drawScenario(rng: Generator, flavour: string, length: number): Scenario {
  const machine = drawMachine(rng, flavour);
  const mode = oneIn(rng, 2) ? 'told' : 'rules';
  const stage = createStage(machine, from(rng, COMPANIES), mode, true, false);
  const sequencer = new Sequencer(machine.nrVcpus);
  const setUps = Array.from({ length: NR_SPIS_USED + NR_LPIS_USED + 4 }, () => drawSetUp(rng));
  addSetUp(sequencer, stage, setUps);
  addGuestSetUp(sequencer, stage, { mode, isSplitEoi: oneIn(rng, 3) });
  while (sequencer.events.length < length) {
    const event = realizeStep(drawStep(rng), stage);
    if (event) sequencer.add(event);
  }
  return { machine, events: sequencer.events };
}
