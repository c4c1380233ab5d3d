import type { Flavour } from '../gic/flavour/flavour.js';
import { appendedApList, createAppendedList } from './appended-list.js';
import { bookOrderTest, createSortIfUnsorted } from './order-test.js';
import type { ApListStrategy, WorstCase, WorstSize } from './strategy.js';
import { appendedPaths, depthSteps, sortedFlushSteps, sortOnFlushSteps, worstCase } from './worst-list.js';

/**
 * What the order test adds to a flush that sorts: a prefix that is in order costs the sort comparisons. Where a test of z
 * entries spares the sort fewer than it takes, z is 7 at most: 4 steps, 11 where the test takes locks of its own.
 */
const sortedPrefixSteps = (flavour: Flavour): number => (flavour.depth === 'count' ? 12 : 4);

/** Steps of the test of a list that is in order. */
const wholeTestSteps = (flavour: Flavour, { n }: WorstSize): number => (flavour.depth === 'count' ? 2 * n : n);

export const checkedFlush = (flavour: Flavour): WorstCase =>
  worstCase(
    'n log n',
    (size) =>
      Math.max(
        sortOnFlushSteps(flavour, size) + sortedPrefixSteps(flavour),
        sortedFlushSteps(flavour, size, depthSteps(flavour, size.n) + wholeTestSteps(flavour, size), 0),
      ),
    'as sort-on-flush: the order test ends at the first entry that is out of order, and the sort follows',
  );

/** The reviewers' smallest change: look before sorting. vgic-spec 7.5, native-reference 3.5 `check`. */
export const sortIfUnsorted: ApListStrategy = {
  id: 'sort-if-unsorted',
  summary: 'sort-on-flush whose depth pass also tests the order, so that a list in order is not sorted again',
  models: 'a local patch to Linux 6.1 vgic.c that was measured with it (`check`); no release has it',
  structure: 'ap-list',
  equivalence: 'identical',
  isOnRequest: true,
  cost: {
    insert: 'O(1)',
    flush: 'O(n), + O(n log n) on overflow if out of order',
    pending: 'O(1)..O(n)',
    prune: 'O(n)',
    memory: '2 links per interrupt',
  },
  params: {},
  worst: (flavour) => ({ ...appendedPaths(flavour), flush: checkedFlush(flavour) }),
  create: () => (s, ops) => {
    const appended = createAppendedList(s, ops, createSortIfUnsorted);
    const apList = appendedApList(s, appended);
    return {
      ...apList,
      select(vcpu) {
        bookOrderTest(s, appended.list, vcpu);
        return apList.select(vcpu);
      },
    };
  },
};
