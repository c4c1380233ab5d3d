/** What a list register is filled with (vgic-spec 1.14). */
import type { Irq } from './irq.js';
import { computeWeight, isHwInLr, isMappedLevel, isPending, isV2Sgi } from './irq.js';
import { createListRegister, type ListRegister } from './list-register.js';
import type { MachineState } from './machine-state.js';

/** The lowest of the vCPUs that have sent a GICv2 SGI leaves the set; undefined: the set is empty. */
function takeSender(irq: Irq): number | undefined {
  if (irq.source === 0) return undefined;
  let sender = 0;
  while (((irq.source >> sender) & 1) === 0) sender++;
  irq.source &= ~(1 << sender);
  if (irq.source !== 0) irq.latch = true;
  return sender;
}

/**
 * KVM. Undefined: a pending SGI of a GICv2 guest has no sender; what the step has done to the interrupt until then is kept.
 */
function computeKvm(state: MachineState, irq: Irq): ListRegister | undefined {
  const lr = createListRegister();
  const isMultiSgi = computeWeight(irq) > 1;
  lr.intid = irq.intid;
  let allowPending = true;
  if (irq.active) {
    lr.active = true;
    if (isV2Sgi(state.machine, irq)) lr.cpuid = irq.activeSource;
    if (isMultiSgi) {
      allowPending = false;
      lr.eoi = true;
    }
  }
  if (isHwInLr(irq)) {
    lr.hw = true;
    lr.pintid = irq.hostIrq;
    if (irq.active) allowPending = false;
  } else if (irq.level) {
    lr.eoi = true;
    if (irq.active) allowPending = false;
  }
  if (allowPending && isPending(irq)) {
    lr.pending = true;
    if (!irq.level) irq.latch = false;
    if (isV2Sgi(state.machine, irq)) {
      const sender = takeSender(irq);
      if (sender === undefined) return undefined;
      lr.cpuid = sender;
      if (irq.source !== 0) lr.eoi = true;
    }
    if (isMappedLevel(irq)) irq.line = false;
  }
  lr.group = irq.group;
  lr.priority = irq.priority;
  return lr;
}

/** Xen. Undefined as above. */
function computeXen(state: MachineState, irq: Irq): ListRegister | undefined {
  const lr = createListRegister();
  lr.intid = irq.intid;
  lr.priority = irq.priority;
  if (isPending(irq)) {
    lr.pending = true;
    if (!irq.level) irq.latch = false;
    if (isV2Sgi(state.machine, irq)) {
      const sender = takeSender(irq);
      if (sender === undefined) return undefined;
      lr.cpuid = sender;
    }
  }
  lr.active = irq.active;
  if (irq.hw) {
    lr.hw = true;
    lr.pintid = irq.hostIrq;
    // A mapped edge interrupt has lost its latch above: it may become pending and active.
    if (irq.active && isPending(irq)) lr.pending = false;
  } else if (irq.level) {
    lr.eoi = true;
  }
  if (isMappedLevel(irq) && lr.pending) irq.line = false;
  return lr;
}

/**
 * What `irq` puts into a list register, with every side effect on the interrupt; `stale` is what that list register holds.
 * Undefined: the host stops.
 */
export function computeLr(state: MachineState, irq: Irq, stale: ListRegister): ListRegister | undefined {
  const lr = state.flavour.populate === 'xen' ? computeXen(state, irq) : computeKvm(state, irq);
  if (lr) return lr;
  switch (state.flavour.senderlessSgi) {
    case 'stale-lr':
      return stale;
    case 'empty-lr':
      return createListRegister();
    case 'host-assertion':
      state.fatal = 'host-assertion';
      return undefined;
  }
}
