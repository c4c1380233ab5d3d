/** Guest exit: list registers are folded back into interrupts, and lists pruned (vgic-spec 1.17, 1.18, 1.20, 3.3). */
import { NO_VCPU, SPI_BASE } from '../gic/intid.js';
import { HCR_EN, HCR_LRENPIE, HCR_UIE } from '../gic/lr.js';
import type { CallCost } from './cost.js';
import { type Irq, isIrqLpi, isIrqSpi, isMappedLevel, isV2Sgi } from './irq.js';
import { kickVcpu } from './kicks.js';
import { createListRegister, type ListRegister } from './list-register.js';
import {
  countCall,
  deactivateHost,
  dropUnusedLpi,
  findIrq,
  hasV3Host,
  hostSideOf,
  isHostHigh,
  type MachineState,
  type Vcpu,
} from './machine-state.js';
import { findTarget } from './oracle.js';
import { computeLr } from './populate.js';
import { removeFromList } from './queue.js';

/** Resampling of a mapped level interrupt (3.3); `wasActive` is the software copy from before the fold. */
function resample(state: MachineState, irq: Irq, lr: ListRegister, wasActive: boolean): void {
  if (irq.swResample) {
    if (!irq.active && !irq.latch) hostSideOf(state, irq).active = false;
    return;
  }
  const isDeactivatedWithLineHigh = state.flavour.resamplesAfterDeactivation && wasActive && !lr.active && irq.line;
  if (!lr.pending && !isDeactivatedWithLineHigh) return;
  const host = hostSideOf(state, irq);
  irq.line = isHostHigh(host);
  if (!irq.line) host.active = false;
}

/** kvm_ack_irq, when the list register of a level SPI comes back empty. */
function notifyAck(state: MachineState, irq: Irq, lr: ListRegister, isDeactivated: boolean): void {
  const { ackNotification } = state.flavour;
  const isDone = !lr.pending && !lr.active && lr.eoi && !lr.hw && isIrqSpi(irq);
  if (!isDone || ackNotification === 'none') return;
  const needsDeactivation = ackNotification === 'deactivated' && hasV3Host(state);
  if (needsDeactivation && !isDeactivated) return;
  state.notified.push(irq.intid - SPI_BASE);
  if (needsDeactivation) state.activeSpis = Math.max(0, state.activeSpis - 1);
}

/** What a list register says of its interrupt goes back into it. */
export function foldLr(state: MachineState, vcpu: Vcpu, read: ListRegister, cost: CallCost): void {
  const irq = findIrq(state, vcpu.index, read.intid);
  if (!irq) return;
  cost.locks++;
  const dropsActive = state.flavour.dropsLpiActive && hasV3Host(state) && isIrqLpi(irq);
  const lr = dropsActive ? { ...read, active: false } : read;
  const wasActive = irq.active;
  irq.active = lr.active;
  const isSgiWithSender = isV2Sgi(state.machine, irq);
  if (state.flavour.populate === 'kvm' && isSgiWithSender && irq.active) irq.activeSource = lr.cpuid;
  if (!irq.level && lr.pending) {
    irq.latch = true;
    if (isSgiWithSender) irq.source |= 1 << lr.cpuid;
  }
  const endsLatch = state.flavour.levelLatchEnds === 'empty' ? !lr.pending && !lr.active : !lr.pending;
  if (irq.level && endsLatch) irq.latch = false;
  if (isMappedLevel(irq)) resample(state, irq, lr, wasActive);
  irq.onLr = false;
  notifyAck(state, irq, lr, wasActive && !lr.active);
}

/**
 * Deactivates an interrupt that is in no list register: as if it were in one, active, and the guest had ended it (1.19,
 * E.2).
 */
export function deactivateOutsideLrs(state: MachineState, vcpu: Vcpu, irq: Irq, cost: CallCost): void {
  const lr = computeLr(state, irq, createListRegister());
  if (!lr) return;
  deactivateHost(state, vcpu, lr);
  foldLr(state, vcpu, { ...lr, active: false }, cost);
}

/** The entries that EOIcount may deactivate. */
function findCandidates(state: MachineState, { apList, lastLrIrq }: Vcpu): Irq[] {
  if (!lastLrIrq) return [];
  if (state.flavour.activeOutsideLrs === 'from-list-head') return apList;
  const position = apList.indexOf(lastLrIrq);
  return position === -1 ? [] : apList.slice(position + 1);
}

/** Every EOI that met no list register deactivates the next active entry (1.19). */
function applyEoiCount(state: MachineState, vcpu: Vcpu, cost: CallCost): void {
  const { eoiCount, isSplitEoi } = vcpu.cpuInterface;
  const isCounted = state.flavour.activeOutsideLrs !== 'none' && (vcpu.hcr & HCR_LRENPIE) !== 0 && !isSplitEoi;
  if (!isCounted) return;
  let nrLeft = eoiCount;
  for (const irq of findCandidates(state, vcpu)) {
    if (nrLeft === 0) return;
    cost.visits++;
    cost.locks++;
    if (!irq.active || findTarget(state, irq) !== vcpu.index) continue;
    deactivateOutsideLrs(state, vcpu, irq, cost);
    nrLeft--;
  }
}

/** First half of a guest exit (1.18). With the shortcut an empty list skips it, whatever the list registers hold. */
export function foldVcpu(state: MachineState, vcpu: Vcpu): void {
  const { flavour } = state;
  vcpu.inGuest = false;
  countCall(state, 'fold', (cost) => {
    if (flavour.emptyListShortcut && (vcpu.apList.length === 0 || vcpu.usedLrs === 0)) return;
    if (flavour.hcr === 'en-uie') vcpu.hcr &= ~HCR_UIE;
    vcpu.lrs.slice(0, vcpu.usedLrs).forEach((lr, index) => {
      cost.visits++;
      foldLr(state, vcpu, lr, cost);
      if (flavour.disablesAfterFold) vcpu.lrs[index] = createListRegister();
    });
    applyEoiCount(state, vcpu, cost);
    if (flavour.disablesAfterFold) vcpu.hcr &= ~HCR_EN;
    vcpu.usedLrs = 0;
  });
}

/** Drops the reference to the interrupt that filled the last list register. */
export function releaseLastLrIrq(state: MachineState, vcpu: Vcpu): void {
  const irq = vcpu.lastLrIrq;
  vcpu.lastLrIrq = undefined;
  if (irq) dropUnusedLpi(state, irq);
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
    if (state.flavour.kicksAfterMigration) kickVcpu(state, target);
    return true;
  }
  return false;
}

/** Second half of a guest exit (1.20): what no longer belongs on the list is removed or moved. */
export function pruneVcpu(state: MachineState, vcpu: Vcpu): void {
  countCall(state, 'prune', (cost) => {
    while (prunePass(state, vcpu, cost));
  });
  releaseLastLrIrq(state, vcpu);
}

/** Guest exit. With the shortcut an empty list ends it before anything is locked. */
export function syncVcpu(state: MachineState, vcpu: Vcpu): void {
  const isSkipped = state.flavour.emptyListShortcut && vcpu.apList.length === 0;
  foldVcpu(state, vcpu);
  if (isSkipped) countCall(state, 'prune', () => undefined);
  else pruneVcpu(state, vcpu);
}
