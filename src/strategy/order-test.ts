/** Is a list in the comparator's order? Asked in the pass that counts the depth, which reads every entry anyway. */
import * as Counting from '#counting';
import * as Operations from '../vgic/operations.js';
import type { VgicState } from '../vgic/state.js';
import { type CreateSort, createListSort } from './appended-list.js';
import type { LinkedList } from './linked-list.js';

// V8 folds a module's own constants, not imported ones: 1.2-2x in hot loops (bench/README.md).
const { COUNTED } = Counting;
const { OP_ORDER_TESTED } = Operations;

/** Entries that are compared with the one before them until one is out of order; 0: the list is in order. */
function firstDescent({ word }: VgicState, { next, anchors, sortOrder }: LinkedList, vcpu: number): number {
  const keyOfWord = sortOrder.keyOf;
  const anchor = anchors + vcpu;
  const nextOf = next;
  const words = word;
  let compared = 0;
  let before = 0;
  for (let slot = nextOf[anchor]; slot !== anchor; slot = nextOf[slot]) {
    const key = keyOfWord(words[slot], vcpu);
    if (key < before) return compared;
    before = key;
    compared++;
  }
  return 0;
}

/** The flavour's list sort, unless the list is in order. */
export const createSortIfUnsorted: CreateSort = (s, list) => {
  const sort = createListSort(s, list);
  return (vcpu) => {
    if (firstDescent(s, list, vcpu) !== 0) sort(vcpu);
  };
};

/**
 * Books the test, which is made at every entry: a comparison for each entry but the first, up to the first that is out of
 * order. The keys are read under the irq_locks that the count takes; a flavour whose count takes none takes them for it.
 */
export function bookOrderTest(s: VgicState, list: LinkedList, vcpu: number): void {
  if (!COUNTED || list.len[vcpu] === 0) return;
  const { cost, flavour } = s;
  const compared = firstDescent(s, list, vcpu) || list.len[vcpu] - 1;
  cost.comparisons += compared;
  cost.ops[OP_ORDER_TESTED] += list.len[vcpu];
  if (flavour.depth === 'count') cost.locks += compared + 1;
}
