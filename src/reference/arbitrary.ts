/**
 * Random machines with their event streams, for differential tests. Well-formed as the golden files are
 * (traces/golden/README.md): a vCPU is flushed only out of the guest, synced and acknowledged only in it; it writes
 * registers only out of it; user space accesses, and events change active states, only while every vCPU is out.
 */
import fc from 'fast-check';
import { flavourNamed, flavours } from '../gic/flavour/index.js';
import { type Machine, NR_LPIS } from '../gic/intid.js';
import { Sequencer } from '../workload/random/sequencer.js';
import { addGuestSetUp, addSetUp, type GuestSetUp, type SetUp } from '../workload/random/set-up.js';
import {
  type Company,
  createStage,
  type GuestMode,
  NR_LPIS_USED,
  NR_SPIS_USED,
  RECORDED_WEIGHTS,
  realizeStep,
  type Step,
  WEIGHTS,
} from '../workload/random/steps.js';

export type { ScenarioEvent } from '../workload/random/sequencer.js';

import type { Scenario } from '../workload/random/scenario.js';

export type { Scenario } from '../workload/random/scenario.js';

export interface ScenarioOptions {
  /** Ids of the flavours to choose from. Default: those with one ap_list a vCPU. */
  readonly flavours?: readonly string[];
  /** Steps after the set-up; one step is one event, plus the exits and entries that make it well-formed. */
  readonly maxSteps?: number;
  /** Also FOLD and PRUNE as events of their own, GUEST_LR_STATE, GUEST_DRAIN and exact acknowledges. Default true. */
  readonly recordedKinds?: boolean;
  /** Also, rarely, what stops the host: in xen-new a GICv2 SGI pending without a sender. Default false. */
  readonly hostStops?: boolean;
}

export const AP_LIST_FLAVOURS: readonly string[] = flavours
  .filter(({ structure }) => structure === 'ap-list')
  .map(({ id }) => id);

const MAX_VCPUS = 8;
const nrVcpusOf = fc.oneof(
  { weight: 4, arbitrary: fc.integer({ min: 1, max: 4 }) },
  { weight: 1, arbitrary: fc.integer({ min: 5, max: MAX_VCPUS }) },
);
const nrLrsOf = fc.oneof(
  { weight: 4, arbitrary: fc.integer({ min: 1, max: 8 }) },
  { weight: 1, arbitrary: fc.integer({ min: 9, max: 16 }) },
);

function machinesOf(flavour: string): fc.Arbitrary<Machine> {
  const { guestModels, hasLpis } = flavourNamed(flavour);
  // GICv3 as often as both others: only it has LPIs.
  const models = guestModels.includes('gicv3') ? [...guestModels, 'gicv3' as const] : guestModels;
  return fc
    .record({
      model: fc.constantFrom(...models),
      nrVcpus: nrVcpusOf,
      nrLr: nrLrsOf,
      nrSpis: fc.constantFrom(32, 64, 96, 128),
      hasIts: fc.nat(3).map((choice) => choice !== 0),
      distEnabledAtStart: fc.nat(7).map((choice) => choice !== 0),
    })
    .map(({ hasIts, ...rest }) => ({
      flavour,
      ...rest,
      nrLpis: hasIts && hasLpis && rest.model === 'gicv3' ? NR_LPIS : 0,
      pmrAtStart: 0xf8,
    }));
}

function stepsOf(recordedKinds: boolean, maxLength: number): fc.Arbitrary<Step[]> {
  const weights = recordedKinds ? [...WEIGHTS, ...RECORDED_WEIGHTS] : WEIGHTS;
  const step = fc.record({
    kind: fc.oneof(...weights.map(([kind, weight]) => ({ weight, arbitrary: fc.constant(kind) }))),
    vcpu: fc.nat(MAX_VCPUS - 1),
    pick: fc.nat(0xffff),
    value: fc.integer(),
  });
  return fc.array(step, { maxLength, size: 'max' });
}

const setUps: fc.Arbitrary<SetUp> = fc.record({
  enabled: fc.nat(5).map((choice) => choice !== 0),
  priority: fc.constantFrom(0, 0x10, 0x40, 0x80, 0x80, 0x80, 0xa0, 0xf0, 0xf8, 0x47),
  isLevel: fc.boolean(),
  target: fc.nat(MAX_VCPUS),
  isMapped: fc.nat(3).map((choice) => choice === 0),
});

const guests: fc.Arbitrary<GuestSetUp> = fc.record({
  mode: fc.constantFrom<GuestMode>('told', 'rules'),
  isSplitEoi: fc.nat(2).map((choice) => choice === 0),
});

/** Machines with their streams. Shrinks by dropping steps; what is left is still well-formed. */
export function scenarios(options: ScenarioOptions = {}): fc.Arbitrary<Scenario> {
  const { flavours: ids = AP_LIST_FLAVOURS, maxSteps = 250, recordedKinds = true, hostStops = false } = options;
  const machines = fc.constantFrom(...ids).chain(machinesOf);
  const companies = fc.constantFrom<Company>('many', 'few', 'lpis');
  const choices = fc.array(setUps, { minLength: NR_SPIS_USED + NR_LPIS_USED, maxLength: 30 });
  const steps = stepsOf(recordedKinds, maxSteps);
  return fc.tuple(machines, companies, guests, choices, steps).map(([machine, company, guest, setUp, drawn]) => {
    const stage = createStage(machine, company, guest.mode, recordedKinds, hostStops);
    const sequencer = new Sequencer(machine.nrVcpus);
    addSetUp(sequencer, stage, setUp);
    addGuestSetUp(sequencer, stage, guest);
    for (const step of drawn) {
      const event = realizeStep(step, stage);
      if (event) sequencer.add(event);
    }
    return { machine, events: sequencer.events };
  });
}
