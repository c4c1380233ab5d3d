/**
 * Pruning in pieces, for the bucket strategies: an exit takes `budget` rows off a list at most, and what it leaves behind
 * is late. A late row is in no list register: no entry chooses it, and the exit that passed it over folded what there was.
 */
import { NO_SLOT } from '../gic/intid.js';
import { int32Column } from '../vgic/columns.js';
import type { VgicState } from '../vgic/state.js';
import { LATCH, queuedOn, targetOf } from '../vgic/word.js';
import { type BucketLists, createBucketLists } from './bucket-lists.js';

/** Budget of an exit that does all there is to do. */
export const WHOLE = 2 ** 30 - 1;

export interface LateRows {
  /** A row was put into a bucket, or into a list register. */
  note(vcpu: number, slot: number): void;
  /** An exit used its budget up: rows that wait to leave were passed over; with the distributor off, those here too. */
  passOver(vcpu: number, distEnabled: boolean): void;
  /** `isHere`: it is in a bucket that leaves with the distributor off only. */
  isLate(vcpu: number, slot: number, isHere: boolean): boolean;
  /** LPIs of a list, in the one bucket 0 of each vCPU; none: nothing is done in pieces, or there are no LPIs. */
  readonly lpis: BucketLists | null;
}

/** Null: an exit does all there is to do. */
export function createLateRows(s: VgicState, budget: number): LateRows | null {
  if (budget === WHOLE) return null;
  /** Number of exits that passed rows over, and that number at the last one that passed over rows here. */
  const exits = int32Column(s.nrVcpus);
  const offExits = int32Column(s.nrVcpus);
  /** Number of such exits when the row was noted. */
  const notedAt = int32Column(s.nrSlots);
  return {
    note(vcpu, slot) {
      notedAt[slot] = exits[vcpu];
    },
    passOver(vcpu, distEnabled) {
      exits[vcpu] += 1;
      if (!distEnabled) offExits[vcpu] = exits[vcpu];
    },
    isLate: (vcpu, slot, isHere) => notedAt[slot] < (isHere ? offExits : exits)[vcpu],
    lpis: s.machine.nrLpis > 0 ? createBucketLists(s, 1) : null,
  };
}

/** May a row that is no longer parked go to its target at once? */
export const hasOtherTarget = (w: number): boolean => targetOf(w) >= 0 && targetOf(w) !== queuedOn(w);

/** What the drop of LPIs asks of the buckets. */
interface Buckets {
  /** Takes a row off its list as an exit does: to its target, or for good; books it. */
  leave(vcpu: number, slot: number, toTarget: boolean): void;
  /** Is it in a bucket that leaves with the distributor off only; in one that prune sends elsewhere? */
  isHere(slot: number): boolean;
  isElsewhere(slot: number): boolean;
}

export interface LpiDrop {
  /** EnableLPIs off: up to `budget` LPIs leave. */
  dropLpis(vcpu: number): void;
  lpisLeft(vcpu: number): boolean;
}

export function createLpiDrop({ word, dist }: VgicState, late: LateRows, budget: number, buckets: Buckets): LpiDrop {
  const { lpis } = late;
  const { leave, isHere, isElsewhere } = buckets;
  const firstOf = (vcpu: number): number => (lpis === null ? NO_SLOT : lpis.next[lpis.anchorOf(vcpu, 0)]);
  const lpisLeft = (vcpu: number): boolean => lpis !== null && firstOf(vcpu) !== lpis.anchorOf(vcpu, 0);
  return {
    lpisLeft,
    dropLpis(vcpu) {
      for (let left = budget; left > 0 && lpisLeft(vcpu); left--) {
        const slot = firstOf(vcpu);
        // A late one is no longer this redistributor's: it goes where an exit would have sent it.
        const isLate = late.isLate(vcpu, slot, isHere(slot));
        if (!isLate) word[slot] &= ~LATCH;
        leave(vcpu, slot, isLate && isElsewhere(slot) && dist[0] === 1);
      }
    },
  };
}
