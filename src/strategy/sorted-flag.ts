import * as Counting from '#counting';
import { uint8Column } from '../vgic/columns.js';
import * as Word from '../vgic/word.js';
import { appendedApList, createAppendedList, createListSort } from './appended-list.js';
import type { ApListStrategy } from './strategy.js';
import { appendedPaths, appendingPrune, COMPARED, QUEUED, sortOnFlushWorst, worstCase } from './worst-list.js';

// V8 folds a module's own constants, not imported ones: 1.2-2x in hot loops (bench/README.md).
const { COUNTED } = Counting;
const { queuedOn } = Word;

/**
 * A flag a vCPU: the list is in order. It is exact where it is set: every change of a queued interrupt's key clears it, and
 * so does a tail insertion that is more urgent than the last entry, for which the two are compared. An interrupt that was
 * put into a list register and comes back as it went has the key it had: no change. vgic-spec 7.5. A hook runs under the
 * irq_lock that is held and takes no other: real code bumps a generation atomically, for which the model books nothing.
 */
export const sortedFlag: ApListStrategy = {
  id: 'sorted-flag',
  summary: 'sort-on-flush with a flag that the list is in order; any key change of a queued interrupt clears it',
  models: 'mitigation 2 of the Xen new-VGIC thread (patch 22 of 49, 2018), exact: with a hook at every key change',
  structure: 'ap-list',
  equivalence: 'identical',
  isOnRequest: true,
  cost: {
    insert: 'O(1), one comparison',
    flush: 'O(n), + O(n log n) on overflow if a key changed',
    pending: 'O(1)..O(n)',
    prune: 'O(n)',
    memory: '2 links and a key per interrupt, a flag per vCPU',
  },
  params: {},
  worst: (flavour) => ({
    ...appendedPaths(flavour),
    inject: worstCase('constant', ({ n }) => QUEUED + (n > 1 ? COMPARED : 0), 'as sort-on-flush, and a comparison'),
    flush: sortOnFlushWorst(flavour).flush,
    prune: appendingPrune(COMPARED, ' and a comparison'),
  }),
  create: () => (s, ops) => {
    const isSorted = uint8Column(s.nrVcpus).fill(1);
    const appended = createAppendedList(s, ops, (state, list) => {
      const sort = createListSort(state, list);
      return (vcpu) => {
        if (isSorted[vcpu] === 1) return;
        sort(vcpu);
        isSorted[vcpu] = 1;
      };
    });
    const { word, cost } = s;
    const { append, anchors, keyOf, len, prev, sortOrder } = appended.list;
    const keyOfWord = sortOrder.keyOf;
    return {
      ...appendedApList(s, appended),
      insert(vcpu, slot) {
        const key = keyOfWord(word[slot], vcpu);
        keyOf[slot] = key;
        if (len[vcpu] === 0) isSorted[vcpu] = 1;
        else if (isSorted[vcpu] === 1) {
          if (COUNTED) {
            cost.comparisons += 1;
            cost.locks += 2;
          }
          if (key < keyOf[prev[anchors + vcpu]]) isSorted[vcpu] = 0;
        }
        append(vcpu, slot);
      },
      touch(slot) {
        const vcpu = queuedOn(word[slot]);
        if (keyOfWord(word[slot], vcpu) !== keyOf[slot]) isSorted[vcpu] = 0;
      },
      touchAll(vcpu) {
        isSorted[vcpu] = 0;
      },
    };
  },
};
