import * as Counting from '#counting';
import * as Word from '../vgic/word.js';
import { createAppendedList } from './appended-list.js';
import type { ApListStrategy } from './strategy.js';
import { orderedWorst } from './worst-list.js';

// V8 folds a module's own constants, not imported ones: 1.2-2x in hot loops (bench/README.md).
const { COUNTED } = Counting;
const { queuedOn } = Word;

/**
 * The list is kept in the comparator's order: a walk from the tail at insertion, and again whenever the key of a queued
 * entry changes. Entry takes the first LRs' worth. The work moves to whoever injects. vgic-spec 7.3.
 */
export const sortOnInsert: ApListStrategy = {
  id: 'sort-on-insert',
  summary: 'keep the list ordered: walk to the place at every insertion and key change',
  models: "the reviewer's proposal in the Xen new-VGIC thread (patch 22 of 49, 2018), with key-change hooks",
  structure: 'ap-list',
  equivalence: 'tie-equivalent',
  cost: {
    insert: 'O(n)',
    flush: 'O(k + undeliverable)',
    pending: 'O(1)..O(n)',
    prune: 'O(n)',
    memory: '2 links and a key per interrupt',
  },
  params: {},
  worst: orderedWorst,
  create: () => (s, ops) => {
    const { list, sort } = createAppendedList(s, ops);
    const { len, insertOrdered, reorder, hasMultiSgi, walk, summarise } = list;
    // HCR of 7.2 wants three counts of the list, so that first pass stays.
    const needsSummary = s.flavour.depth === 'ours';
    const { word } = s;
    return {
      length: (vcpu) => len[vcpu],
      insert: insertOrdered,
      touch: (slot) => reorder(queuedOn(word[slot]), slot),
      touchAll(vcpu) {
        if (len[vcpu] > 0) sort(vcpu);
      },
      select(vcpu) {
        if (COUNTED) s.cost.locks += 1;
        if (needsSummary) summarise(vcpu);
        return walk(vcpu, hasMultiSgi(vcpu));
      },
      prune: list.prune,
      hasPending: list.hasPending,
      dropLpis: list.dropLpis,
      after: list.after,
      order: list.order,
    };
  },
};
