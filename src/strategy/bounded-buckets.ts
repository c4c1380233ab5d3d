import type { Flavour } from '../gic/flavour/flavour.js';
import { bucketsWorst, createBuckets, MIGRATED, MOVED } from './buckets.js';
import { createPendingFirstBuckets } from './buckets-pending-first.js';
import type { ApListStrategy, ParamSpec, WorstCases, WorstSize } from './strategy.js';
import { canMigrate, lpisOf, QUEUED, rekeyOf, SEEN, worstCase } from './worst-list.js';

const BUDGET: ParamSpec = {
  name: 'budget',
  fallback: 16,
  min: 1,
  max: 1_000_000,
  meaning: 'entries that one exit, or one piece of EnableLPIs off, takes off a list at most',
};

/**
 * What differs from upstream. A retargeted entry leaves at the ceil(waiting / budget)-th exit of its old vCPU instead of the
 * first; no entry chooses it until then, and the pending test says yes, whatever PMR, so that the vCPU does not sleep on it.
 * An entry that only leaves (disabled, no longer pending) may stay behind; what makes it deliverable for another vCPU moves
 * it there at once, as upstream's append would. With the distributor off what has not left yet is not stranded when it comes
 * on again (vgic-spec 1.24). Nor is an unmapped LPI freed before it leaves.
 *
 * Migration goes first, since the guest waits for it, and removal last, since it does not: a guest that retargets without end
 * can keep what only leaves on the list, which costs nothing, for nothing looks at it.
 *
 * Nothing waits for ever while the old vCPU runs: each exit takes off as many as wait, up to the budget. One that never runs
 * again keeps what waits on it. So it does upstream, but there that is what was retargeted since its last exit, and here also
 * what that exit passed over: a host that takes a vCPU offline has to prune until nothing waits, which is not modelled.
 *
 * EnableLPIs off takes all LPIs off, in pieces with the list lock dropped in between, before the write ends: GICR_CTLR.RWP is
 * there for it (vgic-spec 2.5). What else runs in between is not modelled, as an event is atomic.
 */
export const boundedBuckets: ApListStrategy = {
  id: 'bounded-buckets',
  summary: 'buckets, and an exit that takes a few entries off the list; the others wait for the next one',
  models: 'no hypervisor yet; buckets (vgic-spec 7.8) with the exit cut into pieces, migration before mere removal',
  structure: 'ap-list',
  equivalence: 'deviating',
  isOnRequest: true,
  cost: {
    insert: 'O(1)',
    flush: 'O(k)',
    pending: 'O(1)',
    prune: 'O(budget)',
    memory: '4 links, a bucket number and a count of exits per interrupt, 131 heads per vCPU',
  },
  params: { budget: BUDGET },
  prunesAtMost: ({ budget }) => budget,
  worst: (flavour, { budget } = { budget: BUDGET.fallback }) => worstOf(flavour, budget),
  create:
    ({ budget }) =>
    (s, ops) =>
      s.flavour.order === 'active-first' ? createBuckets(s, ops, budget) : createPendingFirstBuckets(s, ops, budget),
};

/** A change of bucket that sends a late entry to its target: the other list's lock as well. */
const SENT = MOVED + 1;

function worstOf(flavour: Flavour, budget: number): WorstCases {
  const touch = (size: WorstSize): number => (canMigrate(size) ? SENT : MOVED);
  const left = (size: WorstSize): number => (canMigrate(size) ? MIGRATED : SEEN);
  const piece = (size: WorstSize, n: number): number => (n === 0 ? 0 : 1 + left(size) * Math.min(n, budget));
  return {
    ...bucketsWorst(flavour),
    inject: worstCase(
      'constant',
      (size) => Math.max(QUEUED, 1 + touch(size)),
      'irq_lock, list lock, irq_lock again; of an entry that an exit passed over, also the lock of its target list',
    ),
    rekey: worstCase(
      'constant',
      (size) => Math.max(rekeyOf(flavour, MOVED), 1 + touch(size), piece(size, lpisOf(flavour, size))),
      flavour.hasLpis
        ? 'a piece of EnableLPIs off: list lock, and six steps for each of `budget` LPIs that an exit passed over'
        : 'irq_lock, both list locks, irq_lock again',
    ),
    prune: worstCase(
      'constant',
      (size) => 1 + left(size) * Math.min(size.n, budget),
      'list lock, and six steps for each of `budget` entries that migrate',
    ),
  };
}
