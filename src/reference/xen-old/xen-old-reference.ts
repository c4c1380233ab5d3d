/**
 * The reference model of flavour xen-old: vgic-spec 1.22, 1.23 and column xen-old of section 10, written to be read. It takes
 * the events of a trace and answers what scenarios ask.
 */
import type { ConformTarget, Frame, IrqView, KickView, LrWord, XenOldView } from '../../conform/target.js';
import { isPrivate, isSgi, type Machine, SPURIOUS_INTID } from '../../gic/intid.js';
import * as ev from '../../trace/events.js';
import { REGISTER_WRITES } from '../../trace/register-kinds.js';
import {
  acknowledgeLr,
  countMissedEoi,
  dropPriority,
  findMostUrgent,
  programCpuInterface,
  readIar,
} from '../cpu-interface.js';
import { encodeListRegister, type ListRegister } from '../list-register.js';
import { enterGuest, exitGuest, injectIrq, retarget, setPending, testPending, writeEnable } from './delivery.js';
import { readRegister, sendSgi, writeRegister } from './registers.js';
import {
  createXenOldState,
  findIrq,
  hostIrqOf,
  type PendingIrq,
  targetOf,
  type Vcpu,
  type XenOldState,
} from './state.js';

const EINVAL = -22;
const WORD = 4;

const bit = (value: number, position: number): boolean => ((value >>> position) & 1) === 1;

/** The vCPU of such an event is on the CPU that acts. */
const ACTING_KINDS: ReadonlySet<number> = new Set(REGISTER_WRITES);

export class XenOldReference implements ConformTarget {
  readonly machine: Machine;
  private readonly state: XenOldState;

  constructor(machine: Machine) {
    this.machine = machine;
    this.state = createXenOldState(machine);
  }

  apply(kind: number, vcpu: number, intid: number, value: number): void {
    const actor = this.state.vcpus[vcpu];
    if (!actor) return;
    if (ACTING_KINDS.has(kind)) this.state.current = actor;
    this.applyToVcpu(kind, actor, intid, value);
    const irq = findIrq(this.state, actor, intid);
    if (irq) this.applyToIrq(kind, actor, irq, value);
  }

  private applyToVcpu(kind: number, vcpu: Vcpu, intid: number, value: number): void {
    switch (kind) {
      case ev.FLUSH:
        enterGuest(this.state, vcpu);
        break;
      case ev.SYNC:
      case ev.FOLD:
        exitGuest(this.state, vcpu);
        break;
      case ev.RUNNING:
        vcpu.isRunning = bit(value, 0);
        vcpu.isRunningTold = true;
        break;
      case ev.CURRENT:
        this.state.current = vcpu;
        break;
      case ev.SGI:
        this.sendSgi(vcpu, intid, value);
        break;
      case ev.DIST_ENABLE:
        this.state.distCtlr = value & 1;
        break;
      case ev.PHYS_PENDING:
        hostIrqOf(this.state, vcpu.index, intid).isPending = bit(value, 0);
        break;
      case ev.PHYS_ACTIVE:
        hostIrqOf(this.state, vcpu.index, intid).isActive = bit(value, 0);
        break;
      default:
        this.applyToGuest(kind, vcpu, intid, value);
        this.applyAccess(kind, vcpu.index, intid, value);
    }
  }

  /** What the guest does at its CPU interface. */
  private applyToGuest(kind: number, vcpu: Vcpu, intid: number, value: number): void {
    const { cpuInterface } = vcpu;
    switch (kind) {
      case ev.CPUIF:
        programCpuInterface(cpuInterface, value);
        break;
      case ev.PMR:
        cpuInterface.pmr = value & 0xff;
        break;
      case ev.ACK:
        this.acknowledgeAsTold(vcpu, intid, value);
        break;
      case ev.EOI:
        if (bit(value, 0)) this.endAsRuled(vcpu, intid, (value >>> 8) & 7);
        else if (!this.deactivateLr(vcpu, intid)) countMissedEoi(cpuInterface);
        break;
      case ev.PRIORITY_DROP:
        dropPriority(cpuInterface);
        break;
      case ev.DEACTIVATE:
        if (bit(value, 0)) this.deactivate(vcpu.index, intid, (value >>> 8) & 7);
        else this.deactivateLr(vcpu, intid);
        break;
      case ev.GUEST_LR_STATE:
        this.setLrState(vcpu, intid, bit(value, 0), bit(value, 1));
        break;
      case ev.GUEST_DRAIN:
        for (let taken = 0; value === 0 || taken < value >>> 0; taken++) {
          const slot = this.findPending(vcpu);
          if (slot === -1) break;
          acknowledgeLr(vcpu.lrs[slot]);
          // The end names an interrupt, which may be in two list registers.
          this.deactivateLr(vcpu, vcpu.lrs[slot].intid);
        }
        break;
    }
  }

