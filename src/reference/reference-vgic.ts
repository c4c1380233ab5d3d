/**
 * The reference model: vgic-spec sections 1-3 and appendix E, flavour kvm-6.1, written to be read. It is the oracle of
 * the differential tests and is pinned to the compiled C code by the golden files (traces/golden).
 *
 * Events are taken as they come: a flush of a vCPU that is in the guest, or an acknowledge outside of it, is executed
 * like any other. Halting the guest for active-state accesses (2.3) is the trace's business: the exits are its events.
 */
import { isLpi, type Machine, NO_VCPU, SPURIOUS_INTID } from '../gic/intid.js';
import * as ev from '../trace/events.js';
import type { CallCost, CostPath, PathTotals } from './cost.js';
import {
  findTarget,
  flushVcpu,
  foldVcpu,
  injectIrq,
  pruneVcpu,
  queueIrq,
  removeLpisFromList,
  syncVcpu,
  testPending,
} from './delivery.js';
import {
  acknowledgeLr,
  deactivateLr,
  findBestPending,
  findPendingLr,
  isMoreUrgentThanActive,
  setLrState,
} from './guest.js';
import { createIrq, type Irq } from './irq.js';
import { encodeListRegister, type LrWords } from './list-register.js';
import {
  createMachineState,
  dropUnusedLpi,
  findBankedIrq,
  findIrq,
  type HostIrq,
  hostIrqOf,
  type MachineState,
  type Vcpu,
} from './machine-state.js';
import {
  addSgiSources,
  clearSgiSources,
  raiseSgi,
  writeActive,
  writeConfig,
  writeDistEnable,
  writeDistributor,
  writeEnable,
  writeGroup,
  writeGroupWord,
  writePending,
  writePriority,
  writeRedistributor,
  writeTarget,
} from './registers.js';

const bit = (value: number, position: number): boolean => ((value >>> position) & 1) === 1;
const groupOf = (value: number): 0 | 1 => (bit(value, 0) ? 1 : 0);
const LPI_PRIORITY_MASK = 0xfc;

export class ReferenceVgic {
  private readonly state: MachineState;
  /** All kicks since the start. */
  kicks = 0;
  acks = 0;
  /** IAR reads that returned 1023. */
  spuriousAcks = 0;
  /** EOI or DIR writes that met no active list register. */
  eoiMisses = 0;
  /** Acknowledges in the trace that the list registers contradict. */
  divergences = 0;
  /** INTID of the last ACK; 1023 none. */
  lastAck = SPURIOUS_INTID;
  /** List register of the last ACK and of the last EOI or DEACTIVATE; -1 none. */
  lastAckLr = -1;
  lastEoiLr = -1;
  /** Answer to the last PENDING_QUERY. */
  lastQuery = false;
  /** Every SPI index (INTID - 32) whose EOI was notified, in order. */
  readonly notifications: number[] = [];

  constructor(machine: Machine) {
    this.state = createMachineState(machine);
  }

  usedLrs(vcpu: number): number {
    return this.state.vcpus[vcpu].usedLrs;
  }

  /** The words of one list register, also beyond used_lrs. */
  lr(vcpu: number, index: number): LrWords {
    return encodeListRegister(this.state.vcpus[vcpu].lrs[index], this.state.machine.model);
  }

  hcr(vcpu: number): number {
    return this.state.vcpus[vcpu].hcr;
  }

  /** INTIDs in ap_list order. */
  list(vcpu: number): number[] {
    return this.state.vcpus[vcpu].apList.map((irq) => irq.intid);
  }

  /** A copy of one interrupt's state; undefined if the machine has no such interrupt. `vcpu` counts for private ones. */
  irq(vcpu: number, intid: number): Readonly<Irq> | undefined {
    const irq = findIrq(this.state, vcpu, intid);
    return irq && { ...irq };
  }

  /** What the oracle says of one interrupt: a vCPU, or NO_VCPU. */
  target(vcpu: number, intid: number): number {
    const irq = findIrq(this.state, vcpu, intid);
    return irq ? findTarget(this.state, irq) : NO_VCPU;
  }

  hostIrq(vcpu: number, hostIrq: number): Readonly<HostIrq> {
    return { ...hostIrqOf(this.state, vcpu, hostIrq) };
  }

