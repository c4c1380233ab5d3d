/**
 * The doubly linked ap_list that the list-based strategies share: links per row, a head and a tail per vCPU. One isolate
 * runs one strategy, so these closures stay monomorphic there (architecture, hot path).
 */
import * as Counting from '#counting';
import * as Intid from '../gic/intid.js';
import type { ApListOps } from '../vgic/ap-list.js';
import * as ApLists from '../vgic/ap-list.js';
import type { VgicState } from '../vgic/state.js';
import * as Word from '../vgic/word.js';

// V8 folds a module's own constants, not imported ones: 1.2-2x in hot loops (bench/README.md).
const { COUNTED } = Counting;
const { LPI_BASE, NR_SGIS } = Intid;
const { OVERFLOW } = ApLists;
const { ACTIVE, ENABLED, LATCH, PENDING, priorityOf, QUEUED_FIELD, sortKey, targetOracle } = Word;

export interface LinkedList {
  readonly next: Int32Array;
  readonly head: Int32Array;
  readonly len: Int32Array;
  /** Sort key under which an ordered row was inserted; only the ordered strategies read it. */
  readonly keyOf: Uint8Array;
  append(vcpu: number, slot: number): void;
  /** Takes a chain of `next` links over the same rows as the list of a vCPU: a new order. */
  relink(vcpu: number, first: number): void;
  unlink(vcpu: number, slot: number): void;
  /** Inserts behind the last entry whose key is not larger, walking from the tail; books comparisons and visits. */
  insertOrdered(vcpu: number, slot: number): void;
  /** Moves a queued row whose key changed; books the walk and the two locks of re-taking list and interrupt. */
  reorder(vcpu: number, slot: number): void;
  /** Is a GICv2 SGI of more than one sender queued here? (lr_weight > 1, vgic-spec 1.4) */
  hasMultiSgi(vcpu: number): boolean;
  /** The populate walk: the first nrLr deliverable entries in list order, with the multi-SGI floor of 6.1. */
  walk(vcpu: number, multi: boolean): number;
  /** Full prune walk with a restart after each migration, as kvm does (vgic-spec 1.20). */
  prune(vcpu: number): void;
  hasPending(vcpu: number, pmr: number): boolean;
  dropLpis(vcpu: number): void;
  order(vcpu: number): number[];
}

