/** State of the timers of a machine. Entry of timer t of vCPU v: v * NR_TIMERS + t; what has one entry a vCPU says so. */
import { uint8Column } from '../columns.js';
import { NR_TIMERS } from './contexts.js';

export interface TimerColumns {
  /** Hardware state, TIMER_STATE bits. */
  readonly bits: Uint8Array;
  /** The level that software gave the line last (irq.level). */
  readonly line: Uint8Array;
  /** An event has named it. */
  readonly inUse: Uint8Array;
  /** Its accesses trap; the line follows a soft timer. */
  readonly emulated: Uint8Array;
  /** The soft timer of an emulated one is armed. */
  readonly softArmed: Uint8Array;
  /** KVM: the host interrupt is disabled at the host GIC. Xen: the host set IMASK itself. */
  readonly hostOff: Uint8Array;

  /** Per vCPU: on a CPU, timer registers loaded. */
  readonly loaded: Uint8Array;
  /** Per vCPU: blocked with the background soft timer armed. */
  readonly background: Uint8Array;
  /** Per vCPU: timer.enabled, set by the first run. */
  readonly enabled: Uint8Array;
  /** Per vCPU: the first run found a vgic: PPIs are owned by the timers, direct ones are mapped. */
  readonly owned: Uint8Array;
  /** Per vCPU, userspace irqchip: in the guest. */
  readonly inGuest: Uint8Array;
  /** Per vCPU, userspace irqchip: device_irq_level, levels last told; bit 0 virtual, bit 1 physical timer. */
  readonly told: Uint8Array;

  /** [0]: the VM has a vgic; 0: the irqchip is in user space. */
  readonly irqchipInKernel: Uint8Array;
  /** [0]: the vgic is initialised and takes injections. */
  readonly vgicReady: Uint8Array;
  /** [0]: the host GIC has active states. Asked with a userspace irqchip only: a vgic needs a GIC that has them. */
  readonly activeStates: Uint8Array;
}

export function createTimerColumns(nrVcpus: number): TimerColumns {
  const perTimer = nrVcpus * NR_TIMERS;
  const columns: TimerColumns = {
    bits: uint8Column(perTimer),
    line: uint8Column(perTimer),
    inUse: uint8Column(perTimer),
    emulated: uint8Column(perTimer),
    softArmed: uint8Column(perTimer),
    hostOff: uint8Column(perTimer),
    loaded: uint8Column(nrVcpus),
    background: uint8Column(nrVcpus),
    enabled: uint8Column(nrVcpus),
    owned: uint8Column(nrVcpus),
    inGuest: uint8Column(nrVcpus),
    told: uint8Column(nrVcpus),
    irqchipInKernel: uint8Column(1),
    vgicReady: uint8Column(1),
    activeStates: uint8Column(1),
  };
  resetTimerColumns(columns);
  return columns;
}

/** A machine with an initialised vgic on a host with active states, no vCPU on a CPU. */
export function resetTimerColumns(columns: TimerColumns): void {
  for (const column of Object.values(columns) as Uint8Array[]) column.fill(0);
  columns.irqchipInKernel[0] = 1;
  columns.vgicReady[0] = 1;
  columns.activeStates[0] = 1;
}
