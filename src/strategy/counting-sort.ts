import * as Counting from '#counting';
import { int32Column } from '../vgic/columns.js';
import * as Operations from '../vgic/operations.js';
import { appendedApList, type CreateSort, createAppendedList } from './appended-list.js';
import type { ApListStrategy } from './strategy.js';
import { appendedPaths, depthSteps, depthWhy, SEEN, sortedFlushSteps, worstCase } from './worst-list.js';

// V8 folds a module's own constants, not imported ones: 1.2-2x in hot loops (bench/README.md).
const { COUNTED } = Counting;
const { OP_DISTRIBUTED } = Operations;

const EMPTY = -1;

/**
 * A stable distribution of the list over the classes of the comparator: 66 of kvm-6.1 and Xen, 1024 of kvm-7.2. One pass,
 * in which each key is read once under its irq_lock; then the classes that are not empty are linked in order. That touches
 * an entry a class and is not booked; nor, in the sort that this stands against, is its last pass, which links all n back.
 */
const createDistribution: CreateSort = (s, { next, anchors, len, relink, sortOrder }) => {
  const { word, cost } = s;
  const { nrKeys, keyOf: keyOfWord } = sortOrder;
  const heads = int32Column(nrKeys);
  const tails = int32Column(nrKeys);
  /** Bit key % 32 of word key / 32: the class holds something. All zero between two sorts. */
  const held = int32Column((nrKeys + 31) >> 5);

  return function distribute(vcpu: number): void {
    const anchor = anchors + vcpu;
    const nextOf = next;
    const words = word;
    const bits = held;
    for (let slot = nextOf[anchor]; slot !== anchor; ) {
      const following = nextOf[slot];
      const key = keyOfWord(words[slot], vcpu);
      const bit = 1 << (key & 31);
      if ((bits[key >> 5] & bit) === 0) {
        bits[key >> 5] |= bit;
        heads[key] = slot;
      } else nextOf[tails[key]] = slot;
      tails[key] = slot;
      nextOf[slot] = EMPTY;
      slot = following;
    }
    let first = EMPTY;
    let last = EMPTY;
    for (let at = 0; at < bits.length; at++) {
      for (let rest = bits[at]; rest !== 0; rest &= rest - 1) {
        const key = 32 * at + 31 - Math.clz32(rest & -rest);
        if (first === EMPTY) first = heads[key];
        else nextOf[last] = heads[key];
        last = tails[key];
      }
      bits[at] = 0;
    }
    relink(vcpu, first);
    if (COUNTED) {
      cost.visits += len[vcpu];
      cost.locks += len[vcpu];
      cost.sorts += 1;
      cost.ops[OP_DISTRIBUTED] += len[vcpu];
    }
  };
};

/** The drop-in replacement of the merge sort: the same order, without a comparator call. vgic-spec 7.8. */
export const countingSort: ApListStrategy = {
  id: 'counting-sort',
  summary: 'sort-on-flush with a stable counting sort over the classes of the comparator in place of the merge sort',
  models: 'no hypervisor yet; vgic-spec 7.8: the key has 66 values in Linux 6.1 and Xen, 1024 in Linux 7.2',
  structure: 'ap-list',
  equivalence: 'identical',
  isOnRequest: true,
  cost: {
    insert: 'O(1)',
    flush: 'O(n + classes)',
    pending: 'O(1)..O(n)',
    prune: 'O(n)',
    memory: '2 links per interrupt; 2 links per class and a bitmap, once a CPU',
  },
  params: {},
  worst: (flavour) => ({
    ...appendedPaths(flavour),
    flush: worstCase(
      'linear',
      (size) => sortedFlushSteps(flavour, size, depthSteps(flavour, size.n), SEEN * size.n),
      `${depthWhy(flavour)}, n visits and locks to distribute, and the walk`,
    ),
  }),
  create: () => (s, ops) => appendedApList(s, createAppendedList(s, ops, createDistribution)),
};
