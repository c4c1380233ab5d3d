import * as Counting from '#counting';
import { appendedApList, createAppendedList } from './appended-list.js';
import { bookOrderTest, createSortIfUnsorted } from './order-test.js';
import { checkedFlush } from './sort-if-unsorted.js';
import type { ApListStrategy } from './strategy.js';
import { appendedPaths, orderedWorst, unorderedPruneSteps, worstCase } from './worst-list.js';

// V8 folds a module's own constants, not imported ones: 1.2-2x in hot loops (bench/README.md).
const { COUNTED } = Counting;

/**
 * Sorted insertion on top of the order test, without key-change hooks: the order that insertions keep is broken by any key
 * change, and the test at entry notices. native-reference 3.5 `sorted`.
 */
export const checkAndInsert: ApListStrategy = {
  id: 'check-and-insert',
  summary:
    'sort-if-unsorted with an ordered insertion when an interrupt is queued or migrates, without key-change hooks',
  models: 'a local patch to Linux 6.1 vgic.c that was measured with it (`sorted`); no release has it',
  structure: 'ap-list',
  equivalence: 'tie-equivalent',
  isOnRequest: true,
  cost: {
    insert: 'O(n)',
    flush: 'O(n), + O(n log n) on overflow if out of order',
    pending: 'O(1)..O(n)',
    prune: 'O(n), and an insertion for each that leaves',
    memory: '2 links per interrupt',
  },
  params: {},
  worst: (flavour) => ({
    ...appendedPaths(flavour),
    inject: orderedWorst(flavour).inject,
    flush: checkedFlush(flavour),
    prune: worstCase(
      'quadratic',
      (size) => unorderedPruneSteps(size, size.n),
      'n entries retargeted, each more urgent than the one before it, so that it passes all of these',
    ),
  }),
  create: () => (s, ops) => {
    const appended = createAppendedList(s, ops, createSortIfUnsorted);
    const { list } = appended;
    const { word, cost } = s;
    const { anchors, sortOrder, insertBehind, prev } = list;
    const keyOfWord = sortOrder.keyOf;
    const apList = appendedApList(s, appended);
    return {
      ...apList,
      insert(vcpu, slot) {
        const key = keyOfWord(word[slot], vcpu);
        const anchor = anchors + vcpu;
        let at = prev[anchor];
        let compared = 0;
        for (; at !== anchor; at = prev[at]) {
          if (COUNTED) compared++;
          if (keyOfWord(word[at], vcpu) <= key) break;
        }
        if (COUNTED) {
          cost.comparisons += compared;
          cost.locks += 2 * compared;
        }
        insertBehind(vcpu, at, slot);
      },
      select(vcpu) {
        bookOrderTest(s, list, vcpu);
        return apList.select(vcpu);
      },
    };
  },
};
