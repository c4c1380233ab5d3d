/** From counts to instructions of the compiled Linux 6.1 vGIC: by function group, with the error the fit has shown. */
import { type Counts, operation } from './counts.js';
import { FIGURES, type Figure, predictFigure, type Residual, type Weights } from './fit.js';
import type { BuildFactors } from './fit-variants.js';
import { FITTED } from './fitted.js';
import { GROUPS, type GroupId, specOf, TERMS } from './groups.js';
import type { LockMode } from './native.js';

/** What the fit left behind (fitted.ts, made by `npm run cost-fit`). */
export interface FittedModel {
  readonly weights: Readonly<Record<LockMode, Weights>>;
  readonly factors: Readonly<Record<LockMode, BuildFactors>>;
  readonly residuals: readonly Residual[];
  /** Largest relative error of a variant of native-reference 3.5, those of sgi_v3 included, which were not fitted. */
  readonly variantError: number;
  readonly range: ValidRange;
}

/** What the fitted workloads span. */
export interface ValidRange {
  readonly flavours: readonly string[];
  readonly models: readonly string[];
  readonly nrLr: readonly number[];
  /** Entries of the list at flush: mean of a workload, least and largest; largest of all. */
  readonly meanDepth: readonly [least: number, largest: number];
  readonly maxDepth: number;
}

/** A weight by analogy may be off by this much of itself. */
const ANALOGY_ERROR = 0.5;

export interface Estimate {
  readonly instructions: number;
  readonly low: number;
  readonly high: number;
}

export interface GroupPrediction extends Estimate {
  readonly group: GroupId;
  /** Part of the instructions that rests on weights by analogy. */
  readonly byAnalogy: number;
}

export interface Prediction extends Estimate {
  readonly locks: LockMode;
  readonly perEvent: number;
  readonly groups: readonly GroupPrediction[];
  /** Columns of traces/native-costs/native-costs.tsv. */
  readonly columns: Readonly<Record<string, number>>;
  /** In what the replay lies outside of what was fitted; empty: within. */
  readonly extrapolated: readonly string[];
}

/** Largest relative error of a figure when the workload was left out of the fit. */
export function leftOutError(figure: Figure, locks: LockMode): number {
  const own = FITTED.residuals.filter((residual) => residual.figure === figure && residual.locks === locks);
  return Math.max(...own.map(({ leftOut }) => Math.abs(leftOut)));
}

export function predict(counts: Counts, locks: LockMode): Prediction {
  const weights = FITTED.weights[locks];
  const groups = GROUPS.map((group) => predictGroup(group, counts, locks));
  const instructions = sum(groups.map((group) => group.instructions));
  const analogy = sum(groups.map(({ byAnalogy }) => byAnalogy));
  const variants = instructionsOf(counts, weights, (basis) => basis === 'variants');
  const error =
    (instructions - analogy - variants) * leftOutError('total', locks) +
    analogy * ANALOGY_ERROR +
    variants * FITTED.variantError;
  return {
    locks,
    instructions,
    low: instructions - error,
    high: instructions + error,
    perEvent: counts.events === 0 ? 0 : instructions / counts.events,
    groups,
    columns: columnsOf(counts, weights),
    extrapolated: findExtrapolation(counts),
  };
}

function predictGroup(group: GroupId, counts: Counts, locks: LockMode): GroupPrediction {
  const weights = FITTED.weights[locks];
  const part = (basis: string): number => instructionsOf(counts, weights, (own) => own === basis, group);
  const fitted = part('fitted');
  const variants = part('variants');
  const byAnalogy = part('analogy');
  const instructions = fitted + variants + byAnalogy;
  const error = fitted * leftOutError(group, locks) + variants * FITTED.variantError + byAnalogy * ANALOGY_ERROR;
  return { group, instructions, low: instructions - error, high: instructions + error, byAnalogy };
}

function instructionsOf(
  counts: Counts,
  weights: Weights,
  isAsked: (basis: string) => boolean,
  group?: GroupId,
): number {
  return TERMS.filter((term) => isAsked(specOf(term.weight).basis) && (group ?? term.group) === term.group).reduce(
    (total, { weight, count }) => total + weights[weight] * count(counts),
    0,
  );
}

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);

const COLUMN_OF: Partial<Record<Figure, string>> = {
  total: 'ir_total',
  flush: 'ir_flush',
  'depth-pass': 'ir_depth_pass',
  sort: 'ir_sort',
  populate: 'ir_populate',
  sync: 'ir_sync',
  fold: 'ir_fold',
  prune: 'ir_prune',
  inject: 'ir_inject',
  queue: 'ir_queue',
};

function columnsOf(counts: Counts, weights: Weights): Record<string, number> {
  const columns: Record<string, number> = {};
  for (const figure of FIGURES) {
    const column = COLUMN_OF[figure];
    if (column !== undefined) columns[column] = predictFigure(figure, counts, weights);
  }
  return columns;
}

/** False: a vGIC of its own (xen-old), whose operations are not counted; only its calls and metrics are, so a prediction says little. */
export const hasCountedOperations = (counts: Counts): boolean =>
  counts.paths.flush.lrWrites === 0 || operation(counts, 'flushes of a list') > 0;

/** In words, each with what was fitted. */
function findExtrapolation(counts: Counts): string[] {
  const { flavours, models, nrLr, meanDepth, maxDepth } = FITTED.range;
  const { machine, depth } = counts;
  const found: string[] = [];
  if (!hasCountedOperations(counts)) found.push('a vGIC of its own, whose operations are not counted');
  if (!flavours.includes(machine.flavour)) found.push(`flavour ${machine.flavour} (fitted: ${flavours.join(', ')})`);
  if (!models.includes(machine.model)) found.push(`${machine.model} (fitted: ${models.join(', ')})`);
  if (!nrLr.includes(machine.nrLr)) found.push(`${machine.nrLr} list registers (fitted: ${nrLr.join(', ')})`);
  if (depth.max > maxDepth) found.push(`list of ${depth.max} (fitted: up to ${maxDepth})`);
  const [least, largest] = meanDepth;
  if (depth.mean > 0 && (depth.mean < least || depth.mean > largest))
    found.push(`mean list of ${depth.mean.toFixed(1)} (fitted: ${least.toFixed(1)} to ${largest.toFixed(1)})`);
  if (operation(counts, 'filled mapped') > 0) found.push('mapped interrupts (none fitted)');
  if (counts.lookupNodes.fold + counts.lookupNodes.other > 0) found.push('LPIs (none fitted)');
  if (operation(counts, 'migrated') > 0) found.push('migrations (none fitted)');
  return found;
}
