/**
 * A list in arrival order with the flavour's depth count and a sort: what sort-on-flush is, hybrid below its threshold, and
 * the strategies that replace the sort alone.
 */
import * as Counting from '#counting';
import * as Intid from '../gic/intid.js';
import type { ApList, ApListOps } from '../vgic/ap-list.js';
import * as Operations from '../vgic/operations.js';
import type { VgicState } from '../vgic/state.js';
import * as State from '../vgic/state.js';
import * as Word from '../vgic/word.js';
import { createCarrySort } from './carry-sort.js';
import { createLinkedList, type LinkedList } from './linked-list.js';
import { createMergeSort } from './merge-sort.js';

// V8 folds a module's own constants, not imported ones: 1.2-2x in hot loops (bench/README.md).
const { COUNTED } = Counting;
const { NR_SGIS } = Intid;
const { ACTIVE, PENDING } = Word;
const { OP_COMPARED_ACTIVE, OP_COMPARED, OP_DEPTH, OP_DEPTH_SENDERS, OP_SORTED } = Operations;
const { SUMMARY_ACTIVE, SUMMARY_PENDING } = State;

export interface AppendedList {
  readonly list: LinkedList;
  /** The flavour's depth count, and the sort if the list outgrew the LRs; true: the walk keeps a multi-SGI floor. */
  sortIfOverflowing(vcpu: number): boolean;
  /** Sorts unconditionally; books the comparisons and their locks. */
  sort(vcpu: number): void;
}

/** Makes what sorts a vCPU's list in place and books it. */
export type CreateSort = (s: VgicState, list: LinkedList) => (vcpu: number) => void;

/** The flavour's list sort: two irq_locks a comparison. */
export const createListSort: CreateSort = (
  { flavour, word, cost },
  { next, anchors, len, relink, keyOf, sortOrder },
) => {
  const keyOfWord = sortOrder.keyOf;
  const mergeSort =
    flavour.sort === 'carry' ? createCarrySort(next, keyOf, flavour.selfCompareGuard) : createMergeSort(next, keyOf);

  return function sort(vcpu: number): void {
    const anchor = anchors + vcpu;
    const nextOf = next;
    const words = word;
    const keys = keyOf;
    for (let slot = nextOf[anchor]; slot !== anchor; slot = nextOf[slot]) keys[slot] = keyOfWord(words[slot], vcpu);
    relink(vcpu, mergeSort.sort(next[anchor], anchor));
    if (COUNTED) {
      const compared = mergeSort.comparisons();
      cost.comparisons += compared;
      cost.locks += 2 * compared;
      cost.sorts += 1;
      cost.ops[OP_SORTED] += len[vcpu];
      cost.ops[OP_COMPARED] += compared;
      cost.ops[OP_COMPARED_ACTIVE] += mergeSort.withActive();
    }
  };
};

export function createAppendedList(s: VgicState, ops: ApListOps, createSort = createListSort): AppendedList {
  const { word, source, cost, nrLr, isV2Guest, intidOfSlot } = s;
  const list = createLinkedList(s, ops);
  const { next, anchors, len, summarise } = list;
  const { flavour, summary } = s;
  const sort = createSort(s, list);

  /** 6.1: weights of all entries, also of those that are not deliverable (vgic-spec 1.11). */
  function sortIfWeighty(vcpu: number): boolean {
    const n = len[vcpu];
    // The kernel always walks. Without GICv2 SGIs a list that fits the LRs needs no walk to know the answer.
    if (COUNTED) {
      cost.visits += n;
      cost.locks += n;
      cost.ops[OP_DEPTH] += n;
    }
    if (n <= nrLr && !isV2Guest) return false;
    let depth = 0;
    let multi = false;
    const anchor = anchors + vcpu;
    const nextOf = next;
    const words = word;
    for (let slot = nextOf[anchor]; slot !== anchor; slot = nextOf[slot]) {
      const w = words[slot];
      if (isV2Guest && intidOfSlot[slot] < NR_SGIS && source[slot] !== 0) {
        const weight = bitCount(source[slot]) + ((w & ACTIVE) !== 0 ? 1 : 0);
        depth += weight;
        if (COUNTED) cost.ops[OP_DEPTH_SENDERS] += 1;
        if (weight > 1) multi = true;
      } else if ((w & (PENDING | ACTIVE)) !== 0) {
        depth++;
        if (depth > nrLr && !isV2Guest) break;
      }
    }
    if (depth > nrLr || multi) sort(vcpu);
    return multi;
  }

  /** 7.2: what the oracle keeps here (1.12). */
  function sortIfOursOverflow(vcpu: number): boolean {
    summarise(vcpu);
    if (summary[SUMMARY_ACTIVE] + summary[SUMMARY_PENDING] > nrLr) sort(vcpu);
    return false;
  }

  /** Xen: the plain number of entries, no irq_lock taken (1.12b). */
  function sortIfLong(vcpu: number): boolean {
    if (COUNTED) {
      cost.visits += len[vcpu];
      cost.ops[OP_DEPTH] += len[vcpu];
    }
    if (len[vcpu] > nrLr) sort(vcpu);
    return false;
  }

  const byDepth = { weights: sortIfWeighty, ours: sortIfOursOverflow, count: sortIfLong };
  return { list, sort, sortIfOverflowing: byDepth[flavour.depth] };
}

/** Set bits of a byte. */
export function bitCount(byte: number): number {
  let count = 0;
  for (let rest = byte; rest !== 0; rest &= rest - 1) count++;
  return count;
}

/** The port of a list that is only ever put in order at entry. */
export function appendedApList(s: VgicState, { list, sortIfOverflowing }: AppendedList): ApList {
  const { len, append, walk, prune, hasPending, dropLpis, after, order } = list;
  const { cost } = s;
  return {
    length: (vcpu) => len[vcpu],
    insert: append,
    touch: () => {},
    touchAll: () => {},
    select(vcpu) {
      if (COUNTED) cost.locks += 1;
      return walk(vcpu, sortIfOverflowing(vcpu));
    },
    prune,
    hasPending,
    dropLpis,
    after,
    order,
  };
}
