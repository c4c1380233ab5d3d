/** The bucket strategy in the order of kvm-7.2: pending before active, a disabled group last, mapped before not mapped. */
import * as Counting from '#counting';
import { LPI_BASE, NO_SLOT, NR_SGIS } from '../gic/intid.js';
import type { ApList, ApListOps } from '../vgic/ap-list.js';
import { int32Column, uint8Column } from '../vgic/columns.js';
import { CONTROL_GROUP0, CONTROL_GROUP1 } from '../vgic/cpuif.js';
import { SUMMARY_ACTIVE, SUMMARY_PENDING, SUMMARY_SGIS, type VgicState } from '../vgic/state.js';
import { ACTIVE, ENABLED, GROUP, HW, LATCH, PENDING, PRIORITY_SHIFT, queuedOn, targetOf } from '../vgic/word.js';
import { createBucketLists } from './bucket-lists.js';
import { createChosenRows } from './chosen-rows.js';
import { createLateRows, createLpiDrop, hasOtherTarget } from './late-rows.js';

const { COUNTED } = Counting;

/*
 * Every queued row is in exactly one FIFO. An urgency is 6 bits of priority and one of "not mapped".
 *   0..255     enabled and pending here: group, urgency
 *   256..511   active: group, urgency
 *   512..575   enabled and pending, but retargeted elsewhere, by priority: prune migrates them
 *   576        parked: neither, prune removes them
 * The groups are apart because their enables decide at entry which comes first.
 */
const NR_URGENCIES = 128;
const BUCKET_ACTIVE = 256;
const BUCKET_ELSEWHERE = 512;
const BUCKET_PARKED = 576;
const NR_BUCKETS = 577;
const NR_GROUPS = 2;
/** Masks no priority; and the priority of nothing. */
const PMR_NONE = 256;
/** Both groups: as one where both are enabled or neither is. */
const BOTH = 3;

