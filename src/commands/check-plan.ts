/** What a run of the gate consists of: command line and settings → jobs. */
import { statSync } from 'node:fs';
import { basename } from 'node:path';
import { UsageError } from '../base/errors.js';
import { flavourNamed, flavours } from '../gic/flavour/index.js';
import type { Machine } from '../gic/intid.js';
import { chooseGuest } from '../hostile/index.js';
import type { CheckJob, GrowthJob } from '../run/check-job.js';
import type { Plan, PlannedTrace, PlanOptions } from '../run/plan.js';
import type { CheckUnit } from '../run/unit.js';
import { strategies as allStrategies, usualStrategies } from '../strategy/index.js';
import { workloads } from '../workload/index.js';
import { describeJob } from './check-jobs.js';
import { growthCost } from './growth-plan.js';
import { findFlavourLack, openInput } from './inputs.js';
import { createNames, createPlan, VERIFY_COST } from './run-plan.js';
import { kindOf, readManifest, shippedName, shippedPath } from './shipped.js';
import { loadStrategy } from './strategy-files.js';

/** What was asked for, on the command line or in the settings; undefined: the default. */
export interface CheckRequest {
  readonly traces: readonly string[] | undefined;
  readonly workloads: readonly string[] | undefined;
  readonly strategies: readonly string[] | undefined;
  readonly flavours: readonly string[] | undefined;
  readonly invariants: boolean;
  readonly layers: ReadonlySet<number>;
  /** The command line that does all of it, and what it was given. */
  readonly command: string;
  readonly options: Omit<PlanOptions, 'shipped'>;
  readonly isStored: boolean;
}

export interface CheckPlan {
  readonly plan: Plan;
  /** Where the traces of the plan lie on this machine. */
  readonly files: readonly string[];
}

/** Small instances of the workloads; that of the ITS saves its tables often enough for it to happen here. */
const INSTANCE = 'events=5000,seed=1';
const MORE: Readonly<Record<string, string>> = { 'its-churn': ',saves=200' };
const shippedWorkloads = (): string[] => workloads.map(({ id }) => `${id}:${INSTANCE}${MORE[id] ?? ''}`);

/** The trace's own flavour, and all that the shipped traces are checked with beside it. */
export const RECORDED = 'recorded';
export const OTHERS = 'others';

/** Flavours beside the recorded one that have this machine and an ap_list; kvm-6.19 differs from 7.2 in one walk. */
const otherFlavours = (machine: Machine): string[] =>
  flavours
    .filter(({ id, structure }) => id !== machine.flavour && id !== 'kvm-6.19' && structure === 'ap-list')
    .map(({ id }) => id)
    .filter((id) => findFlavourLack(machine, id) === undefined);

interface TraceChoice extends PlannedTrace {
  readonly machine: Machine;
  readonly fidelity: number;
  /** Of the file; 0 where it has none. */
  readonly bytes: number;
  /** Its name in the baseline of the package; undefined: a trace of the user's own. */
  readonly shipped: string | undefined;
  /** Where it lies here. */
  readonly file: string;
}

/** What the cells of a trace are named by. */
const traceName = (path: string): string => basename(path).replace(/(\.vgt)?(\.gz)?$/, '');

async function lookInto(path: string): Promise<TraceChoice> {
  if (path === '-') throw new UsageError('a trace is read more than once here; name a file, not standard input');
  const input = await openInput(path);
  const bytes = statSync(path, { throwIfNoEntry: false })?.size ?? 0;
  try {
    const { machine, fidelity } = input.open().header;
    const { path: planned, sha256 } = input.identity;
    const shipped = shippedName(sha256);
    return {
      name: traceName(path),
      path: planned,
      sha256,
      kind: kindOf(sha256),
      machine,
      fidelity,
      bytes,
      shipped: shipped === undefined ? undefined : traceName(shipped),
      file: path,
    };
  } finally {
    input.close();
  }
}

