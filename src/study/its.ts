/** Thread 004, "vgic-its: ITT save and restore": a guest that writes over its tables before it is migrated. */
import { formatInteger, formatShare } from '../base/number-format.js';
import { createGenerator } from '../base/rng.js';
import { NR_LPIS } from '../gic/intid.js';
import {
  COSTED,
  type Costed,
  type CostsAt,
  EVENTS_A_DEVICE,
  LPI_COUNTS,
  measureCosts,
  measureEmptyRestore,
  measureWidestRestore,
} from './its-costs.js';
import { buildConfig, describeImage, drawConfig, MUTATIONS, Mutator, writePendingBits } from './its-images.js';
import { createItsMachine } from './its-machine.js';
import type { Study, StudyChart, StudyKind, StudyTable } from './study.js';

const LIST = 'kvm-6.1';
const XARRAY = 'kvm-7.2';
const NR_VCPUS = 4;
const IMAGES = 50;
const MUTANTS_AN_IMAGE = 40;
const RESULTS: readonly (readonly [result: number, name: string])[] = [
  [0, 'restored'],
  [-22, '-EINVAL'],
  [-17, '-EEXIST'],
  [-14, '-EFAULT'],
];

export interface MutantCounts {
  /** Mutation → result → images. */
  readonly outcomes: ReadonlyMap<string, ReadonlyMap<number, number>>;
  readonly images: number;
  readonly failed: number;
  /** Objects that a failed restore left behind. */
  readonly leftovers: number;
  /** Most table slots that one restore read. */
  readonly mostSlots: number;
}

/** Images of random configurations, each changed in one way and restored. Both flavours restore alike: one is asked. */
export function countMutants(seed: number, nrImages: number): MutantCounts {
  const machine = createItsMachine(XARRAY, NR_VCPUS);
  const { its } = machine;
  const rng = createGenerator(seed);
  const mutator = new Mutator(its.memory, rng);
  const outcomes = new Map<string, Map<number, number>>(MUTATIONS.map((mutation) => [mutation, new Map()]));
  let [images, failed, leftovers, mostSlots] = [0, 0, 0, 0];
  for (let made = 0; made < nrImages; made++) {
    const config = drawConfig(rng, NR_VCPUS);
    buildConfig(machine, config);
    its.save();
    its.savePending();
    machine.drop();
    const image = describeImage(config);
    for (let at = 0, kind = 0; at < MUTANTS_AN_IMAGE; kind = (kind + 1) % MUTATIONS.length) {
      writePendingBits(its.memory, config);
      if (!mutator.mutate(image, MUTATIONS[kind])) continue;
      at += 1;
      const result = its.restore();
      mutator.undo();
      const counts = outcomes.get(MUTATIONS[kind])!;
      counts.set(result, (counts.get(result) ?? 0) + 1);
      images += 1;
      mostSlots = Math.max(mostSlots, its.costs.last('table slots'));
      if (result !== 0) {
        failed += 1;
        leftovers += its.objects.devices.length + its.objects.collections.length;
      }
      machine.drop();
    }
  }
  return { outcomes, images, failed, leftovers, mostSlots };
}

function outcomeTable({ outcomes, images }: MutantCounts): StudyTable {
  return {
    caption: `What restore says of ${formatInteger(images)} images of random configurations, each changed in one way`,
    columns: ['changed', ...RESULTS.map(([, name]) => name)],
    rowHeads: 1,
    rows: MUTATIONS.map((mutation) => [
      mutation,
      ...RESULTS.map(([result]) => outcomes.get(mutation)?.get(result) ?? 0),
    ]),
  };
}

/** Flavour → mapped LPIs → operation → cost. */
type Costs = ReadonlyMap<string, readonly CostsAt[]>;

const stepsOf = (costs: Costs, flavour: string, operation: Costed): number[] =>
  costs.get(flavour)!.map((at) => at[operation].steps);

function stepTable(costs: Costs): StudyTable {
  const rows = COSTED.flatMap((operation) =>
    [LIST, XARRAY].map((flavour) => [operation, flavour, ...stepsOf(costs, flavour, operation)]),
  );
  return {
    caption: `Counted steps of one call by mapped LPIs, ${EVENTS_A_DEVICE} events a device, at the far end of each list`,
    columns: ['operation', 'flavour', ...LPI_COUNTS.map((count) => formatInteger(count))],
    rowHeads: 2,
    rows,
  };
}

