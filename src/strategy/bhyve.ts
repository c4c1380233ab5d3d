import * as Counting from '#counting';
import { uint8Column } from '../vgic/columns.js';
import * as Word from '../vgic/word.js';
import { createLinkedList } from './linked-list.js';
import type { ApListStrategy } from './strategy.js';
import { appendedPaths, foldOf, walkOnlyFlush } from './worst-list.js';

// V8 folds a module's own constants, not imported ones: 1.2-2x in hot loops (bench/README.md).
const { COUNTED } = Counting;
const { ACTIVE, queuedOn } = Word;

/** Steps of a row that moves to the head: list lock and irq_lock again. */
const MOVED = 2;

/** Arrival order without priorities; what becomes active moves to the head. */
export const bhyve: ApListStrategy = {
  id: 'bhyve',
  summary: 'arrival order, what becomes active moves to the head; priorities are not looked at',
  models: 'FreeBSD bhyve, sys/arm64/vmm (which has no LPIs; here they are treated like the others)',
  structure: 'ap-list',
  equivalence: 'deviating',
  isOnRequest: true,
  cost: {
    insert: 'O(1)',
    flush: 'O(k + undeliverable)',
    pending: 'O(1)..O(n)',
    prune: 'O(n)',
    memory: '2 links and a flag per interrupt',
  },
  params: {},
  worst: (flavour) => ({
    ...appendedPaths(flavour),
    fold: foldOf(
      flavour,
      () => MOVED,
      'constant',
      ', each moved to the head',
      () => 0,
    ),
    flush: walkOnlyFlush(flavour),
  }),
  create: () => (s, ops) => {
    const list = createLinkedList(s, ops);
    const { word, cost } = s;
    const { anchors, append, insertBehind, len, summarise, unlink, walk } = list;
    const needsSummary = s.flavour.depth === 'ours';
    /** Rows that were active when their list last saw them. */
    const wasActive = uint8Column(s.nrSlots);
    return {
      length: (vcpu) => len[vcpu],
      insert(vcpu, slot) {
        wasActive[slot] = (word[slot] & ACTIVE) === 0 ? 0 : 1;
        if (wasActive[slot] === 1) insertBehind(vcpu, anchors + vcpu, slot);
        else append(vcpu, slot);
      },
      touch(slot) {
        const isActive = (word[slot] & ACTIVE) === 0 ? 0 : 1;
        if (isActive === wasActive[slot]) return;
        wasActive[slot] = isActive;
        if (isActive === 0) return;
        const vcpu = queuedOn(word[slot]);
        if (COUNTED) cost.locks += 2;
        unlink(vcpu, slot);
        insertBehind(vcpu, anchors + vcpu, slot);
      },
      touchAll: () => {},
      select(vcpu) {
        if (COUNTED) cost.locks += 1;
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
