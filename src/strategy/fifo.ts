import * as Counting from '#counting';
import { createLinkedList } from './linked-list.js';
import type { ApListStrategy } from './strategy.js';
import { appendedPaths, foldInOrder, walkOnlyFlush } from './worst-list.js';

// V8 folds a module's own constants, not imported ones: 1.2-2x in hot loops (bench/README.md).
const { COUNTED } = Counting;

/** Arrival order, whatever the priorities: no ordering work at all, so nothing list-based can be cheaper. */
export const fifo: ApListStrategy = {
  id: 'fifo',
  summary: 'arrival order; never orders by priority (a lower bound of cost, not a candidate)',
  models: 'the bound of a list without order',
  structure: 'ap-list',
  equivalence: 'bound',
  cost: {
    insert: 'O(1)',
    flush: 'O(k + undeliverable)',
    pending: 'O(1)..O(n)',
    prune: 'O(n)',
    memory: '2 links per interrupt',
  },
  params: {},
  worst: (flavour) => ({ ...appendedPaths(flavour), flush: walkOnlyFlush(flavour), fold: foldInOrder(flavour) }),
  create: () => (s, ops) => {
    const list = createLinkedList(s, ops);
    const { len, append, walk, summarise } = list;
    const needsSummary = s.flavour.depth === 'ours';
    return {
      length: (vcpu) => len[vcpu],
      insert: append,
      touch: () => {},
      touchAll: () => {},
      select(vcpu) {
        if (COUNTED) s.cost.locks += 1;
        if (needsSummary) summarise(vcpu);
        return walk(vcpu, false);
      },
      prune: list.prune,
      hasPending: list.hasPending,
      dropLpis: list.dropLpis,
      after: list.after,
      order: list.order,
    };
  },
};