/** Throws UsageError for a flavour that is none, InputError for a trace that is none. */
export async function planCheck(request: CheckRequest): Promise<CheckPlan> {
  const isShipped = request.traces === undefined && request.workloads === undefined;
  const named = isShipped ? readManifest().map(shippedPath) : (request.traces ?? []);
  const looked: TraceChoice[] = [];
  for (const path of named) looked.push(await lookInto(path));
  // All of it comes with the package, by content.
  const isKnown =
    isShipped || (request.workloads ?? []).length + looked.filter(({ shipped }) => shipped === undefined).length === 0;
  const wanted = request.flavours ?? (isKnown ? [RECORDED, OTHERS] : [RECORDED]);
  for (const id of wanted) if (id !== RECORDED && id !== OTHERS) flavourNamed(id);
  const files = new Map<string, string>();
  const traces: PlannedTrace[] = [];
  const seen = new Set<string>();
  const units: CheckUnit[] = [];
  const names = createNames();
  const add = (job: CheckJob, cost: number, trace: number | null = null): void => {
    units.push({ kind: 'check', id: names(`check ${describeJob(job)}`), cost: Math.round(cost), trace, job });
  };
  for (const found of looked) {
    // The baseline of the package knows a trace by its name there, whatever the file is called here.
    const trace = { ...found, name: (isKnown ? found.shipped : undefined) ?? found.name };
    const { file } = found;
    const other = files.get(trace.name);
    if (other !== undefined)
      throw new UsageError(`${other} and ${file} would both be called ${trace.name} in the baseline; rename one`);
    files.set(trace.name, file);
    const { name, sha256, kind } = trace;
    const at = traces.push({ path: trace.path, sha256, name, kind }) - 1;
    for (const job of traceJobs(trace, wanted, request)) {
      if (job.kind === 'trace') seen.add(job.flavour);
      if (request.layers.has(0)) add(job, trace.bytes * (job.kind === 'verify' ? VERIFY_COST : countOf(request)), at);
    }
  }
  for (const spec of isShipped ? shippedWorkloads() : (request.workloads ?? [])) {
    const { workload, params } = chooseGuest(spec);
    seen.add(workload.machine(params).flavour);
    const job: CheckJob = { kind: 'workload', spec, strategies: request.strategies ?? null, isOwnOnly: isShipped };
    if (request.layers.has(0)) add(job, WORKLOAD_COST * (isShipped ? 1 : countOf(request)));
  }
  if (request.layers.has(1))
    for (const job of growthJobs(request, isShipped, seen))
      add(job, growthCost(job.flavour, job.strategies?.length ?? allStrategies.length));
  const { command, options, isStored } = request;
  const plan = createPlan({
    verb: 'check',
    command,
    options: { ...options, shipped: isShipped },
    traces,
    // Only who reads stored results has to know them.
    strategies: isStored ? await Promise.all((request.strategies ?? []).map((spec) => loadStrategy(spec))) : [],
    units,
    isStored,
  });
  return { plan, files: [...files.values()] };
}

/** How many strategies run on a trace, about. */
const countOf = ({ strategies }: CheckRequest): number => strategies?.length ?? usualStrategies.length;

function traceJobs(
  { name, path, machine, fidelity }: TraceChoice,
  wanted: readonly string[],
  { strategies: named, invariants }: CheckRequest,
): CheckJob[] {
  const strategies = named ?? null;
  const ids = wanted.flatMap((id) => {
    if (id === RECORDED) return [machine.flavour];
    return id === OTHERS ? otherFlavours(machine) : [id];
  });
  const jobs = [...new Set(ids)]
    .filter((flavour) => findFlavourLack(machine, flavour) === undefined)
    .map((flavour): CheckJob => ({ kind: 'trace', path, name, flavour, strategies, invariants }));
  // Another hypervisor's list registers are no truth for this one.
  const isVerified = fidelity >= 3 && ids.includes(machine.flavour);
  return isVerified ? [...jobs, { kind: 'verify', path, name }] : jobs;
}

/** Bytes of trace that one strategy replays while a workload is made and replayed. */
const WORKLOAD_COST = 50_000;

/** Of what is replayed, and where it is; of everything where the shipped traces are. */
function growthJobs(
  { strategies, flavours: wanted }: CheckRequest,
  isShipped: boolean,
  seen: ReadonlySet<string>,
): GrowthJob[] {
  const named = (wanted ?? []).filter((id) => id !== RECORDED && id !== OTHERS);
  const ids = isShipped ? (named.length > 0 ? named : flavours.map(({ id }) => id)) : [...seen];
  const usual = isShipped ? null : usualStrategies.map(({ id }) => id);
  return ids.map((flavour) => ({ kind: 'growth', flavour, strategies: strategies ?? usual }));
}
