/** The events that the verb `contract` puts to a strategy: recordings, generated guests, random sequences of every flavour. */
import { createGenerator } from '../base/rng.js';
import { flavourNamed, flavours } from '../gic/flavour/index.js';
import type { Machine } from '../gic/intid.js';
import { columnsOf, type EventColumns } from '../replay/contract.js';
import type { BlockSource } from '../replay/replay.js';
import { createEventBlock } from '../trace/events.js';
import { createColumnSink } from '../workload/column-sink.js';
import { generateColumns, workloads } from '../workload/index.js';
import { drawScenario } from '../workload/random/scenario.js';
import { resolveParams, type Workload, type WorkloadParams } from '../workload/workload.js';
import { findFlavourLack, openInput } from './inputs.js';
import { readManifest, shippedPath } from './shipped.js';
import { asFlavour } from './sweep.js';

export const CASE_SOURCES = ['recording', 'workload', 'random'] as const;

export interface ContractCase {
  readonly source: (typeof CASE_SOURCES)[number];
  /** "lpi-storm", "random sequence 17". */
  readonly name: string;
  readonly machine: Machine;
  readonly columns: EventColumns;
}

export interface CaseOptions {
  /** Random events in all; recordings and workloads are cut to parts of it. */
  readonly events: number;
  readonly seed: number;
  readonly flavours: readonly string[];
}

/** The flavours that have an ap_list. */
export const AP_LIST_FLAVOURS: readonly string[] = flavours
  .filter(({ structure }) => structure === 'ap-list')
  .map(({ id }) => id);

/** GICv2 SGIs, LPIs, affinity, everything at random, a Linux guest. */
const RECORDINGS: readonly string[] = ['bare-gicv2-fuzz', 'bare-lpi', 'bare-affinity', 'bare-fuzz', 'linux-boot'];
/** Events of a recording, and of a workload, for one random event asked for. */
const RECORDED_SHARE = 0.04;
const GENERATED_SHARE = 0.02;
/** Sizes of hostile guests: above every number of list registers, below what makes a check long. */
const SIZES: WorkloadParams = { depth: 200, spis: 96, lpis: 200 };
const SEQUENCE_LENGTHS: readonly number[] = [100, 300, 1000];

/** All of them, one after another: recordings, workloads, random sequences. */
export async function* contractCases(options: CaseOptions): AsyncGenerator<ContractCase, void, undefined> {
  yield* recordings(options);
  yield* generated(options);
  yield* random(options);
}

/** At most `limit` events from the start of a trace. */
export function readColumns(source: BlockSource, limit = Number.POSITIVE_INFINITY): EventColumns {
  const { word, block } = createColumnSink();
  const part = createEventBlock();
  while (block.count < limit && source.next(part))
    for (let event = 0; event < part.count && block.count < limit; event++)
      word(part.word[event], part.value[event], 0);
  return block;
}

async function* recordings({ events, flavours: asked }: CaseOptions): AsyncGenerator<ContractCase> {
  for (const entry of readManifest().filter(({ name }) => RECORDINGS.includes(name))) {
    const input = await openInput(shippedPath(entry));
    try {
      const columns = readColumns(input.open(), Math.ceil(events * RECORDED_SHARE));
      const { machine } = input.open().header;
      for (const flavour of asked) {
        if (findFlavourLack(machine, flavour) !== undefined) continue;
        yield { source: 'recording', name: input.identity.path, machine: { ...machine, flavour }, columns };
      }
    } finally {
      input.close();
    }
  }
}

function* generated({ events, seed, flavours: asked }: CaseOptions): Generator<ContractCase> {
  for (const workload of workloads) {
    const params = resolveParams(workload, smallParams(workload, Math.ceil(events * GENERATED_SHARE), seed));
    const machine = workload.machine(params);
    const block = generateColumns(workload, params);
    for (const flavour of asked) {
      // A hypervisor without GICv3 guests gets the same events as a GICv2 guest, unless they need an ITS.
      if (machine.nrLpis > 0 && !flavourNamed(flavour).hasLpis) continue;
      const point = { depth: 0, machine, block, setUp: 0 };
      const { machine: own, block: columns } = flavour === machine.flavour ? point : asFlavour(point, flavour);
      yield { source: 'workload', name: workload.id, machine: own, columns };
    }
  }
}

/** The hostile sizes that a workload has a parameter for. */
function smallParams({ params }: Workload, events: number, seed: number): WorkloadParams {
  const sizes = params.filter(({ name }) => Object.hasOwn(SIZES, name));
  return Object.fromEntries([
    ...sizes.map(({ name, min, max }) => [name, Math.min(Math.max(SIZES[name], min), max)] as const),
    ['events', events],
    ['seed', seed],
  ]);
}

function* random({ events, seed, flavours: asked }: CaseOptions): Generator<ContractCase> {
  const rng = createGenerator(seed);
  for (let made = 0, nr = 0; made < events || nr < asked.length; nr++) {
    const flavour = flavourNamed(asked[nr % asked.length]).id;
    const length = SEQUENCE_LENGTHS[rng.nextBelow(SEQUENCE_LENGTHS.length)];
    const scenario = drawScenario(rng, flavour, length);
    made += scenario.events.length;
    const columns = columnsOf(scenario.events);
    yield { source: 'random', name: `random sequence ${nr} of seed ${seed}`, machine: scenario.machine, columns };
  }
}
