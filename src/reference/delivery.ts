/** The way of an interrupt: queue, flush, fold, prune, and the pending test. vgic-spec 1.4, 1.7-1.21, flavour kvm-6.1. */
import { NO_VCPU, SPI_BASE } from '../gic/intid.js';
import { HCR_UIE } from '../gic/lr.js';
import type { CallCost } from './cost.js';
import { compareIrqs, computeWeight, type Irq, isIrqLpi, isIrqSpi, isMappedLevel, isPending, isV2Sgi } from './irq.js';
import { createListRegister, type ListRegister } from './list-register.js';
import {
  countCall,
  dropUnusedLpi,
  findIrq,
  hostSideOf,
  kickVcpu,
  type MachineState,
  type Vcpu,
} from './machine-state.js';
import { sortCounting } from './merge-sort.js';

/** The target oracle (1.4): the vCPU whose list should hold `irq`, or NO_VCPU. */
export function findTarget(state: MachineState, irq: Irq): number {
  if (irq.active) return irq.queued !== NO_VCPU ? irq.queued : irq.target;
  if (irq.enabled && isPending(irq) && state.distEnabled) return irq.target;
  return NO_VCPU;
}

/** queue_unlock (1.8) with the irq_lock held that `cost` has already counted. */
function queueLocked(state: MachineState, irq: Irq, cost: CallCost): void {
  const vcpu = findTarget(state, irq);
  if (vcpu === NO_VCPU) return;
  if (irq.queued === NO_VCPU) {
    cost.locks += 2;
    state.vcpus[vcpu].apList.push(irq);
    irq.queued = vcpu;
  }
  // Also when it was on a list before, and then perhaps not on the list of the vCPU that is kicked.
  kickVcpu(state, vcpu);
}

/** One offer of `irq` to the queueing step, as register writes, SGIs and LPI commands make it. */
export function queueIrq(state: MachineState, irq: Irq): void {
  countCall(state, 'inject', (cost) => {
    cost.locks++;
    queueLocked(state, irq, cost);
  });
}

/** A device raises or lowers `irq` (1.7). */
export function injectIrq(state: MachineState, irq: Irq, level: boolean): void {
  countCall(state, 'inject', (cost) => {
    cost.locks++;
    if (irq.level) {
      if (irq.line === level) return;
      irq.line = level;
    } else {
      if (!level) return;
      irq.latch = true;
    }
    queueLocked(state, irq, cost);
  });
}

/**
 * Populate (1.14): fills `lr` from `irq`. An SGI of a GICv2 guest that is pending without a source leaves `lr` as it
 * was, and keeps what the step has done to the interrupt until then.
 */
function populateLr(state: MachineState, irq: Irq, stale: ListRegister): ListRegister {
  const lr = createListRegister();
  lr.intid = irq.intid;
  let allowPending = true;
  if (irq.active) {
    lr.active = true;
    if (isV2Sgi(state.machine, irq)) lr.cpuid = irq.activeSource;
    if (computeWeight(irq) > 1) {
      allowPending = false;
      lr.eoi = true;
    }
  }
  if (irq.hw) {
    lr.hw = true;
    lr.pintid = irq.hostIrq;
    if (irq.active) allowPending = false;
  } else if (irq.level) {
    lr.eoi = true;
    if (irq.active) allowPending = false;
  }
  if (allowPending && isPending(irq)) {
    lr.pending = true;
    if (!irq.level) irq.latch = false;
    if (isV2Sgi(state.machine, irq)) {
      if (irq.source === 0) return stale;
      let sender = 0;
      while (((irq.source >> sender) & 1) === 0) sender++;
      lr.cpuid = sender;
      irq.source &= ~(1 << sender);
      if (irq.source !== 0) {
        irq.latch = true;
        lr.eoi = true;
      }
    }
    if (isMappedLevel(irq)) irq.line = false;
  }
  lr.group = irq.group;
  lr.priority = irq.priority;
  return lr;
}

/** Guest entry (1.11): sorts the list if more interrupts compete than there are list registers, then fills them. */
export function flushVcpu(state: MachineState, vcpu: Vcpu): void {
  countCall(state, 'flush', (cost) => {
    if (vcpu.apList.length === 0) return;
    cost.locks++;

    let depth = 0;
    let isMultiSgi = false;
    for (const irq of vcpu.apList) {
      cost.visits++;
      cost.locks++;
      depth += computeWeight(irq);
      if (computeWeight(irq) > 1) isMultiSgi = true;
    }
    const { nrLr } = state.machine;
    if (depth > nrLr || isMultiSgi) {
      const sorted = sortCounting(vcpu.apList, compareIrqs);
      vcpu.apList = sorted.items;
      cost.comparisons += sorted.nrComparisons;
      cost.locks += 2 * sorted.nrComparisons;
    }

    let count = 0;
    let floor = 0xff;
    for (const [position, irq] of vcpu.apList.entries()) {
      cost.visits++;
      cost.locks++;
      // While senders of a more urgent SGI wait, nothing less urgent may overtake them.
      if (isMultiSgi && irq.priority > floor) break;
      if (findTarget(state, irq) === vcpu.index) {
        vcpu.lrs[count] = populateLr(state, irq, vcpu.lrs[count]);
        cost.lrWrites++;
        count++;
        if (irq.source !== 0) floor = irq.priority;
      }
      if (count === nrLr) {
        if (position !== vcpu.apList.length - 1) vcpu.hcr |= HCR_UIE;
        break;
      }
    }
    for (let index = count; index < nrLr; index++) vcpu.lrs[index] = createListRegister();
    vcpu.usedLrs = count;
  });
}

