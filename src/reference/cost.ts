/**
 * Modelled cost of each path, counted where the work is done: list nodes looked at, comparator calls, irq_lock and
 * ap_list_lock acquisitions (vgic-spec appendix A, E.3), list registers populated.
 *
 * What is one call: every INJECT of a known interrupt and every other offer of one interrupt to the queueing step
 * ("inject"); every FLUSH; every SYNC is one "fold" and one "prune" (FOLD and PRUNE one each), also when there is nothing
 * to do; every pending test ("pending"), those of a distributor enable included.
 */

export type CostPath = 'inject' | 'flush' | 'fold' | 'prune' | 'pending';
export const COST_PATHS: readonly CostPath[] = ['inject', 'flush', 'fold', 'prune', 'pending'];

export interface CallCost {
  visits: number;
  comparisons: number;
  locks: number;
  lrWrites: number;
}

export interface SumAndMax {
  sum: number;
  /** Largest value in one call. */
  max: number;
}

export type PathTotals = { calls: number } & Record<keyof CallCost | 'steps', SumAndMax>;

export const createCallCost = (): CallCost => ({ visits: 0, comparisons: 0, locks: 0, lrWrites: 0 });

const createSumAndMax = (): SumAndMax => ({ sum: 0, max: 0 });

export const createPathTotals = (): PathTotals => ({
  calls: 0,
  visits: createSumAndMax(),
  comparisons: createSumAndMax(),
  locks: createSumAndMax(),
  lrWrites: createSumAndMax(),
  steps: createSumAndMax(),
});

function addTo(metric: SumAndMax, value: number): void {
  metric.sum += value;
  metric.max = Math.max(metric.max, value);
}

/** Adds one finished call; steps = visits + comparisons + locks + lrWrites of that call. */
export function addCall(totals: PathTotals, cost: CallCost): void {
  totals.calls++;
  addTo(totals.visits, cost.visits);
  addTo(totals.comparisons, cost.comparisons);
  addTo(totals.locks, cost.locks);
  addTo(totals.lrWrites, cost.lrWrites);
  addTo(totals.steps, cost.visits + cost.comparisons + cost.locks + cost.lrWrites);
}