export function createLinkedList(s: VgicState, ops: ApListOps): LinkedList {
  const { word, source, intidOfSlot, dist, picks, cost, nrVcpus, nrLr, isV2Guest } = s;
  // One more than rows: the anchor of a merge (merge-sort.ts).
  const next = new Int32Array(s.nrSlots + 1);
  const prev = new Int32Array(s.nrSlots);
  const head = new Int32Array(nrVcpus).fill(-1);
  const tail = new Int32Array(nrVcpus).fill(-1);
  const len = new Int32Array(nrVcpus);
  const keyOf = new Uint8Array(s.nrSlots);

  function append(vcpu: number, slot: number): void {
    const last = tail[vcpu];
    prev[slot] = last;
    next[slot] = -1;
    if (last < 0) head[vcpu] = slot;
    else next[last] = slot;
    tail[vcpu] = slot;
    len[vcpu] += 1;
  }

  function relink(vcpu: number, first: number): void {
    let before = -1;
    for (let slot = first; slot >= 0; slot = next[slot]) {
      prev[slot] = before;
      before = slot;
    }
    head[vcpu] = first;
    tail[vcpu] = before;
  }

  function unlink(vcpu: number, slot: number): void {
    const before = prev[slot];
    const after = next[slot];
    if (before < 0) head[vcpu] = after;
    else next[before] = after;
    if (after < 0) tail[vcpu] = before;
    else prev[after] = before;
    len[vcpu] -= 1;
  }

  function insertOrdered(vcpu: number, slot: number): void {
    const key = sortKey(word[slot]);
    keyOf[slot] = key;
    let after = -1;
    let at = tail[vcpu];
    let compared = 0;
    while (at >= 0) {
      compared++;
      if (keyOf[at] <= key) break;
      after = at;
      at = prev[at];
    }
    if (COUNTED) {
      cost.visits += compared;
      cost.comparisons += compared;
      cost.locks += 2 * compared;
    }
    prev[slot] = at;
    next[slot] = after;
    if (at < 0) head[vcpu] = slot;
    else next[at] = slot;
    if (after < 0) tail[vcpu] = slot;
    else prev[after] = slot;
    len[vcpu] += 1;
  }

  function reorder(vcpu: number, slot: number): void {
    if (sortKey(word[slot]) === keyOf[slot]) return;
    // Lock order: drop the irq_lock, take the list lock, take the irq_lock again (vgic-spec 1.5).
    if (COUNTED) cost.locks += 2;
    unlink(vcpu, slot);
    insertOrdered(vcpu, slot);
  }

  function hasMultiSgi(vcpu: number): boolean {
    if (!isV2Guest) return false;
    const first = vcpu * 32;
    for (let slot = first; slot < first + NR_SGIS; slot++) {
      const senders = source[slot];
      if (senders === 0) continue;
      if ((senders & (senders - 1)) === 0 && (word[slot] & ACTIVE) === 0) continue;
      // A private row is on its own vCPU's list or on none.
      if ((word[slot] & QUEUED_FIELD) !== 0) return true;
    }
    return false;
  }

  function walk(vcpu: number, multi: boolean): number {
    const distEnabled = dist[0] === 1;
    let count = 0;
    let walked = 0;
    let floor = 0xff;
    let overflow = 0;
    for (let slot = head[vcpu]; slot >= 0; slot = next[slot]) {
      const w = word[slot];
      walked++;
      // A multi-source SGI is in flight: nothing less urgent may overtake its remaining sources.
      if (multi && priorityOf(w) > floor) break;
      if (targetOracle(w, distEnabled) !== vcpu) continue;
      picks[count++] = slot;
      if (multi && intidOfSlot[slot] < NR_SGIS) {
        const senders = source[slot];
        const remaining = (w & ACTIVE) !== 0 ? senders : senders & (senders - 1);
        if (remaining !== 0) floor = priorityOf(w);
      }
      if (count === nrLr) {
        if (next[slot] >= 0) overflow = OVERFLOW;
        break;
      }
    }
    if (COUNTED) {
      cost.visits += walked;
      cost.locks += walked;
    }
    return count | overflow;
  }

  function prune(vcpu: number): void {
    const distEnabled = dist[0] === 1;
    let visits = 0;
    let locks = 1;
    let kept = 0;
    let slot = head[vcpu];
    while (slot >= 0) {
      const after = next[slot];
      const target = targetOracle(word[slot], distEnabled);
      visits++;
      if (target === vcpu) kept++;
      else {
        unlink(vcpu, slot);
        if (target < 0) ops.release(slot);
        else {
          ops.migrate(slot, target);
          // Both list locks and the irq_lock again, then from the head: the entries kept so far are visited once more.
          // (Nothing can have changed on them, so only the cost is repeated.)
          locks += 4;
          visits += kept;
        }
      }
      slot = after;
    }
    if (COUNTED) {
      cost.visits += visits;
      cost.locks += locks + visits;
    }
  }

  function hasPending(vcpu: number, pmr: number): boolean {
    let visits = 0;
    let found = false;
    for (let slot = head[vcpu]; slot >= 0 && !found; slot = next[slot]) {
      const w = word[slot];
      visits++;
      found = (w & PENDING) !== 0 && (w & (ENABLED | ACTIVE)) === ENABLED && priorityOf(w) < pmr;
    }
    if (COUNTED) {
      cost.visits += visits;
      cost.locks += visits;
    }
    return found;
  }

  function dropLpis(vcpu: number): void {
    for (let slot = head[vcpu]; slot >= 0; ) {
      const after = next[slot];
      if (intidOfSlot[slot] >= LPI_BASE) {
        unlink(vcpu, slot);
        word[slot] &= ~LATCH;
        ops.release(slot);
      }
      slot = after;
    }
  }

  function order(vcpu: number): number[] {
    const slots: number[] = [];
    for (let slot = head[vcpu]; slot >= 0; slot = next[slot]) slots.push(slot);
    return slots;
  }

  return {
    next,
    head,
    len,
    keyOf,
    append,
    relink,
    unlink,
    insertOrdered,
    reorder,
    hasMultiSgi,
    walk,
    prune,
    hasPending,
    dropLpis,
    order,
  };
}
