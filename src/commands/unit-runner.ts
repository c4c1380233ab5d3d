/** Runs one unit of a plan, in whatever process: opens what it needs, and checks that it is what was planned. */
import type { Contender } from '../attack/rank.js';
import { UserError } from '../base/errors.js';
import { replayTrace } from '../replay/replay.js';
import { CELL_SCHEMA, type ExactPart } from '../replay/result.js';
import { createTimeline, type Timeline } from '../replay/timeline.js';
import type { DepthTimeline } from '../report/model.js';
import type { Plan, PlannedStrategy, PlanOptions } from '../run/plan.js';
import type { ReplayUnit, Unit, UnitResult, UnitResults } from '../run/unit.js';
import type { ChosenStrategy } from '../strategy/index.js';
import type { TraceHeader } from '../trace/header.js';
import { type OpenInput, openInput } from './inputs.js';
import { replayChecked } from './invariant-check.js';
import { changedFile, type PlannedFile } from './planned-file.js';
import { requireSoundTrace } from './replay-checks.js';
import { loadChosen, loadStrategy, parseStrategies } from './strategy-files.js';
import { tool } from './terminal.js';

/** A unit with all that another process has to know of its plan. */
export interface Job {
  readonly unit: Unit;
  readonly options: PlanOptions;
  /** Those that it reads. */
  readonly traces: readonly PlannedFile[];
  readonly strategies: readonly PlannedStrategy[];
}

/** `files`: where the traces of the plan lie on this machine. */
export function jobFor({ options, traces, strategies }: Plan, files: readonly string[], unit: Unit): Job {
  const located = traces.map((trace, at): PlannedFile => ({ ...trace, file: files[at] }));
  return {
    unit,
    options,
    traces: 'trace' in unit ? (unit.trace === null ? [] : [located[unit.trace]]) : unit.kind === 'rank' ? located : [],
    strategies: namesOf(unit)?.map((name) => strategies.find(({ id }) => id === name)!) ?? strategies,
  };
}

/** Strategies that a unit runs; undefined: all of the plan. */
function namesOf(unit: Unit): readonly string[] | undefined {
  if (unit.kind === 'replay') return [unit.strategy];
  return unit.kind === 'bench' ? unit.strategies : undefined;
}

/** The result, or what is wrong with its input; `exitCode` null: an error of ours, with its stack. */
export type Answer =
  | { readonly result: UnitResult }
  | { readonly failure: { readonly message: string; readonly exitCode: number | null } };

export interface UnitRunner {
  run(job: Job): Promise<Answer>;
  close(): void;
}

