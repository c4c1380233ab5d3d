import * as Counting from '#counting';
import * as Intid from '../gic/intid.js';
import type { ApListOps } from '../vgic/ap-list.js';
import * as ApLists from '../vgic/ap-list.js';
import { int32Column, uint8Column } from '../vgic/columns.js';
import type { VgicState } from '../vgic/state.js';
import * as Word from '../vgic/word.js';
import type { ApListStrategy } from './strategy.js';

// V8 folds a module's own constants, not imported ones: 1.2-2x in hot loops (bench/README.md).
const { COUNTED } = Counting;
const { LPI_BASE, NR_SGIS } = Intid;
const { OVERFLOW } = ApLists;
const { ACTIVE, ENABLED, LATCH, PENDING, PRIORITY_SHIFT, priorityOf, QUEUED_FIELD, queuedOn, targetOf } = Word;

/*
 * Buckets of one vCPU. Every queued row is in exactly one FIFO:
 *   0          active
 *   1..64      enabled and pending here, by priority (6 bits)
 *   65..128    enabled and pending, but retargeted elsewhere, by priority: prune migrates them
 *   129        parked: neither, prune removes them
 * So prune only ever looks at rows that leave, and the pending test at one bitmap.
 */
const BUCKET_ACTIVE = 0;
const BUCKET_HERE = 1;
const BUCKET_ELSEWHERE = 65;
const BUCKET_PARKED = 129;
const NR_BUCKETS = 130;

/** Bitmap words per vCPU: here low, here high, elsewhere low, elsewhere high. */
const NR_BITMAPS = 4;

export const buckets: ApListStrategy = {
  id: 'buckets',
  summary: 'a FIFO per priority and a bitmap: constant work per insertion, key change, entry taken and entry left',
  models: 'no hypervisor yet; the structure of the Linux real-time scheduler run queue, 64 levels (vgic-spec 7.8)',
  equivalence: 'tie-equivalent',
  cost: {
    insert: 'O(1)',
    flush: 'O(k)',
    pending: 'O(1)',
    prune: 'O(entries that leave)',
    memory: '2 links and a bucket number per interrupt, 130 heads per vCPU',
  },
  params: {},
  create: () => createBuckets,
};