  /** INTIDs of the LPIs that exist. */
  lpis(): number[] {
    return [...this.state.lpis.keys()];
  }

  get distEnabled(): boolean {
    return this.state.distEnabled;
  }

  pmr(vcpu: number): number {
    return this.state.vcpus[vcpu].pmr;
  }

  /** vCPUs the last event kicked, in order. */
  get lastKicks(): readonly number[] {
    return this.state.kicked;
  }

  /** SPI indexes whose EOI the last event notified, in order. */
  get lastNotifications(): readonly number[] {
    return this.state.notified;
  }

  cost(path: CostPath): PathTotals {
    return this.state.costs[path];
  }

  /** Of the last call of any path. */
  get lastCost(): Readonly<CallCost> {
    return this.state.lastCost;
  }

  /** Executes one event of trace/events.ts. WFI asks the pending test; other facts, expectations and unknown interrupts do nothing. */
  apply(kind: number, vcpu: number, intid: number, value: number): void {
    this.state.kicked = [];
    this.state.notified = [];
    if ((kind < ev.FIRST_FACT || kind === ev.WFI) && vcpu < this.state.machine.nrVcpus) {
      this.applyToVcpu(kind, this.state.vcpus[vcpu], intid, value);
      this.applyToIrq(kind, vcpu, intid, value);
      this.applyToLpi(kind, vcpu, intid, value);
    }
    this.kicks += this.state.kicked.length;
    this.notifications.push(...this.state.notified);
  }

  /** Events of a vCPU, its guest, or the whole machine. */
  private applyToVcpu(kind: number, vcpu: Vcpu, intid: number, value: number): void {
    const { state } = this;
    switch (kind) {
      case ev.FLUSH:
        flushVcpu(state, vcpu);
        break;
      case ev.SYNC:
        syncVcpu(state, vcpu);
        break;
      case ev.FOLD:
        foldVcpu(state, vcpu);
        break;
      case ev.PRUNE:
        pruneVcpu(state, vcpu);
        break;
      case ev.ACK:
        this.acknowledge(vcpu, intid, value);
        break;
      case ev.EOI:
      case ev.DEACTIVATE:
        this.lastEoiLr = deactivateLr(state, vcpu, intid);
        if (this.lastEoiLr === -1) this.eoiMisses++;
        break;
      case ev.GUEST_LR_STATE:
        setLrState(state, vcpu, intid, bit(value, 0), bit(value, 1));
        break;
      case ev.GUEST_DRAIN:
        this.drain(vcpu);
        break;
      case ev.SGI:
        this.sendSgi(vcpu.index, intid, value);
        break;
      case ev.DIST_ENABLE:
        writeDistEnable(state, bit(value, 0));
        break;
      case ev.GROUP:
        writeGroupWord(state, vcpu.index, intid, groupOf(value));
        break;
      case ev.MMIO_DIST:
        writeDistributor(state, vcpu.index, intid, value);
        break;
      case ev.MMIO_REDIST:
        writeRedistributor(state, vcpu.index, intid, value);
        break;
      case ev.PHYS_LINE:
        hostIrqOf(state, vcpu.index, intid).line = bit(value, 0);
        break;
      case ev.PENDING_QUERY:
      case ev.WFI:
        this.lastQuery = testPending(state, vcpu);
        break;
      case ev.PMR:
        vcpu.pmr = value & 0xff;
        break;
      case ev.LPI_FLUSH:
        removeLpisFromList(state, vcpu);
        break;
    }
  }

