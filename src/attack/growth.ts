/**
 * The growth gate: the longest call of each path against the number of queued interrupts, under guest programs that
 * provoke it (growth-programs.ts), compared with what the strategy declares. All is counted, so no statistics are needed:
 * anchors 3.2.
 */
import { flavourNamed } from '../gic/flavour/index.js';
import { type Machine, NR_LPIS } from '../gic/intid.js';
import { expandProgram } from '../hostile/expand.js';
import { interruptsAt, type ProgramSize, programMachine } from '../hostile/program.js';
import { createModel } from '../replay/create-model.js';
import { createEngine } from '../replay/engine.js';
import { criticalSections, type SectionId } from '../replay/sections.js';
import { fitGrowth } from '../stats/growth.js';
import type { ChosenStrategy } from '../strategy/index.js';
import type { Growth, WorstCase, WorstCases, WorstSize } from '../strategy/strategy.js';
import type { EventBlock } from '../trace/events.js';
import {
  type CostCounters,
  METRIC_COMPARISONS,
  METRIC_VISITS,
  NR_METRICS,
  NR_PATHS,
  PATH_PRUNE,
} from '../vgic/counters.js';
import { HostStop } from '../vgic/host-stop.js';
import { createColumnSink } from '../workload/column-sink.js';
import { type GrowthProgram, growthPrograms } from './growth-programs.js';

/** A path that a strategy declares a worst case for, or a section that is made of such paths. */
export interface Subject {
  readonly id: keyof WorstCases | Exclude<SectionId, 'append' | 'key-change' | 'pending-test'>;
  readonly section: SectionId;
  /** Paths whose declared worst cases add up to its own; none: not the strategy's. */
  readonly paths: readonly (keyof WorstCases)[];
}

export const SUBJECTS: readonly Subject[] = [
  { id: 'inject', section: 'append', paths: ['inject'] },
  // A path of two sections, declared as one: the other is EnableLPIs off.
  { id: 'rekey', section: 'key-change', paths: ['rekey'] },
  { id: 'flush', section: 'flush', paths: ['flush'] },
  { id: 'fold', section: 'fold', paths: ['fold'] },
  { id: 'prune', section: 'prune', paths: ['prune'] },
  { id: 'pending', section: 'pending-test', paths: ['pending'] },
  { id: 'exit', section: 'exit', paths: ['fold', 'prune'] },
  { id: 'dist-enable', section: 'dist-enable', paths: ['pending'] },
  { id: 'dist-enable-all', section: 'dist-enable-all', paths: ['pending'] },
  { id: 'lpis-off', section: 'lpis-off', paths: ['rekey'] },
  { id: 'broadcast', section: 'broadcast', paths: [] },
];

/** Exponents of a declared growth in the range of depths here, before the tolerance. */
const EXPONENTS: Readonly<Record<Growth, number>> = { constant: 0, linear: 1, 'n log n': 1.2, quadratic: 2 };
export const TOLERANCE = 0.15;
/** A slope is fitted to depths of at least so many times the list registers, and the parameters of the strategy. */
const CLEAR_OF = 16;

/** Sizes, ascending. */
export interface Depths {
  readonly spi: readonly number[];
  readonly lpi: readonly number[];
}

/** What `npm test` takes: enough for a slope and for both ends. */
export const DEPTHS: Depths = { spi: [8, 64, 256, 960], lpi: [512, 4096, NR_LPIS] };
export const ALL_DEPTHS: Depths = {
  spi: [8, 16, 32, 64, 128, 256, 512, 960],
  lpi: [8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096, 8192, 16384, 32768, NR_LPIS],
};

export interface GrowthOptions {
  readonly depths?: Depths;
  readonly nrLr?: number;
  /** A program ends for a strategy before the depth that would take more visits and comparisons than this. */
  readonly maxWork?: number;
}

const DEFAULT_NR_LR = 4;
const DEFAULT_MAX_WORK = 2e7;

