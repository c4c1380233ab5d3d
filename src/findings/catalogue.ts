/**
 * Every hostile guest under every strategy: its longest stretches, and who pays for them. Guests are the catalogue's
 * (vgic-spec 8.2) and those that a search found.
 */
import { countsOfVgic } from '../cost/counts.js';
import { boundLongestCalls, type LongestCalls } from '../cost/longest-call.js';
import { flavourNamed } from '../gic/flavour/index.js';
import type { Machine } from '../gic/intid.js';
import { expandProgram } from '../hostile/expand.js';
import { type HostileWorkload, hostileWorkloads, isProgram } from '../hostile/index.js';
import { type GuestProgram, interruptsOn, type ProgramSize, programMachine } from '../hostile/program.js';
import { createModel, findStrategyLack } from '../replay/create-model.js';
import { createEngine } from '../replay/engine.js';
import { sectionFigures, sectionNamed } from '../replay/sections.js';
import type { ChosenStrategy } from '../strategy/index.js';
import type { EventBlock } from '../trace/events.js';
import { HostStop } from '../vgic/host-stop.js';
import { createColumnSink } from '../workload/column-sink.js';
import { commandFor } from '../workload/spec.js';
import { resolveParams, type WorkloadParams } from '../workload/workload.js';
import { shortHash } from './chapter.js';
import { costOf } from './recording.js';

/** The longest stretch of one section that one payer pays for, under each strategy. */
export interface Stretch {
  readonly section: string;
  readonly payer: string;
  /** By index into the strategies; null: it did not run. */
  readonly steps: readonly (number | null)[];
  readonly locks: readonly (number | null)[];
}

/** A guest that a search found: program, size and what it was found for. */
export interface FoundGuest {
  readonly name: string;
  readonly program: GuestProgram;
  readonly size: ProgramSize;
  /** That it was found on. */
  readonly flavour: string;
  /** Register writes that one exit does. */
  readonly writesPerExit: number;
  /** The command that replays it, and the sha256 of that trace. */
  readonly command: string;
  readonly sha256: string;
}

/** What is run: a program or trace for each flavour that it is true of. */
interface Guest {
  readonly id: string;
  /** Of vgic-spec 8.2; null: found. */
  readonly row: number | null;
  readonly command: string;
  readonly size: string;
  readonly flavours: readonly string[];
  expand(flavour: string): readonly [Machine, EventBlock];
}

export interface HostileRun {
  readonly guest: string;
  readonly row: number | null;
  readonly flavour: string;
  /** The command that makes the trace. */
  readonly command: string;
  /** Parameters in words. */
  readonly size: string;
  readonly events: number;
  /** LPIs beside the SPIs: its lists can be longer than any without. */
  readonly hasLpis: boolean;
  /** Guest entries, and steps of all paths, under each strategy; null: it did not run. */
  readonly entries: readonly (number | null)[];
  readonly steps: readonly (number | null)[];
  /** Under each strategy: why the host stopped, or null. */
  readonly stops: readonly (string | null)[];
  /** Under each strategy: instructions of the longest call of each path, at most; null: the cost model has no such code. */
  readonly instructions: readonly (LongestCalls | null)[];
  readonly stretches: readonly Stretch[];
}

export interface Catalogue {
  readonly strategies: readonly string[];
  readonly runs: readonly HostileRun[];
}

/** Sizes at which a guest with LPIs is affordable under every strategy. */
export const LPIS = 2048;
const FLAVOURS = ['kvm-6.1', 'kvm-7.2', 'xen-new', 'xen-old'];

/** Register writes that one exit does: each traps by itself. */
const WRITES_PER_EXIT = 1;

function expand(
  program: GuestProgram,
  size: ProgramSize,
  writesPerExit: number,
  flavour: string,
): readonly [Machine, EventBlock] {
  const sink = createColumnSink();
  const machine = programMachine(program, size, flavour, flavourNamed(flavour).isXen);
  expandProgram(program, machine, { ...interruptsOn(program, size, machine), writesPerExit }, sink);
  return [machine, sink.block];
}

function ofWorkload(workload: HostileWorkload): Guest {
  const params = paramsOf(workload);
  return {
    id: workload.id,
    row: workload.row,
    command: commandFor(workload, params),
    size: Object.entries(params)
      .map(([name, value]) => `${name}=${value}`)
      .join(','),
    flavours: workload.flavours,
    expand(flavour) {
      if (isProgram(workload)) return expand(workload.program(params), workload.size(params), WRITES_PER_EXIT, flavour);
      const sink = createColumnSink();
      workload.generate(params, sink);
      return [{ ...workload.machine(params), flavour }, sink.block];
    },
  };
}

const ofFound = ({ name, program, size, flavour: own, writesPerExit, command, sha256 }: FoundGuest): Guest => ({
  id: name,
  row: null,
  command,
  size: `n=${size.n},lrs=${size.nrLr}; sha256 ${shortHash(sha256)}`,
  flavours: [own],
  expand: (flavour) => expand(program, size, writesPerExit, flavour),
});

/** Defaults, with as many LPIs as are affordable. */
function paramsOf(workload: HostileWorkload): WorkloadParams {
  const n = workload.params.find(({ name }) => name === 'n');
  return resolveParams(workload, n !== undefined && n.default > LPIS ? { n: LPIS } : {});
}

/** The flavour whose compiled code the cost model was fitted to. */
export const FITTED_FLAVOUR = 'kvm-6.1';