/** Units of one trace follow one another, so the last one stays open. `kept`: inputs that cannot be opened again; `say` is told how far a long unit is. */
export function createUnitRunner(
  kept: ReadonlyMap<string, OpenInput> = new Map(),
  say: (text: string) => void = () => {},
): UnitRunner {
  let last: { readonly file: string; readonly flavour: string | null; readonly input: OpenInput } | undefined;
  /** The same for all units of a plan. */
  let guests: Promise<Contender[]> | undefined;
  const close = (): void => {
    last?.input.close();
    last = undefined;
  };

  async function open(
    { traces: [trace], options: { allowTruncated, ...options } }: Job,
    flavour = options.flavour,
  ): Promise<OpenInput> {
    const { file, path, sha256 } = trace;
    const own = kept.get(file);
    if (own !== undefined) return own;
    if (last?.file === file && last.flavour === flavour) return last.input;
    close();
    const input = await openInput(file, { allowTruncated, flavour: flavour ?? undefined });
    last = { file, flavour, input };
    if (input.identity.sha256 !== sha256) throw changedFile(path);
    return input;
  }

  async function run(job: Job): Promise<UnitResult> {
    const { unit, options } = job;
    const { seed } = options;
    // What a unit needs besides traces and strategies is loaded for it: most processes see units of few kinds.
    switch (unit.kind) {
      case 'replay':
        return runReplay(unit, job, await open(job));
      case 'verify':
        return await runVerify(await open(job));
      case 'sweep': {
        const choices = options.strategies === null ? undefined : parseStrategies(options.strategies);
        const chosen = choices === undefined ? undefined : await loadChosen(choices, { err() {} });
        const { runSweep } = await import('./sweep.js');
        return runSweep(unit.nrLr, chosen, seed, options.flavour ?? undefined);
      }
      case 'study':
        return (await import('../study/index.js')).studyNamed(unit.study).run({ seed });
      case 'evidence':
        return (await import('./evidence.js')).gatherEvidence();
      case 'growth': {
        const { growUnder } = await import('./growth-plan.js');
        return growUnder(await Promise.all(job.strategies.map(loadPlanned)), unit);
      }
      case 'rank': {
        const { rankTarget } = await import('../attack/rank.js');
        const { readGuests } = await import('./rank-guests.js');
        guests ??= readGuests(job.traces, options.catalogue === true, kept);
        await Promise.all(job.strategies.map(loadPlanned));
        return rankTarget({ flavour: unit.flavour, strategy: unit.strategy }, await guests);
      }
      case 'check': {
        const { runCheckJob } = await import('./check-jobs.js');
        // Here it only has to be seen that they are what was planned.
        await Promise.all(job.strategies.map(loadPlanned));
        const { trace, job: piece } = unit;
        const flavour = piece.kind === 'trace' ? piece.flavour : null;
        return runCheckJob(piece, trace === null ? null : await open(job, flavour));
      }
      case 'bench': {
        const { measureTrace } = await import('./bench-unit.js');
        const strategies = await Promise.all(job.strategies.map(loadPlanned));
        const { flavour } = options;
        return measureTrace(unit, { file: job.traces[0].file, input: await open(job), flavour, seed, strategies }, say);
      }
    }
  }

  return {
    close,
    async run(job) {
      try {
        return { result: await run(job) };
      } catch (error) {
        const { message, stack } = error instanceof Error ? error : new Error(String(error));
        if (error instanceof UserError) return { failure: { message, exitCode: error.exitCode } };
        return { failure: { message: stack ?? message, exitCode: null } };
      }
    },
  };
}

async function loadPlanned({ spec, sha256 }: PlannedStrategy): Promise<ChosenStrategy> {
  const chosen = await loadStrategy(spec);
  if ((chosen.outside?.sha256 ?? null) !== sha256) throw changedFile(spec);
  return chosen;
}

/** Bins of a timeline in the report. */
const NR_BINS = 240;

async function runReplay(
  { timeline }: ReplayUnit,
  { options, traces: [trace], strategies: [strategy] }: Job,
  input: OpenInput,
): Promise<UnitResults['replay']> {
  const chosen = await loadPlanned(strategy);
  const source = input.open();
  const { identity } = input;
  const requireSound = (): void => requireSoundTrace(trace.path, input);
  const depth = createTimeline(NR_BINS);
  const [exact]: ExactPart[] = options.check
    ? replayChecked(source, [chosen], identity, requireSound)
    : replayTrace(source, [chosen], identity, {
        onFlush: timeline ? (vgic, vcpu, _event, tick) => depth.add(tick, vgic.list.length(vcpu)) : undefined,
      });
  if (!exact.equivalence.holds) requireSound();
  return {
    cell: { schema: CELL_SCHEMA, tool, exact, measured: null },
    timeline: timeline ? timelineOf(source.header, chosen, depth) : null,
  };
}

const NS_PER_MS = 1e6;

function timelineOf(
  { name, machine, tickNs }: TraceHeader,
  { label }: ChosenStrategy,
  timeline: Timeline,
): DepthTimeline {
  return {
    trace: name,
    flavour: machine.flavour,
    strategy: label,
    nrLr: machine.nrLr,
    unit: 'ms',
    start: 0,
    binWidth: (timeline.binTicks * tickNs) / NS_PER_MS,
    bins: timeline.bins(),
  };
}

async function runVerify({ identity, open }: OpenInput): Promise<UnitResults['verify']> {
  const { verifyTrace } = await import('../replay/verify.js');
  const source = open();
  return {
    ...verifyTrace(source),
    flavour: identity.madeFor ?? source.header.machine.flavour,
    command: `vgic-replay verify ${identity.path}`,
  };
}