/** Resampling of a mapped level interrupt (3.3); `wasActive` is the software copy from before the fold. */
function resample(state: MachineState, irq: Irq, lr: ListRegister, wasActive: boolean): void {
  const isDeactivatedWithLineHigh = wasActive && !lr.active && irq.line;
  if (!lr.pending && !isDeactivatedWithLineHigh) return;
  const host = hostSideOf(state, irq);
  irq.line = host.line;
  if (!host.line) host.active = false;
}

function foldLr(state: MachineState, vcpu: Vcpu, lr: ListRegister, cost: CallCost): void {
  const irq = findIrq(state, vcpu.index, lr.intid);
  if (!irq) return;
  const isIdle = !lr.pending && !lr.active;
  if (isIdle && lr.eoi && !lr.hw && isIrqSpi(irq)) state.notified.push(irq.intid - SPI_BASE);
  cost.locks++;
  const wasActive = irq.active;
  irq.active = lr.active;
  if (isV2Sgi(state.machine, irq) && irq.active) irq.activeSource = lr.cpuid;
  if (!irq.level && lr.pending) {
    irq.latch = true;
    if (isV2Sgi(state.machine, irq)) irq.source |= 1 << lr.cpuid;
  }
  if (irq.level && isIdle) irq.latch = false;
  if (isMappedLevel(irq)) resample(state, irq, lr, wasActive);
}

/** First half of a guest exit (1.18): list registers → interrupts. An empty list skips it, whatever the LRs hold. */
export function foldVcpu(state: MachineState, vcpu: Vcpu): void {
  countCall(state, 'fold', (cost) => {
    if (vcpu.apList.length === 0 || vcpu.usedLrs === 0) return;
    vcpu.hcr &= ~HCR_UIE;
    for (const lr of vcpu.lrs.slice(0, vcpu.usedLrs)) {
      cost.visits++;
      foldLr(state, vcpu, lr, cost);
    }
    vcpu.usedLrs = 0;
  });
}

function removeFromList(state: MachineState, vcpu: Vcpu, irq: Irq): void {
  vcpu.apList = vcpu.apList.filter((entry) => entry !== irq);
  irq.queued = NO_VCPU;
  dropUnusedLpi(state, irq);
}

/** One walk from the head. Returns true if an entry moved to another list: the walk begins again. */
function prunePass(state: MachineState, vcpu: Vcpu, cost: CallCost): boolean {
  cost.locks++;
  for (const irq of [...vcpu.apList]) {
    cost.visits++;
    cost.locks++;
    const target = findTarget(state, irq);
    if (target === vcpu.index) continue;
    if (target === NO_VCPU) {
      removeFromList(state, vcpu, irq);
      continue;
    }
    // Both lists' locks and the interrupt's own again.
    cost.locks += 3;
    vcpu.apList = vcpu.apList.filter((entry) => entry !== irq);
    irq.queued = target;
    state.vcpus[target].apList.push(irq);
    kickVcpu(state, target);
    return true;
  }
  return false;
}

/** Second half of a guest exit (1.20): what no longer belongs on the list is removed or moved. */
export function pruneVcpu(state: MachineState, vcpu: Vcpu): void {
  countCall(state, 'prune', (cost) => {
    while (prunePass(state, vcpu, cost));
  });
}

/** Guest exit. An empty list ends it before anything is locked. */
export function syncVcpu(state: MachineState, vcpu: Vcpu): void {
  const isEmpty = vcpu.apList.length === 0;
  foldVcpu(state, vcpu);
  if (isEmpty) countCall(state, 'prune', () => undefined);
  else pruneVcpu(state, vcpu);
}

/** The pending test (1.21): has `vcpu` something that its guest would be given? */
export function testPending(state: MachineState, vcpu: Vcpu): boolean {
  return countCall(state, 'pending', (cost) => {
    if (!state.distEnabled) return false;
    cost.locks++;
    for (const irq of vcpu.apList) {
      cost.visits++;
      cost.locks++;
      if (isPending(irq) && irq.enabled && !irq.active && irq.priority < vcpu.pmr) return true;
    }
    return false;
  });
}

/** GICR_CTLR.EnableLPIs 1 → 0 (2.5): every LPI leaves the list; those in list registers stay there. */
export function removeLpisFromList(state: MachineState, vcpu: Vcpu): void {
  for (const irq of [...vcpu.apList]) {
    if (!isIrqLpi(irq)) continue;
    irq.latch = false;
    removeFromList(state, vcpu, irq);
  }
}
