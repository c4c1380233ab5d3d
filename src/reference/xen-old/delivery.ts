/** Injection, entry and exit of Xen's default vGIC (vgic-spec 1.22). */
import { assert } from '../../base/errors.js';
import { HCR_UIE } from '../../gic/lr.js';
import { runningPriority } from '../cpu-interface.js';
import { createListRegister } from '../list-register.js';
import { addToInflight, addToLrPending, removeFromInflight, removeFromLrPending } from './lists.js';
import { findIrq, hostIrqOf, NO_LR, type PendingIrq, targetOf, type Vcpu, type XenOldState } from './state.js';

/** Priorities are compared as the five bits that a GIC implements. */
const fiveBits = (priority: number): number => priority >> 3;

/** Wakes `vcpu`, and sends an IPI if it was running on another CPU (1.9). */
function kick(state: XenOldState, vcpu: Vcpu): void {
  vcpu.unblocks++;
  if (vcpu.isRunning && vcpu !== state.current) vcpu.ipis++;
}

/** A rising edge for `vcpu`. Falling ones never come here. */
export function injectIrq(state: XenOldState, vcpu: Vcpu, irq: PendingIrq): void {
  irq.isQueued = true;
  if (irq.inflightOn) {
    if (irq.isEnabled && !irq.lrPendingOn && vcpu === state.current) {
      // The slot is looked up on this vCPU although the interrupt may be in flight on another one.
      assert(irq.lr !== NO_LR, `interrupt ${irq.intid} is in flight, enabled, not waiting and in no list register`);
      updateLr(state, vcpu, irq.lr);
    }
  } else {
    irq.priority = irq.priorityByte;
    if (irq.isEnabled) raiseIrq(state, vcpu, irq);
    addToInflight(vcpu, irq);
  }
  kick(state, vcpu);
}

/** Straight into a list register if nobody waits in front, else into the queue. */
function raiseIrq(state: XenOldState, vcpu: Vcpu, irq: PendingIrq): void {
  const slot = vcpu === state.current && vcpu.lrPending.length === 0 ? vcpu.isLrUsed.indexOf(false) : -1;
  if (slot === -1) addToLrPending(vcpu, irq);
  else fillLr(state, vcpu, slot, irq);
}

function fillLr(state: XenOldState, vcpu: Vcpu, slot: number, irq: PendingIrq): void {
  const { model } = state.machine;
  vcpu.lrs[slot] = {
    ...createListRegister(),
    intid: irq.intid,
    pending: true,
    hw: irq.hostIrq !== undefined,
    pintid: irq.hostIrq ?? 0,
    group: model === 'gicv3' ? 1 : 0,
    // A GICv2 list register has five bits for it.
    priority: model === 'gicv2' ? irq.priority & 0xf8 : irq.priority,
  };
  vcpu.isLrUsed[slot] = true;
  irq.lr = slot;
  irq.isVisible = true;
  irq.isQueued = false;
}

/** Takes note of what the guest did with the interrupt in list register `slot` of `vcpu`. */
function updateLr(state: XenOldState, vcpu: Vcpu, slot: number): void {
  const lr = vcpu.lrs[slot];
  const irq = findIrq(state, vcpu, lr.intid);
  if (!irq) return;
  if (lr.active) {
    irq.isActive = true;
    if (irq.isEnabled && irq.isQueued) {
      irq.isQueued = false;
      if (irq.hostIrq === undefined) lr.pending = true;
    }
  } else if (lr.pending) {
    irq.isQueued = false;
  } else {
    vcpu.lrs[slot] = createListRegister();
    vcpu.isLrUsed[slot] = false;
    irq.lr = NO_LR;
    irq.isVisible = false;
    irq.isActive = false;
    if (irq.isEnabled && irq.isQueued && !irq.isMigrating) {
      raiseIrq(state, vcpu, irq);
    } else {
      removeFromInflight(irq);
      irq.isMigrating = false;
    }
  }
}

/** Exit: every used list register is looked at, lowest slot first. */
export function exitGuest(state: XenOldState, vcpu: Vcpu): void {
  state.current = vcpu;
  if (!vcpu.isRunningTold) vcpu.isRunning = false;
  vcpu.hcr &= ~HCR_UIE;
  vcpu.isLrUsed.forEach((isUsed, slot) => {
    if (isUsed) updateLr(state, vcpu, slot);
  });
}