  private applyAccess(kind: number, vcpu: number, offset: number, value: number): void {
    switch (kind) {
      case ev.MMIO_DIST:
        this.write(vcpu, 'dist', offset, WORD, value, 0);
        break;
      case ev.MMIO_DIST_BYTE:
        this.write(vcpu, 'dist', offset, 1, value, 0);
        break;
      case ev.MMIO_REDIST:
        this.write(vcpu, 'redist', offset, WORD, value, 0);
        break;
      case ev.MMIO_REDIST_BYTE:
        this.write(vcpu, 'redist', offset, 1, value, 0);
        break;
      case ev.MMIO_DIST_READ:
        this.read(vcpu, 'dist', offset, value);
        break;
      case ev.MMIO_REDIST_READ:
        this.read(vcpu, 'redist', offset, value);
        break;
    }
  }

  private applyToIrq(kind: number, vcpu: Vcpu, irq: PendingIrq, value: number): void {
    switch (kind) {
      case ev.INJECT:
        if (bit(value, 0)) injectIrq(this.state, targetOf(this.state, vcpu, irq), irq);
        break;
      case ev.ENABLE:
        writeEnable(this.state, vcpu, irq, bit(value, 0));
        break;
      case ev.PRIORITY:
        irq.priorityByte = value & 0xff;
        break;
      case ev.PENDING:
        if (bit(value, 0)) setPending(this.state, vcpu, irq);
        break;
      case ev.CONFIG:
        if (!isPrivate(irq.intid)) irq.isEdge = !bit(value, 0);
        break;
      case ev.TARGET:
        if (!isPrivate(irq.intid) && value >= 0 && value < this.machine.nrVcpus) retarget(this.state, irq, value);
        break;
      case ev.HW_MAP:
        irq.hostIrq = ev.hostIrqOfMap(value);
        break;
      case ev.HW_UNMAP:
        irq.hostIrq = undefined;
        break;
    }
  }

  private sendSgi(sender: Vcpu, spec: number, list: number): void {
    const first = (spec >>> 5) & 0xff;
    sendSgi(this.state, spec & 15, ({ index }) =>
      bit(spec, 4) ? index !== sender.index : index >= first && index < first + 16 && bit(list, index - first),
    );
  }

  inject(vcpu: number, intid: number, level: number): number {
    if (!findIrq(this.state, this.state.vcpus[vcpu], intid)) return EINVAL;
    this.apply(ev.INJECT, vcpu, intid, level);
    return 0;
  }

  write(vcpu: number, frame: Frame, offset: number, length: number, lo: number, _hi: number): boolean {
    this.state.current = this.state.vcpus[vcpu];
    return writeRegister(this.state, this.state.vcpus[vcpu], frame, offset, length, lo);
  }

  read(vcpu: number, frame: Frame, offset: number, length: number): number {
    this.state.current = this.state.vcpus[vcpu];
    return readRegister(this.state, this.state.vcpus[vcpu], frame, offset, length);
  }

  acknowledge(vcpu: number): { readonly intid: number; readonly source: number } {
    const { cpuInterface, lrs } = this.state.vcpus[vcpu];
    const slot = readIar(cpuInterface, lrs);
    // Senders of SGIs are not kept: every one of them seems to come from CPU 0.
    return { intid: slot === -1 ? SPURIOUS_INTID : lrs[slot].intid, source: 0 };
  }

  /** Nothing traps; DIR has an effect with EOImode 1 only. */
  deactivate(vcpu: number, intid: number, source: number): boolean {
    const { cpuInterface } = this.state.vcpus[vcpu];
    if (cpuInterface.isSplitEoi) this.deactivateLr(this.state.vcpus[vcpu], intid, source);
    return false;
  }

  private endAsRuled(vcpu: Vcpu, intid: number, source: number): void {
    dropPriority(vcpu.cpuInterface);
    if (vcpu.cpuInterface.isSplitEoi) return;
    if (!this.deactivateLr(vcpu, intid, source)) countMissedEoi(vcpu.cpuInterface);
  }

