/**
 * Fits the weights to native-costs: non-negative least squares of relative errors over all workloads and groups at once, since
 * groups share weights. Six workloads cannot tell every weight; those that they do not tell stay at their priors.
 */
import type { Counts } from './counts.js';
import { type GroupId, QUEUE_TERMS, specOf, TERMS, type Term, WEIGHT_IDS, type WeightId } from './groups.js';
import { solveNonNegative } from './least-squares.js';
import { instructionsOf, type LockMode, type NativeRow, restOf } from './native.js';

export type Weights = Readonly<Record<WeightId, number>>;

export interface Sample {
  readonly row: NativeRow;
  readonly counts: Counts;
}

/** How much a prior says beside one workload: its relative error counts this much. */
const PRIOR_SAYS = 0.02;

const OWN_GROUPS = ['depth-pass', 'sort', 'populate', 'flush-loop', 'fold', 'prune', 'exit', 'inject'] as const;
/** Figures of native-costs that residuals are told of: groups alone, then whole functions. */
export const FIGURES = [...OWN_GROUPS, 'queue', 'guest', 'flush', 'sync', 'total'] as const;
export type Figure = (typeof FIGURES)[number];

const termsOf = (...groups: readonly GroupId[]): Term[] => TERMS.filter(({ group }) => groups.includes(group));

/** Measured instructions of a figure; `guest` is told with the queue calls outside injections. */
export function measured(figure: Figure, row: NativeRow): number {
  if (figure === 'queue') return row.columns.ir_queue;
  if (figure === 'guest') return restOf(row);
  if (figure === 'flush') return row.columns.ir_flush;
  if (figure === 'sync') return row.columns.ir_sync;
  if (figure === 'total') return row.columns.ir_total;
  return instructionsOf(figure, row);
}

/** Terms whose weighted sum predicts a figure. */
export function termsOfFigure(figure: Figure): readonly Term[] {
  if (figure === 'queue') return QUEUE_TERMS;
  if (figure === 'guest') return termsOf('queue', 'guest');
  if (figure === 'flush') return termsOf('depth-pass', 'sort', 'populate', 'flush-loop');
  if (figure === 'sync') return termsOf('fold', 'prune', 'exit');
  if (figure === 'total') return TERMS;
  return termsOf(figure);
}

export const predictFigure = (figure: Figure, counts: Counts, weights: Weights): number =>
  termsOfFigure(figure).reduce((sum, { weight, count }) => sum + weights[weight] * count(counts), 0);

/** Weights of one kind of locks; those of the basis `variants` are 0 here (fit-variants.ts). */
export function fitWeights(samples: readonly Sample[], locks: LockMode): Weights {
  const at = locks === 'noop' ? 0 : 1;
  const fitted = WEIGHT_IDS.filter((id) => specOf(id).basis === 'fitted');
  const rows: number[][] = [];
  const values: number[] = [];
  for (const { row, counts } of samples) {
    for (const figure of [...OWN_GROUPS, 'queue', 'guest'] as const) {
      const instructions = measured(figure, row);
      const share = fitted.map((id) =>
        termsOfFigure(figure).reduce((sum, term) => sum + (term.weight === id ? term.count(counts) : 0), 0),
      );
      rows.push(share.map((count) => count / instructions));
      values.push(1);
    }
  }
  fitted.forEach((id, column) => {
    const { prior, isFirm } = specOf(id);
    if (prior === undefined) return;
    const says = isFirm ? 1 : PRIOR_SAYS;
    rows.push(fitted.map((_, other) => (other === column ? says / prior[at] : 0)));
    values.push(says);
  });
  const solved = solveNonNegative(rows, values);
  const weightOf = (id: WeightId): number => {
    const column = fitted.indexOf(id);
    return column >= 0 ? solved[column] : (specOf(id).prior?.[at] ?? 0);
  };
  return Object.fromEntries(WEIGHT_IDS.map((id) => [id, weightOf(id)])) as Record<WeightId, number>;
}

export interface Residual {
  readonly workload: string;
  readonly locks: LockMode;
  readonly figure: Figure;
  readonly instructions: number;
  /** predicted / measured - 1, with all workloads fitted, and with this one left out. */
  readonly fitted: number;
  readonly leftOut: number;
}

/** A residual as a row of a table: its fields in their order. */
export type ResidualRow = readonly [string, LockMode, Figure, number, number, number];

export const readResiduals = (rows: readonly ResidualRow[]): Residual[] =>
  rows.map(([workload, locks, figure, instructions, fitted, leftOut]) => ({
    workload,
    locks,
    figure,
    instructions,
    fitted,
    leftOut,
  }));

/** Every workload against the fit with and without it. */
export function residuals(samples: readonly Sample[], locks: LockMode): Residual[] {
  const whole = fitWeights(samples, locks);
  return samples.flatMap(({ row, counts }, at) => {
    const without = fitWeights(
      samples.filter((_, other) => other !== at),
      locks,
    );
    return FIGURES.map((figure) => {
      const instructions = measured(figure, row);
      return {
        workload: row.workload,
        locks,
        figure,
        instructions,
        fitted: predictFigure(figure, counts, whole) / instructions - 1,
        leftOut: predictFigure(figure, counts, without) / instructions - 1,
      };
    });
  });
}
