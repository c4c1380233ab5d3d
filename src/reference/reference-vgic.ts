/**
 * The reference model: vgic-spec sections 1-3, 10 and appendix E, written to be read. It is the oracle of the differential
 * tests and is pinned by the golden files (traces/golden) and the scenarios (traces/conformance).
 *
 * Events are taken as they come: a flush of a vCPU that is in the guest, or an acknowledge outside of it, is executed
 * like any other.
 */
import type { Frame } from '../conform/target.js';
import { isLpi, type Machine, NO_VCPU, SPURIOUS_INTID } from '../gic/intid.js';
import * as ev from '../trace/events.js';
import { RAW_ACCESSES, REGISTER_WRITES } from '../trace/register-kinds.js';
import type { CallCost, CostPath, PathTotals } from './cost.js';
import { dropPriority, programCpuInterface, readIar } from './cpu-interface.js';
import { foldVcpu, pruneVcpu, syncVcpu } from './exit.js';
import { flushVcpu } from './flush.js';
import {
  acknowledge,
  deactivateLr,
  endInterrupt,
  findBestPending,
  findPendingLr,
  isMoreUrgentThanActive,
  setLrState,
  usedLrsOf,
  writeEoir,
} from './guest.js';
import { deactivateTrapped, isDirTrapped } from './halt.js';
import type { Irq } from './irq.js';
import type { ItsSwitches } from './its/its-state.js';
import { applyToIts, ReferenceIts } from './its/reference-its.js';
import { encodeListRegister, type LrWords } from './list-register.js';
import { changeLpi, mapLpi } from './lpi.js';
import {
  countReferences,
  createMachineState,
  findBankedIrq,
  findIrq,
  type HostIrq,
  hostIrqOf,
  type MachineState,
  type Vcpu,
} from './machine-state.js';
import { findTarget } from './oracle.js';
import { injectIrq, removeLpisFromList, testPending } from './queue.js';
import { readRegister, writeRegister } from './registers.js';
import {
  addSgiSources,
  clearSgiSources,
  sendSgi,
  writeActive,
  writeConfig,
  writeDistEnable,
  writeEnable,
  writeGroup,
  writeGroupWord,
  writeLineLevel,
  writePending,
  writePriority,
  writeTarget,
} from './writes.js';

const bit = (value: number, position: number): boolean => ((value >>> position) & 1) === 1;
const groupOf = (value: number): 0 | 1 => (bit(value, 0) ? 1 : 0);
const senderOf = (value: number): number => (value >>> 8) & 7;

const WORD = 4;
const BYTE = 1;

/** Events by which their vCPU becomes Xen's current one: entries, exits and register accesses. */
const ACTING_KINDS: ReadonlySet<number> = new Set([
  ev.FLUSH,
  ev.SYNC,
  ev.FOLD,
  ev.PRUNE,
  ev.CURRENT,
  ...REGISTER_WRITES,
  ...RAW_ACCESSES,
]);

export class ReferenceVgic {
  /** For who asks more than the members below answer; not to be written. */
  readonly state: MachineState;
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

  /** The ITS and the guest's memory; undefined: the machine has none. */
  readonly its: ReferenceIts | undefined;

