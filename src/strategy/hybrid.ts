import * as Counting from '#counting';
import type { Flavour } from '../gic/flavour/flavour.js';
import { uint8Column } from '../vgic/columns.js';
import * as Word from '../vgic/word.js';
import { createAppendedList } from './appended-list.js';
import type { ApListStrategy, WorstCase, WorstCases, WorstSize } from './strategy.js';
import {
  orderedPruneSteps,
  orderedWorst,
  sortOnFlushWorst,
  sortSteps,
  unorderedPruneSteps,
  worstCase,
} from './worst-list.js';

// V8 folds a module's own constants, not imported ones: 1.2-2x in hot loops (bench/README.md).
const { COUNTED } = Counting;
const { queuedOn } = Word;

const FALLBACK_THRESHOLD = 16;

/**
 * As sort-on-flush while the list is short; from `threshold` entries on the list is sorted once and then kept ordered,
 * until it is shorter than half the threshold. vgic-spec 7.6.
 */
export const hybrid: ApListStrategy = {
  id: 'hybrid',
  summary: 'append and sort at entry below a threshold, keep ordered above it',
  models: 'mitigation 3 of the Xen new-VGIC thread (sort on insertion above N entries), with key-change hooks',
  structure: 'ap-list',
  equivalence: 'tie-equivalent',
  cost: {
    insert: 'O(1) below N, O(n) above',
    flush: 'O(N log N) below, O(k + undeliverable) above',
    pending: 'O(1)..O(n)',
    prune: 'O(n)',
    memory: '2 links and a key per interrupt',
  },
  params: {
    threshold: {
      name: 'threshold',
      fallback: FALLBACK_THRESHOLD,
      min: 2,
      max: 65536,
      meaning: 'list length from which the list is kept ordered',
    },
  },
  worst: (flavour, { threshold } = { threshold: FALLBACK_THRESHOLD }) => worstFrom(flavour, threshold),
  create:
    ({ threshold }) =>
    (s, ops) => {
      const { list, sort, sortIfOverflowing } = createAppendedList(s, ops);
      const { len, append, insertOrdered, reorder, hasMultiSgi, walk, summarise } = list;
      const needsSummary = s.flavour.depth === 'ours';
      const { word } = s;
      const ordered = uint8Column(s.nrVcpus);
      const fallBelow = threshold >> 1;
      return {
        length: (vcpu) => len[vcpu],
        insert(vcpu, slot) {
          if (ordered[vcpu] === 1) return insertOrdered(vcpu, slot);
          append(vcpu, slot);
          if (len[vcpu] < threshold) return;
          sort(vcpu);
          ordered[vcpu] = 1;
        },
        touch(slot) {
          const vcpu = queuedOn(word[slot]);
          if (ordered[vcpu] === 1) reorder(vcpu, slot);
        },
        touchAll(vcpu) {
          if (ordered[vcpu] === 1 && len[vcpu] > 0) sort(vcpu);
        },
        select(vcpu) {
          if (COUNTED) s.cost.locks += 1;
          if (ordered[vcpu] === 0) return walk(vcpu, sortIfOverflowing(vcpu));
          if (needsSummary) summarise(vcpu);
          return walk(vcpu, hasMultiSgi(vcpu));
        },
        prune(vcpu) {
          list.prune(vcpu);
          if (len[vcpu] < fallBelow) ordered[vcpu] = 0;
        },
        hasPending: list.hasPending,
        dropLpis: list.dropLpis,
        after: list.after,
        order: list.order,
      };
    },
};

/** Below the threshold an appended list, from there on an ordered one; the sort between them comes once. */
function worstFrom(flavour: Flavour, threshold: number): WorstCases {
  const ordered = orderedWorst(flavour);
  const appended = sortOnFlushWorst(flavour);
  const short = (size: WorstSize): WorstSize => ({ ...size, n: Math.min(size.n, threshold - 1) });
  const either = (path: keyof WorstCases, extra: (size: WorstSize) => number, why = ''): WorstCase => {
    const { growth, steps, why: orderedWhy } = ordered[path];
    return worstCase(
      growth,
      (size) =>
        size.n < threshold
          ? appended[path].steps(size)
          : Math.max(appended[path].steps(short(size)), steps(size), extra(size)),
      `${orderedWhy}${why}`,
    );
  };
  const sorted = sortSteps(flavour, threshold);
  const none = (): number => 0;
  return {
    inject: either(
      'inject',
      () => 3 + sorted,
      `, or ${threshold} entries sorted where the list becomes an ordered one`,
    ),
    rekey: either('rekey', none),
    flush: either('flush', none, ', or a sort of fewer than the threshold'),
    fold: either('fold', none),
    prune: either(
      'prune',
      (size) => sorted + Math.max(orderedPruneSteps(flavour, size), unorderedPruneSteps(size, threshold - 1)),
      '; fewer than the threshold can leave a list that is not ordered, each for the place before the last',
    ),
    pending: ordered.pending,
  };
}
