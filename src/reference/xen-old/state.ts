/** Everything Xen's default vGIC knows (vgic-spec 1.22), as plain objects. */
import { isPrivate, isSgi, type Machine, NR_PRIVATE_IRQS, SPI_BASE } from '../../gic/intid.js';
import { type CpuInterface, createCpuInterface } from '../cpu-interface.js';
import { createListRegister, type ListRegister } from '../list-register.js';

export const NO_LR = 255;

/** One interrupt of one vCPU (SGI, PPI) or of the machine (SPI). */
export interface PendingIrq {
  readonly intid: number;
  /** Slot of the list register it was last put into, or NO_LR. */
  lr: number;
  /** Priority as it was when it was injected: the key of both lists. */
  priority: number;
  isQueued: boolean;
  isActive: boolean;
  isVisible: boolean;
  isEnabled: boolean;
  isMigrating: boolean;
  /** Host interrupt it is tied to, or undefined. */
  hostIrq: number | undefined;
  /** vCPU whose list holds it; it can wait in the lr_pending of one vCPU and be in flight on another. */
  inflightOn: Vcpu | undefined;
  lrPendingOn: Vcpu | undefined;
  /** Registers: IPRIORITYR, ICFGR, ITARGETSR or IROUTER. */
  priorityByte: number;
  isEdge: boolean;
  target: number;
}

export interface Vcpu {
  readonly index: number;
  readonly privateIrqs: readonly PendingIrq[];
  /** Everything not finished, by priority snapshot, first come first among equals. */
  inflight: PendingIrq[];
  /** What waits for a list register, in the same order. */
  lrPending: PendingIrq[];
  readonly lrs: ListRegister[];
  /** lr_mask: which list registers are taken. */
  readonly isLrUsed: boolean[];
  hcr: number;
  readonly cpuInterface: CpuInterface;
  isRunning: boolean;
  /** A RUNNING event spoke; entries and exits no longer do. */
  isRunningTold: boolean;
  unblocks: number;
  ipis: number;
}

export interface HostIrq {
  isPending: boolean;
  isActive: boolean;
}

export interface XenOldState {
  readonly machine: Machine;
  readonly vcpus: readonly Vcpu[];
  readonly spis: readonly PendingIrq[];
  /** The vCPU on the CPU that acts. */
  current: Vcpu;
  /** GICD_CTLR: kept, never consulted for delivery. */
  distCtlr: number;
  /** By host interrupt; PPIs of the host by vCPU. */
  readonly hostIrqs: Map<string, HostIrq>;
}

function createIrq(intid: number): PendingIrq {
  return {
    intid,
    lr: NO_LR,
    priority: 0,
    isQueued: false,
    isActive: false,
    isVisible: false,
    isEnabled: false,
    isMigrating: false,
    hostIrq: undefined,
    inflightOn: undefined,
    lrPendingOn: undefined,
    priorityByte: 0,
    isEdge: isSgi(intid),
    target: 0,
  };
}

function createVcpu(machine: Machine, index: number): Vcpu {
  return {
    index,
    privateIrqs: Array.from({ length: NR_PRIVATE_IRQS }, (_, intid) => createIrq(intid)),
    inflight: [],
    lrPending: [],
    lrs: Array.from({ length: machine.nrLr }, createListRegister),
    isLrUsed: new Array<boolean>(machine.nrLr).fill(false),
    hcr: 0,
    cpuInterface: createCpuInterface(machine),
    isRunning: false,
    isRunningTold: false,
    unblocks: 0,
    ipis: 0,
  };
}

export function createXenOldState(machine: Machine): XenOldState {
  const vcpus = Array.from({ length: machine.nrVcpus }, (_, index) => createVcpu(machine, index));
  return {
    machine,
    vcpus,
    spis: Array.from({ length: machine.nrSpis }, (_, at) => createIrq(SPI_BASE + at)),
    current: vcpus[0],
    distCtlr: machine.distEnabledAtStart ? 1 : 0,
    hostIrqs: new Map(),
  };
}

/** The interrupt `intid` as that vCPU sees it, or undefined: there is none. */
export const findIrq = (state: XenOldState, vcpu: Vcpu, intid: number): PendingIrq | undefined =>
  isPrivate(intid) ? vcpu.privateIrqs[intid] : state.spis[intid - SPI_BASE];

/** Where an injection of `irq` goes, seen from `vcpu`. */
export const targetOf = (state: XenOldState, vcpu: Vcpu, irq: PendingIrq): Vcpu =>
  isPrivate(irq.intid) ? vcpu : state.vcpus[irq.target];

export function hostIrqOf(state: XenOldState, vcpu: number, hostIrq: number): HostIrq {
  const key = isPrivate(hostIrq) ? `${vcpu}:${hostIrq}` : `${hostIrq}`;
  const known = state.hostIrqs.get(key);
  if (known !== undefined) return known;
  const fresh = { isPending: false, isActive: false };
  state.hostIrqs.set(key, fresh);
  return fresh;
}
