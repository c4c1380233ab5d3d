import * as Counting from '#counting';
import type { Flavour } from '../gic/flavour/flavour.js';
import * as Intid from '../gic/intid.js';
import type { ApList, ApListOps } from '../vgic/ap-list.js';
import * as ApLists from '../vgic/ap-list.js';
import { int32Column, uint16Column } from '../vgic/columns.js';
import type { VgicState } from '../vgic/state.js';
import * as Word from '../vgic/word.js';
import {
  createLeftistHeaps,
  mostInsertComparisons,
  mostRebuildComparisons,
  mostRemoveComparisons,
} from './leftist-heap.js';
import { createLinkedList } from './linked-list.js';
import type { ApListStrategy, WorstCases } from './strategy.js';
import {
  appendedPaths,
  COMPARED,
  canMigrate,
  dropSteps,
  largest,
  MOST_EOIS,
  QUEUED,
  rekeyOf,
  SEEN,
  sortsWithEnables,
  worstCase,
} from './worst-list.js';

// V8 folds a module's own constants, not imported ones: 1.2-2x in hot loops (bench/README.md).
const { COUNTED } = Counting;
const { NO_SLOT, NR_SGIS } = Intid;
const { OVERFLOW } = ApLists;
const { ACTIVE, priorityOf, queuedOn, staysHere, targetField } = Word;

/** Behind every key of the comparator: entries that the oracle sends elsewhere or nowhere. */
const NOT_HERE = 1 << 10;

/** A heap beside the list, which prune and the pending test still walk. vgic-spec 7.8. */
export const heap: ApListStrategy = {
  id: 'heap',
  summary: 'the list as it is, and beside it a heap by key and arrival, from which an entry takes what the LRs hold',
  models: 'no hypervisor yet; vgic-spec 7.8 (a leftist heap: its longest call is logarithmic, not only the mean)',
  structure: 'ap-list',
  equivalence: 'tie-equivalent',
  isOnRequest: true,
  cost: {
    insert: 'O(log n)',
    flush: 'O(k^2), + O(n) where HCR wants counts',
    pending: 'O(1)..O(n)',
    prune: 'O(n), and O(log n) for each that leaves',
    memory: '5 links, a key, a rank and a sequence number per interrupt',
  },
  params: {},
  worst: worstOf,
  create: () => createHeap,
};

function createHeap(s: VgicState, ops: ApListOps): ApList {
  const { word, source, intidOfSlot, dist, picks, cost, nrLr } = s;
  const { key, sequence, left, right, top, precedes, insert, remove, rebuild } = createLeftistHeaps(
    s.nrSlots,
    s.nrVcpus,
  );
  const list = createLinkedList(s, {
    populate: ops.populate,
    release(slot) {
      book(remove(queuedOn(word[slot]), slot));
      ops.release(slot);
    },
    migrate(slot, to) {
      book(remove(queuedOn(word[slot]), slot));
      ops.migrate(slot, to);
    },
  });
  const { append, hasMultiSgi, len, sortOrder, summarise, next, anchors } = list;
  const needsSummary = s.flavour.depth === 'ours';
  const arrivals = new Float64Array(1);
  /** Flavours that deactivate outside the LRs walk in the order of the entry: keys as they were then. */
  const notesEntry = s.flavour.activeOutsideLrs !== 'none';
  const keyAtEntry = uint16Column(s.nrSlots);
  /** Rows whose parents are placed: the next one is among them. */
  const frontier = int32Column(2 * nrLr + 1);

  function book(compared: number): void {
    if (!COUNTED) return;
    cost.comparisons += compared;
    cost.locks += 2 * compared;
  }

  /** The distributor's enable is asked at entry where it is no part of the comparator's key. */
  const keyOf = sortsWithEnables(s.flavour)
    ? sortOrder.keyOf
    : (w: number, vcpu: number): number =>
        staysHere(w, targetField(vcpu), 1) === 0 ? NOT_HERE : sortOrder.keyOf(w, vcpu);

  function touch(slot: number): void {
    const vcpu = queuedOn(word[slot]);
    const now = keyOf(word[slot], vcpu);
    if (now === key[slot]) return;
    // Lock order: drop the irq_lock, take the list lock, take the irq_lock again (vgic-spec 1.5).
    if (COUNTED) cost.locks += 2;
    book(remove(vcpu, slot));
    key[slot] = now;
    book(insert(vcpu, slot));
  }

  function fill(vcpu: number): number {
    const here = targetField(vcpu);
    const hasFloor = hasMultiSgi(vcpu);
    let floor = 0xff;
    let waiting = 0;
    let count = 0;
    if (top[vcpu] !== NO_SLOT) frontier[waiting++] = top[vcpu];
    while (waiting > 0 && count < nrLr) {
      let best = 0;
      for (let at = 1; at < waiting; at++) if (precedes(frontier[at], frontier[best])) best = at;
      book(waiting - 1);
      const slot = frontier[best];
      frontier[best] = frontier[--waiting];
      const w = word[slot];
      if (COUNTED) {
        cost.visits += 1;
        cost.locks += 1;
      }
      // Behind it nothing is deliverable here either, or nothing may overtake a multi-source SGI.
      if (staysHere(w, here, dist[0]) === 0 || (hasFloor && priorityOf(w) > floor)) return count;
      if (hasFloor && intidOfSlot[slot] < NR_SGIS) {
        const senders = source[slot];
        if (((w & ACTIVE) !== 0 ? senders : senders & (senders - 1)) !== 0) floor = priorityOf(w);
      }
      picks[count] = slot;
      ops.populate(vcpu * nrLr + count, slot);
      count++;
      if (left[slot] !== NO_SLOT) frontier[waiting++] = left[slot];
      if (right[slot] !== NO_SLOT) frontier[waiting++] = right[slot];
    }
    return count === nrLr && len[vcpu] > count ? count | OVERFLOW : count;
  }

  function noteEntry(vcpu: number): void {
    const anchor = anchors + vcpu;
    for (let slot = next[anchor]; slot !== anchor; slot = next[slot]) keyAtEntry[slot] = key[slot];
  }

  const precededAtEntry = (a: number, b: number): boolean =>
    keyAtEntry[a] < keyAtEntry[b] || (keyAtEntry[a] === keyAtEntry[b] && sequence[a] < sequence[b]);

  /** The active behind a row in the order of the entry, by a scan: whatever is not active is passed over. */
  function nextActive(vcpu: number, behind: number): number {
    const anchor = anchors + vcpu;
    let found = NO_SLOT;
    for (let slot = next[anchor]; slot !== anchor; slot = next[slot]) {
      if ((word[slot] & ACTIVE) === 0 || (behind !== NO_SLOT && !precededAtEntry(behind, slot))) continue;
      if (found === NO_SLOT || precededAtEntry(slot, found)) found = slot;
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
      append(vcpu, slot);
      key[slot] = keyAtEntry[slot] = keyOf(word[slot], vcpu);
      sequence[slot] = arrivals[0]++;
      book(insert(vcpu, slot));
    },
    touch,
    touchAll(vcpu) {
      const rows = list.order(vcpu);
      for (const slot of rows) key[slot] = keyOf(word[slot], vcpu);
      book(rebuild(vcpu, rows));
    },
    select(vcpu) {
      if (COUNTED) cost.locks += 1;
      if (needsSummary) summarise(vcpu);
      if (notesEntry) noteEntry(vcpu);
      return fill(vcpu);
    },
    prune: list.prune,
    hasPending: list.hasPending,
    dropLpis: list.dropLpis,
    after: list.after,
    nextActive,
    order: list.order,
  };
}

