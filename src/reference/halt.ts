/** Accesses that force vCPUs out of the guest (vgic-spec 1.19, 2.3). */
import { isPrivate, NO_VCPU } from '../gic/intid.js';
import { HCR_TDIR } from '../gic/lr.js';
import { createCallCost } from './cost.js';
import { deactivateOutsideLrs, syncVcpu } from './exit.js';
import { isLpiNumber, isV2Sgi } from './irq.js';
import { countLocks, findIrq, hasV2Guest, hasV3Host, type MachineState, type Vcpu } from './machine-state.js';
import { writeActive } from './writes.js';

/** Does an access to the active state of `intid`, by the vCPU that it belongs to if it is private, halt the guest? */
function isHalting(state: MachineState, intid: number): boolean {
  switch (state.flavour.haltScope) {
    case 'never':
      return false;
    case 'always':
      return !hasV2Guest(state) || !isPrivate(intid);
    case 'others':
      return !isPrivate(intid);
  }
}

/** Every vCPU that is in the guest leaves it, so that the active state of `intid` is current. */
export function haltForActiveState(state: MachineState, intid: number): void {
  if (!isHalting(state, intid)) return;
  state.halts++;
  for (const vcpu of state.vcpus) if (vcpu.inGuest) syncVcpu(state, vcpu);
}

/** Does a DIR write leave the guest? */
export const isDirTrapped = (state: MachineState, vcpu: Vcpu): boolean =>
  hasV3Host(state) && vcpu.cpuInterface.isSplitEoi && (vcpu.hcr & HCR_TDIR) !== 0;

/** A DIR write that left the guest (1.19): deactivates what is in no list register of `vcpu`. */
export function deactivateTrapped(state: MachineState, vcpu: Vcpu, intid: number, sender: number): void {
  syncVcpu(state, vcpu);
  const irq = isLpiNumber(intid) ? undefined : findIrq(state, vcpu.index, intid);
  if (!irq) return;
  countLocks(state, 1);
  if (irq.queued === NO_VCPU) return;
  const holder = state.vcpus[irq.queued];
  if (irq.onLr) {
    haltForActiveState(state, intid);
    writeActive(state, irq, vcpu.index, false, false);
  } else {
    if (isV2Sgi(state.machine, irq) && irq.activeSource !== sender) return;
    const cost = createCallCost();
    deactivateOutsideLrs(state, vcpu, irq, cost);
    countLocks(state, cost.locks);
  }
  holder.processUpdate = true;
}
