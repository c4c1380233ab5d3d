/** Everything the reference model knows, as objects and arrays, and how interrupts are found in it. */
import { type Flavour, flavourNamed } from '../gic/flavour/index.js';
import { isPrivate, type Machine, NO_VCPU, NR_PRIVATE_IRQS, SPI_BASE } from '../gic/intid.js';
import { HCR_EN } from '../gic/lr.js';
import { addCall, type CallCost, type CostPath, createCallCost, createPathTotals, type PathTotals } from './cost.js';
import { type CpuInterface, createCpuInterface } from './cpu-interface.js';
import { createIrq, type Irq, isIrqLpi, isLpiNumber } from './irq.js';
import { createItsState, type ItsState, type ItsSwitches } from './its/its-state.js';
import { createListRegister, type ListRegister } from './list-register.js';

export interface Vcpu {
  readonly index: number;
  readonly privateIrqs: readonly Irq[];
  /** ap_list, head first. */
  apList: Irq[];
  lrs: ListRegister[];
  usedLrs: number;
  hcr: number;
  readonly cpuInterface: CpuInterface;
  /** Between flush and fold. */
  inGuest: boolean;
  /** kvm-7.2: whose state fills the last list register; nobody's if that is free. Keeps an LPI in existence. */
  lastLrIrq: Irq | undefined;
  /** GICR_CTLR.EnableLPIs. */
  lpisEnabled: boolean;
  /** KVM: request+kick calls, and requests not yet consumed (1.9, 1.19). */
  kicks: number;
  requestSet: boolean;
  processUpdate: boolean;
  /** Xen: vcpu_unblock calls and event-check IPIs (1.9). */
  unblocks: number;
  ipis: number;
  /** Xen's is_running as the trace told it; undefined: it has not, and being in the guest counts. */
  toldRunning: boolean | undefined;
}

/** The host's side of a mapped interrupt. */
export interface HostIrq {
  /** What the owner's get_input_level answers. */
  line: boolean;
  /** Pending at the host GIC. */
  pending: boolean;
  active: boolean;
}

export interface MachineState {
  readonly machine: Machine;
  readonly flavour: Flavour;
  distEnabled: boolean;
  readonly vcpus: readonly Vcpu[];
  readonly spis: readonly Irq[];
  readonly lpis: Map<number, Irq>;
  /** Undefined: the machine has none, or one whose tables nobody models. */
  readonly its: ItsState | undefined;
  readonly hostIrqs: Map<string, HostIrq>;
  /** kvm-7.2: SPIs queued since the start, less deactivations that a fold has seen (1.8). */
  activeSpis: number;
  broadcasts: number;
  halts: number;
  /** Xen: the vCPU of the CPU that acts. */
  current: number;
  /** How the host stopped, once it has. */
  fatal: 'host-assertion' | 'host-deadlock' | undefined;
  /** vCPUs kicked and SPIs whose EOI was notified by the event being executed, in order. */
  kicked: number[];
  notified: number[];
  readonly costs: Record<CostPath, PathTotals>;
  lastCost: CallCost;
  /** irq_lock and ap_list_lock acquisitions of all paths and of register writes, since they were last read. */
  locks: number;
}

const createVcpu = (machine: Machine, flavour: Flavour, index: number): Vcpu => ({
  index,
  privateIrqs: Array.from({ length: NR_PRIVATE_IRQS }, (_, intid) => createIrq(machine, flavour, intid, index)),
  apList: [],
  lrs: Array.from({ length: machine.nrLr }, createListRegister),
  usedLrs: 0,
  hcr: flavour.disablesAfterFold ? 0 : HCR_EN,
  cpuInterface: createCpuInterface(machine),
  inGuest: false,
  lastLrIrq: undefined,
  lpisEnabled: false,
  kicks: 0,
  requestSet: false,
  processUpdate: false,
  unblocks: 0,
  ipis: 0,
  toldRunning: undefined,
});

