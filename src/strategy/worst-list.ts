/**
 * The longest calls of strategies that keep a linked list, from what linked-list.ts, appended-list.ts and the paths of
 * vgic/ book. Steps: a node looked at under its irq_lock is 2 (visit, lock), a comparator call 3 (comparison, two locks).
 * Left out, because no guest and no device can cause it: a GICv2 SGI that is pending without a sender.
 */
import type { Flavour } from '../gic/flavour/flavour.js';
import { mostCarryComparisons } from './carry-sort.js';
import { mostMergeComparisons } from './merge-sort.js';
import type { Growth, WorstCase, WorstCases, WorstSize } from './strategy.js';

/** Steps of a comparator call: the comparison and the irq_locks of both. */
export const COMPARED = 3;
/** Steps of a node that is looked at under its irq_lock. */
export const SEEN = 2;
/** irq_lock; list lock and irq_lock again when the interrupt is queued. */
export const QUEUED = 3;
/** EOIs of interrupts in no list register that one exit can report: 5 bits. */
export const MOST_EOIS = 31;

export const worstCase = (growth: Growth, steps: (size: WorstSize) => number, why: string): WorstCase => ({
  growth,
  steps,
  why,
});

export const lpisOf = (flavour: Flavour, { n, lpis }: WorstSize): number => (flavour.hasLpis ? (lpis ?? n) : 0);

/** Can an entry find another vCPU to go to? */
export const canMigrate = ({ vcpus = 2 }: WorstSize): boolean => vcpus > 1;

/** The largest value of `steps` for 0..n. */
export function largest(n: number, steps: (count: number) => number): number {
  let most = 0;
  for (let count = 0; count <= n; count++) most = Math.max(most, steps(count));
  return most;
}

/** Steps of the longest sort of n entries by the flavour's list sort. */
export const sortSteps = (flavour: Flavour, n: number): number =>
  COMPARED * (flavour.sort === 'carry' ? mostCarryComparisons(n) : mostMergeComparisons(n));

/** The flavour's depth count over n entries. */
export const depthSteps = (flavour: Flavour, n: number): number => (flavour.depth === 'count' ? n : SEEN * n);

/** Entries that the populate walk looks at, each with its lock, and the list registers that it writes. */
const walkSteps = (walked: number, placed: number): number => SEEN * walked + placed;

/** `touch`: steps of the hook that follows the change of a queued interrupt's key. */
export function rekeyOf(flavour: Flavour, touch: number): number {
  // A trapped DIR builds the value under the irq_lock and folds it under it again.
  return (flavour.activeOutsideLrs === 'none' ? 1 : 2) + touch;
}

/** EnableLPIs off: the list lock, every entry, and the irq_lock of every LPI. */
export const dropSteps = (flavour: Flavour, size: WorstSize): number => {
  const lpis = lpisOf(flavour, size);
  return lpis === 0 ? 0 : 1 + size.n + lpis;
};

/** A register write, or EnableLPIs off where there are LPIs; `touch` as in rekeyOf. */
export function plainRekey(flavour: Flavour, touch = 0): WorstCase {
  const steps = (size: WorstSize): number => Math.max(rekeyOf(flavour, touch), dropSteps(flavour, size));
  return flavour.hasLpis
    ? worstCase('linear', steps, 'EnableLPIs off: list lock, n visits, the lock of every LPI')
    : worstCase('constant', steps, 'irq_lock of the interrupt written');
}

/**
 * k list registers folded. Where EOIs of others count, the list is walked behind the last register's entry for up to 31
 * actives, each folded under its lock again. `touch`: as in rekeyOf, for a list of n; `touchEnded`: of one of those actives.
 */
