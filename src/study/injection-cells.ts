/** Generated workloads through the strategies and flavours of the first thread, with what each cell counted. */
import { LPI_BASE, type Machine, NR_LPIS, SPI_BASE } from '../gic/intid.js';
import { createEngine } from '../replay/engine.js';
import { criticalSections, type SectionCost } from '../replay/sections.js';
import { sortOnFlush } from '../strategy/sort-on-flush.js';
import { sortOnInsert } from '../strategy/sort-on-insert.js';
import type { ApListStrategy } from '../strategy/strategy.js';
import {
  ACK,
  DIST_ENABLE,
  ENABLE,
  EOI,
  GUEST_DRAIN,
  INJECT,
  KIND_MASK,
  LPI_FLUSH,
  LPI_MAP,
  PMR,
  packWord,
  SYNC,
  TARGET,
  wordIntid,
  wordVcpu,
} from '../trace/events.js';
import { HostStop } from '../vgic/host-stop.js';
import { createVgic, type Vgic } from '../vgic/vgic.js';
import { generateColumns, workloadNamed } from '../workload/index.js';
import { resolveParams, synthesizeMachine } from '../workload/workload.js';

export const FLAVOURS = ['kvm-6.1', 'kvm-7.2', 'xen-new'] as const;
export type StudyFlavour = (typeof FLAVOURS)[number];
export const STRATEGIES: readonly ApListStrategy[] = [sortOnFlush, sortOnInsert];

/** Events of one machine, in columns. */
export interface Load {
  readonly name: string;
  /** What it is, for a caption. */
  readonly what: string;
  readonly machine: Machine;
  readonly word: Int32Array;
  readonly value: Int32Array;
  readonly count: number;
}

export interface Cell {
  readonly load: Load;
  readonly flavour: StudyFlavour;
  readonly strategy: string;
  readonly vgic: Vgic;
  readonly sections: readonly SectionCost[];
  /** Null, or why the host stopped. */
  readonly stopped: string | null;
}

/** Entries of a long list: what KVM and Xen can give one vCPU (vgic-spec 8.1). */
const LONG = 960;

function generated(id: string, what: string, given: Readonly<Record<string, number>>): Load {
  const workload = workloadNamed(id);
  const { word, value, count } = generateColumns(workload, given);
  return { name: id, what, machine: workload.machine(resolveParams(workload, given)), word, value, count };
}

/**
 * The guest takes what each flavour presents to it, at the end of each run, instead of what the generator's own model foresaw:
 * in a GICv2 guest an SGI of two senders comes twice.
 */
function closeLoop(load: Load): Load {
  const word = new Int32Array(2 * load.count);
  const value = new Int32Array(word.length);
  let count = 0;
  for (let event = 0; event < load.count; event++) {
    const kind = load.word[event] & KIND_MASK;
    if (kind === ACK || kind === EOI) continue;
    if (kind === SYNC) word[count++] = packWord(GUEST_DRAIN, wordVcpu(load.word[event]), 0);
    word[count] = load.word[event];
    value[count++] = load.value[event];
  }
  return { ...load, word, value, count };
}

const columnsOf = (events: readonly (readonly [word: number, value: number])[]) => ({
  word: Int32Array.from(events, ([word]) => word),
  value: Int32Array.from(events, ([, value]) => value),
  count: events.length,
});

const TOGGLE_VCPUS = 4;
const TOGGLE_LPIS = 1024;
const TOGGLES = 16;
const LPI_ROUNDS = 4;

/** SPIs parked below the PMR of four vCPUs, LPIs on the first; the distributor goes off and on, and the LPIs of vCPU 0. */
function generateToggle(): Load {
  const events: [word: number, value: number][] = [];
  const add = (kind: number, vcpu: number, intid: number, value: number): void => {
    events.push([packWord(kind, vcpu, intid), value]);
  };
  for (let vcpu = 0; vcpu < TOGGLE_VCPUS; vcpu++) add(PMR, vcpu, 0, 0);
  for (let spi = SPI_BASE; spi < SPI_BASE + LONG; spi++) {
    add(TARGET, 0, spi, spi % TOGGLE_VCPUS);
    add(ENABLE, 0, spi, 1);
    add(INJECT, 0, spi, 1);
  }
  for (let lpi = LPI_BASE; lpi < LPI_BASE + TOGGLE_LPIS; lpi++) add(LPI_MAP, 0, lpi, 0x1a000);
  for (let round = 0; round < LPI_ROUNDS; round++) {
    for (let lpi = LPI_BASE; lpi < LPI_BASE + TOGGLE_LPIS; lpi++) add(INJECT, 0, lpi, 1);
    for (let toggle = 0; toggle < TOGGLES / LPI_ROUNDS; toggle++) {
      add(DIST_ENABLE, 0, 0, 0);
      add(DIST_ENABLE, 0, 0, 1);
    }
    add(LPI_FLUSH, 0, 0, 0);
  }
  return {
    name: 'toggle',
    what: `${LONG} SPIs parked below the PMR of ${TOGGLE_VCPUS} vCPUs and ${TOGGLE_LPIS} LPIs, distributor and LPIs switched off and on`,
    machine: synthesizeMachine(TOGGLE_VCPUS, LONG, 4, NR_LPIS),
    ...columnsOf(events),
  };
}

