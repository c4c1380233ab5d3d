/** How the pieces of the gate are run; what they are: run/check-job.ts. */
import { growthCurves } from '../attack/growth.js';
import { UserError } from '../base/errors.js';
import { placeOf } from '../compare/counters.js';
import { figuresOf, verifyFigures } from '../compare/exact-figures.js';
import type { RunCell } from '../compare/with-baseline.js';
import type { Machine } from '../gic/intid.js';
import { chooseGuest } from '../hostile/index.js';
import { findStrategyLack, referenceFor, strategiesFor } from '../replay/create-model.js';
import { quoted, type ReplayObservers, replayTrace } from '../replay/replay.js';
import type { ExactPart } from '../replay/result.js';
import { verifyTrace } from '../replay/verify.js';
import type { CheckAnswer, CheckJob, GrowthJob, TraceJob, WorkloadJob } from '../run/check-job.js';
import { strategies as allStrategies, type ChosenStrategy, strategyNamed } from '../strategy/index.js';
import type { EventBlock } from '../trace/events.js';
import { createColumnSink } from '../workload/column-sink.js';
import { workloadHeader } from '../workload/index.js';
import { fileNameFor } from '../workload/spec.js';
import type { OpenInput } from './inputs.js';
import { requireSoundTrace } from './replay-checks.js';
import { loadStrategy } from './strategy-files.js';

/** Stands where a strategy does. */
export const VERIFY_CELL = 'verify';

const NOTHING: CheckAnswer = { cells: [], curves: [], broken: [], failure: null };

/** `input`: of a job that reads a trace. Never throws: an error ends its own job alone, and crosses to another process as data. */
export async function runCheckJob(job: CheckJob, input: OpenInput | null): Promise<CheckAnswer> {
  try {
    return await runJob(job, input);
  } catch (error) {
    return error instanceof UserError
      ? failedAnswer(error.message, error.exitCode)
      : failedAnswer(error instanceof Error ? (error.stack ?? error.message) : String(error), null);
  }
}

export const failedAnswer = (message: string, exitCode: number | null): CheckAnswer => ({
  ...NOTHING,
  failure: { message, exitCode },
});

async function runJob(job: CheckJob, input: OpenInput | null): Promise<CheckAnswer> {
  switch (job.kind) {
    case 'trace':
      return runTrace(job, input!);
    case 'verify':
      return runVerify(job.name, input!);
    case 'workload':
      return runWorkload(job);
    case 'growth':
      return runGrowth(job);
  }
}

/** In words, for the line that says which job failed. */
export const describeJob = (job: CheckJob): string => {
  if (job.kind === 'workload') return `gen ${job.spec}`;
  if (job.kind === 'growth') return `growth as ${job.flavour}`;
  return job.kind === 'verify' ? `verify ${job.path}` : `${job.path} as ${job.flavour}`;
};

const load = (specs: readonly string[]): Promise<ChosenStrategy[]> =>
  Promise.all(specs.map((spec) => loadStrategy(spec)));

async function runTrace(
  { path, name, flavour, strategies, invariants }: TraceJob,
  input: OpenInput,
): Promise<CheckAnswer> {
  const { identity } = input;
  const source = input.open();
  const { machine } = source.header;
  const chosen = strategiesFor(machine, await chooseFor(strategies, machine));
  if (chosen.length === 0) return NOTHING;
  const broken: { cell: string; what: string }[] = [];
  const cellOf = (label: string): string => `${name}/${flavour}/${label}`;
  const observers: ReplayObservers = {
    onViolation: ({ event, kind, invariant, what }, at) =>
      broken.push({
        cell: cellOf(chosen[at].label),
        what: `event ${event}, ${kind}: invariant ${invariant} does not hold: ${what}`,
      }),
  };
  const isChecked = invariants && chosen.every(({ strategy }) => strategy.structure === 'ap-list');
  const cells = replayTrace(source, chosen, identity, isChecked ? observers : {});
  if (broken.length > 0 || cells.some(({ equivalence }) => !equivalence.holds)) requireSoundTrace(path, input);
  return {
    ...NOTHING,
    broken,
    cells: cells.map((exact) => runCellOf(cellOf(exact.strategy.id), exact, identity.sha256, exact.command)),
  };
}

async function chooseFor(specs: readonly string[] | null, machine: Machine): Promise<ChosenStrategy[] | undefined> {
  if (specs === null) return undefined;
  const loaded = await load(specs);
  return loaded.filter(({ strategy }) => findStrategyLack(machine, strategy) === undefined);
}

const runCellOf = (cell: string, exact: ExactPart, sha256: string, command: string): RunCell => {
  const figures = figuresOf(exact);
  return { cell, sha256, command, figures, places: placesOf(exact, Object.keys(figures)), faults: faultsOf(exact) };
};

const placesOf = (exact: ExactPart, counters: readonly string[]): RunCell['places'] =>
  Object.fromEntries(
    counters.flatMap((counter) => {
      const place = placeOf(exact, counter);
      return place === null ? [] : [[counter, place]];
    }),
  );

function faultsOf({ equivalence, stopped }: ExactPart): string[] {
  const { holds, declared, firstViolation } = equivalence;
  const order = holds ? [] : [`declares '${declared}' and is not at event ${firstViolation}`];
  return stopped?.kind === 'strategy-fault' ? [...order, `fails at event ${stopped.event}: ${stopped.reason}`] : order;
}

function runVerify(name: string, { identity, open }: OpenInput): CheckAnswer {
  const source = open();
  const { flavour } = source.header.machine;
  const cell: RunCell = {
    cell: `${name}/${flavour}/${VERIFY_CELL}`,
    sha256: identity.sha256,
    command: `vgic-replay verify ${quoted(identity.path)}`,
    figures: verifyFigures(verifyTrace(source, 0)),
    places: {},
    faults: [],
  };
  return { ...NOTHING, cells: [cell] };
}

/** Events are made on the spot: their content has no hash, and is what the generator makes. */
async function runWorkload({ spec, strategies, isOwnOnly }: WorkloadJob): Promise<CheckAnswer> {
  const { workload, params } = chooseGuest(spec);
  const sink = createColumnSink();
  workload.generate(params, sink);
  const header = workloadHeader(workload, params, '0');
  const { machine } = header;
  const own = referenceFor(machine);
  const able = (await chooseFor(strategies, machine)) ?? [own];
  const chosen = isOwnOnly ? able.filter(({ label }) => label === own.label) : able;
  if (chosen.length === 0) return NOTHING;
  const blocks = [sink.block];
  const next = (target: EventBlock): boolean => Object.assign(target, blocks.pop() ?? { count: 0 }).count > 0;
  const identity = { path: spec, sha256: '', origin: 'made' };
  const file = fileNameFor(workload.id);
  const cells = replayTrace({ header, next }, chosen, identity).map((exact) =>
    runCellOf(
      `${spec}/${machine.flavour}/${exact.strategy.id}`,
      exact,
      '',
      `vgic-replay gen ${quoted(spec)} -o ${file} && vgic-replay replay ${file} --strategy ${quoted(exact.strategy.id)}`,
    ),
  );
  return { ...NOTHING, cells };
}

async function runGrowth({ flavour, strategies }: GrowthJob): Promise<CheckAnswer> {
  const chosen = strategies === null ? allStrategies.map(({ id }) => strategyNamed(id)) : await load(strategies);
  return { ...NOTHING, curves: growthCurves(chosen, flavour).curves };
}