export function foldOf(
  flavour: Flavour,
  touch: (n: number) => number,
  touchGrowth: Growth,
  touchWhy: string,
  touchEnded = touch,
): WorstCase {
  const walks = flavour.activeOutsideLrs !== 'none';
  const fromHead = flavour.activeOutsideLrs === 'from-list-head';
  const steps = ({ n, k }: WorstSize): number => {
    const folded = Math.min(n, k) * (SEEN + touch(n));
    if (!walks) return folded;
    const walked = fromHead ? n : Math.max(n - 1, 0);
    return folded + SEEN * walked + Math.min(MOST_EOIS, walked) * (1 + touchEnded(n));
  };
  const ofLrs = `visit and lock of k list registers${touchWhy}`;
  return walks
    ? worstCase('linear', steps, `${ofLrs}; the list behind them walked for up to ${MOST_EOIS} actives`)
    : worstCase(touchGrowth, steps, ofLrs);
}

/**
 * The same where the list registers hold entries in the order of the list, which changes at its tail alone: what was folded
 * stands before the walk. LPIs that leave and come back between entry and exit stand behind it.
 */
export function foldInOrder(flavour: Flavour): WorstCase {
  const any = foldOf(flavour, () => 0, 'constant', '');
  if (flavour.activeOutsideLrs !== 'after-last-lr') return any;
  const steps = (size: WorstSize): number =>
    lpisOf(flavour, size) > 0 ? any.steps(size) : SEEN * size.n + Math.min(MOST_EOIS, Math.max(size.n - 1, 0));
  return worstCase('linear', steps, any.why);
}

/** Every entry looked at, none of them deliverable. */
export const listPending = worstCase('linear', ({ n }) => 1 + SEEN * n, 'list lock, visit and lock of n entries');

/**
 * m entries leave for another vCPU behind n - m that stay: after each the scan begins anew. `insert`: steps of the
 * insertion of one of them.
 */
export const appendingPruneSteps = (size: WorstSize, insert: number): number => {
  const { n } = size;
  if (!canMigrate(size)) return 1 + SEEN * n;
  return largest(n, (m) => 1 + SEEN * n + SEEN * m * (n - m) + (4 + insert) * m);
};

export const appendingPrune = (insert = 0, insertWhy = ''): WorstCase =>
  worstCase(
    'quadratic',
    (size) => appendingPruneSteps(size, insert),
    `n/2 entries retargeted behind n/2 that stay: the scan restarts after each, four more locks${insertWhy} each`,
  );

/** What a list in arrival order has in common. */
export const appendedPaths = (flavour: Flavour): Omit<WorstCases, 'flush'> => ({
  inject: worstCase('constant', () => QUEUED, 'irq_lock, list lock, irq_lock again'),
  rekey: plainRekey(flavour),
  fold: foldOf(flavour, () => 0, 'constant', ''),
  prune: appendingPrune(),
  pending: listPending,
});

/**
 * The walk of a flush of n entries. After the pending-first sort those of this vCPU stand in front, so an overflowing
 * walk ends with the k-th; otherwise entries that are retargeted, and so not deliverable here, can stand before the k-th.
 */
const sortedWalkSteps = (flavour: Flavour, { n, k }: WorstSize): number =>
  flavour.order === 'pending-first' ? walkSteps(Math.min(n, k), Math.min(n, k)) : walkSteps(n, Math.min(n, k));

/** A flush that counts, sorts at a cost, and walks; or one that counts and walks the whole list. */
export const sortedFlushSteps = (flavour: Flavour, size: WorstSize, depth: number, sort: number): number =>
  1 + depth + Math.max(sort + sortedWalkSteps(flavour, size), walkSteps(size.n, Math.min(size.n, size.k)));

export const sortOnFlushSteps = (flavour: Flavour, size: WorstSize): number =>
  sortedFlushSteps(flavour, size, depthSteps(flavour, size.n), sortSteps(flavour, size.n));

const walkWhy = (flavour: Flavour): string =>
  flavour.order === 'pending-first' ? 'k placed' : 'n looked at for k that are deliverable';
export const depthWhy = (flavour: Flavour): string =>
  flavour.depth === 'count' ? 'n visits to count' : 'n visits and locks to count';