  /** `itsChanges`: see `createItsState`. */
  constructor(machine: Machine, itsChanges?: Partial<ItsSwitches>) {
    this.state = createMachineState(machine, itsChanges);
    const { its } = this.state;
    this.its = its && new ReferenceIts(this.state, its, (otherwise, act) => this.step(otherwise, act));
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

  /** Of an LPI; other interrupts are not counted. */
  references(intid: number): number {
    const irq = this.state.lpis.get(intid);
    return irq ? countReferences(this.state, irq) : 0;
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
    return this.state.vcpus[vcpu].cpuInterface.pmr;
  }

  /** How the host stopped; nothing has an effect any more then. */
  get fatal(): string | undefined {
    return this.state.fatal;
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

  /** irq_lock and ap_list_lock acquisitions since the last call, register writes included (vgic-spec E.3). */
  takeLocks(): number {
    const { locks } = this.state;
    this.state.locks = 0;
    return locks;
  }

  /** Executes one event of trace/events.ts. WFI asks the pending test; other facts, expectations and unknown interrupts do nothing. */
  apply(kind: number, vcpu: number, intid: number, value: number): void {
    const isInput = (kind < ev.FIRST_FACT || kind === ev.WFI) && vcpu < this.state.machine.nrVcpus;
    this.step(undefined, () => {
      if (!isInput) return;
      if (ACTING_KINDS.has(kind)) this.state.current = vcpu;
      this.applyToVcpu(kind, this.state.vcpus[vcpu], intid, value);
      this.applyToGuest(kind, this.state.vcpus[vcpu], intid, value);
      this.applyAccess(kind, vcpu, intid, value);
      this.applyToIrq(kind, vcpu, intid, value);
      this.applyToLpi(kind, vcpu, intid, value);
      applyToIts(this.state, kind, intid, value);
    });
  }

  /** Line event; false: the machine has no such interrupt. */
  inject(vcpu: number, intid: number, level: number): boolean {
    const isKnown = findIrq(this.state, vcpu, intid) !== undefined;
    this.apply(ev.INJECT, vcpu, intid, level);
    return isKnown;
  }

  /** Raw access; see ConformTarget. */
  write(vcpu: number, frame: Frame, offset: number, length: number, value: number, high = 0): boolean {
    return this.step(true, () => {
      this.state.current = vcpu;
      return writeRegister(this.state, vcpu, frame, offset, length, value, high);
    });
  }

  read(vcpu: number, frame: Frame, offset: number, length: number): number {
    return this.step(0, () => {
      this.state.current = vcpu;
      return readRegister(this.state, vcpu, frame, offset, length);
    });
  }

  /** IAR read by the rules of the CPU interface; the list register acknowledged, or -1. */
  readIar(vcpu: number): number {
    return this.step(-1, () => this.acknowledgeByRules(this.state.vcpus[vcpu]));
  }

  /** DIR write by the rules of the CPU interface; true: it trapped, and the vCPU is out of the guest. */
  writeDir(vcpu: number, intid: number, sender: number): boolean {
    return this.step(false, () => this.deactivateByRules(this.state.vcpus[vcpu], intid, sender));
  }

  testPending(vcpu: number): boolean {
    return this.step(false, () => testPending(this.state, this.state.vcpus[vcpu]));
  }

  /** One step of the real world; `otherwise` is its result once the host has stopped. */
  private step<T>(otherwise: T, act: () => T): T {
    const { state } = this;
    state.kicked = [];
    state.notified = [];
    if (state.fatal) return otherwise;
    const result = act();
    this.kicks += state.kicked.length;
    this.notifications.push(...state.notified);
    return result;
  }

  /** Events of a vCPU or the whole machine. */
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
      case ev.SGI:
        sendSgi(state, vcpu.index, intid, value);
        break;
      case ev.DIST_ENABLE:
        writeDistEnable(state, bit(value, 0));
        break;
      case ev.GROUP:
        writeGroupWord(state, vcpu.index, intid, groupOf(value));
        break;
      case ev.PHYS_LINE:
        hostIrqOf(state, vcpu.index, intid).line = bit(value, 0);
        break;
      case ev.PHYS_PENDING:
        hostIrqOf(state, vcpu.index, intid).pending = bit(value, 0);
        break;
      case ev.PHYS_ACTIVE:
        hostIrqOf(state, vcpu.index, intid).active = bit(value, 0);
        break;
      case ev.RUNNING:
        vcpu.toldRunning = bit(value, 0);
        break;
      case ev.PENDING_QUERY:
      case ev.WFI:
        this.lastQuery = testPending(state, vcpu);
        break;
      case ev.LPI_FLUSH:
        removeLpisFromList(state, vcpu);
        break;
    }
  }

  /** Events of a guest at its CPU interface. */
  private applyToGuest(kind: number, vcpu: Vcpu, intid: number, value: number): void {
    const { state } = this;
    switch (kind) {
      case ev.CPUIF:
        programCpuInterface(vcpu.cpuInterface, value);
        break;
      case ev.PMR:
        vcpu.cpuInterface.pmr = value & 0xff;
        break;
      case ev.ACK:
        this.acknowledgeAsTold(vcpu, intid, value);
        break;
      case ev.PRIORITY_DROP:
        dropPriority(vcpu.cpuInterface);
        break;
      case ev.EOI:
        if (!bit(value, 0)) this.noteEoi(endInterrupt(state, vcpu, intid));
        else this.noteEoi(writeEoir(state, vcpu, intid, senderOf(value)));
        break;
      case ev.DEACTIVATE:
        if (!bit(value, 0)) this.noteEoi(deactivateLr(state, vcpu, intid));
        else this.deactivateByRules(vcpu, intid, senderOf(value));
        break;
      case ev.GUEST_LR_STATE:
        setLrState(state, vcpu, intid, bit(value, 0), bit(value, 1));
        break;
      case ev.GUEST_DRAIN:
        this.drain(vcpu, value >>> 0);
        break;
    }
  }

