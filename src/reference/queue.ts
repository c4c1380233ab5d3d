/** Putting interrupts on lists, and asking whether one waits there (vgic-spec 1.7, 1.8, 1.21, 2.5). */
import { NO_VCPU } from '../gic/intid.js';
import type { CallCost } from './cost.js';
import { type Irq, isIrqLpi, isIrqSpi, isPending } from './irq.js';
import { kickAllVcpus, kickVcpu } from './kicks.js';
import {
  countCall,
  countLocks,
  dropUnusedLpi,
  hasV2Guest,
  hasV3Host,
  type MachineState,
  type Vcpu,
} from './machine-state.js';
import { findTarget } from './oracle.js';

/** Counts a queued SPI; true if it is the first, for which every vCPU must come out to have DIR trapped (TDIR). */
function isFirstSpi(state: MachineState, irq: Irq): boolean {
  const countsSpis = state.flavour.firstSpiBroadcast && hasV3Host(state) && !hasV2Guest(state);
  return countsSpis && isIrqSpi(irq) && state.activeSpis++ === 0;
}

/** queue_unlock (1.8) with the irq_lock held that `cost` has already counted. */
function queueLocked(state: MachineState, irq: Irq, cost: CallCost): void {
  const vcpu = findTarget(state, irq);
  if (vcpu === NO_VCPU) return;
  if (irq.queued !== NO_VCPU) {
    // Perhaps not the vCPU on whose list it is.
    kickVcpu(state, vcpu);
    return;
  }
  cost.locks += 2;
  state.vcpus[vcpu].apList.push(irq);
  irq.queued = vcpu;
  if (isFirstSpi(state, irq)) kickAllVcpus(state);
  else kickVcpu(state, vcpu);
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

/** The pending test (1.21): has `vcpu` something that its guest would be given? */
export function testPending(state: MachineState, vcpu: Vcpu): boolean {
  const isEnabledAndPending = state.flavour.pendingTest === 'enabled-pending';
  const wakes = (irq: Irq): boolean =>
    isPending(irq) && irq.enabled && (isEnabledAndPending || (!irq.active && irq.priority < vcpu.cpuInterface.pmr));
  return countCall(state, 'pending', (cost) => {
    if (!isEnabledAndPending && !state.distEnabled) return false;
    cost.locks++;
    for (const irq of vcpu.apList) {
      cost.visits++;
      cost.locks++;
      if (wakes(irq)) return true;
    }
    return false;
  });
}

export function removeFromList(state: MachineState, vcpu: Vcpu, irq: Irq): void {
  vcpu.apList = vcpu.apList.filter((entry) => entry !== irq);
  irq.queued = NO_VCPU;
  dropUnusedLpi(state, irq);
}

/** GICR_CTLR.EnableLPIs 1 → 0 (2.5): every LPI leaves the list; those in list registers stay there. */
export function removeLpisFromList(state: MachineState, vcpu: Vcpu): void {
  countLocks(state, 1);
  for (const irq of vcpu.apList.filter(isIrqLpi)) {
    countLocks(state, 1);
    irq.latch = false;
    removeFromList(state, vcpu, irq);
  }
}