export interface GrowthCurve {
  readonly strategy: string;
  readonly flavour: string;
  readonly subject: Subject['id'];
  /** Interrupts of a program, ascending; a few programs queue some beside them. */
  readonly depths: readonly number[];
  /** Most steps of one call at each depth, whichever program. */
  readonly steps: readonly number[];
  /** The program that made it; null: none runs this path there. */
  readonly worstBy: readonly (string | null)[];
  /** Steepest growth of a program over the upper half of its depths, clear of thresholds; null: nothing to fit. */
  readonly slope: number | null;
  readonly steepest: string | null;
  readonly declared: Growth;
  /** Slope that this allows, tolerance included. */
  readonly allowed: number;
  /** Declared steps at what that program queues; null: nothing is declared. */
  readonly bounds: readonly (number | null)[] | null;
  /** In words; null: as declared. */
  readonly fault: string | null;
}

/** A host that stopped, there and at every larger depth: the calls before that are counted. */
export interface GrowthStop {
  readonly strategy: string;
  readonly program: string;
  readonly depth: number;
  readonly reason: string;
}

export interface GrowthResult {
  readonly flavour: string;
  readonly nrLr: number;
  readonly curves: readonly GrowthCurve[];
  readonly stops: readonly GrowthStop[];
  /** Programs that ended early, since the next depth takes more work than allowed: `deepest` was their last. */
  readonly cut: readonly { readonly strategy: string; readonly program: string; readonly deepest: number }[];
}

/** One program under one strategy: depths that it ran at, and the most steps of a call of each subject there. */
interface Trial {
  readonly program: GrowthProgram;
  readonly depths: number[];
  readonly work: number[];
  readonly steps: number[][];
  /** List registers that the model has: a bound among the strategies brings its own. */
  nrLr: number;
  /** Ended before the last depth. */
  isCut: boolean;
  hasStopped: boolean;
}

/** Strategies that the flavour cannot run are left out. */
export function growthCurves(
  chosen: readonly ChosenStrategy[],
  flavour: string,
  { depths = DEPTHS, nrLr = DEFAULT_NR_LR, maxWork = DEFAULT_MAX_WORK }: GrowthOptions = {},
): GrowthResult {
  const { isXen, structure, ...rules } = flavourNamed(flavour);
  // Xen's machine here is a GICv2: hostile/program.ts.
  const hasLpis = rules.hasLpis && !isXen;
  const stops: GrowthStop[] = [];
  const cut: { strategy: string; program: string; deepest: number }[] = [];
  const able = chosen.filter(({ strategy }) => strategy.structure === structure);
  const trials = new Map<ChosenStrategy, Trial[]>(able.map((candidate) => [candidate, []]));
  for (const program of growthPrograms) {
    if (program.on === 'lpi' && !hasLpis) continue;
    let running = able.map((candidate) => {
      const trial: Trial = { program, depths: [], work: [], steps: [], nrLr, isCut: false, hasStopped: false };
      trials.get(candidate)?.push(trial);
      return { candidate, trial };
    });
    for (const n of depths[program.on]) {
      running = running.filter(({ candidate, trial }) => {
        if (expectedWork(trial, n) <= maxWork) return true;
        trial.isCut = true;
        cut.push({ strategy: candidate.label, program: program.id, deepest: trial.depths.at(-1) ?? 0 });
        return false;
      });
      if (running.length === 0) break;
      const { machine, block } = expand(program, { n, nrLr }, flavour, isXen);
      for (const { candidate, trial } of running) {
        const reason = runTrial(trial, n, machine, block, candidate);
        if (reason !== null && !trial.hasStopped)
          stops.push({ strategy: candidate.label, program: program.id, depth: n, reason });
        trial.hasStopped ||= reason !== null;
      }
    }
  }
  const curves = [...trials].flatMap(([candidate, own]) =>
    SUBJECTS.map((subject, at) => judge(candidate, flavour, subject, at, own)).filter((curve) => curve !== null),
  );
  return { flavour, nrLr, curves, stops, cut };
}

