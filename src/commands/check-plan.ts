/** What a run of the gate consists of: command line and settings → jobs. */
import { statSync } from 'node:fs';
import { basename } from 'node:path';
import { UsageError } from '../base/errors.js';
import { flavourNamed, flavours } from '../gic/flavour/index.js';
import type { Machine } from '../gic/intid.js';
import { chooseGuest } from '../hostile/index.js';
import { usualStrategies } from '../strategy/index.js';
import { workloads } from '../workload/index.js';
import type { CheckJob } from './check-jobs.js';
import { findFlavourLack, openInput } from './inputs.js';
import { readManifest, shippedName, shippedPath } from './shipped.js';

/** What was asked for, on the command line or in the settings; undefined: the default. */
export interface CheckRequest {
  readonly traces: readonly string[] | undefined;
  readonly workloads: readonly string[] | undefined;
  readonly strategies: readonly string[] | undefined;
  readonly flavours: readonly string[] | undefined;
  readonly invariants: boolean;
  readonly layers: ReadonlySet<number>;
}

export interface CheckPlan {
  readonly jobs: readonly CheckJob[];
  /** Trace name → path, of all that are replayed. */
  readonly paths: ReadonlyMap<string, string>;
  /** The shipped traces and workloads, all of them. */
  readonly isShipped: boolean;
  /** Traces and workloads that are not shipped, by content: the baseline of the package knows nothing of them. */
  readonly own: readonly string[];
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

interface TraceChoice {
  readonly name: string;
  readonly path: string;
  readonly machine: Machine;
  readonly fidelity: number;
  /** Of the file; 0 where it has none. */
  readonly bytes: number;
  /** Its name in the baseline of the package; undefined: a trace of the user's own. */
  readonly shipped: string | undefined;
}

/** What the cells of a trace are named by. */
const traceName = (path: string): string => basename(path).replace(/(\.vgt)?(\.gz)?$/, '');

async function lookInto(path: string): Promise<TraceChoice> {
  if (path === '-') throw new UsageError('a trace is read more than once here; name a file, not standard input');
  const input = await openInput(path);
  const bytes = statSync(path, { throwIfNoEntry: false })?.size ?? 0;
  try {
    const { header } = input.open();
    const shipped = shippedName(input.identity.sha256);
    return {
      name: traceName(path),
      path,
      machine: header.machine,
      fidelity: header.fidelity,
      bytes,
      shipped: shipped === undefined ? undefined : traceName(shipped),
    };
  } finally {
    input.close();
  }
}

/** Throws UsageError for a flavour that is none, InputError for a trace that is none. */
export async function planCheck(request: CheckRequest): Promise<CheckPlan> {
  const isShipped = request.traces === undefined && request.workloads === undefined;
  const named = isShipped ? readManifest().map(shippedPath) : (request.traces ?? []);
  const traces: TraceChoice[] = [];
  for (const path of named) traces.push(await lookInto(path));
  const own = isShipped
    ? []
    : [...traces.filter(({ shipped }) => shipped === undefined).map(({ path }) => path), ...(request.workloads ?? [])];
  const isKnown = own.length === 0;
  const wanted = request.flavours ?? (isKnown ? [RECORDED, OTHERS] : [RECORDED]);
  for (const id of wanted) if (id !== RECORDED && id !== OTHERS) flavourNamed(id);
  const paths = new Map<string, string>();
  const seen = new Set<string>();
  const jobs: CheckJob[] = [];
  for (const found of traces) {
    const { path } = found;
    // The baseline of the package knows a trace by its name there, whatever the file is called here.
    const trace = { ...found, name: (isKnown ? found.shipped : undefined) ?? found.name };
    const other = paths.get(trace.name);
    if (other !== undefined)
      throw new UsageError(`${other} and ${path} would both be called ${trace.name} in the baseline; rename one`);
    paths.set(trace.name, path);
    const ofTrace = traceJobs(trace, wanted, request);
    for (const job of ofTrace) if (job.kind === 'trace') seen.add(job.flavour);
    jobs.push(...ofTrace);
  }
  for (const spec of isShipped ? shippedWorkloads() : (request.workloads ?? [])) {
    const { workload, params } = chooseGuest(spec);
    seen.add(workload.machine(params).flavour);
    const strategies = request.strategies ?? null;
    jobs.push({ kind: 'workload', spec, strategies, isOwnOnly: isShipped, weight: WORKLOAD_WEIGHT });
  }
  const exact = request.layers.has(0) ? jobs : [];
  const growth = request.layers.has(1) ? growthJobs(request, isShipped, seen) : [];
  return { jobs: [...exact, ...growth], paths, isShipped, own };
}

function traceJobs(
  { name, path, machine, fidelity, bytes }: TraceChoice,
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
    .map((flavour): CheckJob => ({ kind: 'trace', path, name, flavour, strategies, invariants, weight: bytes }));
  // Another hypervisor's list registers are no truth for this one.
  const isVerified = fidelity >= 3 && ids.includes(machine.flavour);
  return isVerified ? [...jobs, { kind: 'verify', path, name, weight: bytes / 4 }] : jobs;
}

/** In bytes of a trace. */
const WORKLOAD_WEIGHT = 50_000;
const GROWTH_WEIGHT = 2_000_000;

/** Of what is replayed, and where it is; of everything where the shipped traces are. */
function growthJobs(
  { strategies, flavours: wanted }: CheckRequest,
  isShipped: boolean,
  seen: ReadonlySet<string>,
): CheckJob[] {
  const named = (wanted ?? []).filter((id) => id !== RECORDED && id !== OTHERS);
  const ids = isShipped ? (named.length > 0 ? named : flavours.map(({ id }) => id)) : [...seen];
  const usual = isShipped ? null : usualStrategies.map(({ id }) => id);
  return ids.map((flavour) => ({ kind: 'growth', flavour, strategies: strategies ?? usual, weight: GROWTH_WEIGHT }));
}
