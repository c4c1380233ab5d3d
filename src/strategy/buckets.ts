import * as Counting from '#counting';
import type { Flavour } from '../gic/flavour/flavour.js';
import * as Intid from '../gic/intid.js';
import type { ApList, ApListOps } from '../vgic/ap-list.js';
import * as ApLists from '../vgic/ap-list.js';
import { int32Column } from '../vgic/columns.js';
import type { VgicState } from '../vgic/state.js';
import * as Word from '../vgic/word.js';
import { createBucketLists } from './bucket-lists.js';
import { createPendingFirstBuckets } from './buckets-pending-first.js';
import { createLateRows, createLpiDrop, hasOtherTarget, WHOLE } from './late-rows.js';
import type { ApListStrategy, WorstCase, WorstCases, WorstSize } from './strategy.js';
import { canMigrate, MOST_EOIS, plainRekey, QUEUED, SEEN, worstCase } from './worst-list.js';

// V8 folds a module's own constants, not imported ones: 1.2-2x in hot loops (bench/README.md).
const { COUNTED } = Counting;
const { LPI_BASE, NO_SLOT, NR_SGIS } = Intid;
const { OVERFLOW } = ApLists;
const {
  ACTIVE,
  ENABLED,
  LATCH,
  PENDING,
  PRIORITY_FIELD,
  PRIORITY_SHIFT,
  priorityOf,
  QUEUED_FIELD,
  QUEUED_SHIFT,
  queuedOn,
  TARGET_FIELD,
  TARGET_SHIFT,
  targetOf,
} = Word;

/*
 * Buckets of one vCPU. Every queued row is in exactly one FIFO:
 *   0..63      enabled and pending here, by priority (6 bits)
 *   64..127    enabled and pending, but retargeted elsewhere, by priority: prune migrates them
 *   128        active
 *   129        parked: neither, prune removes them
 * So prune only ever looks at rows that leave, and the pending test at a bitmap of the buckets that are not empty.
 */
/** What decides the bucket of a row that stays on one list. */
const BUCKET_FIELDS = ENABLED | PENDING | ACTIVE | PRIORITY_FIELD | TARGET_FIELD;
const HERE = 0;
const ELSEWHERE = 64;
const BUCKET_ACTIVE = 128;
const BUCKET_PARKED = 129;
const NR_BUCKETS = 130;

/** Bitmap words of a vCPU (bucket-lists.ts): two here, two elsewhere, the last one active and parked. */
const LAST_BITMAP = 4;
/** Masks no priority. */
const PMR_NONE = 256;
const PARKED_BIT = 1 << (BUCKET_PARKED % 32);

export const buckets: ApListStrategy = {
  id: 'buckets',
  summary: 'a FIFO per priority and a bitmap: constant work per insertion, key change, entry taken and entry left',
  models: 'no hypervisor yet; the structure of the Linux real-time scheduler run queue, 64 levels (vgic-spec 7.8)',
  structure: 'ap-list',
  equivalence: 'tie-equivalent',
  cost: {
    insert: 'O(1)',
    flush: 'O(k)',
    pending: 'O(1)',
    prune: 'O(entries that leave)',
    memory: '2 links and a bucket number per interrupt, 130 heads per vCPU',
  },
  params: {},
  worst: bucketsWorst,
  create: () => (s, ops) =>
    s.flavour.order === 'active-first' ? createBuckets(s, ops, WHOLE) : createPendingFirstBuckets(s, ops, WHOLE),
};

/** Steps of a change of bucket: list lock and irq_lock again. */
export const MOVED = 2;
/** Steps of an entry that leaves for another vCPU: a visit, both list locks, the irq_lock again, the own list lock. */
export const MIGRATED = 6;

/**
 * Each of k LRs is moved to another bucket. Where EOIs of others count, up to 31 actives are met, and of those in the LRs
 * what is in the way.
 */
function bucketsFold(flavour: Flavour): WorstCase {
  const folded = ({ n, k }: WorstSize): number => Math.min(n, k) * (SEEN + MOVED);
  if (flavour.activeOutsideLrs === 'none')
    return worstCase('constant', folded, 'visit and lock of k list registers, each moved to another bucket');
  return worstCase(
    'constant',
    (size) => {
      const { n, k } = size;
      return folded(size) + SEEN * Math.min(n, k + MOST_EOIS) + Math.min(n, MOST_EOIS) * (1 + MOVED);
    },
    `visit and lock of k list registers, each moved to another bucket; up to ${MOST_EOIS} actives ended, those in the list registers passed`,
  );
}