function expand(
  { program }: GrowthProgram,
  size: ProgramSize,
  flavour: string,
  isXen: boolean,
): { machine: Machine; block: EventBlock } {
  const machine = programMachine(program, size, flavour, isXen);
  const sink = createColumnSink();
  // A vCPU builds its list without entering the guest in between: what is looked for is the longest call, not its price.
  expandProgram(program, machine, { ...interruptsAt(program, size), writesPerExit: Number.POSITIVE_INFINITY }, sink);
  return { machine, block: sink.block };
}

/** From the growth between the two depths before. A list of SPIs never gets too long. */
function expectedWork({ program, depths, work }: Trial, n: number): number {
  const last = work.length - 1;
  if (program.on === 'spi' || last < 1) return 0;
  const exponent = Math.log(work[last] / work[last - 1]) / Math.log(depths[last] / depths[last - 1]);
  return work[last] * (n / depths[last]) ** exponent;
}

/** Null, or why the host stopped. */
function runTrial(
  trial: Trial,
  n: number,
  machine: Machine,
  block: EventBlock,
  candidate: ChosenStrategy,
): string | null {
  const vgic = createModel(machine, candidate);
  let reason: string | null = null;
  try {
    createEngine(vgic).run(block.word, block.value, block.count);
  } catch (error) {
    if (!(error instanceof HostStop)) throw error;
    reason = error.message;
  }
  const sections = new Map(criticalSections(vgic).map((cost) => [cost.section.id, cost.max]));
  trial.depths.push(n);
  trial.nrLr = vgic.state.nrLr;
  trial.work.push(workOf(vgic.state.cost));
  trial.steps.push(SUBJECTS.map(({ section }) => sections.get(section) ?? 0));
  return reason;
}

/** What was executed, nearly: a prune that begins again is counted, not walked. */
function workOf({ sum }: CostCounters): number {
  let work = 0;
  for (let path = 0; path < NR_PATHS; path++) {
    work += sum[path * NR_METRICS + METRIC_COMPARISONS];
    if (path !== PATH_PRUNE) work += sum[path * NR_METRICS + METRIC_VISITS];
  }
  return work;
}

/** Null: the section never ran, or took no step. */
function judge(
  { label, strategy, params }: ChosenStrategy,
  flavour: string,
  subject: Subject,
  at: number,
  trials: readonly Trial[],
): GrowthCurve | null {
  const depths = comparableDepths(trials, at);
  const points = depths.map((depth) => worstAt(trials, depth, at));
  if (points.every(({ steps }) => steps === 0)) return null;
  const nrLr = Math.max(...trials.map((trial) => trial.nrLr));
  const floor = CLEAR_OF * Math.max(nrLr, ...Object.values(params));
  const { slope, program: steepest } = steepestOf(trials, at, floor);
  const rules = flavourNamed(flavour);
  const findsLpisByWalk = rules.its?.lpiIndex === 'list';
  const worstCases = strategy.worst(rules, params);
  const worst = subject.paths.map((path) => worstCases[path]);
  const walksToLpis = subject.id === 'exit' && findsLpisByWalk;
  const declared = declaredGrowth(walksToLpis ? [...worst, WALK_TO_LPI] : worst);
  const allowed = EXPONENTS[declared] + TOLERANCE;
  const bounds = new Map<string, number>();
  const boundAt = worst.length === 0 ? null : findBound;
  return {
    strategy: label,
    flavour,
    subject: subject.id,
    depths,
    steps: points.map(({ steps }) => steps),
    worstBy: points.map(({ program }) => program?.id ?? null),
    slope,
    steepest,
    declared,
    allowed,
    bounds:
      boundAt === null ? null : points.map(({ program }, index) => (program ? boundAt(program, depths[index]) : null)),
    fault: findFault(),
  };

  /** Kept: a bound may be a search over what a guest can do at a size. */
  function findBound({ program: { vcpus }, queued }: GrowthProgram, depth: number): number {
    const n = queued(depth);
    const known =
      bounds.get(`${n}/${vcpus}`) ?? boundOf(subject, worst, { n, k: nrLr, vcpus, mapped: false }, findsLpisByWalk);
    bounds.set(`${n}/${vcpus}`, known);
    return known;
  }

  function findFault(): string | null {
    if (slope !== null && slope > allowed)
      return `grows with exponent ${slope.toFixed(2)} under ${steepest}; '${declared}' allows ${allowed.toFixed(2)}`;
    if (boundAt === null) return null;
    for (const { program, depths: own, steps } of trials) {
      const over = own.findIndex((n, index) => steps[index][at] > boundAt(program, n));
      if (over >= 0)
        return `takes ${steps[over][at]} steps at depth ${own[over]} under ${program.id}; declared are at most ${boundAt(program, own[over])}`;
    }
    return null;
  }
}

