/**
 * Guest entry: our tables → list registers. Counterpart: sync.ts.
 * vgic-spec 1.11 (kvm-6.1), 1.12 (kvm-7.2), 1.12b (Xen). Which entries get an LR, and in which order, is the strategy's
 * decision; what goes into the LR is populate.ts.
 */
import * as Counting from '#counting';
import * as Intid from '../gic/intid.js';
import * as Lr from '../gic/lr.js';
import type { ApList } from './ap-list.js';
import * as ApLists from './ap-list.js';
import * as Counters from './counters.js';
import { CONTROL_GROUP0, CONTROL_GROUP1 } from './cpuif.js';
import type { Kicks } from './kicks.js';
import * as Operations from './operations.js';
import type { Populate } from './populate.js';
import type { VgicState } from './state.js';
import * as State from './state.js';

// V8 folds a module's own constants, not imported ones: 1.2-2x in hot loops (bench/README.md).
const { COUNTED } = Counting;
const { NO_SLOT } = Intid;
const { HCR_EN, HCR_UIE, LR_PENDING } = Lr;
const { OVERFLOW } = ApLists;
const { PATH_FLUSH } = Counters;
const { OP_FLUSH_LISTED } = Operations;
const { SUMMARY_ACTIVE, SUMMARY_PENDING, SUMMARY_SGIS } = State;

export interface Flush {
  flush(vcpu: number): void;
}

export function createFlush(
  s: VgicState,
  list: ApList,
  { reportUnsent }: Populate,
  kicks: Kicks,
  prune: (vcpu: number) => void,
): Flush {
  const { usedLrs, lrDirty, hcr, cost, isV2Guest, inGuest, eoiCount, lastLr, picks, processUpdate, nrLr, lrHi } = s;
  const { length, select, touch } = list;

  /** Books one call; the guest runs from here on. */
  function enter(vcpu: number): void {
    inGuest[vcpu] = 1;
    eoiCount[vcpu] = 0;
    if (!COUNTED) return;
    const used = usedLrs[vcpu];
    cost.used[used] += 1;
    cost.end(PATH_FLUSH);
    let presents = false;
    for (let lr = vcpu * nrLr; lr < vcpu * nrLr + used; lr++) if ((lrHi[lr] & LR_PENDING) !== 0) presents = true;
    kicks.enter(vcpu, presents);
  }

  function fillLrs(vcpu: number): number {
    const chosen = select(vcpu);
    if (isV2Guest) reportUnsent(touch);
    const count = chosen & (OVERFLOW - 1);
    lrDirty[vcpu] = count;
    usedLrs[vcpu] = count;
    if (COUNTED) {
      cost.lrWrites += count;
      cost.ops[OP_FLUSH_LISTED] += 1;
    }
    return chosen;
  }

  /** kvm-6.1 and Xen. */
  function flushIfQueued(vcpu: number): void {
    const depth = length(vcpu);
    if (COUNTED) cost.depth[depth] += 1;
    // Nothing queued: no lock, and the LR shadow stays as it is.
    if (depth !== 0) {
      const chosen = fillLrs(vcpu);
      // Only ever set here; the fold clears it.
      hcr[vcpu] |= chosen >= OVERFLOW ? HCR_EN | HCR_UIE : HCR_EN;
    }
    enter(vcpu);
  }

  const computeHcr = createHcr(s);

  /** kvm-7.2: always locks, rebuilds HCR, remembers which entry filled the last LR. */
  function flushAlways(vcpu: number): void {
    if (processUpdate[vcpu] !== 0) {
      processUpdate[vcpu] = 0;
      prune(vcpu);
    }
    if (COUNTED) cost.depth[length(vcpu)] += 1;
    const count = fillLrs(vcpu) & (OVERFLOW - 1);
    lastLr[vcpu] = count === nrLr ? picks[count - 1] : NO_SLOT;
    hcr[vcpu] = computeHcr(vcpu);
    enter(vcpu);
  }

  return { flush: s.flavour.emptyListShortcut ? flushIfQueued : flushAlways };
}

/** HCR of kvm-7.2 from the summary that select left (vgic-spec 1.12, 6). */
function createHcr(s: VgicState): (vcpu: number) => number {
  const { summary, control, activeSpis, nrLr, isV2Host } = s;
  return (vcpu) => {
    const active = summary[SUMMARY_ACTIVE];
    const pending = summary[SUMMARY_PENDING];
    const overflows = active + pending > nrLr;
    const activesWait = active > 0 && overflows;
    let hcr = Lr.HCR_EN;
    if (pending > nrLr) hcr |= Lr.HCR_NPIE;
    if (activesWait) hcr |= Lr.HCR_LRENPIE;
    if (overflows) hcr |= Lr.HCR_UIE;
    hcr |= (control[vcpu] & CONTROL_GROUP0) !== 0 ? Lr.HCR_VGRP0DIE : Lr.HCR_VGRP0EIE;
    hcr |= (control[vcpu] & CONTROL_GROUP1) !== 0 ? Lr.HCR_VGRP1DIE : Lr.HCR_VGRP1EIE;
    if (isV2Host) return hcr;
    if (summary[SUMMARY_SGIS] === 0) hcr |= Lr.HCR_VSGIEOICOUNT;
    return activesWait || activeSpis[0] > 0 ? hcr | Lr.HCR_TDIR : hcr;
  };
}
