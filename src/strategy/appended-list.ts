/** A list in arrival order with kvm-6.1's depth count and sort: what sort-on-flush is, and hybrid below its threshold. */
import * as Counting from '#counting';
import * as Intid from '../gic/intid.js';
import type { ApListOps } from '../vgic/ap-list.js';
import type { VgicState } from '../vgic/state.js';
import * as Word from '../vgic/word.js';
import { createLinkedList, type LinkedList } from './linked-list.js';
import { createMergeSort } from './merge-sort.js';

// V8 folds a module's own constants, not imported ones: 1.2-2x in hot loops (bench/README.md).
const { COUNTED } = Counting;
const { NR_SGIS } = Intid;
const { ACTIVE, PENDING, sortKey } = Word;

export interface AppendedList {
  readonly list: LinkedList;
  /** compute_ap_list_depth, and the sort if depth > nrLr or a multi-source SGI is queued; returns the latter. */
  sortIfOverflowing(vcpu: number): boolean;
  /** Sorts unconditionally; books the comparisons and their locks. */
  sort(vcpu: number): void;
}

export function createAppendedList(s: VgicState, ops: ApListOps): AppendedList {
  const { word, source, cost, nrLr, isV2Guest, intidOfSlot } = s;
  const list = createLinkedList(s, ops);
  const { next, anchors, len, relink, keyOf } = list;
  const mergeSort = createMergeSort(next, keyOf);

  function sort(vcpu: number): void {
    const anchor = anchors + vcpu;
    const nextOf = next;
    const words = word;
    const keys = keyOf;
    for (let slot = nextOf[anchor]; slot !== anchor; slot = nextOf[slot]) keys[slot] = sortKey(words[slot]);
    relink(vcpu, mergeSort.sort(next[anchor], anchor));
    if (COUNTED) {
      const compared = mergeSort.comparisons();
      cost.comparisons += compared;
      cost.locks += 2 * compared;
      cost.sorts += 1;
    }
  }

  function sortIfOverflowing(vcpu: number): boolean {
    const n = len[vcpu];
    // The kernel always walks. Without GICv2 SGIs a list that fits the LRs needs no walk to know the answer.
    if (COUNTED) {
      cost.visits += n;
      cost.locks += n;
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
        if (weight > 1) multi = true;
      } else if ((w & (PENDING | ACTIVE)) !== 0) {
        depth++;
        if (depth > nrLr && !isV2Guest) break;
      }
    }
    if (depth > nrLr || multi) sort(vcpu);
    return multi;
  }

  return { list, sort, sortIfOverflowing };
}

/** Set bits of a byte. */
function bitCount(byte: number): number {
  let count = 0;
  for (let rest = byte; rest !== 0; rest &= rest - 1) count++;
  return count;
}
