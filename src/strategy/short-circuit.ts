import * as Counting from '#counting';
import type { Flavour } from '../gic/flavour/flavour.js';
import * as Intid from '../gic/intid.js';
import type { ApListOps } from '../vgic/ap-list.js';
import { int32Column, uint8Column } from '../vgic/columns.js';
import type { VgicState } from '../vgic/state.js';
import * as State from '../vgic/state.js';
import * as Word from '../vgic/word.js';
import { appendedApList, bitCount, createAppendedList } from './appended-list.js';
import type { ApListStrategy, WorstCases } from './strategy.js';
import { appendedPaths, SEEN, sortedFlushSteps, sortSteps, worstCase } from './worst-list.js';

// V8 folds a module's own constants, not imported ones: 1.2-2x in hot loops (bench/README.md).
const { COUNTED } = Counting;
const { NR_SGIS } = Intid;
const { SUMMARY_ACTIVE, SUMMARY_PENDING, SUMMARY_SGIS } = State;
const { ACTIVE, ENABLED, PENDING, queuedOn, targetOf } = Word;

/** What a queued row counts as. */
const HERE = 1;
const ACTIVES = 2;
const MULTI = 4;

/**
 * The depth loop ends as soon as it has seen more than the LRs hold. What else the flavour reads off the whole loop is
 * kept by counters, which the hooks of insertion, key change and removal bring up to date under the irq_lock that is held
 * there: queued SGIs of several senders (6.1); entries pending here, actives, and the SGIs of both (7.2), from which the
 * answer itself follows without a loop. vgic-spec 7.4. Counters are a vCPU's and no irq_lock covers them: they want atomic
 * additions, for which the model, which counts visits, comparisons and locks, books nothing.
 */
export const shortCircuit: ApListStrategy = {
  id: 'short-circuit',
  summary: 'sort-on-flush that stops counting at one more than the LRs hold; counters keep what else the count tells',
  models: 'mitigation 1 of the Xen new-VGIC thread (patch 22 of 49, 2018), with counters for what KVM derives beside',
  structure: 'ap-list',
  equivalence: 'identical',
  isOnRequest: true,
  cost: {
    insert: 'O(1)',
    flush: 'O(k) + O(n log n) on overflow',
    pending: 'O(1)..O(n)',
    prune: 'O(n)',
    memory: '2 links and a byte per interrupt, up to 4 counters per vCPU',
  },
  params: {},
  worst: shortCircuitWorst,
  create: () => (s, ops) => {
    const { flavour, nrLr, cost } = s;
    const counters = createCounters(s);
    const appended = createAppendedList(s, counters.watch(ops));
    const { len, walk, next, anchors } = appended.list;

    /** 6.1: true if more than the LRs hold has weight. */
    function isDeep(vcpu: number): boolean {
      const anchor = anchors + vcpu;
      let depth = 0;
      let visits = 0;
      for (let slot = next[anchor]; slot !== anchor && depth <= nrLr; slot = next[slot]) {
        visits++;
        depth += weightOf(s, slot);
      }
      if (COUNTED) {
        cost.visits += visits;
        cost.locks += visits;
      }
      return depth > nrLr;
    }
    function sortIfWeighty(vcpu: number): boolean {
      const multi = counters.multis[vcpu] > 0;
      if (isDeep(vcpu) || multi) appended.sort(vcpu);
      return multi;
    }
    function sortIfOurs(vcpu: number): boolean {
      counters.summarise(vcpu);
      if (s.summary[SUMMARY_ACTIVE] + s.summary[SUMMARY_PENDING] > nrLr) appended.sort(vcpu);
      return false;
    }
    function sortIfLong(vcpu: number): boolean {
      if (COUNTED) cost.visits += Math.min(len[vcpu], nrLr + 1);
      if (len[vcpu] > nrLr) appended.sort(vcpu);
      return false;
    }
    const sortIfOverflowing = { weights: sortIfWeighty, ours: sortIfOurs, count: sortIfLong }[flavour.depth];
    const apList = appendedApList(s, appended);
    return {
      ...apList,
      insert(vcpu, slot) {
        counters.enter(vcpu, slot);
        apList.insert(vcpu, slot);
      },
      touch: (slot) => counters.touch(slot),
      select(vcpu) {
        if (COUNTED) cost.locks += 1;
        return walk(vcpu, sortIfOverflowing(vcpu));
      },
    };
  },
};