function createBuckets(s: VgicState, ops: ApListOps) {
  const { word, source, intidOfSlot, dist, picks, cost, nrVcpus, nrLr, isV2Guest } = s;
  const { populate, release, migrate } = ops;
  const next = int32Column(s.nrSlots);
  const prev = int32Column(s.nrSlots);
  const bucketOf = uint8Column(s.nrSlots);
  const head = int32Column(nrVcpus * NR_BUCKETS).fill(-1);
  const tail = int32Column(nrVcpus * NR_BUCKETS).fill(-1);
  const bitmap = int32Column(nrVcpus * NR_BITMAPS);
  const len = int32Column(nrVcpus);

  function classify(vcpu: number, w: number): number {
    if ((w & ACTIVE) !== 0) return BUCKET_ACTIVE;
    if ((w & ENABLED) === 0 || (w & PENDING) === 0) return BUCKET_PARKED;
    const target = targetOf(w);
    if (target < 0) return BUCKET_PARKED;
    return (target === vcpu ? BUCKET_HERE : BUCKET_ELSEWHERE) + ((w >>> (PRIORITY_SHIFT + 2)) & 0x3f);
  }

  function link(vcpu: number, slot: number, bucket: number): void {
    bucketOf[slot] = bucket;
    const at = vcpu * NR_BUCKETS + bucket;
    const last = tail[at];
    prev[slot] = last;
    next[slot] = -1;
    if (last < 0) head[at] = slot;
    else next[last] = slot;
    tail[at] = slot;
    const level = bucket - 1;
    if (level >= 0 && level < 128) bitmap[vcpu * NR_BITMAPS + (level >> 5)] |= 1 << (level & 31);
  }

  function unlink(vcpu: number, slot: number): void {
    const bucket = bucketOf[slot];
    const at = vcpu * NR_BUCKETS + bucket;
    const before = prev[slot];
    const after = next[slot];
    if (before < 0) head[at] = after;
    else next[before] = after;
    if (after < 0) tail[at] = before;
    else prev[after] = before;
    const level = bucket - 1;
    if (head[at] < 0 && level >= 0 && level < 128) bitmap[vcpu * NR_BITMAPS + (level >> 5)] &= ~(1 << (level & 31));
  }

  function touch(slot: number): void {
    const w = word[slot];
    const vcpu = queuedOn(w);
    const bucket = classify(vcpu, w);
    if (bucket === bucketOf[slot]) return;
    // Lock order: drop the irq_lock, take the list lock, take the irq_lock again (vgic-spec 1.5).
    if (COUNTED) cost.locks += 2;
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

  /** Takes entries of one bucket; `room` and `floor` bound it. State of one select, kept off the heap. */
  let count = 0;
  let floor = 0xff;
  let stopped = false;
  function take(vcpu: number, bucket: number, multi: boolean): void {
    for (let slot = head[vcpu * NR_BUCKETS + bucket]; slot >= 0; slot = next[slot]) {
      const w = word[slot];
      if (multi && priorityOf(w) > floor) {
        stopped = true;
        return;
      }
      if (multi && intidOfSlot[slot] < NR_SGIS) {
        const senders = source[slot];
        if (((w & ACTIVE) !== 0 ? senders : senders & (senders - 1)) !== 0) floor = priorityOf(w);
      }
      picks[count] = slot;
      populate(vcpu * nrLr + count, slot);
      count++;
      if (count === nrLr) {
        stopped = true;
        return;
      }
    }
  }

  function select(vcpu: number): number {
    const multi = isV2Guest && hasMultiSgi(vcpu);
    count = 0;
    floor = 0xff;
    stopped = false;
    take(vcpu, BUCKET_ACTIVE, multi);
    if (dist[0] === 1) {
      for (let half = 0; half < 2 && !stopped; half++) {
        let bits = bitmap[vcpu * NR_BITMAPS + half];
        while (bits !== 0 && !stopped) {
          const lowest = bits & -bits;
          bits &= ~lowest;
          take(vcpu, BUCKET_HERE + 32 * half + 31 - Math.clz32(lowest), multi);
        }
      }
    }
    if (COUNTED) {
      cost.visits += count;
      cost.locks += 1 + count;
    }
    return count === nrLr && len[vcpu] > count ? count | OVERFLOW : count;
  }

  function remove(vcpu: number, slot: number): void {
    unlink(vcpu, slot);
    len[vcpu] -= 1;
  }

  /** Empties a bucket at prune: every row leaves, to where the oracle says or for good. */
  function drain(vcpu: number, bucket: number, elsewhere: boolean): void {
    const at = vcpu * NR_BUCKETS + bucket;
    let visits = 0;
    let locks = 0;
    for (let slot = head[at]; slot >= 0; slot = head[at]) {
      visits++;
      remove(vcpu, slot);
      if (elsewhere) {
        migrate(slot, targetOf(word[slot]));
        // Both list locks, the irq_lock again, and the own list lock after it.
        locks += 4;
      } else release(slot);
    }
    if (COUNTED) {
      cost.visits += visits;
      cost.locks += visits + locks;
    }
  }

  function prune(vcpu: number): void {
    if (COUNTED) cost.locks += 1;
    drain(vcpu, BUCKET_PARKED, false);
    const distEnabled = dist[0] === 1;
    // With the distributor off nothing is deliverable anywhere: all but the actives leave.
    for (let half = distEnabled ? 2 : 0; half < 4; half++) {
      let bits = bitmap[vcpu * NR_BITMAPS + half];
      while (bits !== 0) {
        const lowest = bits & -bits;
        bits &= ~lowest;
        drain(vcpu, BUCKET_HERE + 32 * half + 31 - Math.clz32(lowest), distEnabled);
      }
    }
  }

  /** First entry of the most urgent bucket of a bitmap pair is more urgent than pmr? */
  function bitmapHasPending(vcpu: number, half: number, pmr: number): boolean {
    const low = bitmap[vcpu * NR_BITMAPS + half];
    const high = bitmap[vcpu * NR_BITMAPS + half + 1];
    if (low !== 0) return (31 - Math.clz32(low & -low)) << 2 < pmr;
    return high !== 0 && (63 - Math.clz32(high & -high)) << 2 < pmr;
  }

  return {
    length: (vcpu: number) => len[vcpu],
    insert(vcpu: number, slot: number): void {
      len[vcpu] += 1;
      link(vcpu, slot, classify(vcpu, word[slot]));
    },
    touch,
    select,
    prune,
    hasPending(vcpu: number, pmr: number): boolean {
      if (COUNTED) {
        cost.visits += 1;
        cost.locks += 1;
      }
      // Retargeted entries count too: the vCPU must run once to hand them over, as upstream's test says.
      return bitmapHasPending(vcpu, 0, pmr) || bitmapHasPending(vcpu, 2, pmr);
    },
    dropLpis(vcpu: number): void {
      for (const slot of order(vcpu)) {
        if (intidOfSlot[slot] < LPI_BASE) continue;
        remove(vcpu, slot);
        word[slot] &= ~LATCH;
        release(slot);
      }
    },
    order,
  };

  function order(vcpu: number): number[] {
    const slots: number[] = [];
    for (let bucket = 0; bucket < NR_BUCKETS; bucket++) {
      for (let slot = head[vcpu * NR_BUCKETS + bucket]; slot >= 0; slot = next[slot]) slots.push(slot);
    }
    return slots;
  }
}
