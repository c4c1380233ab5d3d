/** The orders of an ap_list (vgic-spec 1.13). Negative: `a` before `b`; 0: they keep the order they are in. */

import { type Irq, isPending } from './irq.js';
import type { MachineState, Vcpu } from './machine-state.js';
import { findTarget } from './oracle.js';

export type Comparator = (a: Irq, b: Irq) => number;

/** What holds of `a` alone goes in front. */
const compareFlags = (a: boolean, b: boolean): number => Number(b) - Number(a);

const isDeliverable = (irq: Irq): boolean => irq.enabled && isPending(irq);

/** kvm-6.1 and xen-new: active ones in the order they came, then the deliverable by priority, then the rest. */
export function compareActiveFirst(a: Irq, b: Irq): number {
  if (a.active || b.active) return compareFlags(a.active, b.active);
  if (!isDeliverable(a) || !isDeliverable(b)) return compareFlags(isDeliverable(a), isDeliverable(b));
  return a.priority - b.priority;
}

/** kvm-7.2, on the list of `vcpu`: each key decides only where those before it are equal. */
function comparePendingFirst(state: MachineState, vcpu: Vcpu): Comparator {
  const isOurs = (irq: Irq): boolean => findTarget(state, irq) === vcpu.index;
  const isGroupOn = (irq: Irq): boolean =>
    irq.group === 1 ? vcpu.cpuInterface.isGroup1On : vcpu.cpuInterface.isGroup0On;
  const isNewlyPending = (irq: Irq): boolean => isDeliverable(irq) && !irq.active;
  return (a, b) =>
    compareFlags(isOurs(a), isOurs(b)) ||
    compareFlags(isGroupOn(a), isGroupOn(b)) ||
    compareFlags(isNewlyPending(a), isNewlyPending(b)) ||
    a.priority - b.priority ||
    compareFlags(a.hw, b.hw);
}

export const comparatorFor = (state: MachineState, vcpu: Vcpu): Comparator =>
  state.flavour.order === 'pending-first' ? comparePendingFirst(state, vcpu) : compareActiveFirst;