/** Depths up to the first at which the program that was worst had to be left out: what the others do there is not the worst. */
function comparableDepths(trials: readonly Trial[], at: number): number[] {
  const depths = [...new Set(trials.flatMap((trial) => trial.depths))].sort((a, b) => a - b);
  const ends = trials
    .filter(({ isCut }) => isCut)
    .flatMap((trial) => {
      const last = trial.depths[trial.depths.length - 1];
      const others = trials.filter((other) => !other.isCut);
      return worstAt([trial], last, at).steps > worstAt(others, last, at).steps ? [last] : [];
    });
  const end = Math.min(Number.POSITIVE_INFINITY, ...ends);
  return depths.filter((depth) => depth <= end);
}

/** The hypervisor's own share of an exit that finds the LPI of a list register by a walk over all (vgic-spec 1.6). */
const WALK_TO_LPI: Pick<WorstCase, 'growth'> = { growth: 'linear' };

/** Largest of the paths' own. A broadcast, which no strategy declares, asks the same vCPUs at every depth. */
const declaredGrowth = (worst: readonly Pick<WorstCase, 'growth'>[]): Growth =>
  worst.reduce<Growth>((most, { growth }) => (EXPONENTS[growth] > EXPONENTS[most] ? growth : most), 'constant');

/**
 * The pending tests of all vCPUs share the interrupts. What grows as a declared growth can is longest where one has all:
 * f(a) + f(b) is at most f(a + b) + f(0).
 */
function boundOf({ id }: Subject, worst: readonly WorstCase[], size: WorstSize, findsLpisByWalk: boolean): number {
  const sumOf = (n: number): number => worst.reduce((sum, { steps }) => sum + steps({ ...size, n }), 0);
  const others = id === 'dist-enable-all' ? (size.vcpus ?? 1) - 1 : 0;
  // An exit also looks up the LPI of each list register: the lock of their list, and a walk over all of them.
  const lookups = id === 'exit' && findsLpisByWalk ? size.k * (1 + size.n) : 0;
  return sumOf(size.n) + others * sumOf(0) + lookups;
}

interface Point {
  readonly steps: number;
  /** Null: no program ran it. */
  readonly program: GrowthProgram | null;
}

function worstAt(trials: readonly Trial[], depth: number, at: number): Point {
  let worst: Point = { steps: 0, program: null };
  for (const trial of trials) {
    const index = trial.depths.indexOf(depth);
    if (index >= 0 && trial.steps[index][at] > worst.steps)
      worst = { steps: trial.steps[index][at], program: trial.program };
  }
  return worst;
}

/**
 * Each program by itself: another one that takes over at some depth would bend the line. `floor`: below it a call is still
 * short for having fewer interrupts than list registers, or than a threshold of the strategy.
 */
function steepestOf(
  trials: readonly Trial[],
  at: number,
  floor: number,
): { slope: number | null; program: string | null } {
  let steepest: { slope: number | null; program: string | null } = { slope: null, program: null };
  for (const { program, depths, steps } of trials) {
    const middle = depths[Math.floor((depths.length - 1) / 2)];
    const from = depths.findIndex((depth) => depth >= Math.max(middle, floor));
    if (from < 0) continue;
    const slope = fitGrowth(
      depths.slice(from),
      steps.slice(from).map((most) => most[at]),
    );
    if (slope !== null && (steepest.slope === null || slope > steepest.slope))
      steepest = { slope, program: program.id };
  }
  return steepest;
}
