/**
 * The doubly linked ap_list that the list-based strategies share. Circular, with an anchor row per vCPU behind the rows
 * of interrupts, like the kernel's list_head: nothing asks whether an entry is the first or the last. One isolate runs
 * one strategy, so these closures stay monomorphic there (architecture, hot path). Locals of columns: vgic/columns.ts.
 */
import * as Counting from '#counting';
import * as Intid from '../gic/intid.js';
import type { ApListOps } from '../vgic/ap-list.js';
import * as ApLists from '../vgic/ap-list.js';
import { int32Column, uint16Column } from '../vgic/columns.js';
import * as Operations from '../vgic/operations.js';
import { createOrder, type Order } from '../vgic/order.js';
import type { VgicState } from '../vgic/state.js';
import * as State from '../vgic/state.js';
import * as Word from '../vgic/word.js';

// V8 folds a module's own constants, not imported ones: 1.2-2x in hot loops (bench/README.md).
const { COUNTED } = Counting;
const { LPI_BASE, NO_SLOT, NR_SGIS } = Intid;
const { OVERFLOW } = ApLists;
const { OP_DEPTH, OP_KEPT_ACTIVE, OP_WALKED, OP_WALKED_ACTIVE } = Operations;
const { SUMMARY_ACTIVE, SUMMARY_PENDING, SUMMARY_SGIS } = State;
const { ACTIVE, ENABLED, LATCH, PENDING, priorityOf, QUEUED_FIELD, staysHere, targetField, targetOracle } = Word;

export interface LinkedList {
  readonly next: Int32Array;
  readonly prev: Int32Array;
  /** Row of vCPU 0's anchor, of vCPU 1's and so on: `next` of an anchor is the first entry, its own row if none. */
  readonly anchors: number;
  readonly len: Int32Array;
  readonly sortOrder: Order;
  /** Sort key under which an ordered row was inserted; only the ordered strategies read it. */
  readonly keyOf: Uint16Array;
  append(vcpu: number, slot: number): void;
  /** Takes a chain of `next` links (-1 ends it) over the same rows as the list of a vCPU: a new order. */
  relink(vcpu: number, first: number): void;
  unlink(vcpu: number, slot: number): void;
  /** Links a row behind another of the list, or behind its anchor. */
  insertBehind(vcpu: number, at: number, slot: number): void;
  /** Inserts behind the last entry whose key is not larger, walking from the tail; books the comparisons. */
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
  after(vcpu: number, slot: number): number;
  order(vcpu: number): number[];
  /** Counts the entries that the oracle keeps here into state.summary, as 7.2's first pass does (vgic-spec 1.12). */
  summarise(vcpu: number): void;
}

