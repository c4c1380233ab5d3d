/** The guest at its virtual CPU interface: only list registers change (vgic-spec 1.16, native-reference 6, ops 2 and 3). */
import type { ListRegister } from './list-register.js';
import { findIrq, hostSideOf, type MachineState, type Vcpu } from './machine-state.js';

const usedLrsOf = (vcpu: Vcpu): ListRegister[] => vcpu.lrs.slice(0, vcpu.usedLrs);

/** Pending and active together is no candidate: its pending half waits for the EOI. */
const isCandidate = (lr: ListRegister): boolean => lr.pending && !lr.active;

/** Index of the list register that an IAR read would acknowledge, or -1. */
export function findBestPending(vcpu: Vcpu): number {
  let best = -1;
  usedLrsOf(vcpu).forEach((lr, index) => {
    if (isCandidate(lr) && (best === -1 || lr.priority < vcpu.lrs[best].priority)) best = index;
  });
  return best;
}

/** Index of the list register that holds `intid` in state pending, or -1. */
export const findPendingLr = (vcpu: Vcpu, intid: number): number =>
  usedLrsOf(vcpu).findIndex((lr) => isCandidate(lr) && lr.intid === intid);

/** Is the list register more urgent than every active one? */
export const isMoreUrgentThanActive = (vcpu: Vcpu, index: number): boolean =>
  usedLrsOf(vcpu).every((lr) => !lr.active || vcpu.lrs[index].priority < lr.priority);

export function acknowledgeLr(vcpu: Vcpu, index: number): void {
  vcpu.lrs[index].pending = false;
  vcpu.lrs[index].active = true;
}

/** The hardware deactivates the physical interrupt along with a list register that is tied to one. */
function deactivateHost(state: MachineState, vcpu: Vcpu, lr: ListRegister): void {
  const irq = findIrq(state, vcpu.index, lr.intid);
  if (lr.hw && irq) hostSideOf(state, irq).active = false;
}

/** Clears the active bit of the first list register with `intid`; returns its index, or -1 if none is active. */
export function deactivateLr(state: MachineState, vcpu: Vcpu, intid: number): number {
  const index = usedLrsOf(vcpu).findIndex((lr) => lr.active && lr.intid === intid);
  if (index === -1) return -1;
  vcpu.lrs[index].active = false;
  deactivateHost(state, vcpu, vcpu.lrs[index]);
  return index;
}

/** Puts a list register into a recorded state. */
export function setLrState(state: MachineState, vcpu: Vcpu, index: number, pending: boolean, active: boolean): void {
  // An LR that is not in use is nothing the guest can see.
  if (index >= vcpu.usedLrs) return;
  const lr = vcpu.lrs[index];
  const wasActive = lr.active;
  lr.pending = pending;
  lr.active = active;
  if (wasActive && !active) deactivateHost(state, vcpu, lr);
}
