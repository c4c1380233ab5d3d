/** Guest entry (vgic-spec 1.10-1.12): which interrupts get a list register, and what is asked of the hardware. */
import {
  HCR_EN,
  HCR_LRENPIE,
  HCR_NPIE,
  HCR_TDIR,
  HCR_UIE,
  HCR_VGRP0DIE,
  HCR_VGRP0EIE,
  HCR_VGRP1DIE,
  HCR_VGRP1EIE,
  HCR_VSGIEOICOUNT,
} from '../gic/lr.js';
import type { CallCost } from './cost.js';
import { pruneVcpu, releaseLastLrIrq } from './exit.js';
import { computeWeight, isIrqSgi } from './irq.js';
import { createListRegister } from './list-register.js';
import { countCall, hasV3Host, type MachineState, type Vcpu } from './machine-state.js';
import { sortCarrying, sortHalving } from './merge-sort.js';
import { findTarget } from './oracle.js';
import { comparatorFor } from './order.js';
import { computeLr } from './populate.js';

interface Summary {
  readonly isSorted: boolean;
  /** 6.1: an SGI of a GICv2 guest could use several list registers. */
  readonly isMultiSgi: boolean;
  /** 7.2: entries that belong here, by kind. */
  readonly nrPending: number;
  readonly nrActive: number;
  readonly nrSgis: number;
}

/** What the list holds, looked at in the way of the flavour, and whether it must be sorted. */
function summarize(state: MachineState, vcpu: Vcpu, cost: CallCost): Summary {
  const { nrLr } = state.machine;
  const { apList } = vcpu;
  const nothing = { isMultiSgi: false, nrPending: 0, nrActive: 0, nrSgis: 0 };
  cost.visits += apList.length;
  if (state.flavour.depth === 'count') return { ...nothing, isSorted: apList.length > nrLr };
  cost.locks += apList.length;
  if (state.flavour.depth === 'weights') {
    const weights = apList.map(computeWeight);
    const depth = weights.reduce((sum, weight) => sum + weight, 0);
    const isMultiSgi = state.flavour.multiSgiFloor && weights.some((weight) => weight > 1);
    return { ...nothing, isMultiSgi, isSorted: depth > nrLr || isMultiSgi };
  }
  const ours = apList.filter((irq) => findTarget(state, irq) === vcpu.index);
  const nrActive = ours.filter((irq) => irq.active).length;
  return {
    isSorted: ours.length > nrLr,
    isMultiSgi: false,
    nrPending: ours.length - nrActive,
    nrActive,
    nrSgis: ours.filter(isIrqSgi).length,
  };
}

function sortList(state: MachineState, vcpu: Vcpu, cost: CallCost): void {
  const sort = state.flavour.sort === 'carry' ? sortCarrying : sortHalving;
  const sorted = sort(vcpu.apList, comparatorFor(state, vcpu));
  cost.comparisons += sorted.nrComparisons;
  cost.locks += 2 * sorted.nrComparisons;
  // Without the guard a comparison of an interrupt with itself takes the same spinlock twice.
  if (sorted.hasSelfCalls && !state.flavour.selfCompareGuard) state.fatal = 'host-deadlock';
  else vcpu.apList = sorted.items;
}

/** Walks from the head and populates until the list registers are full. */
function fillLrs(state: MachineState, vcpu: Vcpu, isMultiSgi: boolean, cost: CallCost): void {
  const { nrLr } = state.machine;
  const tracksLast = state.flavour.activeOutsideLrs !== 'none';
  let count = 0;
  let floor = 0xff;
  for (const [position, irq] of vcpu.apList.entries()) {
    cost.visits++;
    cost.locks++;
    // While senders of a more urgent SGI wait, nothing less urgent may overtake them.
    if (isMultiSgi && irq.priority > floor) break;
    if (findTarget(state, irq) !== vcpu.index) continue;
    const lr = computeLr(state, irq, vcpu.lrs[count]);
    if (!lr) return;
    vcpu.lrs[count] = lr;
    cost.lrWrites++;
    count++;
    if (irq.source !== 0) floor = irq.priority;
    if (tracksLast) irq.onLr = true;
    if (count < nrLr) continue;
    if (tracksLast) vcpu.lastLrIrq = irq;
    else if (position !== vcpu.apList.length - 1) vcpu.hcr |= HCR_UIE;
    break;
  }
  if (!state.flavour.disablesAfterFold)
    for (let index = count; index < nrLr; index++) vcpu.lrs[index] = createListRegister();
  vcpu.usedLrs = count;
}

/** HCR of 7.2, from nothing at every entry (1.12). */
function computeHcr(state: MachineState, vcpu: Vcpu, { nrPending, nrActive, nrSgis }: Summary): number {
  const { nrLr } = state.machine;
  const { isGroup0On, isGroup1On } = vcpu.cpuInterface;
  const isOverflowing = nrPending + nrActive > nrLr;
  const hasHiddenActive = nrActive > 0 && isOverflowing;
  let hcr = HCR_EN;
  if (nrPending > nrLr) hcr |= HCR_NPIE;
  if (hasHiddenActive) hcr |= HCR_LRENPIE;
  if (isOverflowing) hcr |= HCR_UIE;
  hcr |= isGroup0On ? HCR_VGRP0DIE : HCR_VGRP0EIE;
  hcr |= isGroup1On ? HCR_VGRP1DIE : HCR_VGRP1EIE;
  if (!hasV3Host(state)) return hcr;
  if (nrSgis === 0) hcr |= HCR_VSGIEOICOUNT;
  if (hasHiddenActive || state.activeSpis > 0) hcr |= HCR_TDIR;
  return hcr;
}

function consumeRequests(state: MachineState, vcpu: Vcpu): void {
  vcpu.requestSet = false;
  if (vcpu.processUpdate) pruneVcpu(state, vcpu);
  vcpu.processUpdate = false;
}

export function flushVcpu(state: MachineState, vcpu: Vcpu): void {
  const { flavour } = state;
  consumeRequests(state, vcpu);
  vcpu.inGuest = true;
  vcpu.cpuInterface.eoiCount = 0;
  countCall(state, 'flush', (cost) => {
    if (flavour.emptyListShortcut && vcpu.apList.length === 0) return;
    cost.locks++;
    const summary = summarize(state, vcpu, cost);
    if (summary.isSorted) sortList(state, vcpu, cost);
    if (state.fatal) return;
    releaseLastLrIrq(state, vcpu);
    fillLrs(state, vcpu, summary.isMultiSgi, cost);
    if (flavour.hcr === 'full') vcpu.hcr = computeHcr(state, vcpu, summary);
    else vcpu.hcr |= HCR_EN;
  });
}