const insertSteps = (n: number): number => COMPARED * mostInsertComparisons(Math.max(n - 1, 0));
const removeSteps = (n: number): number => COMPARED * mostRemoveComparisons(n);
/** Removed and inserted anew under the list lock. */
const moveSteps = (n: number): number => 2 + removeSteps(n) + insertSteps(n);

function worstOf(flavour: Flavour): WorstCases {
  const counts = flavour.depth === 'ours';
  const scans = flavour.activeOutsideLrs !== 'none';
  return {
    inject: worstCase(
      'linear',
      ({ n }) => QUEUED + removeSteps(n) + insertSteps(n),
      'a row moved: 3 log2 n comparisons',
    ),
    rekey: worstCase(
      flavour.hasLpis ? 'n log n' : 'linear',
      (size) => {
        const dropped = dropSteps(flavour, size);
        return Math.max(
          rekeyOf(flavour, moveSteps(size.n)),
          dropped === 0 ? 0 : dropped + removeSteps(size.n) * size.n,
          sortsWithEnables(flavour) ? COMPARED * mostRebuildComparisons(size.n) : 0,
        );
      },
      flavour.hasLpis ? 'EnableLPIs off: n removals of 2 log2 n comparisons' : 'a row moved: 3 log2 n comparisons',
    ),
    flush: worstCase(
      counts ? 'linear' : 'constant',
      ({ n, k }) => 1 + (counts ? SEEN * n : 0) + (SEEN + 1) * Math.min(n, k) + COMPARED * ((k * (k - 1)) / 2),
      `${counts ? 'n visits and locks for the counts of HCR; ' : ''}k placed, each the first of as many as are placed so far`,
    ),
    fold: worstCase(
      'linear',
      ({ n, k }) => {
        const ended = Math.min(MOST_EOIS, n);
        const outside = (SEEN + 1 + moveSteps(n)) * ended + SEEN * n * (ended + 1);
        return (SEEN + moveSteps(n)) * Math.min(n, k) + (scans ? outside : 0);
      },
      `k rows moved${scans ? `; up to ${MOST_EOIS} EOIs of actives in no list register, each a scan of n` : ''}`,
    ),
    prune: worstCase(
      'quadratic',
      (size) => {
        const { n } = size;
        const removed = SEEN + removeSteps(n);
        const left = removed + 4 + insertSteps(n);
        return largest(canMigrate(size) ? n : 0, (m) => 1 + left * m + (n - m) * Math.max(SEEN * (m + 1), removed));
      },
      'n/2 entries retargeted behind n/2 that stay: the scan restarts after each',
    ),
    pending: appendedPaths(flavour).pending,
  };
}
