/** The two lists of a vCPU; an interrupt is a member of at most one list of each kind. */
import type { PendingIrq, Vcpu } from './state.js';

/** Before the first entry that is less urgent: behind its equals. */
function insertByPriority(list: PendingIrq[], irq: PendingIrq): void {
  const at = list.findIndex((other) => other.priority > irq.priority);
  list.splice(at === -1 ? list.length : at, 0, irq);
}

const without = (list: readonly PendingIrq[], irq: PendingIrq): PendingIrq[] => list.filter((other) => other !== irq);

export function addToInflight(vcpu: Vcpu, irq: PendingIrq): void {
  insertByPriority(vcpu.inflight, irq);
  irq.inflightOn = vcpu;
}

export function removeFromInflight(irq: PendingIrq): void {
  if (irq.inflightOn) irq.inflightOn.inflight = without(irq.inflightOn.inflight, irq);
  irq.inflightOn = undefined;
}

/** Does nothing for an interrupt that waits already, on whichever vCPU. */
export function addToLrPending(vcpu: Vcpu, irq: PendingIrq): void {
  if (irq.lrPendingOn) return;
  insertByPriority(vcpu.lrPending, irq);
  irq.lrPendingOn = vcpu;
}

export function removeFromLrPending(irq: PendingIrq): void {
  if (irq.lrPendingOn) irq.lrPendingOn.lrPending = without(irq.lrPendingOn.lrPending, irq);
  irq.lrPendingOn = undefined;
}