  private applyAccess(kind: number, vcpu: number, offset: number, value: number): void {
    const { state } = this;
    switch (kind) {
      case ev.MMIO_DIST:
        writeRegister(state, vcpu, 'dist', offset, WORD, value);
        break;
      case ev.MMIO_REDIST:
        writeRegister(state, vcpu, 'redist', offset, WORD, value);
        break;
      case ev.MMIO_DIST_BYTE:
        writeRegister(state, vcpu, 'dist', offset, BYTE, value);
        break;
      case ev.MMIO_REDIST_BYTE:
        writeRegister(state, vcpu, 'redist', offset, BYTE, value);
        break;
      case ev.MMIO_DIST_READ:
        readRegister(state, vcpu, 'dist', offset, value);
        break;
      case ev.MMIO_REDIST_READ:
        readRegister(state, vcpu, 'redist', offset, value);
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
        writePriority(state, irq, value);
        break;
      case ev.PENDING:
        writePending(state, irq, vcpu, bit(value, 0), bit(value, 1));
        break;
      case ev.ACTIVE:
        writeActive(state, irq, vcpu, bit(value, 0), bit(value, 1));
        break;
      case ev.CONFIG:
        writeConfig(state, irq, bit(value, 0));
        break;
      case ev.TARGET:
        writeTarget(state, irq, value);
        break;
      case ev.GROUP_ONE:
        writeGroup(state, irq, groupOf(value), bit(value, 1));
        break;
      case ev.SGI_PEND:
        if (state.machine.model === 'gicv3' || intid >= 16) return;
        if (bit(value, 31)) addSgiSources(state, irq, value & 0xff);
        else clearSgiSources(state, irq, value & 0xff);
        break;
      case ev.LINE_LEVEL:
        writeLineLevel(state, irq, bit(value, 0));
        break;
      case ev.HW_MAP:
        irq.hw = true;
        irq.hostIrq = ev.hostIrqOfMap(value);
        irq.swResample = bit(value, 16) && state.flavour.softwareResample;
        break;
      case ev.HW_UNMAP:
        irq.hw = false;
        irq.hostIrq = 0;
        irq.swResample = false;
        break;
    }
  }

  private applyToLpi(kind: number, vcpu: number, intid: number, value: number): void {
    if (!isLpi(intid)) return;
    if (kind === ev.LPI_MAP) mapLpi(this.state, vcpu, intid, value);
    else changeLpi(this.state, kind, vcpu, intid, value);
  }

  private noteAck(vcpu: Vcpu, index: number): void {
    this.lastAckLr = index;
    this.lastAck = index === -1 ? SPURIOUS_INTID : vcpu.lrs[index].intid;
    if (index === -1) this.spuriousAcks++;
    else this.acks++;
  }

  /** `index`: the list register deactivated, -1 if there was none; undefined: nothing was to be deactivated. */
  private noteEoi(index: number | undefined): void {
    this.lastEoiLr = index ?? -1;
    if (index === -1) this.eoiMisses++;
  }

  private acknowledgeByRules(vcpu: Vcpu): number {
    const index = readIar(vcpu.cpuInterface, usedLrsOf(vcpu));
    this.noteAck(vcpu, index);
    return index;
  }

  /** An ACK event: by the rules, or by what the trace knows of them. */
  private acknowledgeAsTold(vcpu: Vcpu, expected: number, value: number): void {
    const isExact = bit(value, 1);
    if (bit(value, 2)) {
      this.acknowledgeByRules(vcpu);
    } else {
      let index = isExact ? findPendingLr(vcpu, expected) : findBestPending(vcpu);
      if (index !== -1 && bit(value, 0) && !isMoreUrgentThanActive(vcpu, index)) index = -1;
      this.noteAck(vcpu, index);
      if (index !== -1) acknowledge(vcpu, index);
    }
    const isChecked = isExact || expected !== 0;
    if (isChecked && this.lastAck !== expected) this.divergences++;
  }

  private deactivateByRules(vcpu: Vcpu, intid: number, sender: number): boolean {
    if (isDirTrapped(this.state, vcpu)) {
      deactivateTrapped(this.state, vcpu, intid, sender);
      this.noteEoi(undefined);
      return true;
    }
    const isIgnored = !vcpu.cpuInterface.isSplitEoi;
    this.noteEoi(isIgnored ? undefined : deactivateLr(this.state, vcpu, intid, sender));
    return false;
  }

  private drain(vcpu: Vcpu, limit: number): void {
    let taken = 0;
    for (let index = findBestPending(vcpu); index !== -1; index = findBestPending(vcpu)) {
      if (limit !== 0 && taken === limit) break;
      taken += 1;
      this.noteAck(vcpu, index);
      acknowledge(vcpu, index);
      this.lastEoiLr = deactivateLr(this.state, vcpu, this.lastAck);
    }
  }
}