/** lr_weight of a queued row (vgic-spec 1.4). */
function weightOf({ word, source, intidOfSlot, isV2Guest }: VgicState, slot: number): number {
  const w = word[slot];
  if (isV2Guest && intidOfSlot[slot] < NR_SGIS && source[slot] !== 0)
    return bitCount(source[slot]) + ((w & ACTIVE) !== 0 ? 1 : 0);
  return (w & (PENDING | ACTIVE)) !== 0 ? 1 : 0;
}

function createCounters(s: VgicState) {
  const { word, intidOfSlot, dist, summary, nrVcpus, flavour } = s;
  const countedAs = uint8Column(s.nrSlots);
  const multis = int32Column(nrVcpus);
  /** Two a vCPU: rows pending here and active, and the SGIs among them. */
  const here = int32Column(2 * nrVcpus);
  const active = int32Column(2 * nrVcpus);

  function classify(slot: number): number {
    if (flavour.depth === 'weights') return weightOf(s, slot) > 1 ? MULTI : 0;
    const w = word[slot];
    if ((w & ACTIVE) !== 0) return ACTIVES;
    return (w & ENABLED) !== 0 && (w & PENDING) !== 0 && targetOf(w) === queuedOn(w) ? HERE : 0;
  }

  function add(vcpu: number, slot: number, by: number): void {
    const kind = countedAs[slot];
    if (kind === 0) return;
    if (kind === MULTI) multis[vcpu] += by;
    else {
      const counts = kind === HERE ? here : active;
      counts[2 * vcpu] += by;
      if (intidOfSlot[slot] < NR_SGIS) counts[2 * vcpu + 1] += by;
    }
  }

  function leave(slot: number): void {
    add(queuedOn(word[slot]), slot, -1);
    countedAs[slot] = 0;
  }

  function enter(vcpu: number, slot: number): void {
    countedAs[slot] = classify(slot);
    add(vcpu, slot, 1);
  }

  return {
    multis,
    enter,
    touch(slot: number): void {
      if (classify(slot) === countedAs[slot]) return;
      leave(slot);
      enter(queuedOn(word[slot]), slot);
    },
    /** Rows that leave a list are counted no longer. */
    watch: ({ populate, release, migrate }: ApListOps): ApListOps => ({
      populate,
      release(slot) {
        leave(slot);
        release(slot);
      },
      migrate(slot, to) {
        leave(slot);
        migrate(slot, to);
      },
    }),
    summarise(vcpu: number): void {
      const isOn = dist[0] === 1;
      summary[SUMMARY_ACTIVE] = active[2 * vcpu];
      summary[SUMMARY_PENDING] = isOn ? here[2 * vcpu] : 0;
      summary[SUMMARY_SGIS] = active[2 * vcpu + 1] + (isOn ? here[2 * vcpu + 1] : 0);
    },
  };
}

/**
 * Entries without weight (pending no more, not yet pruned) make the loop of 6.1 longer, and the sort shorter, whose order
 * puts them together. Between two entries with weight the difference is 24 steps at most, for 30 of them.
 */
const UNWEIGHTED = 24;

function shortCircuitWorst(flavour: Flavour): WorstCases {
  const depths = {
    weights: (k: number): number => (SEEN + UNWEIGHTED) * (k + 1),
    ours: (): number => 0,
    count: (k: number): number => k + 1,
  };
  const words = { weights: 'k + 1 visits and locks', ours: 'counters', count: 'k + 1 visits' };
  return {
    ...appendedPaths(flavour),
    flush: worstCase(
      'n log n',
      (size) => {
        const sort = sortSteps(flavour, size.n);
        const sorted = sortedFlushSteps(flavour, size, depths[flavour.depth](size.k), sort);
        // A list without weight that is looked at to its end is not sorted.
        return Math.max(sorted, 1 + 2 * SEEN * size.n + size.k);
      },
      `${words[flavour.depth]} instead of the count, then the sort and the walk of sort-on-flush`,
    ),
  };
}
