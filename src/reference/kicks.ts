/** Making a vCPU look at its interrupts (vgic-spec 1.9, E.6). */
import type { MachineState, Vcpu } from './machine-state.js';

const isRunning = (vcpu: Vcpu): boolean => vcpu.toldRunning ?? vcpu.inGuest;

/** KVM: sets the request bit, and wakes or interrupts. Xen: unblocks, and interrupts a vCPU that runs elsewhere. */
export function kickVcpu(state: MachineState, index: number): void {
  const vcpu = state.vcpus[index];
  state.kicked.push(index);
  if (state.flavour.kick === 'kvm') {
    vcpu.kicks++;
    vcpu.requestSet = true;
    return;
  }
  vcpu.unblocks++;
  if (isRunning(vcpu) && index !== state.current) vcpu.ipis++;
}

/** One request to all vCPUs. */
export function kickAllVcpus(state: MachineState): void {
  state.broadcasts++;
  for (const vcpu of state.vcpus) vcpu.requestSet = true;
}