export function createLinkedList(s: VgicState, ops: ApListOps): LinkedList {
  const { word, source, intidOfSlot, dist, picks, cost, nrVcpus, nrLr, isV2Guest } = s;
  const { populate, release, migrate } = ops;
  const anchors = s.nrSlots;
  // One more than rows and anchors: where a merge begins its chain (merge-sort.ts).
  const next = int32Column(anchors + nrVcpus + 1);
  const prev = int32Column(anchors + nrVcpus);
  for (let anchor = anchors; anchor < anchors + nrVcpus; anchor++) next[anchor] = prev[anchor] = anchor;
  const len = int32Column(nrVcpus);
  const sortOrder = createOrder(s);
  const keyOfWord = sortOrder.keyOf;
  const keyOf = uint16Column(s.nrSlots);
  const { multiSgiFloor, pendingTest } = s.flavour;
  const { summary } = s;

  function append(vcpu: number, slot: number): void {
    const anchor = anchors + vcpu;
    const last = prev[anchor];
    prev[slot] = last;
    next[slot] = anchor;
    next[last] = slot;
    prev[anchor] = slot;
    len[vcpu] += 1;
  }

  function relink(vcpu: number, first: number): void {
    const anchor = anchors + vcpu;
    const nextOf = next;
    const prevOf = prev;
    let before = anchor;
    nextOf[anchor] = first;
    for (let slot = first; slot >= 0; slot = nextOf[slot]) {
      prevOf[slot] = before;
      before = slot;
    }
    nextOf[before] = anchor;
    prevOf[anchor] = before;
  }

  function unlink(vcpu: number, slot: number): void {
    const before = prev[slot];
    const after = next[slot];
    next[before] = after;
    prev[after] = before;
    len[vcpu] -= 1;
  }

  function insertBehind(vcpu: number, at: number, slot: number): void {
    const after = next[at];
    prev[slot] = at;
    next[slot] = after;
    next[at] = slot;
    prev[after] = slot;
    len[vcpu] += 1;
  }

  function insertOrdered(vcpu: number, slot: number): void {
    const key = keyOfWord(word[slot], vcpu);
    keyOf[slot] = key;
    const anchor = anchors + vcpu;
    const prevOf = prev;
    const keys = keyOf;
    let at = prevOf[anchor];
    let compared = 0;
    while (at !== anchor) {
      if (COUNTED) compared++;
      if (keys[at] <= key) break;
      at = prevOf[at];
    }
    if (COUNTED) {
      // As in a sort: a node that is compared costs a comparison and its two locks, not a visit as well.
      cost.comparisons += compared;
      cost.locks += 2 * compared;
    }
    insertBehind(vcpu, at, slot);
  }

  function reorder(vcpu: number, slot: number): void {
    if (keyOfWord(word[slot], vcpu) === keyOf[slot]) return;
    // Lock order: drop the irq_lock, take the list lock, take the irq_lock again (vgic-spec 1.5).
    if (COUNTED) cost.locks += 2;
    unlink(vcpu, slot);
    insertOrdered(vcpu, slot);
  }

  function hasMultiSgi(vcpu: number): boolean {
    if (!isV2Guest || !multiSgiFloor) return false;
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
    const here = targetField(vcpu);
    const distEnabled = dist[0];
    const anchor = anchors + vcpu;
    const base = vcpu * nrLr;
    let count = 0;
    let walked = 0;
    let actives = 0;
    let floor = 0xff;
    let overflow = 0;
    const nextOf = next;
    const words = word;
    const chosen = picks;
    for (let slot = nextOf[anchor]; slot !== anchor; slot = nextOf[slot]) {
      const w = words[slot];
      if (COUNTED) {
        walked++;
        actives += (w >>> 3) & 1;
      }
      // A multi-source SGI is in flight: nothing less urgent may overtake its remaining sources.
      if (multi && priorityOf(w) > floor) break;
      if (staysHere(w, here, distEnabled) === 0) continue;
      if (multi && intidOfSlot[slot] < NR_SGIS) {
        const senders = source[slot];
        const remaining = (w & ACTIVE) !== 0 ? senders : senders & (senders - 1);
        if (remaining !== 0) floor = priorityOf(w);
      }
      chosen[count] = slot;
      populate(base + count, slot);
      count++;
      if (count === nrLr) {
        if (nextOf[slot] !== anchor) overflow = OVERFLOW;
        break;
      }
    }
    if (COUNTED) {
      cost.visits += walked;
      cost.locks += walked;
      cost.ops[OP_WALKED] += walked;
      cost.ops[OP_WALKED_ACTIVE] += actives;
    }
    return count | overflow;
  }

  function prune(vcpu: number): void {
    const here = targetField(vcpu);
    const distEnabled = dist[0];
    const anchor = anchors + vcpu;
    let visits = 0;
    let locks = 1;
    let kept = 0;
    let keptActive = 0;
    let actives = 0;
    const nextOf = next;
    const words = word;
    let slot = nextOf[anchor];
    while (slot !== anchor) {
      const after = nextOf[slot];
      const w = words[slot];
      if (COUNTED) visits++;
      if (staysHere(w, here, distEnabled) !== 0) {
        if (COUNTED) {
          kept++;
          keptActive += (w >>> 3) & 1;
        }
      } else {
        const target = targetOracle(w, distEnabled === 1);
        unlink(vcpu, slot);
        if (target < 0) release(slot);
        else {
          migrate(slot, target);
          // Both list locks and the irq_lock again, then from the head: the entries kept so far are visited once more.
          // (Nothing can have changed on them, so only the cost is repeated.)
          if (COUNTED) {
            locks += 4;
            visits += kept;
            actives += keptActive;
          }
        }
      }
      slot = after;
    }
    if (COUNTED) {
      cost.visits += visits;
      cost.locks += locks + visits;
      cost.ops[OP_KEPT_ACTIVE] += actives + keptActive;
    }
  }

  function hasPending(vcpu: number, pmr: number): boolean {
    let visits = 0;
    let found = false;
    const anchor = anchors + vcpu;
    const nextOf = next;
    const words = word;
    for (let slot = nextOf[anchor]; slot !== anchor && !found; slot = nextOf[slot]) {
      const w = words[slot];
      if (COUNTED) visits++;
      found = (w & PENDING) !== 0 && (w & (ENABLED | ACTIVE)) === ENABLED && priorityOf(w) < pmr;
    }
    if (COUNTED) {
      cost.visits += visits;
      cost.locks += visits;
    }
    return found;
  }

  /** Xen: neither the active state nor PMR is looked at. */
  function hasEnabledPending(vcpu: number, _pmr: number): boolean {
    let visits = 0;
    let found = false;
    const anchor = anchors + vcpu;
    for (let slot = next[anchor]; slot !== anchor && !found; slot = next[slot]) {
      if (COUNTED) visits++;
      found = (word[slot] & PENDING) !== 0 && (word[slot] & ENABLED) !== 0;
    }
    if (COUNTED) {
      cost.visits += visits;
      cost.locks += visits;
    }
    return found;
  }

  function summarise(vcpu: number): void {
    const here = targetField(vcpu);
    const distEnabled = dist[0];
    const anchor = anchors + vcpu;
    let active = 0;
    let pending = 0;
    let sgis = 0;
    const nextOf = next;
    const words = word;
    for (let slot = nextOf[anchor]; slot !== anchor; slot = nextOf[slot]) {
      const w = words[slot];
      if (staysHere(w, here, distEnabled) === 0) continue;
      if ((w & ACTIVE) !== 0) active++;
      else pending++;
      if (intidOfSlot[slot] < NR_SGIS) sgis++;
    }
    summary[SUMMARY_ACTIVE] = active;
    summary[SUMMARY_PENDING] = pending;
    summary[SUMMARY_SGIS] = sgis;
    if (COUNTED) {
      cost.visits += len[vcpu];
      cost.locks += len[vcpu];
      cost.ops[OP_DEPTH] += len[vcpu];
    }
  }

  function dropLpis(vcpu: number): void {
    const anchor = anchors + vcpu;
    for (let slot = next[anchor]; slot !== anchor; ) {
      const after = next[slot];
      if (COUNTED) cost.visits += 1;
      if (intidOfSlot[slot] >= LPI_BASE) {
        if (COUNTED) cost.locks += 1;
        unlink(vcpu, slot);
        word[slot] &= ~LATCH;
        release(slot);
      }
      slot = after;
    }
  }

  function order(vcpu: number): number[] {
    const slots: number[] = [];
    const anchor = anchors + vcpu;
    for (let slot = next[anchor]; slot !== anchor; slot = next[slot]) slots.push(slot);
    return slots;
  }

  return {
    next,
    prev,
    anchors,
    len,
    sortOrder,
    keyOf,
    append,
    relink,
    unlink,
    insertBehind,
    insertOrdered,
    reorder,
    hasMultiSgi,
    walk,
    prune,
    hasPending: pendingTest === 'deliverable' ? hasPending : hasEnabledPending,
    dropLpis,
    after(vcpu, slot) {
      const anchor = anchors + vcpu;
      const following = next[slot < 0 ? anchor : slot];
      return following === anchor ? NO_SLOT : following;
    },
    order,
    summarise,
  };
}
