/** The list of strategies: command line, reports and tests iterate it. To add one: src/strategy/README.md. */
import { UsageError } from '../base/errors.js';
import type { CreateApList } from '../vgic/ap-list.js';
import { bao } from './bao.js';
import { bhyve } from './bhyve.js';
import { boundedBuckets } from './bounded-buckets.js';
import { buckets } from './buckets.js';
import { checkAndInsert } from './check-and-insert.js';
import { countingSort } from './counting-sort.js';
import { fifo } from './fifo.js';
import { heap } from './heap.js';
import { hybrid } from './hybrid.js';
import { shortCircuit } from './short-circuit.js';
import { sortIfUnsorted } from './sort-if-unsorted.js';
import { sortOnFlush } from './sort-on-flush.js';
import { sortOnInsert } from './sort-on-insert.js';
import { sortedFlag } from './sorted-flag.js';
import type { ApListStrategy } from './strategy.js';
import { topK } from './top-k.js';
import { unlimitedLrs } from './unlimited-lrs.js';
import { xenOld } from './xen-old.js';

export const strategies: readonly ApListStrategy[] = [
  sortOnFlush,
  sortOnInsert,
  shortCircuit,
  sortedFlag,
  hybrid,
  sortIfUnsorted,
  checkAndInsert,
  countingSort,
  topK,
  buckets,
  boundedBuckets,
  heap,
  bhyve,
  bao,
  fifo,
  unlimitedLrs,
  xenOld,
];

/** Those that are replayed where none are named. */
export const usualStrategies: readonly ApListStrategy[] = strategies.filter(({ isOnRequest }) => isOnRequest !== true);

/** Those that keep an ap_list. */
export const apListStrategies: readonly ApListStrategy[] = strategies.filter(
  ({ structure }) => structure === 'ap-list',
);

/** The strategy every other is measured against. */
export const reference = sortOnFlush;

/** Most entries that one exit takes off a list under a chosen strategy. */
export const prunesAtMost = ({ strategy, params }: ChosenStrategy): number =>
  strategy.prunesAtMost?.(params) ?? Number.POSITIVE_INFINITY;

/** Where a strategy comes from that is not in the list. */
export interface OutsideSource {
  /** As the user named it. */
  readonly file: string;
  readonly sha256: string;
}

/** A strategy and its parameters, e.g. from `hybrid:threshold=32`. */
export interface ChosenStrategy {
  readonly strategy: ApListStrategy;
  readonly params: Readonly<Record<string, number>>;
  /** id, with the parameters that differ from their fallbacks: `hybrid:threshold=32`. */
  readonly label: string;
  readonly create: CreateApList;
  /** Its file (outside.ts); undefined for a listed one. */
  readonly outside?: OutsideSource;
  /** Chosen by `all`: left out where it cannot run. */
  readonly isByAll?: true;
}

/** What `--strategy all` stands for. */
export const allStrategies = (): ChosenStrategy[] =>
  strategies.map(({ id }) => ({ ...strategyNamed(id), isByAll: true }));

/** Strategies as a command line names them. */
export function strategiesText(chosen: readonly ChosenStrategy[]): string {
  const named = chosen.filter(({ isByAll }) => isByAll !== true).map(specOf);
  return (named.length < chosen.length ? ['all', ...named] : named).join(',');
}

/** Those from outside that this process has loaded, by spec: what crosses to another process or lies in a file is a spec. */
const loadedFiles = new Map<string, ChosenStrategy>();

export const isLoaded = (spec: string): boolean => loadedFiles.has(spec);

/** Lets `strategyNamed` find a strategy from outside by its spec. */
export function keepLoaded(chosen: ChosenStrategy): ChosenStrategy {
  loadedFiles.set(specOf(chosen), chosen);
  return chosen;
}

/** Parses `id` or `id:param=number,…`, or finds a file that is loaded; throws UsageError with the choices. */
export function strategyNamed(spec: string): ChosenStrategy {
  const loaded = loadedFiles.get(spec);
  if (loaded !== undefined) return loaded;
  const [id, assignments] = splitOnce(spec, ':');
  const strategy = strategies.find((candidate) => candidate.id === id);
  if (strategy === undefined)
    throw new UsageError(
      `unknown strategy '${id}'; one of: ${strategies.map((candidate) => candidate.id).join(', ')}, or a file: ./mine.js`,
    );
  return withParams(strategy, assignments);
}

/** `assignments`: `param=number,…` or nothing. Throws UsageError with the choices. */
export function withParams(strategy: ApListStrategy, assignments: string): ChosenStrategy {
  const { id } = strategy;
  const params: Record<string, number> = {};
  for (const [name, param] of Object.entries(strategy.params)) params[name] = param.fallback;
  for (const assignment of assignments === '' ? [] : assignments.split(',')) {
    const [name, text] = splitOnce(assignment, '=');
    const param = Object.hasOwn(strategy.params, name) ? strategy.params[name] : undefined;
    if (param === undefined) {
      const known = Object.keys(strategy.params);
      throw new UsageError(
        `strategy '${id}' has no parameter '${name}'; ${known.length === 0 ? 'it has none' : `it has: ${known.join(', ')}`}`,
      );
    }
    const value = Number(text);
    if (text === '' || !Number.isInteger(value) || value < param.min || value > param.max) {
      throw new UsageError(
        `strategy '${id}': ${name} must be a whole number from ${param.min} to ${param.max}, not '${text}'`,
      );
    }
    params[name] = value;
  }
  return { strategy, params, label: `${id}${changedParams(strategy, params)}`, create: strategy.create(params) };
}

/** `:name=value,…` of the parameters that differ from their fallbacks. */
function changedParams(strategy: ApListStrategy, params: ChosenStrategy['params']): string {
  const changed = Object.entries(params).filter(([name, value]) => value !== strategy.params[name].fallback);
  return changed.length === 0 ? '' : `:${changed.map(([name, value]) => `${name}=${value}`).join(',')}`;
}

/** What names it on a command line: its label, or its file with parameters. */
export const specOf = ({ strategy, params, label, outside }: ChosenStrategy): string =>
  outside === undefined ? label : `${outside.file}${changedParams(strategy, params)}`;

function splitOnce(text: string, separator: string): [string, string] {
  const at = text.indexOf(separator);
  return at < 0 ? [text, ''] : [text.slice(0, at), text.slice(at + 1)];
}