/** `budget`: rows that an exit takes off a list at most (late-rows.ts), or WHOLE. */
export function createPendingFirstBuckets(s: VgicState, ops: ApListOps, budget: number): ApList {
  const { word, intidOfSlot, lpiSlotBase, dist, control, picks, cost, summary, nrVcpus, nrLr } = s;
  const { populate, release, migrate } = ops;
  const { next, bucketOf, bitmap, nrBitmaps, anchorOf, link, unlink } = createBucketLists(s, NR_BUCKETS);
  const len = int32Column(nrVcpus);
  /** Rows and SGIs among them, pending here and active. */
  const nrHere = int32Column(nrVcpus);
  const nrActive = int32Column(nrVcpus);
  const nrHereSgis = int32Column(nrVcpus);
  const nrActiveSgis = int32Column(nrVcpus);
  const late = createLateRows(s, budget);
  const lpis = late?.lpis;
  const chosen = createChosenRows(s);
  /** As they were at the last entry. */
  const groupsAtEntry = uint8Column(nrVcpus);

  function classify(w: number): number {
    const urgency = (((w >>> (PRIORITY_SHIFT + 2)) & 0x3f) << 1) | ((w & HW) !== 0 ? 0 : 1);
    const ordered = ((w & GROUP) !== 0 ? NR_URGENCIES : 0) + urgency;
    if ((w & ACTIVE) !== 0) return BUCKET_ACTIVE + ordered;
    const target = targetOf(w);
    if ((w & ENABLED) === 0 || (w & PENDING) === 0 || target < 0) return BUCKET_PARKED;
    return target === queuedOn(w) ? ordered : BUCKET_ELSEWHERE + (urgency >> 1);
  }

  function count(vcpu: number, slot: number, by: number): void {
    const bucket = bucketOf[slot];
    if (bucket >= BUCKET_ELSEWHERE) return;
    const isSgi = intidOfSlot[slot] < NR_SGIS;
    const isActive = bucket >= BUCKET_ACTIVE;
    (isActive ? nrActive : nrHere)[vcpu] += by;
    if (isSgi) (isActive ? nrActiveSgis : nrHereSgis)[vcpu] += by;
  }

  function enter(vcpu: number, slot: number, bucket: number): void {
    link(vcpu, slot, bucket);
    count(vcpu, slot, 1);
    late?.note(vcpu, slot);
  }

  function unbucket(vcpu: number, slot: number): void {
    unlink(vcpu, slot);
    count(vcpu, slot, -1);
  }

  function remove(vcpu: number, slot: number): void {
    unbucket(vcpu, slot);
    if (slot >= lpiSlotBase) lpis?.unlink(vcpu, slot);
    chosen.forget(slot);
    len[vcpu] -= 1;
  }

  const isHere = (slot: number): boolean => bucketOf[slot] < BUCKET_ACTIVE;
  const isElsewhere = (slot: number): boolean => bucketOf[slot] >= BUCKET_ELSEWHERE && bucketOf[slot] < BUCKET_PARKED;

  function touch(slot: number): void {
    const w = word[slot];
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
    unbucket(vcpu, slot);
    enter(vcpu, slot, bucket);
  }

  /** Groups that come first and second, as sets: bit 0 group 0, bit 1 group 1; the second may be empty. */
  const firstGroups = (vcpu: number): number => {
    const enabled = ((control[vcpu] & CONTROL_GROUP0) !== 0 ? 1 : 0) | ((control[vcpu] & CONTROL_GROUP1) !== 0 ? 2 : 0);
    return enabled === 0 ? BOTH : enabled;
  };

  /** First bucket at or behind place `place` of the order of choosing that is not empty, as a place; -1: none. */
  function findPlace(vcpu: number, place: number, first: number): number {
    for (let at = place; at < PLACES; at++) {
      const bucket = bucketAt(first, at);
      if (bucket < 0 || (bucket < BUCKET_ACTIVE && dist[0] === 0)) continue;
      const bits = bitmap[vcpu * nrBitmaps + (bucket >> 5)];
      if (bits === 0 && at % WORD_OF_PLACES === 0 && isWordEmpty(vcpu, first, at)) at += WORD_OF_PLACES - 1;
      else if ((bits & (1 << (bucket & 31))) !== 0) return at;
    }
    return -1;
  }

  /** Nothing in the 32 urgencies of both groups that begin at a place? */
  function isWordEmpty(vcpu: number, first: number, at: number): boolean {
    for (let group = 0; group < NR_GROUPS; group++) {
      const bucket = bucketAt(first, at + group);
      if (bucket >= 0 && bitmap[vcpu * nrBitmaps + (bucket >> 5)] !== 0) return false;
    }
    return true;
  }

  function select(vcpu: number): number {
    const isOn = dist[0] === 1;
    summary[SUMMARY_ACTIVE] = nrActive[vcpu];
    summary[SUMMARY_PENDING] = isOn ? nrHere[vcpu] : 0;
    summary[SUMMARY_SGIS] = nrActiveSgis[vcpu] + (isOn ? nrHereSgis[vcpu] : 0);
    let taken = 0;
    const first = firstGroups(vcpu);
    groupsAtEntry[vcpu] = first;
    for (let place = findPlace(vcpu, 0, first); place >= 0 && taken < nrLr; place = findPlace(vcpu, place + 1, first)) {
      const anchor = anchorOf(vcpu, bucketAt(first, place));
      for (let slot = next[anchor]; slot !== anchor && taken < nrLr; slot = next[slot]) {
        picks[taken] = slot;
        late?.note(vcpu, slot);
        populate(vcpu * nrLr + taken, slot);
        taken++;
      }
    }
    chosen.note(vcpu, taken);
    if (COUNTED) {
      cost.visits += taken;
      cost.locks += 1 + taken;
    }
    return taken;
  }

  /** The active behind a row in its bucket, or the first of those that follow: `place` is that of its bucket, -1 for none. */
  function activeBehind(vcpu: number, slot: number, place: number): number {
    const first = groupsAtEntry[vcpu];
    if (slot !== NO_SLOT && next[slot] !== anchorOf(vcpu, bucketOf[slot])) return next[slot];
    let at = findPlace(vcpu, place + 1, first);
    while (at >= 0 && !isActivePlace(at)) at = findPlace(vcpu, endOfPendingPlaces(at), first);
    return at < 0 ? NO_SLOT : next[anchorOf(vcpu, bucketAt(first, at))];
  }

  /**
   * Behind what the entry chose come the actives that it did not: what is active in a list register was acknowledged
   * there, and is passed. A key that changed meanwhile counts as it is now.
   */
  function nextActive(vcpu: number, behind: number): number {
    const among = chosen.nextActive(vcpu, behind);
    if (among !== NO_SLOT) return among;
    const isChosen = behind === NO_SLOT || chosen.has(behind);
    // What is not active any more, and was not chosen, came to the list since.
    if (!isChosen && (bucketOf[behind] < BUCKET_ACTIVE || bucketOf[behind] >= BUCKET_ELSEWHERE)) return NO_SLOT;
    let slot = isChosen
      ? activeBehind(vcpu, NO_SLOT, -1)
      : activeBehind(vcpu, behind, placeOf(groupsAtEntry[vcpu], bucketOf[behind]));
    for (
      ;
      slot !== NO_SLOT && chosen.has(slot);
      slot = activeBehind(vcpu, slot, placeOf(groupsAtEntry[vcpu], bucketOf[slot]))
    ) {
      if (COUNTED) {
        cost.visits += 1;
        cost.locks += 1;
      }
    }
    return slot;
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
    const anchor = anchorOf(vcpu, bucket);
    let left = most;
    for (let slot = next[anchor]; slot !== anchor && left > 0; slot = next[anchor]) {
      leave(vcpu, slot, elsewhere);
      left--;
    }
    return left;
  }

  function drainWords(vcpu: number, from: number, to: number, elsewhere: boolean, most: number): number {
    let left = most;
    for (let at = from >> 5; at < to >> 5; at++) {
      for (let bits = bitmap[vcpu * nrBitmaps + at]; bits !== 0 && left > 0; bits &= bits - 1) {
        left = drain(vcpu, 32 * at + 31 - Math.clz32(bits & -bits), elsewhere, left);
      }
    }
    return left;
  }

  /** Most urgent priority among the buckets of `words` bitmap words from bucket `from` on, 256 if none. */
  function mostUrgent(vcpu: number, from: number, words: number, shift: number): number {
    for (let at = 0; at < words; at++) {
      const bits = bitmap[vcpu * nrBitmaps + (from >> 5) + at];
      if (bits !== 0) return ((32 * at + 31 - Math.clz32(bits & -bits)) << 2) >> shift;
    }
    return PMR_NONE;
  }

  return {
    length: (vcpu) => len[vcpu],
    insert(vcpu, slot) {
      len[vcpu] += 1;
      enter(vcpu, slot, classify(word[slot]));
      if (slot >= lpiSlotBase) lpis?.link(vcpu, slot, 0);
    },
    touch,
    // Enables are asked at entry.
    touchAll: () => {},
    select,
    /** Who is waited for elsewhere goes first, the most urgent of them before the others; what only leaves can wait. */
    prune(vcpu) {
      if (COUNTED) cost.locks += 1;
      const isOn = dist[0] === 1;
      let left = drainWords(vcpu, BUCKET_ELSEWHERE, BUCKET_PARKED, isOn, budget);
      // With the distributor off nothing is deliverable anywhere: all but the actives leave.
      if (!isOn) left = drainWords(vcpu, 0, BUCKET_ACTIVE, false, left);
      left = drain(vcpu, BUCKET_PARKED, false, left);
      if (left === 0) late?.passOver(vcpu, isOn);
    },
    hasPending(vcpu, pmr) {
      if (COUNTED) {
        cost.visits += 1;
        cost.locks += 1;
      }
      return (
        (mostUrgent(vcpu, 0, 4, 1) & ~3) < pmr ||
        (mostUrgent(vcpu, NR_URGENCIES, 4, 1) & ~3) < pmr ||
        // Where some can be late they count whatever the mask, or the vCPU would sleep on them.
        mostUrgent(vcpu, BUCKET_ELSEWHERE, 2, 0) < (late === null ? pmr : PMR_NONE)
      );
    },
    dropLpis(vcpu) {
      for (const slot of order(vcpu)) {
        if (COUNTED) cost.visits += 1;
        if (intidOfSlot[slot] < LPI_BASE) continue;
        if (COUNTED) cost.locks += 1;
        remove(vcpu, slot);
        word[slot] &= ~LATCH;
        release(slot);
      }
    },
    after(vcpu, slot) {
      const first = firstGroups(vcpu);
      let place = 0;
      if (slot >= 0) {
        const bucket = bucketOf[slot];
        if (next[slot] !== anchorOf(vcpu, bucket)) return next[slot];
        // Parked and retargeted rows stand at the end: behind them there is nothing to choose.
        if (bucket >= BUCKET_ELSEWHERE) return NO_SLOT;
        place = placeOf(first, bucket) + 1;
      }
      const found = findPlace(vcpu, place, first);
      return found < 0 ? NO_SLOT : next[anchorOf(vcpu, bucketAt(first, found))];
    },
    nextActive,
    order,
    ...(late === null ? {} : createLpiDrop(s, late, budget, { leave, isHere, isElsewhere })),
  };

  function order(vcpu: number): number[] {
    const slots: number[] = [];
    const first = firstGroups(vcpu);
    const add = (bucket: number): void => {
      const anchor = anchorOf(vcpu, bucket);
      for (let slot = next[anchor]; slot !== anchor; slot = next[slot]) slots.push(slot);
    };
    for (let place = 0; place < PLACES; place++) {
      const bucket = bucketAt(first, place);
      if (bucket >= 0) add(bucket);
    }
    for (let bucket = BUCKET_ELSEWHERE; bucket < NR_BUCKETS; bucket++) add(bucket);
    return slots;
  }
}

/*
 * Places number the buckets in the order of choosing: set of groups (first, second), pending or active, urgency, group.
 */
const WORD_OF_PLACES = 32 * NR_GROUPS;
const PLACES = 2 * 2 * NR_URGENCIES * NR_GROUPS;

const isActivePlace = (place: number): boolean => (place & 256) !== 0;
/** First place behind the pending ones that `place` is among. */
const endOfPendingPlaces = (place: number): number => (place | 255) + 1;

/** Bucket at a place; -1 if the group does not belong to that set. */
function bucketAt(first: number, place: number): number {
  const group = place & 1;
  const isSecond = place >= PLACES / 2;
  if (((isSecond ? ~first : first) & (1 << group)) === 0) return -1;
  const isActive = (place >> 8) & 1;
  return isActive * BUCKET_ACTIVE + group * NR_URGENCIES + ((place >> 1) & (NR_URGENCIES - 1));
}

function placeOf(first: number, bucket: number): number {
  const group = (bucket >> 7) & 1;
  const isSecond = (first & (1 << group)) === 0 ? 1 : 0;
  return isSecond * (PLACES / 2) + (bucket >> 8) * 256 + ((bucket & (NR_URGENCIES - 1)) << 1) + group;
}
