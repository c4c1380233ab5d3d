/**
 * What a run is made of: units that know nothing of one another, each with a name that means the same on every machine.
 * A plan holds everything their results depend on, so that two plans of one hash give the same results to the byte.
 */
import { createHash } from 'node:crypto';
import { compareText } from '../base/number-format.js';
import { canonicalJson } from '../report/json.js';
import type { TraceKind } from '../report/model.js';
import type { Unit, UnitResult } from './unit.js';

export interface PlannedTrace {
  /** As commands name it; `traces/…` for a shipped one, wherever the package lies. */
  readonly path: string;
  readonly sha256: string;
  /** Name in its header; what results name it by, of a finding or in the gate. */
  readonly name: string;
  readonly kind: TraceKind;
}

export interface PlannedStrategy {
  /** `strategy.id` of the cells. */
  readonly id: string;
  /** What names it on a command line. */
  readonly spec: string;
  readonly summary: string;
  readonly models: string;
  /** Of a strategy from outside: sha256 of its file. */
  readonly sha256: string | null;
}

/** Verbs whose work is a run of units. */
export type RunVerb = 'report' | 'replay' | 'growth' | 'rank' | 'check' | 'bench';

/** Those whose results are cells, and that read the results of one another. */
export const CELL_VERBS: readonly RunVerb[] = ['report', 'replay'];

/** What all units have in common, under the names that a user knows. Those with a question mark are of some verbs alone. */
export interface PlanOptions {
  readonly seed: number;
  /** Flavour to replay as, or several with commas between them; null: each trace's own, or those of the verb. */
  readonly flavour: string | null;
  /** Strategies as the user named them; null: the usual ones. */
  readonly strategies: string | null;
  /** Invariants are checked after every event. */
  readonly check: boolean;
  /** What is left of files that were cut off is replayed. */
  readonly allowTruncated: boolean;
  /** List registers. */
  readonly lrs?: number;
  /** Every depth, however long it takes. */
  readonly full?: boolean;
  /** The catalogue of hostile guests, too. */
  readonly catalogue?: boolean;
  /** As the user named them; null: those of the settings, or of the package. */
  readonly traces?: string | null;
  /** Nothing was named, and nothing is in the settings: all that comes with the package. */
  readonly shipped?: boolean;
  /** Layers of the gate, with commas between them; null: the usual ones. */
  readonly layers?: string | null;
  readonly invariants?: boolean;
  /** Processes of each strategy. */
  readonly blocks?: number;
  /** Fewer and shorter passes. */
  readonly quick?: boolean;
  /** File of the settings, also where it was found by itself; null: there was none. */
  readonly config?: string | null;
}

export interface Plan {
  readonly tool: { readonly name: string; readonly version: string };
  /** sha256 of the program's own code: one version number may stand for several states of a work tree. */
  readonly code: string;
  readonly verb: RunVerb;
  /** The command line that does all of it. */
  readonly command: string;
  readonly options: PlanOptions;
  readonly traces: readonly PlannedTrace[];
  readonly strategies: readonly PlannedStrategy[];
  /** `id` of the strategy that others are compared with, where all machines have one of their own in common. */
  readonly reference: string | null;
  /** In the order in which results are put together. */
  readonly units: readonly Unit[];
}

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');

/** 64 hex digits. */
export const hashPlan = (plan: Plan): string => sha256(canonicalJson(plan));

/** Hash of one finished unit, its name included. */
export const hashResult = (unit: string, result: UnitResult): string => sha256(canonicalJson({ unit, result }));

/** Which of several machines, or jobs, this one is: 1-based. */
export interface Shard {
  readonly index: number;
  readonly count: number;
}

export const WHOLE: Shard = { index: 1, count: 1 };

/** Long ones first. */
export const byCost = (units: readonly Unit[]): Unit[] =>
  [...units].sort((a, b) => b.cost - a.cost || compareText(a.id, b.id));

/**
 * Dealt out like cards, from the longest to the shortest: the same on every machine. In the order of the plan, which is the
 * one to run them in: units of one kind behind one another let the compiler keep to what it has learned.
 */
export function unitsOf(plan: Plan, { index, count }: Shard): Unit[] {
  const dealt = new Set(byCost(plan.units).filter((_unit, at) => at % count === index - 1));
  return plan.units.filter((unit) => dealt.has(unit));
}

/** In which of its parts a plan differs from another, for a reader; undefined: in none. */
export function findDifference(plan: Plan, other: Plan): string | undefined {
  const { tool, code, verb, options, traces, strategies } = plan;
  if (tool.name !== other.tool.name || tool.version !== other.tool.version)
    return `is of ${tool.name} ${tool.version}, not ${other.tool.name} ${other.tool.version}`;
  if (code !== other.code) return `is of another build of ${tool.name} ${tool.version}`;
  if (verb !== other.verb) return `is of '${verb}', not '${other.verb}'`;
  for (const [name, value] of Object.entries(options)) {
    const theirs: unknown = Reflect.get(other.options, name);
    if (value !== theirs) return `has ${name} ${JSON.stringify(value)}, not ${JSON.stringify(theirs)}`;
  }
  const trace = findOther(traces, other.traces, ({ path }) => path);
  if (trace !== undefined) return `is of other traces (${trace})`;
  const strategy = findOther(strategies, other.strategies, ({ spec }) => spec);
  if (strategy !== undefined) return `is of other strategies (${strategy})`;
  return hashPlan(plan) === hashPlan(other) ? undefined : 'is of another command';
}

/** The first entry that two lists do not have in common, in words. */
function findOther<Entry>(
  own: readonly Entry[],
  theirs: readonly Entry[],
  nameOf: (entry: Entry) => string,
): string | undefined {
  for (let at = 0; at < Math.max(own.length, theirs.length); at++) {
    const [one, two] = [own.at(at), theirs.at(at)];
    if (one === undefined) return `lacks ${nameOf(theirs[at])}`;
    if (two === undefined) return `also ${nameOf(one)}`;
    if (nameOf(one) !== nameOf(two)) return `${nameOf(one)}, not ${nameOf(two)}`;
    if (canonicalJson(one) !== canonicalJson(two)) return `another ${nameOf(one)}`;
  }
  return undefined;
}
