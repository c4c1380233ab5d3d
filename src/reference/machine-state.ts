/** Everything the reference model knows, as objects and arrays, and how interrupts are found in it. */
import { isLpi, isPrivate, type Machine, NO_VCPU, NR_PRIVATE_IRQS, SPI_BASE } from '../gic/intid.js';
import { HCR_EN } from '../gic/lr.js';
import { addCall, type CallCost, type CostPath, createCallCost, createPathTotals, type PathTotals } from './cost.js';
import { createIrq, type Irq } from './irq.js';
import { createListRegister, type ListRegister } from './list-register.js';

export interface Vcpu {
  readonly index: number;
  readonly privateIrqs: readonly Irq[];
  /** ap_list, head first. */
  apList: Irq[];
  lrs: ListRegister[];
  usedLrs: number;
  hcr: number;
  pmr: number;
  /** GICR_CTLR.EnableLPIs. */
  lpisEnabled: boolean;
}

/** The host's side of a mapped interrupt. Nothing in the model reads `active`; it is there for the rules of section 3. */
export interface HostIrq {
  line: boolean;
  active: boolean;
}

export interface MachineState {
  readonly machine: Machine;
  distEnabled: boolean;
  readonly vcpus: readonly Vcpu[];
  readonly spis: readonly Irq[];
  readonly lpis: Map<number, Irq>;
  readonly hostIrqs: Map<string, HostIrq>;
  /** vCPUs kicked and SPIs whose EOI was notified by the event being executed, in order. */
  kicked: number[];
  notified: number[];
  readonly costs: Record<CostPath, PathTotals>;
  lastCost: CallCost;
}

export function createMachineState(machine: Machine): MachineState {
  const vcpus = Array.from(
    { length: machine.nrVcpus },
    (_, index): Vcpu => ({
      index,
      privateIrqs: Array.from({ length: NR_PRIVATE_IRQS }, (_, intid) => createIrq(machine, intid, index)),
      apList: [],
      lrs: Array.from({ length: machine.nrLr }, createListRegister),
      usedLrs: 0,
      hcr: HCR_EN,
      pmr: machine.pmrAtStart,
      lpisEnabled: false,
    }),
  );
  return {
    machine,
    distEnabled: machine.distEnabledAtStart,
    vcpus,
    spis: Array.from({ length: machine.nrSpis }, (_, index) => createIrq(machine, SPI_BASE + index, NO_VCPU)),
    lpis: new Map(),
    hostIrqs: new Map(),
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
  };
}

/** The interrupt `intid` as `vcpu` sees it, or undefined if the machine has none such (an LPI: not mapped). */
export function findIrq(state: MachineState, vcpu: number, intid: number): Irq | undefined {
  if (isPrivate(intid)) return state.vcpus[vcpu].privateIrqs[intid];
  if (isLpi(intid)) return state.lpis.get(intid);
  return state.spis[intid - SPI_BASE];
}

/** As `findIrq`, without LPIs: what the banks of the distributor and redistributor registers reach. */
export const findBankedIrq = (state: MachineState, vcpu: number, intid: number): Irq | undefined =>
  isLpi(intid) ? undefined : findIrq(state, vcpu, intid);

/**
 * The host interrupt behind `hostIrq`. Host PPIs are banked by vCPU. Created inactive with its line low.
 */
export function hostIrqOf(state: MachineState, vcpu: number, hostIrq: number): HostIrq {
  const key = isPrivate(hostIrq) ? `${vcpu}:${hostIrq}` : `${hostIrq}`;
  let host = state.hostIrqs.get(key);
  if (!host) {
    host = { line: false, active: false };
    state.hostIrqs.set(key, host);
  }
  return host;
}

/** The host interrupt that `irq` is mapped to. A shared interrupt on a host PPI uses the bank of vCPU 0. */
export const hostSideOf = (state: MachineState, irq: Irq): HostIrq =>
  hostIrqOf(state, irq.owner === NO_VCPU ? 0 : irq.owner, irq.hostIrq);

/** An LPI without map reference that is on no list ceases to exist (vgic-spec 1.6). */
export function dropUnusedLpi(state: MachineState, irq: Irq): void {
  if (isLpi(irq.intid) && irq.mapReferences === 0 && irq.queued === NO_VCPU) state.lpis.delete(irq.intid);
}

/** Runs one call of `path` and books what it cost. */
export function countCall<T>(state: MachineState, path: CostPath, call: (cost: CallCost) => T): T {
  const cost = createCallCost();
  const result = call(cost);
  addCall(state.costs[path], cost);
  state.lastCost = cost;
  return result;
}

/** Sets the request bit of `vcpu` and wakes or interrupts it (vgic-spec 1.9). */
export const kickVcpu = (state: MachineState, vcpu: number): void => {
  state.kicked.push(vcpu);
};