/** What a round of `flood` and `deep` takes, beside 3 events an entry to fill the list. */
const ROUND = 3;
const LONG_ROUNDS = 60;
/** More than 10,000 entries, so that 99.99 % of them leave one out. */
const TYPICAL_EVENTS = 100_000;
const ORDINARY_EVENTS = 60_000;

/** Guests fitted to recordings of Linux guests (workload/README.md). */
export const ORDINARY: readonly string[] = ['net', 'disk', 'ipi'];
const STANDING_DEPTH = 256;

export function createLoads(seed: number): readonly Load[] {
  const longEvents = 3 * LONG + ROUND * LONG_ROUNDS;
  const ordinary = ORDINARY.map((id) => generated(id, workloadNamed(id).summary, { events: ORDINARY_EVENTS, seed }));
  return [
    ...ordinary.map(closeLoop),
    closeLoop(generated('typical', 'a busy guest of 4 vCPUs', { events: TYPICAL_EVENTS, seed })),
    generated('standing', `${STANDING_DEPTH} entries stand, one comes and goes`, standingParams(STANDING_DEPTH, seed)),
    generated('flood', `${LONG} entries below the PMR, nothing changes`, { events: longEvents, seed, depth: LONG }),
    generated('deep', `${LONG} entries, one priority rewritten before each entry`, {
      events: longEvents,
      seed,
      depth: LONG,
    }),
    generateToggle(),
  ];
}

const STANDING_ROUNDS = 40;

function standingParams(depth: number, seed: number): Readonly<Record<string, number>> {
  return { events: 3 * depth + 3 + 6 * STANDING_ROUNDS, seed, depth };
}

export const createStanding = (depth: number, seed: number): Load =>
  generated('standing', `${depth} entries`, standingParams(depth, seed));

function createCellVgic({ machine, name }: Load, flavour: StudyFlavour, strategy: ApListStrategy): Vgic {
  const isXen = flavour === 'xen-new';
  const vgic = createVgic(
    { ...machine, flavour, model: isXen ? 'gicv2' : 'gicv3', nrLpis: isXen ? 0 : machine.nrLpis },
    strategy.create({}),
  );
  // In Xen an SPI has no target before ITARGETSR is written; these generators leave it at vCPU 0, where KVM's begins.
  if (name !== 'typical' && name !== 'toggle' && !ORDINARY.includes(name))
    for (let spi = SPI_BASE; spi < SPI_BASE + machine.nrSpis; spi++) vgic.setTarget(spi, 0);
  vgic.state.cost.reset();
  return vgic;
}

/** On a machine without LPIs the events of LPIs are left out. */
function withoutLpis({ word, value, count }: Load): Pick<Load, 'word' | 'value' | 'count'> {
  const events: [word: number, value: number][] = [];
  for (let event = 0; event < count; event++) {
    const kind = word[event] & KIND_MASK;
    const isOfLpi = kind === LPI_MAP || kind === LPI_FLUSH || (kind === INJECT && wordIntid(word[event]) >= LPI_BASE);
    if (!isOfLpi) events.push([word[event], value[event]]);
  }
  return columnsOf(events);
}

export function runCell(load: Load, flavour: StudyFlavour, strategy: ApListStrategy): Cell {
  const vgic = createCellVgic(load, flavour, strategy);
  const { word, value, count } = flavour === 'xen-new' && load.machine.nrLpis > 0 ? withoutLpis(load) : load;
  const engine = createEngine(vgic);
  let stopped: string | null = null;
  try {
    engine.run(word, value, count);
  } catch (error) {
    if (!(error instanceof HostStop)) throw error;
    stopped = error.message;
  }
  return { load, flavour, strategy: strategy.id, vgic, sections: criticalSections(vgic), stopped };
}