/** sort-on-flush, and what differs from it in nothing that the worst case shows. */
export const sortOnFlushWorst = (flavour: Flavour): WorstCases => ({
  ...appendedPaths(flavour),
  flush: worstCase(
    'n log n',
    (size) => sortOnFlushSteps(flavour, size),
    `${depthWhy(flavour)}, a merge sort in which every merge compares all but one of its entries, ${walkWhy(flavour)}`,
  ),
});

/** The walk without a sort, behind the summary where HCR wants one. */
export const walkOnlyFlushSteps = (flavour: Flavour, { n, k }: WorstSize): number =>
  1 + (flavour.depth === 'ours' ? SEEN * n : 0) + walkSteps(n, Math.min(n, k));

export const walkOnlyFlush = (flavour: Flavour): WorstCase =>
  worstCase(
    'linear',
    (size) => walkOnlyFlushSteps(flavour, size),
    `${flavour.depth === 'ours' ? 'n visits and locks for the counts of HCR, ' : ''}n looked at for k that are deliverable`,
  );

/** Keys of a whole list change at once with the distributor's or a CPU interface's enables. */
export const sortsWithEnables = (flavour: Flavour): boolean => flavour.order === 'pending-first';

/** An entry of an ordered list of n moves: list lock, irq_lock again, and up to n - 1 others compared. */
export const moveSteps = (n: number): number => 2 + COMPARED * Math.max(n - 1, 0);

/**
 * m entries leave an ordered list for another of n - m, all of whose entries each of them passes. They come in ascending
 * order, so each stops at the one before it; but where group enables of a vCPU are part of the key, the second half can
 * be more urgent there than the first.
 */
export const orderedPruneSteps = (flavour: Flavour, size: WorstSize): number => {
  const { n } = size;
  if (!canMigrate(size)) return 1 + SEEN * n;
  const isReordered = sortsWithEnables(flavour);
  return largest(n, (m) => {
    const first = isReordered ? Math.ceil(m / 2) : m;
    const compared = m * (n - m) + first * (m - first) + m;
    return 1 + (SEEN + 4) * m + COMPARED * compared;
  });
};

/** At most `most` entries leave an unordered list for an ordered one, each more urgent than the one before it. */
export function unorderedPruneSteps(size: WorstSize, most: number): number {
  const { n } = size;
  if (!canMigrate(size)) return 1 + SEEN * n;
  return largest(Math.min(most, n), (m) => 1 + SEEN * n + 4 * m + COMPARED * (m * (n - m) + (m * (m - 1)) / 2));
}

/** A list that is kept in order at every insertion and key change. */
export const orderedWorst = (flavour: Flavour): WorstCases => ({
  inject: worstCase(
    'linear',
    ({ n }) => 1 + moveSteps(n),
    'irq_lock, list lock, irq_lock again, and n - 1 entries compared from the tail',
  ),
  rekey: worstCase(
    sortsWithEnables(flavour) ? 'n log n' : 'linear',
    (size) =>
      Math.max(
        rekeyOf(flavour, moveSteps(size.n)),
        dropSteps(flavour, size),
        sortsWithEnables(flavour) ? sortSteps(flavour, size.n) : 0,
      ),
    sortsWithEnables(flavour)
      ? 'the distributor enabled, which sorts: a merge sort in which nearly every merge compares all but one'
      : 'irq_lock, list lock, irq_lock again, and n - 1 entries compared from the tail',
  ),
  flush: walkOnlyFlush(flavour),
  fold: foldOf(flavour, moveSteps, 'linear', ', each moved past n - 1 entries'),
  prune: worstCase(
    'quadratic',
    (size) => orderedPruneSteps(flavour, size),
    sortsWithEnables(flavour)
      ? '2n/3 entries retargeted to n/3 that are less urgent; a half of them more urgent there than the other'
      : 'n/2 entries retargeted, each compared with n/2 less urgent ones where it goes',
  ),
  pending: listPending,
});