const rounded = ({ inject, flush, fold, prune, pending }: LongestCalls): LongestCalls => ({
  inject: Math.round(inject),
  flush: Math.round(flush),
  fold: Math.round(fold),
  prune: Math.round(prune),
  pending: Math.round(pending),
});

interface Run {
  readonly stop: string | null;
  readonly entries: number | null;
  readonly steps: number | null;
  readonly instructions: LongestCalls | null;
  /** `section payer` → longest. */
  readonly sections: ReadonlyMap<string, readonly [steps: number, locks: number]>;
}

const NOT_RUN: Run = { stop: null, entries: null, steps: null, instructions: null, sections: new Map() };

function runOne(machine: Machine, { word, value, count }: EventBlock, chosen: ChosenStrategy): Run {
  const { structure } = flavourNamed(machine.flavour);
  // Xen's own vGIC is a hypervisor of its own, not a strategy of KVM's.
  if (structure !== chosen.strategy.structure || findStrategyLack(machine, chosen.strategy) !== undefined)
    return NOT_RUN;
  const vgic = createModel(machine, chosen);
  let stop: string | null = null;
  try {
    createEngine(vgic).run(word, value, count);
  } catch (error) {
    if (!(error instanceof HostStop)) throw error;
    stop = error.message;
  }
  const its = machine.nrLpis > 0 ? vgic.its() : undefined;
  const figures = sectionFigures(vgic, its).map(
    ({ id, payer, steps, locks }) => [`${id} ${payer}`, [steps.max, locks.max]] as const,
  );
  const { entries, steps } = costOf(chosen.label, vgic, count);
  // Fitted to the code of one version; its LPIs and those of others are not.
  const isFitted = machine.flavour === FITTED_FLAVOUR && machine.nrLpis === 0;
  const instructions = isFitted ? rounded(boundLongestCalls(countsOfVgic(vgic, count), 'lock')) : null;
  return { stop, entries, steps, instructions, sections: new Map(figures) };
}

function gatherRun(guest: Guest, flavour: string, chosen: readonly ChosenStrategy[]): HostileRun {
  const [machine, block] = guest.expand(flavour);
  const runs = chosen.map((each) => runOne(machine, block, each));
  const keys = [...new Set(runs.flatMap(({ sections }) => [...sections.keys()]))];
  return {
    guest: guest.id,
    row: guest.row,
    flavour,
    command: guest.command,
    size: guest.size,
    events: block.count,
    hasLpis: machine.nrLpis > 0,
    entries: runs.map(({ entries }) => entries),
    steps: runs.map(({ steps }) => steps),
    stops: runs.map(({ stop }) => stop),
    instructions: runs.map(({ instructions }) => instructions),
    stretches: keys.map((key): Stretch => {
      const [section, payer] = key.split(' ');
      return {
        section,
        payer,
        steps: runs.map(({ sections }) => sections.get(key)?.[0] ?? null),
        locks: runs.map(({ sections }) => sections.get(key)?.[1] ?? null),
      };
    }),
  };
}

/** `keep`: which guests, by id; all if not given. */
export function gatherCatalogue(
  chosen: readonly ChosenStrategy[],
  found: readonly FoundGuest[],
  keep: (id: string) => boolean = () => true,
): Catalogue {
  const guests = [...hostileWorkloads.map(ofWorkload), ...found.map(ofFound)].filter(({ id }) => keep(id));
  return {
    strategies: chosen.map(({ label }) => label),
    runs: guests.flatMap((guest) =>
      FLAVOURS.filter((flavour) => guest.flavours.includes(flavour)).map((flavour) =>
        gatherRun(guest, flavour, chosen),
      ),
    ),
  };
}

const isOff = (section: string): boolean => {
  const { interrupts, isPartOf } = sectionNamed(section as Parameters<typeof sectionNamed>[0]);
  return interrupts === 'off' && isPartOf === null;
};

/** Instructions of the stretch, at most; null: unknown. */
function instructionsOf(section: string, calls: LongestCalls | null): number | null {
  if (calls === null) return null;
  const ofSection: Readonly<Record<string, number>> = {
    append: calls.inject,
    flush: calls.flush,
    exit: calls.fold + calls.prune,
    'pending-test': calls.pending,
  };
  // Nothing is predicted for exits of a guest whose every entry found an empty list.
  return ofSection[section] || null;
}

export interface WorstStretch {
  readonly run: HostileRun;
  readonly section: string;
  readonly payer: string;
  readonly steps: number;
  readonly locks: number;
  readonly instructions: number | null;
}

/** The longest stretch that `keep` takes, of one strategy under one flavour. */
export function longestStretch(
  { strategies, runs }: Catalogue,
  flavour: string,
  strategy: string,
  keep: (stretch: Stretch, run: HostileRun) => boolean = ({ section }) => isOff(section),
): WorstStretch | undefined {
  const at = strategies.indexOf(strategy);
  let worst: WorstStretch | undefined;
  for (const run of runs) {
    if (run.flavour !== flavour) continue;
    for (const stretch of run.stretches) {
      const steps = stretch.steps[at];
      if (steps === null || !keep(stretch, run) || steps <= (worst?.steps ?? -1)) continue;
      worst = {
        run,
        section: stretch.section,
        payer: stretch.payer,
        steps,
        locks: stretch.locks[at] ?? 0,
        instructions: instructionsOf(stretch.section, run.instructions[at]),
      };
    }
  }
  return worst;
}