/** Entry: waiting interrupts get the free list registers, then those of victims. */
export function enterGuest(state: XenOldState, vcpu: Vcpu): void {
  state.current = vcpu;
  if (!vcpu.isRunningTold) vcpu.isRunning = true;
  refillLrs(state, vcpu);
  vcpu.cpuInterface.eoiCount = 0;
  if (vcpu.lrPending.length > 0 && vcpu.isLrUsed.every(Boolean)) vcpu.hcr |= HCR_UIE;
}

function refillLrs(state: XenOldState, vcpu: Vcpu): void {
  /** The scan for victims goes on where it ended. */
  let scanEnd = vcpu.inflight.length;
  let irq = vcpu.lrPending[0];
  for (let moves = 0; irq && moves < state.machine.nrLr; moves++) {
    // The next to be served is settled before a victim can slip in between.
    const next = vcpu.lrPending[vcpu.lrPending.indexOf(irq) + 1];
    let slot = vcpu.isLrUsed.indexOf(false);
    if (slot === -1) {
      const victimAt = findVictim(vcpu, scanEnd, irq);
      if (victimAt === -1) return;
      scanEnd = victimAt;
      slot = evict(vcpu, vcpu.inflight[victimAt]);
    }
    fillLr(state, vcpu, slot, irq);
    removeFromLrPending(irq);
    irq = next;
  }
}

/** From the tail; one of equal urgency ends the search, one that is more urgent does not (the defect of 1.22). */
function findVictim({ inflight }: Vcpu, scanEnd: number, irq: PendingIrq): number {
  for (let at = scanEnd - 1; at >= 0; at--) {
    const candidate = inflight[at];
    if (candidate.priority === irq.priority) return -1;
    if (candidate.isVisible && !candidate.isActive) return at;
  }
  return -1;
}

/** Sends a victim back to wait; returns the slot it leaves. */
function evict(vcpu: Vcpu, victim: PendingIrq): number {
  const slot = victim.lr;
  victim.lr = NO_LR;
  victim.isQueued = true;
  victim.isVisible = false;
  addToLrPending(vcpu, victim);
  return slot;
}

/** Would the guest take an interrupt now? Only in order of urgency: the first one that it masks ends the search. */
export function testPending(vcpu: Vcpu): boolean {
  const mask = fiveBits(vcpu.cpuInterface.pmr);
  const running = fiveBits(runningPriority(vcpu.cpuInterface));
  for (const { priority, isEnabled } of vcpu.inflight) {
    if (fiveBits(priority) >= mask || fiveBits(priority) >= running) return false;
    if (isEnabled) return true;
  }
  return false;
}

/** A bit of ISENABLER or ICENABLER; one that is already as wanted does nothing. */
export function writeEnable(state: XenOldState, vcpu: Vcpu, irq: PendingIrq, isEnabled: boolean): void {
  if (irq.isEnabled === isEnabled) return;
  irq.isEnabled = isEnabled;
  if (!isEnabled) removeFromLrPending(irq);
  else if (irq.inflightOn && !irq.isVisible) raiseIrq(state, targetOf(state, vcpu, irq), irq);
}

/** A bit of ISPENDR: the host's own state for an interrupt that is tied to one. */
export function setPending(state: XenOldState, vcpu: Vcpu, irq: PendingIrq): void {
  if (irq.hostIrq !== undefined) hostIrqOf(state, vcpu.index, irq.hostIrq).isPending = true;
  else injectIrq(state, targetOf(state, vcpu, irq), irq);
}

/** A new target of an SPI. Where it is in flight now it stays until it is done, unless it is tied to the host. */
export function retarget(state: XenOldState, irq: PendingIrq, target: number): void {
  if (target === irq.target) return;
  if (irq.hostIrq !== undefined) {
    // A migration under way is not overtaken by another.
    if (irq.isMigrating) return;
    if (irq.lrPendingOn) {
      irq.isQueued = false;
      removeFromInflight(irq);
      removeFromLrPending(irq);
      injectIrq(state, state.vcpus[target], irq);
    } else if (irq.inflightOn) {
      irq.isMigrating = true;
    }
  }
  irq.target = target;
}
