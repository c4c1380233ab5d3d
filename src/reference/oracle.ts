/** The target oracle (vgic-spec 1.4). */
import { NO_VCPU } from '../gic/intid.js';
import { type Irq, isPending } from './irq.js';
import type { MachineState } from './machine-state.js';

/** The vCPU whose list should hold `irq`, or NO_VCPU. */
export function findTarget(state: MachineState, irq: Irq): number {
  if (irq.active) return irq.queued !== NO_VCPU ? irq.queued : irq.target;
  if (irq.enabled && isPending(irq) && state.distEnabled) return irq.target;
  return NO_VCPU;
}
