/** What a command line comes to: the traces, strategies and units of its run. */
import { statSync } from 'node:fs';
import { EXIT_INPUT, UserError } from '../base/errors.js';
import { referenceFor, strategiesFor } from '../replay/create-model.js';
import type { TraceKind } from '../report/model.js';
import type { Plan, PlannedStrategy, PlannedTrace, PlanOptions } from '../run/plan.js';
import type { Unit } from '../run/unit.js';
import { type ChosenStrategy, specOf, strategiesText } from '../strategy/index.js';
import type { StudyKind } from '../study/study.js';
import { type InputOptions, type OpenInput, openInput } from './inputs.js';
import { hashOwnCode } from './own-code.js';
import { kindOf } from './shipped.js';
import { tool } from './terminal.js';

export interface PlanRequest {
  readonly verb: 'report' | 'replay';
  readonly paths: readonly string[];
  /** The command line that does all of it; given traces as results name them. */
  readonly command: string;
  readonly seed: number;
  readonly strategy: readonly ChosenStrategy[] | undefined;
  readonly flavour: string | undefined;
  readonly check?: boolean;
  readonly allowTruncated?: boolean;
  /** What traces are taken for that are not shipped. */
  readonly kind: TraceKind;
  readonly studies: readonly StudyKind[];
  /** Will results be written to a file? */
  readonly isStored: boolean;
}

export interface PlannedRun {
  readonly plan: Plan;
  /** Where the traces of the plan lie on this machine. */
  readonly files: readonly string[];
  /** Inputs that can be read once only, by file; the caller closes them. */
  readonly kept: ReadonlyMap<string, OpenInput>;
  close(): void;
}

/** List registers of the machines whose depth is swept. */
const SWEEP_NR_LRS: readonly number[] = [4, 16];

/** Bytes of trace that one strategy replays while a unit is done: measured with the shipped traces. */
const COSTS = { sweep: 1_000_000, study: 3_500_000, evidence: 5_000_000 } as const;
/** The same of a byte that is verified. */
export const VERIFY_COST = 1.3;

/** Opens every trace. Throws UserError for one that cannot be replayed. */
export async function planRun(request: PlanRequest): Promise<PlannedRun> {
  const { verb, command, seed, flavour, strategy, studies } = request;
  const traces: PlannedTrace[] = [];
  const listed = new Map<string, ChosenStrategy>();
  const own = new Set<string>();
  const units: Unit[] = [];
  const kept = new Map<string, OpenInput>();
  const close = (): void => {
    for (const input of kept.values()) input.close();
  };
  const names = createNames();
  try {
    for (const [index, file] of request.paths.entries()) {
      const input = await openOnce(file, request, kept);
      const { identity, size } = input;
      const { header } = input.open();
      const { name, machine, fidelity } = header;
      const shipped = kindOf(identity.sha256);
      const { path, sha256 } = identity;
      if (verb === 'report') requireFirst(traces, path, sha256);
      traces.push({ path, sha256, name, kind: shipped === 'other' ? request.kind : shipped });
      const chosen = withoutRepeats(strategiesFor(machine, strategy));
      for (const each of chosen) listed.set(each.label, each);
      own.add(referenceFor(machine).label);
      const subject = names(path);
      units.push(
        ...chosen.map(
          ({ label }, at): Unit => ({
            kind: 'replay',
            id: `replay ${subject} ${label}`,
            cost: size,
            trace: index,
            strategy: label,
            timeline: verb === 'report' && at === 0,
          }),
        ),
      );
      // Another hypervisor's list registers are no truth for this one.
      if (verb === 'report' && fidelity >= 3 && machine.flavour === identity.madeFor)
        units.push({ kind: 'verify', id: `verify ${subject}`, cost: Math.round(VERIFY_COST * size), trace: index });
      if (!kept.has(file)) input.close();
    }
  } catch (error) {
    close();
    throw error;
  }
  if (verb === 'report')
    units.push(
      ...SWEEP_NR_LRS.map((nrLr): Unit => ({ kind: 'sweep', id: `sweep nr_lr=${nrLr}`, cost: COSTS.sweep, nrLr })),
      { kind: 'evidence', id: 'evidence', cost: COSTS.evidence },
      ...studies.map(({ id }): Unit => ({ kind: 'study', id: `study ${id}`, cost: COSTS.study, study: id })),
    );
  const options: PlanOptions = {
    seed,
    flavour: flavour ?? null,
    strategies: strategy === undefined ? null : strategiesText(strategy),
    check: request.check === true,
    allowTruncated: request.allowTruncated === true,
  };
  const plan = createPlan({
    verb,
    command,
    options,
    traces,
    strategies: [...listed.values()],
    // Where every machine has the same algorithm of its own and it was run, that is what others are compared with.
    reference: own.size === 1 ? ([...own].find((label) => listed.has(label)) ?? null) : null,
    units,
    isStored: request.isStored,
  });
  return { plan, files: request.paths, kept, close };
}

export interface PlanParts extends Pick<Plan, 'verb' | 'command' | 'options' | 'traces' | 'units'> {
  readonly strategies: readonly ChosenStrategy[];
  readonly reference?: string | null;
  /** Will results be written to a file? */
  readonly isStored: boolean;
}

export const createPlan = ({ strategies, reference = null, isStored, ...parts }: PlanParts): Plan => ({
  tool,
  code: isStored ? hashOwnCode() : '',
  ...parts,
  strategies: strategies.map(planned),
  reference,
});

/** Options of verbs that have few of them. */
export const NO_OPTIONS: PlanOptions = {
  seed: 0,
  flavour: null,
  strategies: null,
  check: false,
  allowTruncated: false,
};

/** A pipe can be read once: it stays open, in memory. */
export async function openOnce(
  file: string,
  { flavour, allowTruncated }: InputOptions,
  kept: Map<string, OpenInput>,
): Promise<OpenInput> {
  const before = kept.get(file);
  if (before !== undefined) return before;
  const input = await openInput(file, { flavour, allowTruncated });
  const stat = file === '-' ? undefined : statSync(file, { throwIfNoEntry: false });
  // A shipped trace goes by a name that is no file here.
  const isRepeatable = file !== '-' && (stat === undefined || stat.isFile() || stat.isDirectory());
  if (!isRepeatable) kept.set(file, input);
  return input;
}

/** A strategy named twice is replayed once. */
export const withoutRepeats = (chosen: readonly ChosenStrategy[]): ChosenStrategy[] =>
  chosen.filter(({ label }, at) => chosen.findIndex((other) => other.label === label) === at);

/** A path given again is told from the first: `a.vgt`, `a.vgt (2)`. */
export function createNames(): (path: string) => string {
  const times = new Map<string, number>();
  return (path) => {
    const time = (times.get(path) ?? 0) + 1;
    times.set(path, time);
    return time === 1 ? path : `${path} (${time})`;
  };
}

function requireFirst(traces: readonly PlannedTrace[], path: string, sha256: string): void {
  const same = traces.find((trace) => trace.sha256 === sha256);
  if (same !== undefined)
    throw new UserError(`${path}: the same trace as ${same.path}; give each trace once`, EXIT_INPUT);
}

const planned = (chosen: ChosenStrategy): PlannedStrategy => ({
  id: chosen.label,
  spec: specOf(chosen),
  summary: chosen.strategy.summary,
  models: chosen.strategy.models,
  sha256: chosen.outside?.sha256 ?? null,
});
