/**
 * Weights of what strategies do beside sort-on-flush, fitted to native-reference 3.5 (traces/native-costs/native-variants.tsv):
 * instructions per event of local patches to the same C code, built -O2. The counts of native-costs come from a profiling
 * build, which inlines less; two factors, of the list loops and of the rest, lead from one build to the other.
 */
import type { Counts } from './counts.js';
import type { Weights } from './fit.js';
import { type GroupId, specOf, TERMS, WEIGHT_IDS, type WeightId } from './groups.js';
import { solveNonNegative } from './least-squares.js';
import type { LockMode } from './native.js';

/** Measured variant → our strategy. */
export const VARIANTS = {
  stock: 'sort-on-flush',
  check: 'sort-if-unsorted',
  sorted: 'check-and-insert',
  topk: 'top-k',
} as const;
export type VariantId = keyof typeof VARIANTS;
export const VARIANT_IDS = Object.keys(VARIANTS) as VariantId[];

export interface VariantSample {
  readonly workload: string;
  readonly variant: VariantId;
  readonly locks: LockMode;
  /** Instructions per event, rounded as the table rounds them. */
  readonly perEvent: number;
  readonly counts: Counts;
}

/** Instructions of the -O2 build per one of the profiling build. */
export interface BuildFactors {
  readonly list: number;
  readonly rest: number;
}

const LIST_GROUPS: readonly GroupId[] = ['depth-pass', 'sort', 'prune'];

const instructionsIn = (counts: Counts, weights: Weights, isList: boolean): number =>
  TERMS.filter(({ group }) => LIST_GROUPS.includes(group) === isList).reduce(
    (sum, { weight, count }) => sum + weights[weight] * count(counts),
    0,
  );

export function fitBuildFactors(samples: readonly VariantSample[], weights: Weights): BuildFactors {
  const stock = samples.filter(({ variant }) => variant === 'stock');
  const [list, rest] = solveNonNegative(
    stock.map(({ counts, perEvent }) =>
      [true, false].map((isList) => instructionsIn(counts, weights, isList) / counts.events / perEvent),
    ),
    stock.map(() => 1),
  );
  return { list, rest };
}

/** Instructions per event of the -O2 build. */
export const optimisedPerEvent = (counts: Counts, weights: Weights, { list, rest }: BuildFactors): number =>
  (list * instructionsIn(counts, weights, true) + rest * instructionsIn(counts, weights, false)) / counts.events;

/** The weights with those of the basis `variants` filled in. */
export function fitVariantWeights(samples: readonly VariantSample[], weights: Weights, factors: BuildFactors): Weights {
  const ids = WEIGHT_IDS.filter((id) => specOf(id).basis === 'variants');
  const variants = samples.filter(({ variant }) => variant !== 'stock');
  const countOf = (id: WeightId, counts: Counts): number =>
    TERMS.filter(({ weight }) => weight === id).reduce(
      (sum, { group, count }) => sum + count(counts) * (LIST_GROUPS.includes(group) ? factors.list : factors.rest),
      0,
    );
  const solved = solveNonNegative(
    variants.map(({ counts, perEvent }) => ids.map((id) => countOf(id, counts) / counts.events / perEvent)),
    // What the known weights leave over, with the error that they have on the unpatched code taken out.
    variants.map((sample) => {
      const stock = samples.find(
        ({ workload, variant, locks }) => variant === 'stock' && workload === sample.workload && locks === sample.locks,
      );
      if (stock === undefined) throw new Error(`${sample.workload} has no stock variant`);
      const error = stock.perEvent - optimisedPerEvent(stock.counts, weights, factors);
      return (sample.perEvent - optimisedPerEvent(sample.counts, weights, factors) - error) / sample.perEvent;
    }),
  );
  return { ...weights, ...Object.fromEntries(ids.map((id, at) => [id, solved[at]])) };
}
