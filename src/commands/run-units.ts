/** Runs the units of a plan that are not done yet, keeps each result as it comes, and says what became of those that failed. */
import { availableParallelism, constants } from 'node:os';
import { EXIT_INTERNAL, UserError } from '../base/errors.js';
import { plural } from '../base/number-format.js';
import { inOrder } from '../run/merge.js';
import { byCost, type Plan, type Shard, unitsOf } from '../run/plan.js';
import { createHeader, type FinishedUnit, finish, type Run, type RunMachine } from '../run/run-file.js';
import type { Unit, UnitResult } from '../run/unit.js';
import type { OpenInput } from './inputs.js';
import { machineFacts } from './machine-facts.js';
import { createStore, type RunStore, resumeStore } from './run-store.js';
import type { Terminal } from './terminal.js';
import { createOwnPool, type Outcome, type UnitPool } from './unit-pool.js';
import { startProgress } from './unit-progress.js';
import { type Job, jobFor } from './unit-runner.js';

export interface RunRequest {
  readonly plan: Plan;
  /** Where the traces of the plan lie on this machine. */
  readonly files: readonly string[];
  /** Inputs that can be read once only, by file. */
  readonly kept: ReadonlyMap<string, OpenInput>;
  readonly shard: Shard;
  /** Worker processes; 0: all is done in this one; undefined: one a core, none for little work. */
  readonly jobs: number | undefined;
  /** File of stored results; null: they are kept in memory alone. */
  readonly store: string | null;
  readonly resume: boolean;
  /** Units that differ much in length: the longest begin first. Otherwise they are begun in the order of the plan. */
  readonly longestFirst?: boolean;
  /** What a unit that was lost comes to where nothing is stored, and nothing can be taken up again. */
  readonly resultOfLost?: (why: string) => UnitResult;
  /** Is told of each result that comes. */
  readonly onResult?: (result: UnitResult) => void;
  /** Is told how far a unit is that is done in this process, instead of a bar over all of them. */
  readonly say?: (text: string) => void;
}

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
/** What a shell adds to the number of the signal that ended a program. */
const SIGNAL_EXIT = 128;

/** Work that is done before a worker process has started, in the unit of `cost`. */
const LITTLE_WORK = 4e6;

function runMachine(): RunMachine {
  const { fingerprint, node, os, arch, cpu, cores } = machineFacts();
  return { fingerprint, node, os, arch, cpu, cores };
}

/**
 * All units of the shard, in the order of the plan, as they were stored. Throws UserError when all others are done if some
 * failed, or were lost with the process that ran them.
 */
export async function runUnits(request: RunRequest, terminal: Terminal): Promise<Run> {
  const { plan, files, shard } = request;
  const header = createHeader(plan, shard, [runMachine()]);
  const store = openStore(request, header, terminal);
  const finished: FinishedUnit[] = [...(store?.units ?? [])];
  const done = new Set(finished.map(({ unit }) => unit));
  const own = unitsOf(plan, shard);
  const todo = (request.longestFirst === true ? byCost(own) : own).filter(({ id }) => !done.has(id));
  const failures = new Map<string, Outcome>();
  const pool = await createPool(request, todo, terminal);
  const shown = request.say === undefined ? terminal : { ...terminal, isErrTty: false };
  const progress = await startProgress(shown, own, done);
  const kept = (): string => `${finished.length} of ${plural(own.length, 'unit')} kept in ${store?.partial}`;
  const unhook = endOnSignal(isOwnProcess(request, todo), terminal, () => {
    progress.stop();
    pool.close();
    return store === undefined
      ? 'interrupted; nothing was kept'
      : `interrupted; ${kept()}: the same command with --resume goes on`;
  });
  try {
    await pool.run(
      todo.map((unit) => jobFor(plan, files, unit)),
      ({ unit }: Job, given) => {
        const outcome = store === undefined ? orResultOfLost(given, request) : given;
        if ('result' in outcome) {
          const whole = finish(unit.id, storedForm(outcome.result));
          store?.append(whole);
          finished.push(whole);
          request.onResult?.(whole.result);
        } else failures.set(unit.id, outcome);
        progress.done(unit);
      },
    );
    progress.stop();
    requireAll(
      plan,
      failures,
      store === undefined
        ? 'run it again with fewer --jobs'
        : `${kept()}: the same command with --resume runs the rest`,
    );
    store?.finish(finished);
  } finally {
    unhook();
    progress.stop();
    pool.close();
    store?.close();
  }
  return { header, units: inOrder(plan, finished), torn: null, bytes: 0 };
}