  /** The forms of ACK that say less than the CPU interface knows (trace/events.ts). */
  private acknowledgeAsTold(vcpu: Vcpu, intid: number, value: number): void {
    if (bit(value, 2)) {
      this.acknowledge(vcpu.index);
      return;
    }
    const isExact = bit(value, 1);
    const slot = findMostUrgent(vcpu.lrs, (lr) => !isExact || lr.intid === intid);
    if (slot === -1) return;
    const isRefused = bit(value, 0) && vcpu.lrs.some((lr) => lr.active && lr.priority <= vcpu.lrs[slot].priority);
    if (!isRefused) acknowledgeLr(vcpu.lrs[slot]);
  }

  private findPending(vcpu: Vcpu): number {
    return findMostUrgent(vcpu.lrs, () => true);
  }

  /** Deactivates the first list register with the INTID (and sender); false: none is active. */
  private deactivateLr(vcpu: Vcpu, intid: number, source = 0): boolean {
    const hasSender = isSgi(intid) && this.machine.model !== 'gicv3';
    const lr = vcpu.lrs.find((each) => each.active && each.intid === intid && (!hasSender || each.cpuid === source));
    if (!lr) return false;
    this.clearActive(vcpu, lr);
    return true;
  }

  /** The hardware deactivates the host's interrupt along with one that is tied to it. */
  private clearActive(vcpu: Vcpu, lr: ListRegister): void {
    lr.active = false;
    if (lr.hw) hostIrqOf(this.state, vcpu.index, lr.pintid).isActive = false;
  }

  private setLrState(vcpu: Vcpu, slot: number, isPending: boolean, isActive: boolean): void {
    if (!vcpu.isLrUsed[slot]) return;
    const lr = vcpu.lrs[slot];
    lr.pending = isPending;
    if (lr.active && !isActive) this.clearActive(vcpu, lr);
    lr.active = isActive;
  }

  lrs(vcpu: number): LrWord[] {
    const { lrs, isLrUsed } = this.state.vcpus[vcpu];
    return lrs
      .map((lr, slot) => ({ slot, ...encodeListRegister(lr, this.machine.model) }))
      .filter(({ slot }) => isLrUsed[slot]);
  }

  hcr(vcpu: number): number {
    return this.state.vcpus[vcpu].hcr;
  }

  eoiCount(vcpu: number): number {
    return this.state.vcpus[vcpu].cpuInterface.eoiCount;
  }

  /** Latches, lines and the rest of 1.2 do not exist here. */
  irq(): IrqView | undefined {
    return undefined;
  }

  xenOldIrq(vcpu: number, intid: number): XenOldView | undefined {
    const irq = findIrq(this.state, this.state.vcpus[vcpu], intid);
    return (
      irq && {
        queued: irq.isQueued,
        active: irq.isActive,
        visible: irq.isVisible,
        enabled: irq.isEnabled,
        migrating: irq.isMigrating,
        prioritySnapshot: irq.priority,
        inInflight: irq.inflightOn !== undefined,
        inLrPending: irq.lrPendingOn !== undefined,
      }
    );
  }

  list(vcpu: number): number[] {
    return this.state.vcpus[vcpu].inflight.map(({ intid }) => intid);
  }

  lrPending(vcpu: number): number[] {
    return this.state.vcpus[vcpu].lrPending.map(({ intid }) => intid);
  }

  pendingTest(vcpu: number): boolean {
    return testPending(this.state.vcpus[vcpu]);
  }

  kicks(): KickView {
    const { vcpus } = this.state;
    return {
      kicks: vcpus.map(() => 0),
      requestSet: vcpus.map(() => false),
      halts: 0,
      processUpdate: vcpus.map(() => false),
      broadcasts: 0,
      activeSpis: 0,
      unblocks: vcpus.map(({ unblocks }) => unblocks),
      ipis: vcpus.map(({ ipis }) => ipis),
    };
  }

  ackNotified(): number {
    return 0;
  }

  /** One lock a vCPU guards everything; irq_lock and ap_list_lock do not exist. */
  takeLocks(): number {
    return 0;
  }

  phys(vcpu: number, hostIrq: number): { readonly pending: boolean; readonly active: boolean } {
    const { isPending, isActive } = hostIrqOf(this.state, vcpu, hostIrq);
    return { pending: isPending, active: isActive };
  }

  /** No step of a guest stops the host. */
  its(): undefined {
    return undefined;
  }

  fatal(): string | undefined {
    return undefined;
  }
}
