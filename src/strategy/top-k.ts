import * as Counting from '#counting';
import type { Flavour } from '../gic/flavour/flavour.js';
import { int32Column } from '../vgic/columns.js';
import * as Operations from '../vgic/operations.js';
import * as State from '../vgic/state.js';
import * as Word from '../vgic/word.js';
import { appendedApList, type CreateSort, createAppendedList, createListSort } from './appended-list.js';
import type { ApListStrategy, WorstCase, WorstSize } from './strategy.js';
import { appendedPaths, depthSteps, depthWhy, SEEN, sortOnFlushSteps, worstCase } from './worst-list.js';

// V8 folds a module's own constants, not imported ones: 1.2-2x in hot loops (bench/README.md).
const { COUNTED } = Counting;
const { OP_PICKED, OP_PICKS } = Operations;
const { SUMMARY_ACTIVE } = State;
const { staysHere, targetField } = Word;

/**
 * No sort: one pass over an overflowing list picks what the LRs hold of the most urgent deliverable entries and moves
 * them to the front in order; the rest stays as it is. Two flavours still need the whole order: the floor of a GICv2 SGI
 * with several senders (6.1), and actives that wait outside the LRs, which EOIs end in list order (7.2; vgic-spec 7.9).
 */
export const topK: ApListStrategy = {
  id: 'top-k',
  summary: 'on overflow one pass picks the most urgent that the LRs hold and moves them to the front; no sort',
  models: 'a local patch to Linux 6.1 vgic.c that was measured with it (`topk`); no release has it',
  structure: 'ap-list',
  equivalence: 'tie-equivalent',
  isOnRequest: true,
  cost: {
    insert: 'O(1)',
    flush: 'O(n k), O(n log n) where the whole order is needed',
    pending: 'O(1)..O(n)',
    prune: 'O(n)',
    memory: '2 links per interrupt',
  },
  params: {},
  worst: (flavour) => ({ ...appendedPaths(flavour), flush: topKFlush(flavour) }),
  create: () => (s, ops) => appendedApList(s, createAppendedList(s, ops, createPick)),
};

const createPick: CreateSort = (s, list) => {
  const { word, dist, cost, nrLr, flavour, summary } = s;
  const { next, anchors, len, keyOf, sortOrder, unlink, insertBehind, hasMultiSgi } = list;
  const keyOfWord = sortOrder.keyOf;
  const sort = createListSort(s, list);
  const tracksActives = flavour.activeOutsideLrs !== 'none';
  /** The most urgent so far, in order. */
  const rows = int32Column(nrLr);

  function pick(vcpu: number): void {
    const here = targetField(vcpu);
    const distEnabled = dist[0];
    const anchor = anchors + vcpu;
    const nextOf = next;
    const words = word;
    const keys = keyOf;
    const chosen = rows;
    let count = 0;
    let compared = 0;
    for (let slot = nextOf[anchor]; slot !== anchor; slot = nextOf[slot]) {
      const w = words[slot];
      if (staysHere(w, here, distEnabled) === 0) continue;
      const key = keyOfWord(w, vcpu);
      keys[slot] = key;
      // Behind those that are as urgent: ties keep their order.
      let at = count;
      while (at > 0) {
        if (COUNTED) compared++;
        if (keys[chosen[at - 1]] <= key) break;
        at--;
      }
      if (at === nrLr) continue;
      if (count < nrLr) count++;
      for (let to = count - 1; to > at; to--) chosen[to] = chosen[to - 1];
      chosen[at] = slot;
    }
    let behind = anchor;
    for (let at = 0; at < count; at++) {
      unlink(vcpu, chosen[at]);
      insertBehind(vcpu, behind, chosen[at]);
      behind = chosen[at];
    }
    if (COUNTED) {
      // Each key is read once under its irq_lock; the comparisons are of keys at hand.
      cost.visits += len[vcpu];
      cost.locks += len[vcpu];
      cost.comparisons += compared;
      cost.ops[OP_PICKS] += 1;
      cost.ops[OP_PICKED] += len[vcpu];
    }
  }

  return (vcpu) => {
    if (hasMultiSgi(vcpu) || (tracksActives && summary[SUMMARY_ACTIVE] > 0)) sort(vcpu);
    else pick(vcpu);
  };
};

/** Keys that a deliverable entry can have: 32 priorities, 64 of LPIs, each for a mapped and an unmapped one of both groups. */
const nrKeys = (flavour: Flavour): number =>
  flavour.order === 'pending-first' ? 64 + 32 + 2 * 32 : flavour.hasLpis ? 1 + 64 : 1 + 32;

/** Every entry is compared with the last of the k; each time it passes the others the k become more urgent. */
function pickSteps(flavour: Flavour, { n, k }: WorstSize): number {
  const picked = n + Math.max(k - 1, 0) * Math.min(n, k * nrKeys(flavour)) + (SEEN + 1) * k;
  // With fewer than k deliverable ones hardly anything is compared, and the walk goes to the end of the list.
  const walked = (k * (k - 1)) / 2 + SEEN * n + k;
  return SEEN * n + Math.max(picked, walked);
}

function topKFlush(flavour: Flavour): WorstCase {
  const sorts = ({ model }: WorstSize): boolean =>
    flavour.activeOutsideLrs !== 'none' || (flavour.multiSgiFloor && model !== 'gicv3');
  const isAlwaysLinear = flavour.activeOutsideLrs === 'none' && !flavour.multiSgiFloor;
  return worstCase(
    isAlwaysLinear ? 'linear' : 'n log n',
    (size) => {
      const picked = 1 + depthSteps(flavour, size.n) + pickSteps(flavour, size);
      return sorts(size) ? Math.max(picked, sortOnFlushSteps(flavour, size)) : picked;
    },
    isAlwaysLinear
      ? `${depthWhy(flavour)}, n visits and locks to pick, n more to find that fewer than k are deliverable`
      : 'as sort-on-flush: a GICv2 SGI with several senders (6.1) or actives outside the LRs (7.2) need the whole order',
  );
}
