import * as Counting from '#counting';
import type { Flavour } from '../gic/flavour/flavour.js';
import * as Intid from '../gic/intid.js';
import * as ApLists from '../vgic/ap-list.js';
import { uint8Column } from '../vgic/columns.js';
import * as Word from '../vgic/word.js';
import { createLinkedList } from './linked-list.js';
import type { ApListStrategy, WorstCase, WorstSize } from './strategy.js';
import { appendedPaths, MOST_EOIS, SEEN, worstCase } from './worst-list.js';

// V8 folds a module's own constants, not imported ones: 1.2-2x in hot loops (bench/README.md).
const { COUNTED } = Counting;
const { NO_SLOT, NR_SGIS } = Intid;
const { OVERFLOW } = ApLists;
const { ACTIVE, priorityOf, staysHere, targetField } = Word;

const NOBODY = -1;

/** The list is never put in order: for each LR it is scanned for the most urgent entry that has none yet. */
export const bao: ApListStrategy = {
  id: 'bao',
  summary: 'an unsorted list that is scanned for the most urgent entry once for each list register',
  models:
    'the Bao hypervisor, which spills into unsorted lists and scans them for the best; order, states and a full set of LRs to fill at every entry are those of the flavour (Bao scans once for each LR that became free)',
  structure: 'ap-list',
  equivalence: 'tie-equivalent',
  isOnRequest: true,
  cost: {
    insert: 'O(1)',
    flush: 'O(n k)',
    pending: 'O(1)..O(n)',
    prune: 'O(n)',
    memory: '2 links and a flag per interrupt',
  },
  params: {},
  worst: (flavour) => ({
    ...appendedPaths(flavour),
    fold: foldOf(flavour),
    flush: worstCase(
      'linear',
      (size) => 1 + summarySteps(flavour, size) + scanSteps(size),
      `${flavour.depth === 'ours' ? 'n visits and locks for the counts of HCR, ' : ''}k scans: visit, lock and comparison of all that are not placed yet`,
    ),
  }),
  create: () => (s, ops) => {
    const list = createLinkedList(s, ops);
    const { word, source, intidOfSlot, dist, picks, cost, nrLr } = s;
    const { next, anchors, append, hasMultiSgi, keyOf: keyAtEntry, len, sortOrder, summarise } = list;
    const keyOfWord = sortOrder.keyOf;
    const needsSummary = s.flavour.depth === 'ours';
    const isPlaced = uint8Column(s.nrSlots);

    /** The first of the most urgent deliverable entries that have no LR yet, or NOBODY. */
    function scan(vcpu: number): number {
      const here = targetField(vcpu);
      const distEnabled = dist[0];
      const anchor = anchors + vcpu;
      let best = NOBODY;
      let bestKey = sortOrder.nrKeys;
      let seen = 0;
      let compared = 0;
      for (let slot = next[anchor]; slot !== anchor; slot = next[slot]) {
        if (isPlaced[slot] === 1) continue;
        const w = word[slot];
        seen++;
        const key = keyOfWord(w, vcpu);
        keyAtEntry[slot] = key;
        if (staysHere(w, here, distEnabled) === 0) continue;
        if (best !== NOBODY) compared++;
        if (key >= bestKey) continue;
        best = slot;
        bestKey = key;
      }
      if (COUNTED) {
        // The key of the best so far is at hand.
        cost.visits += seen;
        cost.locks += seen;
        cost.comparisons += compared;
      }
      return best;
    }

    function fill(vcpu: number): number {
      const hasFloor = hasMultiSgi(vcpu);
      let floor = 0xff;
      let count = 0;
      while (count < nrLr) {
        const slot = scan(vcpu);
        if (slot === NOBODY) return count;
        const w = word[slot];
        // A multi-source SGI is in flight: nothing less urgent may overtake its remaining sources.
        if (hasFloor && priorityOf(w) > floor) return count;
        if (hasFloor && intidOfSlot[slot] < NR_SGIS) {
          const senders = source[slot];
          if (((w & ACTIVE) !== 0 ? senders : senders & (senders - 1)) !== 0) floor = priorityOf(w);
        }
        picks[count] = slot;
        isPlaced[slot] = 1;
        ops.populate(vcpu * nrLr + count, slot);
        count++;
      }
      return len[vcpu] > count ? count | OVERFLOW : count;
    }

    /**
     * EOIs of actives that got no LR: each scans for the active that comes next in the order of the entry, which is that
     * of keys and, of one key, that of the list. Whatever is not active is passed over here.
     */
    function nextActive(vcpu: number, behind: number): number {
      const anchor = anchors + vcpu;
      const behindKey = behind === NO_SLOT ? NOBODY : keyAtEntry[behind];
      let found = NO_SLOT;
      let isBehind = false;
      for (let slot = next[anchor]; slot !== anchor; slot = next[slot]) {
        const key = keyAtEntry[slot];
        const follows = key > behindKey || (key === behindKey && isBehind);
        if (slot === behind) isBehind = true;
        else if (follows && (word[slot] & ACTIVE) !== 0 && (found === NO_SLOT || key < keyAtEntry[found])) found = slot;
      }
      if (COUNTED) {
        cost.visits += len[vcpu];
        cost.locks += len[vcpu];
      }
      return found;
    }

    return {
      length: (vcpu) => len[vcpu],
      insert(vcpu, slot) {
        keyAtEntry[slot] = keyOfWord(word[slot], vcpu);
        append(vcpu, slot);
      },
      touch: () => {},
      touchAll: () => {},
      select(vcpu) {
        if (COUNTED) cost.locks += 1;
        if (needsSummary) summarise(vcpu);
        const filled = fill(vcpu);
        for (let at = 0; at < (filled & (OVERFLOW - 1)); at++) isPlaced[picks[at]] = 0;
        return filled;
      },
      prune: list.prune,
      hasPending: list.hasPending,
      dropLpis: list.dropLpis,
      after: list.after,
      nextActive,
      order: list.order,
    };
  },
};

/** Each of up to 31 EOIs finds its active by a scan; one scan more finds none, or that no EOI is left. */
function foldOf(flavour: Flavour): WorstCase {
  const folded = appendedPaths(flavour).fold;
  if (flavour.activeOutsideLrs === 'none') return folded;
  return worstCase(
    'linear',
    ({ n, k }) => {
      const ended = Math.min(MOST_EOIS, n);
      return SEEN * Math.min(n, k) + (SEEN + 1) * ended + SEEN * n * (ended + 1);
    },
    `visit and lock of k list registers; up to ${MOST_EOIS} EOIs of actives in none, each a scan of n`,
  );
}

const summarySteps = (flavour: Flavour, { n }: WorstSize): number => (flavour.depth === 'ours' ? 2 * n : 0);

/** The i-th scan looks at n - i entries; as many are placed as there are list registers, unless the list ends. */
function scanSteps({ n, k }: WorstSize): number {
  let steps = 0;
  for (let placed = 0; placed < k; placed++) {
    const left = Math.max(n - placed, 0);
    steps += 2 * left + Math.max(left - 1, 0) + (left > 0 ? 1 : 0);
  }
  return steps;
}
