/** The guest at its list registers: nothing else changes (vgic-spec 1.16, native-reference 6, ops 2 and 3). */
import { isSgi } from '../gic/intid.js';
import { acknowledgeLr, countMissedEoi, dropPriority, findMostUrgent } from './cpu-interface.js';
import { isLpiNumber } from './irq.js';
import type { ListRegister } from './list-register.js';
import { deactivateHost, hasV2Guest, type MachineState, type Vcpu } from './machine-state.js';

export const usedLrsOf = (vcpu: Vcpu): ListRegister[] => vcpu.lrs.slice(0, vcpu.usedLrs);

/** Index of the most urgent list register in state pending, or -1. */
export const findBestPending = (vcpu: Vcpu): number => findMostUrgent(usedLrsOf(vcpu), () => true);

/** Index of the list register that holds `intid` in state pending, or -1. */
export const findPendingLr = (vcpu: Vcpu, intid: number): number =>
  usedLrsOf(vcpu).findIndex((lr) => lr.pending && !lr.active && lr.intid === intid);

/** Is the list register more urgent than every active one? */
export const isMoreUrgentThanActive = (vcpu: Vcpu, index: number): boolean =>
  usedLrsOf(vcpu).every((lr) => !lr.active || vcpu.lrs[index].priority < lr.priority);

export const acknowledge = (vcpu: Vcpu, index: number): void => acknowledgeLr(vcpu.lrs[index]);

/**
 * Clears the active bit of the first list register with `intid`, of a GICv2 guest's SGI with `sender` unless that is not
 * known; returns its index, or -1 if none is active.
 */
export function deactivateLr(state: MachineState, vcpu: Vcpu, intid: number, sender?: number): number {
  const isAnySender = sender === undefined || !hasV2Guest(state) || !isSgi(intid);
  const index = usedLrsOf(vcpu).findIndex(
    (lr) => lr.active && lr.intid === intid && (isAnySender || lr.cpuid === sender),
  );
  if (index === -1) return -1;
  vcpu.lrs[index].active = false;
  deactivateHost(state, vcpu, vcpu.lrs[index]);
  return index;
}

/** EOImode 0: deactivates, or counts that there was nothing to deactivate, which the architecture does not do for LPIs. */
export function endInterrupt(state: MachineState, vcpu: Vcpu, intid: number, sender?: number): number {
  const index = deactivateLr(state, vcpu, intid, sender);
  if (index === -1 && !isLpiNumber(intid)) countMissedEoi(vcpu.cpuInterface);
  return index;
}

/** EOIR by the rules. Undefined: EOImode 1 only drops the priority; LPIs have no active state that could wait for DIR. */
export function writeEoir(state: MachineState, vcpu: Vcpu, intid: number, sender: number): number | undefined {
  dropPriority(vcpu.cpuInterface);
  if (vcpu.cpuInterface.isSplitEoi && !isLpiNumber(intid)) return undefined;
  return endInterrupt(state, vcpu, intid, sender);
}

/** Puts a list register into a recorded state. */
export function setLrState(state: MachineState, vcpu: Vcpu, index: number, pending: boolean, active: boolean): void {
  // An LR that is not in use is nothing the guest can see.
  if (index >= vcpu.usedLrs) return;
  const lr = vcpu.lrs[index];
  // What was pending and is nothing now has been acknowledged and ended in between.
  const isEnded = !active && (lr.active || (lr.pending && !pending));
  lr.pending = pending;
  lr.active = active;
  if (isEnded) deactivateHost(state, vcpu, lr);
}