  /** Events of one SGI, PPI or SPI; INJECT also of an LPI. */
  private applyToIrq(kind: number, vcpu: number, intid: number, value: number): void {
    const { state } = this;
    if (kind === ev.INJECT) {
      const irq = findIrq(state, vcpu, intid);
      if (irq) injectIrq(state, irq, bit(value, 0));
      return;
    }
    const irq = findBankedIrq(state, vcpu, intid);
    if (!irq) return;
    switch (kind) {
      case ev.ENABLE:
        writeEnable(state, irq, bit(value, 0), bit(value, 1));
        break;
      case ev.PRIORITY:
        writePriority(irq, value);
        break;
      case ev.PENDING:
        writePending(state, irq, vcpu, bit(value, 0), bit(value, 1));
        break;
      case ev.ACTIVE:
        writeActive(state, irq, vcpu, bit(value, 0), bit(value, 1));
        break;
      case ev.CONFIG:
        writeConfig(irq, bit(value, 0));
        break;
      case ev.TARGET:
        writeTarget(state, irq, value);
        break;
      case ev.GROUP_ONE:
        irq.group = groupOf(value);
        if (!bit(value, 1)) writeGroup(state, irq, irq.group);
        break;
      case ev.SGI_PEND:
        if (state.machine.model === 'gicv3' || intid >= 16) return;
        if (bit(value, 31)) addSgiSources(state, irq, value & 0xff);
        else clearSgiSources(irq, value & 0xff);
        break;
      case ev.LINE_LEVEL:
        irq.line = bit(value, 0);
        if (irq.line) queueIrq(state, irq);
        break;
      case ev.HW_MAP:
        irq.hw = true;
        irq.hostIrq = value;
        break;
      case ev.HW_UNMAP:
        irq.hw = false;
        irq.hostIrq = 0;
        break;
    }
  }

  private applyToLpi(kind: number, vcpu: number, intid: number, value: number): void {
    const { state } = this;
    if (!isLpi(intid)) return;
    if (kind === ev.LPI_MAP) this.mapLpi(vcpu, intid, value);
    const irq = state.lpis.get(intid);
    if (!irq) return;
    switch (kind) {
      case ev.LPI_UNMAP:
        if (irq.mapReferences > 0) irq.mapReferences--;
        dropUnusedLpi(state, irq);
        break;
      case ev.LPI_CONFIG:
        irq.priority = value & LPI_PRIORITY_MASK;
        irq.enabled = bit(value, 0);
        queueIrq(state, irq);
        break;
      case ev.LPI_MOVE:
        irq.target = vcpu;
        break;
      case ev.LPI_CLEAR:
        irq.latch = false;
        break;
      case ev.LPI_PENDING:
        irq.latch = bit(value, 0);
        queueIrq(state, irq);
        break;
    }
  }

  /** An LPI that exists keeps its target, priority and enable, and is referenced once more (native-reference 5.13). */
  private mapLpi(vcpu: number, intid: number, value: number): void {
    const { state } = this;
    const existing = state.lpis.get(intid);
    if (existing) {
      existing.mapReferences++;
      return;
    }
    if (state.machine.nrLpis === 0) return;
    const irq = createIrq(state.machine, intid, NO_VCPU);
    irq.target = vcpu;
    irq.mapReferences = 1;
    irq.priority = (value >>> 8) & LPI_PRIORITY_MASK;
    irq.enabled = bit(value, 16);
    state.lpis.set(intid, irq);
    // Its configuration and its bit of the pending table are read, and each reading offers it for queueing (6.4, 6.7).
    queueIrq(state, irq);
    queueIrq(state, irq);
  }

  private sendSgi(sender: number, spec: number, value: number): void {
    const isAllButSelf = bit(spec, 4);
    const first = spec >>> 5;
    for (const { index, privateIrqs } of this.state.vcpus) {
      const isListed = index >= first && index < first + 16 && bit(value, index - first);
      if (isAllButSelf ? index !== sender : isListed) raiseSgi(this.state, privateIrqs[spec & 15], sender);
    }
  }

  private acknowledge(vcpu: Vcpu, expected: number, value: number): void {
    const isExact = bit(value, 1);
    let index = isExact ? findPendingLr(vcpu, expected) : findBestPending(vcpu);
    if (index !== -1 && bit(value, 0) && !isMoreUrgentThanActive(vcpu, index)) index = -1;
    this.lastAckLr = index;
    this.lastAck = index === -1 ? SPURIOUS_INTID : vcpu.lrs[index].intid;
    if (index === -1) {
      this.spuriousAcks++;
    } else {
      this.acks++;
      acknowledgeLr(vcpu, index);
    }
    const isChecked = isExact || expected !== 0;
    if (isChecked && this.lastAck !== expected) this.divergences++;
  }

  private drain(vcpu: Vcpu): void {
    for (let index = findBestPending(vcpu); index !== -1; index = findBestPending(vcpu)) {
      this.acks++;
      this.lastAck = vcpu.lrs[index].intid;
      this.lastAckLr = index;
      acknowledgeLr(vcpu, index);
      this.lastEoiLr = deactivateLr(this.state, vcpu, this.lastAck);
    }
  }
}