const orResultOfLost = (outcome: Outcome, { resultOfLost }: RunRequest): Outcome =>
  'lost' in outcome && resultOfLost !== undefined ? { result: resultOfLost(outcome.lost) } : outcome;

function openStore({ store, resume }: RunRequest, header: Run['header'], terminal: Terminal): RunStore | undefined {
  if (store === null) return undefined;
  return resume ? resumeStore(store, header, terminal.err) : createStore(store, header);
}

/** What a reader of the file would get: a report is the same whether results were just counted or read again. */
const storedForm = (result: UnitResult): UnitResult => JSON.parse(JSON.stringify(result)) as UnitResult;

const costOf = (units: readonly Unit[]): number => units.reduce((sum, { cost }) => sum + cost, 0);

/** A worker process answers for its unit alone, and leaves this one free to answer signals; so does a single one. */
const isOwnProcess = ({ jobs, kept }: RunRequest, todo: readonly Unit[]): boolean =>
  kept.size > 0 || todo.length === 0 || jobs === 0 || (jobs === undefined && costOf(todo) < LITTLE_WORK);

async function createPool(request: RunRequest, todo: readonly Unit[], terminal: Terminal): Promise<UnitPool> {
  if (isOwnProcess(request, todo)) return createOwnPool(request.kept, request.say);
  const { createUnitPool } = await import('./process-pool.js');
  const processes = Math.min(request.jobs ?? availableParallelism(), todo.length);
  return createUnitPool(processes, ({ unit }, willRetry) => {
    terminal.err(
      `unit "${unit.id}": its worker process died${willRetry ? '; it is run once more, in a new one' : ' again'}`,
    );
  });
}

/** Where a unit occupies this process no handler would run: the signal's own effect, an end at once, is the better one. */
function endOnSignal(isOwn: boolean, terminal: Terminal, end: () => string): () => void {
  if (isOwn) return () => {};
  const onSignal = (signal: NodeJS.Signals): void => {
    terminal.err(`vgic-replay: ${end()}`);
    process.exit(SIGNAL_EXIT + constants.signals[signal]);
  };
  for (const signal of SIGNALS) process.on(signal, onSignal);
  return () => {
    for (const signal of SIGNALS) process.off(signal, onSignal);
  };
}

/** Throws what the first failed unit of the plan says; of lost ones, how to go on. */
function requireAll({ units }: Plan, failures: ReadonlyMap<string, Outcome>, kept: string): void {
  const failed = units.flatMap(({ id }) => failures.get(id) ?? []);
  for (const outcome of failed) {
    if (!('failure' in outcome)) continue;
    const { message, exitCode } = outcome.failure;
    throw exitCode === null ? new Error(message) : new UserError(message, exitCode);
  }
  const lost = units.map(({ id }) => id).filter((id) => failures.has(id));
  if (lost.length === 0) return;
  const named = lost.slice(0, MAX_NAMED).map((id) => `"${id}"`);
  const rest = lost.length - named.length;
  throw new UserError(
    `${plural(lost.length, 'unit')} lost, whose worker process died twice (out of memory?): ${named.join(', ')}${rest > 0 ? ` and ${rest} more` : ''}; ${kept}`,
    EXIT_INTERNAL,
  );
}

const MAX_NAMED = 4;
