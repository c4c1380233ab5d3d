/** Guest entry: lr_pending → list registers. Guest exit: list registers → pending_irqs. vgic-spec 1.22. */
import * as Counting from '#counting';
import * as Lr from '../../gic/lr.js';
import * as Counters from '../counters.js';
import type { Flush } from '../flush.js';
import type { Sync } from '../sync.js';
import * as Word from '../word.js';
import type { XenOldState } from './columns.js';
import * as OwnColumns from './columns.js';
import type { ListRegisters } from './list-registers.js';

// V8 folds a module's own constants, not imported ones: 1.2-2x in hot loops (bench/README.md).
const { COUNTED } = Counting;
const { HCR_UIE, LR_PENDING } = Lr;
const { PATH_FLUSH, PATH_FOLD, PATH_PRUNE, SECTION_EXIT } = Counters;
const { ACTIVE, LATCH } = Word;
const { NO_LR } = OwnColumns;

export function createEntryExit(x: XenOldState, { findFree, setLr, updateLr }: ListRegisters): Flush & Sync {
  const { s, inflight, lrPending, snapshot, lrOf, lrUsed, nrUsed, current, kicks } = x;
  const { word, hcr, queuedRows, nrLr, cost, inGuest, lrHi, usedLrs } = s;

  /**
   * The row whose list register a waiting one of this priority takes, or -1. From behind, and only equality ends the
   * search: a more urgent row may have to go (the defect of 1.22), also one that was placed a moment ago. It goes on from
   * the previous victim to the head.
   */
  function findVictim(anchor: number, from: number, priority: number): number {
    const prevOf = inflight.prev;
    const keys = snapshot;
    const lrs = lrOf;
    const words = word;
    let walked = 0;
    let victim = -1;
    for (let slot = prevOf[from]; slot !== anchor; slot = prevOf[slot]) {
      walked++;
      if (keys[slot] === priority) break;
      if (lrs[slot] !== NO_LR && (words[slot] & ACTIVE) === 0) {
        victim = slot;
        break;
      }
    }
    if (COUNTED) cost.visits += walked;
    return victim;
  }

  /** gic_restore_pending_irqs. */
  function refill(vcpu: number): void {
    const anchor = inflight.anchors + vcpu;
    const end = lrPending.anchors + vcpu;
    let from = anchor;
    let lr = 0;
    let slot = lrPending.next[end];
    for (let moves = 0; moves < nrLr && slot !== end; moves++) {
      // Read before a victim joins the list: one that lands right behind this row is passed over.
      const after = lrPending.next[slot];
      lr = findFree(vcpu, lr);
      if (lr === NO_LR) {
        const victim = findVictim(anchor, from, snapshot[slot]);
        if (victim < 0) return;
        lr = lrOf[victim];
        lrOf[victim] = NO_LR;
        word[victim] |= LATCH;
        if (!lrPending.has(victim)) lrPending.insert(vcpu, victim);
        from = victim;
      }
      setLr(vcpu, lr, slot);
      lrPending.remove(slot);
      slot = after;
    }
  }

  function fold(vcpu: number): void {
    current[0] = vcpu;
    inGuest[vcpu] = 0;
    hcr[vcpu] &= ~HCR_UIE;
    const used = lrUsed;
    const base = vcpu * nrLr;
    for (let lr = 0; lr < nrLr; lr++) {
      if (used[base + lr] === 0) continue;
      if (COUNTED) cost.visits += 1;
      updateLr(vcpu, lr);
    }
    if (COUNTED) {
      cost.locks += 1;
      cost.end(PATH_FOLD);
    }
  }

  function prune(_vcpu: number): void {
    // Nothing to do: rows leave inflight in the fold.
    if (COUNTED) cost.end(PATH_PRUNE);
  }

  return {
    fold,
    prune,
    sync(vcpu) {
      fold(vcpu);
      // The prune does nothing: the fold is all of the exit.
      if (COUNTED) cost.section(SECTION_EXIT, cost.lastSteps, cost.lastLocks);
      prune(vcpu);
    },
    flush(vcpu) {
      current[0] = vcpu;
      inGuest[vcpu] = 1;
      if (COUNTED) cost.depth[queuedRows[vcpu]] += 1;
      if (!lrPending.isEmpty(vcpu)) {
        refill(vcpu);
        if (!lrPending.isEmpty(vcpu) && nrUsed[vcpu] === nrLr) hcr[vcpu] |= HCR_UIE;
      }
      if (COUNTED) {
        cost.locks += 1;
        cost.used[nrUsed[vcpu]] += 1;
        cost.end(PATH_FLUSH);
        let presents = false;
        const base = vcpu * nrLr;
        for (let lr = base; lr < base + usedLrs[vcpu]; lr++) if ((lrHi[lr] & LR_PENDING) !== 0) presents = true;
        kicks.enter(vcpu, presents);
      }
    },
  };
}