export function bucketsWorst(flavour: Flavour): WorstCases {
  return {
    inject: worstCase('constant', () => QUEUED, 'irq_lock, list lock, irq_lock again'),
    rekey: plainRekey(flavour, MOVED),
    flush: worstCase('constant', ({ n, k }) => 1 + 3 * Math.min(n, k), 'list lock; visit, lock and LR write of k'),
    fold: bucketsFold(flavour),
    prune: worstCase(
      'linear',
      (size) => 1 + (canMigrate(size) ? MIGRATED : SEEN) * size.n,
      'n entries retargeted: six steps for each, as it leaves; those that stay are not looked at',
    ),
    pending:
      flavour.pendingTest === 'deliverable'
        ? worstCase('constant', () => 3, 'list lock and a bitmap')
        : // An active entry was acknowledged in a list register, and the actives are placed first: there are k at most.
          worstCase('constant', ({ n, k }) => 3 + SEEN * Math.min(n, k), 'list lock, a bitmap, k actives'),
  };
}

/**
 * The bucket of a queued row. Without branches: which of pending, enabled and active holds is random at a fold, and the
 * bucket is computed anew for every list register folded.
 */
function classify(w: number): number {
  const target = w & TARGET_FIELD;
  const deliverable = w & ((w >>> 1) | (w >>> 2)) & (-target >>> 31);
  const isElsewhere = -(((w >>> (QUEUED_SHIFT - TARGET_SHIFT)) & TARGET_FIELD) ^ target) >>> 31;
  const byPriority = (isElsewhere << 6) | ((w >>> (PRIORITY_SHIFT + 2)) & 0x3f);
  const pending = -(deliverable & 1);
  const active = -((w >>> 3) & 1);
  return (((byPriority & pending) | (BUCKET_PARKED & ~pending)) & ~active) | (BUCKET_ACTIVE & active);
}