/** `itsChanges`: see `createItsState`. */
export function createMachineState(machine: Machine, itsChanges?: Partial<ItsSwitches>): MachineState {
  const flavour = flavourNamed(machine.flavour);
  return {
    machine,
    flavour,
    distEnabled: machine.distEnabledAtStart,
    vcpus: Array.from({ length: machine.nrVcpus }, (_, index) => createVcpu(machine, flavour, index)),
    spis: Array.from({ length: machine.nrSpis }, (_, index) => createIrq(machine, flavour, SPI_BASE + index, NO_VCPU)),
    lpis: new Map(),
    its: createItsState(machine, itsChanges),
    hostIrqs: new Map(),
    activeSpis: 0,
    broadcasts: 0,
    halts: 0,
    current: 0,
    fatal: undefined,
    kicked: [],
    notified: [],
    costs: {
      inject: createPathTotals(),
      flush: createPathTotals(),
      fold: createPathTotals(),
      prune: createPathTotals(),
      pending: createPathTotals(),
    },
    lastCost: createCallCost(),
    locks: 0,
  };
}

export const hasV2Guest = ({ machine }: MachineState): boolean => machine.model !== 'gicv3';
export const hasV3Host = ({ machine }: MachineState): boolean => machine.model !== 'gicv2';

/** The interrupt `intid` as `vcpu` sees it, or undefined if the machine has none such (an LPI: not mapped). */
export function findIrq(state: MachineState, vcpu: number, intid: number): Irq | undefined {
  if (isPrivate(intid)) return state.vcpus[vcpu].privateIrqs[intid];
  if (isLpiNumber(intid)) return state.lpis.get(intid);
  return state.spis[intid - SPI_BASE];
}

/** As `findIrq`, without LPIs: what the banks of the distributor and redistributor registers reach. */
export const findBankedIrq = (state: MachineState, vcpu: number, intid: number): Irq | undefined =>
  isLpiNumber(intid) ? undefined : findIrq(state, vcpu, intid);

/**
 * The host interrupt behind `hostIrq`. Host PPIs are banked by vCPU. Created inactive with its line low.
 */
export function hostIrqOf(state: MachineState, vcpu: number, hostIrq: number): HostIrq {
  const key = isPrivate(hostIrq) ? `${vcpu}:${hostIrq}` : `${hostIrq}`;
  let host = state.hostIrqs.get(key);
  if (!host) {
    host = { line: false, pending: false, active: false };
    state.hostIrqs.set(key, host);
  }
  return host;
}

/** The host interrupt that `irq` is mapped to. A shared interrupt on a host PPI uses the bank of vCPU 0. */
export const hostSideOf = (state: MachineState, irq: Irq): HostIrq =>
  hostIrqOf(state, irq.owner === NO_VCPU ? 0 : irq.owner, irq.hostIrq);

/** What the deactivation of a list register does to the physical interrupt that the register names. */
export function deactivateHost(state: MachineState, vcpu: Vcpu, lr: ListRegister): void {
  if (lr.hw) hostIrqOf(state, isPrivate(lr.intid) ? vcpu.index : 0, lr.pintid).active = false;
}

/** The physical input level (3.2): the owner's answer, or the pending state at the host GIC (E.11). */
export const isHostHigh = (host: HostIrq): boolean => host.line || host.pending;

/** An LPI without reference ceases to exist (vgic-spec 1.6, invariant 9). */
export function dropUnusedLpi(state: MachineState, irq: Irq): void {
  if (isIrqLpi(irq) && countReferences(state, irq) === 0) state.lpis.delete(irq.intid);
}

/** Mappings, the list it is on, and every vCPU whose last list register it fills. */
export const countReferences = (state: MachineState, irq: Irq): number =>
  irq.mapReferences + (irq.queued === NO_VCPU ? 0 : 1) + state.vcpus.filter((vcpu) => vcpu.lastLrIrq === irq).length;

/** Runs one call of `path` and books what it cost. */
export function countCall<T>(state: MachineState, path: CostPath, call: (cost: CallCost) => T): T {
  const cost = createCallCost();
  const result = call(cost);
  addCall(state.costs[path], cost);
  state.lastCost = cost;
  state.locks += cost.locks;
  return result;
}

/** Locks of a register access that belong to no path. */
export function countLocks(state: MachineState, nrLocks: number): void {
  state.locks += nrLocks;
}