function splitTable(costs: Costs): StudyTable {
  const largest = LPI_COUNTS.length - 1;
  const metrics = Object.keys(costs.get(LIST)![0].INVALL.by) as (keyof CostsAt['INVALL']['by'])[];
  const rows = COSTED.flatMap((operation) =>
    [LIST, XARRAY].map((flavour) => {
      const { by } = costs.get(flavour)![largest][operation];
      return [operation, flavour, ...metrics.map((metric) => by[metric])];
    }),
  );
  return {
    caption: `What the steps are, with ${formatInteger(LPI_COUNTS[largest])} LPIs mapped`,
    columns: ['operation', 'flavour', ...metrics],
    rowHeads: 2,
    rows,
  };
}

function chartOf(costs: Costs): StudyChart {
  const curves: readonly (readonly [Costed, string])[] = [
    ['INVALL', LIST],
    ['INVALL', XARRAY],
    ['MAPTI', LIST],
    ['MAPTI', XARRAY],
    ['MSI, not cached', XARRAY],
    ['MSI, cached', LIST],
    ['MSI, cached', XARRAY],
    ['restore', XARRAY],
  ];
  const ratioAtEnd = (operation: Costed): number => {
    const [list, xarray] = [LIST, XARRAY].map((flavour) => stepsOf(costs, flavour, operation).at(-1)!);
    return Math.round(list / xarray);
  };
  return {
    id: 'its-steps',
    title: 'Steps of one ITS operation by mapped LPIs',
    finding: `With ${formatInteger(NR_LPIS)} LPIs one INVALL of ${LIST} takes ${formatInteger(ratioAtEnd('INVALL'))} times the steps of ${XARRAY}, one MAPTI ${formatInteger(ratioAtEnd('MAPTI'))} times: each LPI is looked up in a list.`,
    xAxis: 'mapped LPIs',
    yAxis: 'counted steps',
    xs: LPI_COUNTS,
    series: curves.map(([operation, flavour]) => ({
      name: `${operation}, ${flavour}`,
      values: stepsOf(costs, flavour, operation),
    })),
  };
}

function run({ seed }: { readonly seed: number }): Study {
  const mutants = countMutants(seed, IMAGES);
  const costs = new Map([LIST, XARRAY].map((flavour) => [flavour, LPI_COUNTS.map((n) => measureCosts(flavour, n))]));
  const emptySlots = measureEmptyRestore(XARRAY);
  const widestSlots = measureWidestRestore(XARRAY);
  const invall = (flavour: string): string => formatInteger(stepsOf(costs, flavour, 'INVALL').at(-1)!);
  return {
    id: 'its',
    title: 'ITS tables through migration',
    topic: 'ITS tables through migration: what if the guest writes over them?',
    thread: 'KVM: arm64: vgic-its: ITT save and restore (v5 patch 19, 2017)',
    question:
      'The tables lie in guest memory: what does a guest get that writes over them before it is migrated, and what does the host spend?',
    answer: [
      `Of ${formatInteger(mutants.images)} changed images ${formatShare(mutants.failed, mutants.images)} are refused with an error that user space sees, and ${mutants.leftovers === 0 ? 'none leaves an object behind' : `${mutants.leftovers} objects are left behind`}; the others restore to what the bytes now say, so that the guest harms its own migration only.`,
      `One restore reads at most every slot that the tables name, ${formatInteger(widestSlots)} for one page of device entries; while the guest runs, one INVALL with ${formatInteger(NR_LPIS)} LPIs mapped costs the host ${invall(LIST)} steps in ${LIST} and ${invall(XARRAY)} in ${XARRAY}.`,
    ],
    chart: chartOf(costs),
    tables: [
      outcomeTable(mutants),
      stepTable(costs),
      splitTable(costs),
      {
        caption: 'Table slots that one restore reads, 64 KiB of device table and 64 KiB of collection table',
        columns: ['tables', 'slots'],
        rowHeads: 1,
        rows: [
          ['empty', emptySlots],
          ['most of the changed images above', mutants.mostSlots],
          ['every device entry names one empty ITT of 65,536 slots', widestSlots],
        ],
      },
    ],
    limits: [
      `LPIs have numbers from 8192 to 65535: ${formatInteger(NR_LPIS)} is the most that a guest can map.`,
      'A step is a list node, a slot, a byte or doubleword of guest memory, or a lock; they do not take the same time.',
      `${LIST} notes the numbers of all LPIs for INVALL and MOVALL and looks each up again: the lookups are in the column "LPI nodes", the walk in "LPIs walked".`,
      'The LPIs are disabled, so that none is queued: a queued one takes two locks more. “Not cached” is the first MSI after an invalidation.',
      'LPI lookups of the fold, one for each LPI in a list register, are not counted here.',
    ],
  };
}

export const itsStudy: StudyKind = { id: 'its', title: 'ITS tables through migration', run };