/** `budget`: rows that an exit takes off a list at most (late-rows.ts), or WHOLE. */
export function createBuckets(s: VgicState, ops: ApListOps, budget: number): ApList {
  const { word, source, intidOfSlot, lpiSlotBase, dist, picks, cost, nrVcpus, nrLr, isV2Guest } = s;
  const { populate, release, migrate } = ops;
  const { next, bucketOf, bitmap, nrBitmaps, anchorOf, link: linkRow, unlink } = createBucketLists(s, NR_BUCKETS);
  /** The fields that decide the bucket, as they were when the row was put there. */
  const bucketedAs = int32Column(s.nrSlots);
  const len = int32Column(nrVcpus);
  const late = createLateRows(s, budget);
  const lpis = late?.lpis;

  const { multiSgiFloor, pendingTest } = s.flavour;

  function link(vcpu: number, slot: number, bucket: number): void {
    bucketedAs[slot] = word[slot] & BUCKET_FIELDS;
    linkRow(vcpu, slot, bucket);
    late?.note(vcpu, slot);
  }

  function touch(slot: number): void {
    const w = word[slot];
    // Most folds bring back what populate took: no need to classify (4 entries 1.1x).
    if ((w & BUCKET_FIELDS) === bucketedAs[slot]) return;
    const bucket = classify(w);
    if (bucket === bucketOf[slot]) return;
    // Lock order: drop the irq_lock, take the list lock, take the irq_lock again (vgic-spec 1.5).
    if (COUNTED) cost.locks += 2;
    const vcpu = queuedOn(w);
    if (late?.isLate(vcpu, slot, isHere(slot)) === true && bucket !== BUCKET_PARKED && hasOtherTarget(w)) {
      // Upstream's exit would have let go of it, and whoever makes it deliverable would queue it at its target.
      if (COUNTED) cost.locks += 1;
      remove(vcpu, slot);
      migrate(slot, targetOf(w));
      return;
    }
    unlink(vcpu, slot);
    link(vcpu, slot, bucket);
  }

  /** lr_weight > 1 for a queued GICv2 SGI: at most 16 rows to look at. */
  function hasMultiSgi(vcpu: number): boolean {
    const first = vcpu * 32;
    for (let slot = first; slot < first + NR_SGIS; slot++) {
      const senders = source[slot];
      if (senders === 0 || (word[slot] & QUEUED_FIELD) === 0) continue;
      if ((senders & (senders - 1)) !== 0 || (word[slot] & ACTIVE) !== 0) return true;
    }
    return false;
  }

  /** Puts entries of one bucket into LRs from number `count` on; returns how many are in use then. */
  function take(vcpu: number, bucket: number, count: number): number {
    const nextOf = next;
    const chosen = picks;
    const anchor = anchorOf(vcpu, bucket);
    const base = vcpu * nrLr;
    let taken = count;
    for (let slot = nextOf[anchor]; slot !== anchor && taken < nrLr; slot = nextOf[slot]) {
      chosen[taken] = slot;
      late?.note(vcpu, slot);
      populate(base + taken, slot);
      taken++;
    }
    return taken;
  }

  /** The same for all buckets, with the floor that a multi-source SGI sets. */
  function takeAboveFloor(vcpu: number, distEnabled: boolean): number {
    let count = 0;
    let floor = 0xff;
    for (let level = -1; level < (distEnabled ? ELSEWHERE : HERE); level++) {
      const anchor = anchorOf(vcpu, level < 0 ? BUCKET_ACTIVE : level);
      for (let slot = next[anchor]; slot !== anchor; slot = next[slot]) {
        const w = word[slot];
        if (count === nrLr || priorityOf(w) > floor) return count;
        if (intidOfSlot[slot] < NR_SGIS) {
          const senders = source[slot];
          if (((w & ACTIVE) !== 0 ? senders : senders & (senders - 1)) !== 0) floor = priorityOf(w);
        }
        picks[count] = slot;
        late?.note(vcpu, slot);
        populate(vcpu * nrLr + count, slot);
        count++;
      }
    }
    return count;
  }

  /** From 32 buckets, of which `first` is the most urgent. */
  function takeHalf(vcpu: number, first: number, count: number): number {
    let taken = count;
    let bits = bitmap[vcpu * nrBitmaps + (first >> 5)];
    while (bits !== 0 && taken < nrLr) {
      taken = take(vcpu, first + 31 - Math.clz32(bits & -bits), taken);
      bits &= bits - 1;
    }
    return taken;
  }

  function takeMostUrgent(vcpu: number, distEnabled: boolean): number {
    const count = take(vcpu, BUCKET_ACTIVE, 0);
    if (!distEnabled) return count;
    return takeHalf(vcpu, HERE + 32, takeHalf(vcpu, HERE, count));
  }

  function select(vcpu: number): number {
    const distEnabled = dist[0] === 1;
    const count =
      isV2Guest && multiSgiFloor && hasMultiSgi(vcpu)
        ? takeAboveFloor(vcpu, distEnabled)
        : takeMostUrgent(vcpu, distEnabled);
    if (COUNTED) {
      cost.visits += count;
      cost.locks += 1 + count;
    }
    return count === nrLr && len[vcpu] > count ? count | OVERFLOW : count;
  }

  function remove(vcpu: number, slot: number): void {
    unlink(vcpu, slot);
    if (slot >= lpiSlotBase) lpis?.unlink(vcpu, slot);
    len[vcpu] -= 1;
  }

  /** A row leaves, to where the oracle says or for good. */
  function leave(vcpu: number, slot: number, toTarget: boolean): void {
    remove(vcpu, slot);
    if (toTarget) migrate(slot, targetOf(word[slot]));
    else release(slot);
    if (COUNTED) {
      cost.visits += 1;
      // To elsewhere: both list locks, the irq_lock again, and the own list lock after it.
      cost.locks += toTarget ? 5 : 1;
    }
  }

  /** Up to `most` rows of a bucket leave; returns how many more may. */
  function drain(vcpu: number, bucket: number, elsewhere: boolean, most: number): number {
    const nextOf = next;
    const anchor = anchorOf(vcpu, bucket);
    let left = most;
    for (let slot = nextOf[anchor]; slot !== anchor && left > 0; slot = nextOf[anchor]) {
      leave(vcpu, slot, elsewhere);
      left--;
    }
    return left;
  }

  /** Who is waited for elsewhere goes first, the most urgent of them before the others; what only leaves can wait. */
  function prune(vcpu: number): void {
    if (COUNTED) cost.locks += 1;
    const first = vcpu * nrBitmaps;
    const distEnabled = dist[0] === 1;
    let left = budget;
    // With the distributor off nothing is deliverable anywhere: all but the actives leave.
    for (let quarter = distEnabled ? 2 : 0; quarter < 4; quarter++) {
      let bits = bitmap[first + quarter];
      while (bits !== 0 && left > 0) {
        const lowest = bits & -bits;
        bits ^= lowest;
        left = drain(vcpu, 32 * quarter + 31 - Math.clz32(lowest), distEnabled, left);
      }
    }
    if ((bitmap[first + LAST_BITMAP] & PARKED_BIT) !== 0) left = drain(vcpu, BUCKET_PARKED, false, left);
    if (left === 0) late?.passOver(vcpu, distEnabled);
  }

  /** First entry of the most urgent bucket of a bitmap pair is more urgent than pmr? */
  function bitmapHasPending(vcpu: number, half: number, pmr: number): boolean {
    const low = bitmap[vcpu * nrBitmaps + half];
    const high = bitmap[vcpu * nrBitmaps + half + 1];
    if (low !== 0) return (31 - Math.clz32(low & -low)) << 2 < pmr;
    return high !== 0 && (63 - Math.clz32(high & -high)) << 2 < pmr;
  }

  function hasDeliverable(vcpu: number, pmr: number): boolean {
    if (COUNTED) {
      cost.visits += 1;
      cost.locks += 1;
    }
    // Retargeted entries count too: the vCPU must run once to hand them over, as upstream's test says. Where some can be late
    // they do so whatever the mask, or it would sleep on them.
    return bitmapHasPending(vcpu, 0, pmr) || bitmapHasPending(vcpu, 2, late === null ? pmr : PMR_NONE);
  }

  /** Xen: whatever the PMR, and active ones too. */
  function hasEnabledPending(vcpu: number, _pmr: number): boolean {
    const anchor = anchorOf(vcpu, BUCKET_ACTIVE);
    let visits = 1;
    let found = bitmapHasPending(vcpu, 0, PMR_NONE) || bitmapHasPending(vcpu, 2, PMR_NONE);
    for (let slot = next[anchor]; slot !== anchor && !found; slot = next[slot]) {
      visits++;
      found = (word[slot] & ENABLED) !== 0 && (word[slot] & PENDING) !== 0;
    }
    if (COUNTED) {
      cost.visits += visits;
      cost.locks += visits;
    }
    return found;
  }

  return {
    length: (vcpu: number) => len[vcpu],
    insert(vcpu: number, slot: number): void {
      len[vcpu] += 1;
      link(vcpu, slot, classify(word[slot]));
      if (slot >= lpiSlotBase) lpis?.link(vcpu, slot, 0);
    },
    touch,
    touchAll: () => {},
    select,
    prune,
    hasPending: pendingTest === 'deliverable' ? hasDeliverable : hasEnabledPending,
    dropLpis(vcpu: number): void {
      for (const slot of order(vcpu)) {
        if (COUNTED) cost.visits += 1;
        if (intidOfSlot[slot] < LPI_BASE) continue;
        if (COUNTED) cost.locks += 1;
        remove(vcpu, slot);
        word[slot] &= ~LATCH;
        release(slot);
      }
    },
    after(vcpu: number, slot: number): number {
      let place = slot < 0 ? 0 : placeOf(bucketOf[slot]) + 1;
      if (slot >= 0 && next[slot] !== anchorOf(vcpu, bucketOf[slot])) return next[slot];
      for (; place < NR_BUCKETS; place++) {
        const anchor = anchorOf(vcpu, bucketAt(place));
        if (next[anchor] !== anchor) return next[anchor];
      }
      return NO_SLOT;
    },
    order,
    ...(late === null ? {} : createLpiDrop(s, late, budget, { leave, isHere, isElsewhere })),
  };

  function isHere(slot: number): boolean {
    return bucketOf[slot] < ELSEWHERE;
  }

  function isElsewhere(slot: number): boolean {
    return bucketOf[slot] >= ELSEWHERE && bucketOf[slot] < BUCKET_ACTIVE;
  }

  function order(vcpu: number): number[] {
    const slots: number[] = [];
    for (let place = 0; place < NR_BUCKETS; place++) {
      const anchor = anchorOf(vcpu, bucketAt(place));
      for (let slot = next[anchor]; slot !== anchor; slot = next[slot]) slots.push(slot);
    }
    return slots;
  }
}

/** Buckets in the order of delivery: the actives first. */
const bucketAt = (place: number): number => (place === 0 ? BUCKET_ACTIVE : place <= BUCKET_ACTIVE ? place - 1 : place);
const placeOf = (bucket: number): number =>
  bucket === BUCKET_ACTIVE ? 0 : bucket < BUCKET_ACTIVE ? bucket + 1 : bucket;
