/** Where a vCPU is between its guest entries and exits, and which events that allows. */
import {
  ABORTED_ENTRY,
  ACK,
  DEACTIVATE,
  EOI,
  EXPECT_FOLD,
  EXPECT_LRS,
  FLUSH,
  FOLD,
  GUEST_DRAIN,
  GUEST_LR_STATE,
  PRIORITY_DROP,
  PRUNE,
  SYNC,
} from './events.js';

/** Where a vCPU begins. */
export const OUTSIDE = 0;
const IN_GUEST = 1;
/** Folded, not yet pruned: a SYNC that came in two parts. */
const FOLDED = 2;
/** KVM lets go of the list lock at every migration: a PRUNE may come in several parts. */
const PRUNED = 3;

const IN_GUEST_ONLY: ReadonlySet<number> = new Set([
  SYNC,
  FOLD,
  ACK,
  EOI,
  PRIORITY_DROP,
  DEACTIVATE,
  GUEST_DRAIN,
  GUEST_LR_STATE,
  ABORTED_ENTRY,
  EXPECT_LRS,
  EXPECT_FOLD,
]);

/** What is wrong with an event of this kind at this place, in words, or undefined. */
export function findLifeCycleProblem(kind: number, place: number): string | undefined {
  if (kind === FLUSH && place === IN_GUEST) return 'while it is in the guest';
  if (kind === FLUSH && place === FOLDED) return 'between its fold and its prune';
  if (kind === PRUNE && place !== FOLDED && place !== PRUNED) return 'without a fold before it';
  if (IN_GUEST_ONLY.has(kind) && place !== IN_GUEST) return 'while it is out of the guest';
  return undefined;
}

/** Where the vCPU is after the event. */
export function stepLifeCycle(kind: number, place: number): number {
  if (kind === FLUSH) return IN_GUEST;
  if (kind === FOLD) return FOLDED;
  if (kind === PRUNE) return PRUNED;
  return kind === SYNC ? OUTSIDE : place;
}

/** The event that must have come next at this place for one of this kind to follow, or undefined: it may follow now. */
export function findMissingStep(kind: number, place: number): number | undefined {
  if (findLifeCycleProblem(kind, place) === undefined) return undefined;
  if (place === FOLDED) return PRUNE;
  if (place !== IN_GUEST) return FLUSH;
  return kind === PRUNE ? FOLD : SYNC;
}
