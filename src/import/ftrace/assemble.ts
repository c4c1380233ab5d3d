/**
 * Trace lines → operations. Lines belong together by thread *and* context: a hard interrupt may put a timer's
 * vgic_queue between a thread's its_cached and that MSI's own. Code with interrupts off is contiguous on its CPU.
 */
import { LPI_BASE } from '../../gic/intid.js';
import {
  INJECT,
  LOAD,
  LPI_CONFIG,
  LPI_FLUSH,
  LPI_MAP,
  LPI_MOVE,
  LPI_PENDING,
  PHYS_LINE,
  PUT,
  SGI,
  WAKEUP,
  WFI,
} from '../../trace/events.js';
import { ItsCommands } from './its-commands.js';
import { CONTEXT_HARD, CONTEXT_SOFT, CONTEXT_TASK, readNumber, readToken, splitWords, type TraceLine } from './line.js';
import type { FlushOperation, Operation, QueueOperation, SilentOperation, SyncOperation } from './operation.js';
import { startLineOf } from './operation.js';
import { type DecodedWrite, decodeLineLevels, decodeWrite, type RegisterWrite } from './registers.js';
import { type IrqFields, irqKey, KEY_MACHINE, type Step, VCPU_UNKNOWN } from './step.js';
import type { FtraceSurvey } from './survey.js';

/** Guest-physical map of QEMU `virt` and of the recordings' own VMM. */
const DIST_BASE = 0x08000000;
const DIST_SIZE = 0x10000;
const ITS_BASE = 0x08080000;
const GITS_CWRITER = ITS_BASE + 0x88;
const REDIST_BASE = 0x080a0000;
const REDIST_STRIDE = 0x20000;
const SGI_FRAME = 0x10000;
const MIRROR_BASE = 0x0a000040;
const MIRROR_END = 0x0a000058;
/** Pointers below this are list entries' INTIDs; above, it is the low half of the list head's address. */
const LIST_HEAD_MIN = 0x100000;
/**
 * An operation whose thread stays silent is closed after this many lines: the bound on memory. (The longest gap
 * inside an operation of the shipped recordings is below 2000 lines.)
 */
export const MAX_OPEN_LINES = 20_000;

/** What the last line of a context announced: the vgic_queue lines that follow are its doing. */
interface Cause {
  steps: readonly Step[];
  /** Index into `steps` of the next queueing step, or -1: `steps[0]` repeats for every target. */
  next: number;
  kind: 'steps' | 'sgi' | 'msi' | 'lpi-config' | 'none';
  intid: number;
  sender: number;
}

interface ContextState {
  cause: Cause;
  /** The last vgic_queue: its ap_add may follow. Interrupts are on in between, so other contexts may intervene. */
  queue: QueueOperation | null;
  silent: SilentOperation | null;
  inject: SilentOperation | null;
  /** The last queue operation of an lpi_config: a second vgic_queue right behind it makes it a MAPTI. */
  config: QueueOperation | null;
  physIntid: number;
  physical: Step[];
  group: number;
}

const noCause = (): Cause => ({ steps: [], next: 0, kind: 'none', intid: -1, sender: 0 });

export interface AssemblerReport {
  /** An event whose fields could not be read. */
  malformed(line: TraceLine): void;
  /** A vgic_queue whose cause is not in the trace. */
  causeless(line: TraceLine): void;
}

/** Events the importer understands but needs nothing of: they repeat what other lines say, or tell of results. */
const SILENT_EVENTS = new Set([
  'irq_handler_entry',
  'kvm_timer_update_irq',
  'kvm_exit',
  'kvm_userspace_exit',
  'kvm_sys_access',
  'kvm_handle_sys_reg',
  'kvm_irq_line',
  'kvm_hvc_arm64',
  'kvm_set_irq',
  'kvm_msi_set_irq',
  'kvm_ack_irq',
  'kvm_timer_hrtimer_expire',
  'kvm_timer_emulate',
  'kvm_timer_save_state',
  'kvm_timer_restore_state',
  'kvm_get_timer_map',
  'kvm_mmio_emulate',
  'kvm_guest_fault',
  'kvm_arm_setup_debug',
  'kvm_arm_clear_debug',
  'kvm_arm_set_dreg32',
  'kvm_arm_set_regset',
  'kvm_halt_poll_ns',
  'kvm_unmap_hva_range',
  'kvm_age_hva',
  'kvm_test_age_hva',
  'kvm_toggle_cache',
  'kvm_set_way_flush',
  'kvm_dirty_ring_push',
  'kvm_vcpu_wakeup_begin',
  'uaccess_cpuif',
  'trap_reg',
]);

/** What a vCPU thread prints when it is scheduled out and in again: it may have been in the middle of something. */
const PREEMPTION_EVENTS = new Set(['vgic_put', 'vgic_load', 'kvm_timer_update_irq', 'vgic_update_irq_pending']);

export const isUnneededEvent = (event: string): boolean => SILENT_EVENTS.has(event);

export class Assembler {
  readonly #survey: FtraceSurvey;
  readonly #emit: (op: Operation) => void;
  readonly #report: AssemblerReport;
  readonly #contexts = new Map<string, ContextState>();
  readonly #runByCpu = new Map<number, FlushOperation | SyncOperation>();
  readonly #open = new Set<Operation>();
  readonly #entryLine: number[] = [];
  readonly #its = new ItsCommands();
  #groups = 0;
  #line = 0;
  #tick = 0;

  /** `emit` receives every operation once, when it is closed, in no particular order. */
  constructor(survey: FtraceSurvey, emit: (op: Operation) => void, report: AssemblerReport) {
    this.#survey = survey;
    this.#emit = emit;
    this.#report = report;
  }

  /** No operation that is still open, or still to come, began before this line. */
  frontier(): number {
    let first = this.#line + 1;
    for (const op of this.#open) {
      const start = startLineOf(op);
      if (start < first) first = start;
    }
    return first;
  }

  /** Returns false if the event is unknown. */
  add(at: TraceLine): boolean {
    this.#line = at.line;
    this.#tick = at.tick;
    const context = this.#enterContext(at);
    this.#closeInterrupted(at, context);
    const known = this.#dispatch(at, context);
    if (at.line % 1024 === 0) this.#closeStale();
    return known;
  }

  /** End of text: whatever is open ends here. */
  finish(): void {
    this.#line++;
    for (const context of this.#contexts.values()) {
      this.#closeQueue(context);
      this.#closeSilent(context);
    }
    for (const cpu of [...this.#runByCpu.keys()]) this.#closeRun(cpu);
  }

  // --- Contexts.

  #contextKey(at: TraceLine): string {
    if (at.context === CONTEXT_HARD) return `h${at.cpu}`;
    if (at.context === CONTEXT_SOFT) return `s${at.cpu}`;
    return at.pid === 0 ? `i${at.cpu}` : `t${at.pid}`;
  }

  #enterContext(at: TraceLine): ContextState {
    const key = this.#contextKey(at);
    let context = this.#contexts.get(key);
    if (context === undefined) {
      context = {
        cause: noCause(),
        queue: null,
        silent: null,
        inject: null,
        config: null,
        physIntid: -1,
        physical: [],
        group: 0,
      };
      this.#contexts.set(key, context);
    }
    // A line of an outer context ends whatever interrupted it on this CPU.
    if (at.context !== CONTEXT_HARD) this.#leave(`h${at.cpu}`);
    if (at.context === CONTEXT_TASK) this.#leave(`s${at.cpu}`);
    return context;
  }

  #leave(key: string): void {
    const context = this.#contexts.get(key);
    if (context === undefined) return;
    this.#closeQueue(context);
    this.#closeSilent(context);
    context.cause = noCause();
    context.config = null;
  }

  /** Ends what this line does not continue: of its own context, and with interrupts off on its CPU. */
  #closeInterrupted(at: TraceLine, context: ContextState): void {
    const { queue } = context;
    if (queue !== null && !(at.event === 'ap_add' && readNumber(at.text, 'intid=') === queue.fields.intid)) {
      this.#closeQueue(context);
    }
    const run = this.#runByCpu.get(at.cpu);
    if (run !== undefined && !continuesRun(run.type, at.event)) this.#closeRun(at.cpu);
  }

  #closeQueue(context: ContextState): void {
    const op = context.queue;
    if (op === null) return;
    context.queue = null;
    op.closeLine = this.#line;
    op.closeTick = this.#tick;
    // An lpi_config waits for the next line: it may have been a MAPTI.
    if (op !== context.config) this.#close(op);
  }

  #closeRun(cpu: number): void {
    const op = this.#runByCpu.get(cpu);
    if (op === undefined) return;
    this.#runByCpu.delete(cpu);
    // Its last part may leave no line: it went on until this CPU said something else.
    if (op.type === 'sync') {
      op.closeLine = this.#line - 1;
      op.closeTick = this.#tick;
    }
    this.#close(op);
  }

  #close(op: Operation): void {
    this.#open.delete(op);
    this.#emit(op);
  }

  #closeSilent(context: ContextState): void {
    this.#closeInject(context);
    if (context.silent === null) return;
    this.#endSilent(context.silent);
    context.silent = null;
  }

  /** An injection without a vgic_queue was redundant; an lpi_config without a second one was no MAPTI. */
  #closeInject(context: ContextState): void {
    if (context.inject !== null) {
      this.#endSilent(context.inject);
      context.inject = null;
    }
    if (context.config === null) return;
    const op = context.config;
    context.config = null;
    this.#close(op);
  }

  #endSilent(op: SilentOperation): void {
    op.closeLine = this.#line;
    op.closeTick = this.#tick;
    this.#close(op);
  }

  #closeStale(): void {
    const oldest = this.#line - MAX_OPEN_LINES;
    for (const context of this.#contexts.values()) {
      const first = context.inject?.line ?? context.silent?.line ?? context.config?.line ?? this.#line;
      if (first < oldest) this.#closeSilent(context);
      if (context.queue !== null && context.queue.line < oldest) this.#closeQueue(context);
    }
  }

  // --- Events.

  #dispatch(at: TraceLine, context: ContextState): boolean {
    const { text } = at;
    switch (at.event) {
      case 'vgic_queue':
        this.#queue(at, context);
        return true;
      case 'ap_add':
        this.#append(at, context);
        return true;
      case 'phys_level':
        context.physIntid = readNumber(text, 'intid=');
        return true;
      case 'phys_level_ret':
        this.#sample(at, context);
        return true;
      case 'vgic_flush':
      case 'ap_sort':
      case 'lr_populate':
      case 'lr_flush':
        this.#flush(at, context);
        return true;
      case 'vgic_sync':
      case 'lr_fold':
      case 'ap_del':
      case 'ap_move':
        this.#sync(at, context);
        return true;
    }
    // Anything else ends what the context was doing, unless the thread was only preempted in the middle of it.
    this.#closeInject(context);
    if (!PREEMPTION_EVENTS.has(at.event)) {
      this.#closeSilent(context);
      context.cause = noCause();
    }
    switch (at.event) {
      case 'vgic_update_irq_pending':
        this.#inject(at, context);
        return true;
      case 'sgi_write':
        this.#sgi(at, context);
        return true;
      case 'kvm_mmio':
        this.#mmio(at, context);
        return true;
      case 'uaccess_dist':
      case 'uaccess_redist':
      case 'uaccess_line':
        this.#userAccess(at, context);
        return true;
      case 'its_cached':
      case 'its_trigger':
        context.cause = { ...noCause(), kind: 'msi' };
        return true;
      case 'lpi_config':
        context.cause = { ...noCause(), kind: 'lpi-config', intid: readNumber(text, 'intid=') };
        return true;
      case 'lpi_affinity': {
        const intid = readNumber(text, 'intid=');
        const vcpu = this.#vcpuAt(readToken(text, 'x1='));
        if (vcpu >= 0) this.#openSilent(at, context, [lpiStep(LPI_MOVE, vcpu, intid, 0)], false);
        return true;
      }
      case 'lpis_dropped': {
        const vcpu = readNumber(text, 'vcpu=');
        const step = { kind: LPI_FLUSH, vcpu, intid: 0, value: 0, key: KEY_MACHINE };
        this.#openSilent(at, context, [step], false);
        return true;
      }
      case 'kvm_entry':
        this.#entry(at);
        return true;
      case 'vgic_load':
        this.#fact(at, LOAD, readNumber(text, 'vcpu='), 0);
        return true;
      case 'vgic_put': {
        const vmcr = readToken(text, 'vmcr=');
        this.#fact(at, PUT, readNumber(text, 'vcpu='), vmcr === '' ? 0 : splitWords(vmcr).lo);
        return true;
      }
      case 'kvm_wfx_arm64':
        if (text.includes('wfi')) this.#fact(at, WFI, this.#vcpuOf(at), 0);
        return true;
      case 'kvm_vcpu_wakeup':
        this.#fact(at, WAKEUP, this.#vcpuOf(at), 0);
        return true;
    }
    return isUnneededEvent(at.event);
  }

  #vcpuOf(at: TraceLine): number {
    return this.#survey.vcpuOfPid.get(at.pid) ?? -1;
  }

  /** vCPU of a struct kvm_vcpu address: -1 for none, VCPU_UNKNOWN for one that never ran. */
  #vcpuAt(pointer: string): number {
    if (pointer === '0x0' || pointer === '') return -1;
    return this.#survey.vcpuOfPointer.get(pointer) ?? VCPU_UNKNOWN;
  }

  #fact(at: TraceLine, kind: number, vcpu: number, value: number): void {
    if (vcpu < 0 || Number.isNaN(vcpu)) return;
    this.#emit({ type: 'fact', kind, vcpu, value, line: at.line, tick: at.tick });
  }

  #entry(at: TraceLine): void {
    const vcpu = this.#vcpuOf(at);
    if (vcpu < 0) return;
    this.#entryLine[vcpu] = at.line;
    this.#emit({ type: 'entry', vcpu, line: at.line, tick: at.tick });
  }

  // --- Inputs.

  #inject(at: TraceLine, context: ContextState): void {
    const vcpu = readNumber(at.text, 'VCPU: ');
    const intid = readNumber(at.text, 'IRQ ');
    const level = readNumber(at.text, 'level: ');
    if (Number.isNaN(vcpu + intid + level)) {
      this.#report.malformed(at);
      return;
    }
    const step = { kind: INJECT, vcpu, intid, value: level === 0 ? 0 : 1, key: irqKey(vcpu, intid) };
    context.inject = this.#openInterval(at, [step], false, true);
  }

  #sgi(at: TraceLine, context: ContextState): void {
    const { lo } = splitWords(readToken(at.text, 'reg='));
    // GICD_SGIR holds the number in bits 3:0, ICC_SGI1R_EL1 in bits 27:24 (vgic-spec 2.4).
    const intid = at.text.includes('off=') ? lo & 15 : (lo >>> 24) & 15;
    const sender = readNumber(at.text, 'vcpu=');
    context.cause = { ...noCause(), kind: 'sgi', intid, sender };
    context.group = ++this.#groups;
  }

  #mmio(at: TraceLine, context: ContextState): void {
    if (!at.text.startsWith('mmio write ')) return;
    const vcpu = this.#vcpuOf(at);
    const address = readNumber(at.text, 'gpa ');
    const length = readNumber(at.text, 'len ');
    const { lo, hi } = splitWords(readToken(at.text, 'val '));
    if (Number.isNaN(address + length)) {
      this.#report.malformed(at);
      return;
    }
    if (address >= MIRROR_BASE && address < MIRROR_END && length === 8) {
      this.#its.word((address - MIRROR_BASE) >> 3, lo, hi);
      return;
    }
    if (address === GITS_CWRITER) {
      const steps = this.#its.take();
      if (steps.length > 0) this.#openSilent(at, context, steps, false);
      return;
    }
    if (vcpu < 0) return;
    const base = { model: this.#survey.model, nrSpis: this.#survey.nrSpis, length, lo, hi, writer: vcpu, user: false };
    if (address >= DIST_BASE && address < DIST_BASE + DIST_SIZE) {
      this.#write(at, context, { ...base, frame: 'dist', offset: address - DIST_BASE, owner: vcpu });
      return;
    }
    const owner = Math.floor((address - REDIST_BASE) / REDIST_STRIDE);
    const offset = (address - REDIST_BASE) % REDIST_STRIDE;
    if (owner >= 0 && owner < this.#survey.nrVcpus && offset >= SGI_FRAME) {
      this.#write(at, context, { ...base, frame: 'redist', offset: offset - SGI_FRAME, owner });
    }
  }

  #userAccess(at: TraceLine, context: ContextState): void {
    if (readNumber(at.text, 'wr=') !== 1) return;
    const vcpu = readNumber(at.text, 'vcpu=');
    const { lo } = splitWords(readToken(at.text, 'val='));
    if (at.event === 'uaccess_line') {
      const first = readNumber(at.text, 'intid=');
      this.#openDecoded(at, context, decodeLineLevels(vcpu, first, lo, this.#survey.nrSpis));
      return;
    }
    const offset = readNumber(at.text, 'off=');
    const base = {
      model: this.#survey.model,
      nrSpis: this.#survey.nrSpis,
      length: 4,
      lo,
      hi: 0,
      writer: vcpu,
      owner: vcpu,
      user: true,
    };
    if (at.event === 'uaccess_dist') this.#write(at, context, { ...base, frame: 'dist', offset });
    else if (offset >= SGI_FRAME) this.#write(at, context, { ...base, frame: 'redist', offset: offset - SGI_FRAME });
  }

  #write(at: TraceLine, context: ContextState, write: RegisterWrite): void {
    this.#openDecoded(at, context, decodeWrite(write));
  }

  #openDecoded(at: TraceLine, context: ContextState, decoded: DecodedWrite): void {
    if (decoded.queueing.length > 0) {
      context.cause = { ...noCause(), kind: 'steps', steps: decoded.queueing };
    }
    if (decoded.silent.length > 0) this.#openSilent(at, context, decoded.silent, decoded.halts);
  }

  #openSilent(at: TraceLine, context: ContextState, steps: readonly Step[], halts: boolean): void {
    context.silent = this.#openInterval(at, steps, halts, false);
  }

  #openInterval(at: TraceLine, steps: readonly Step[], halts: boolean, redundant: boolean): SilentOperation {
    const op: SilentOperation = {
      type: 'silent',
      line: at.line,
      tick: at.tick,
      steps,
      closeLine: 0,
      closeTick: 0,
      halts,
      redundant,
    };
    this.#open.add(op);
    return op;
  }

  // --- Queueing.

  #readFields(text: string): IrqFields {
    return {
      intid: readNumber(text, 'intid='),
      line: readNumber(text, 'line='),
      latch: readNumber(text, 'latch='),
      active: readNumber(text, 'active='),
      enabled: readNumber(text, 'en='),
      hw: readNumber(text, 'hw='),
      priority: readNumber(text, 'prio='),
      group: readNumber(text, 'grp='),
      level: readNumber(text, 'cfg='),
      source: readNumber(text, 'src='),
      queued: this.#vcpuAt(readToken(text, 'onvcpu=')),
      target: this.#vcpuAt(readToken(text, 'target=')),
    };
  }

  #queue(at: TraceLine, context: ContextState): void {
    const fields = this.#readFields(at.text);
    const { intid } = fields;
    if (Number.isNaN(intid + fields.latch + fields.enabled)) {
      this.#report.malformed(at);
      return;
    }
    const steps = this.#takeCause(at, context, fields);
    const physical = context.physical;
    context.physical = [];
    const op: QueueOperation = {
      type: 'queue',
      line: at.line,
      tick: at.tick,
      steps: [...physical, ...steps],
      key: steps.at(-1)?.key ?? irqKey(Math.max(0, fields.target), intid),
      fields,
      closeLine: at.line,
      closeTick: at.tick,
      appendedTo: -1,
      group: context.cause.kind === 'sgi' ? context.group : 0,
    };
    this.#open.add(op);
    context.queue = op;
    if (context.cause.kind === 'lpi-config') {
      context.config = op;
      context.cause = noCause();
    }
  }

  /** The event behind a vgic_queue line, from what the context announced. */
  #takeCause(at: TraceLine, context: ContextState, fields: IrqFields): Step[] {
    const { intid } = fields;
    const { cause } = context;
    if (context.inject !== null && context.inject.steps[0].intid === intid) {
      // Not redundant: the interval becomes this exact moment.
      const [step] = context.inject.steps;
      this.#open.delete(context.inject);
      context.inject = null;
      return [step];
    }
    if (context.inject !== null) this.#closeInject(context);
    if (cause.kind === 'steps') {
      for (let i = cause.next; i < cause.steps.length; i++) {
        if (cause.steps[i].intid !== intid) continue;
        cause.next = i + 1;
        return [cause.steps[i]];
      }
    }
    if (cause.kind === 'sgi' && cause.intid === intid && fields.target >= 0) {
      const first = fields.target & ~15;
      return [
        {
          kind: SGI,
          vcpu: cause.sender,
          intid: intid | (first << 5),
          value: 1 << (fields.target - first),
          key: irqKey(fields.target, intid),
        },
      ];
    }
    if (intid >= LPI_BASE) return [this.#lpiCause(context, fields)];
    this.#report.causeless(at);
    return [];
  }

  #lpiCause(context: ContextState, fields: IrqFields): Step {
    const { intid } = fields;
    const { cause } = context;
    if (cause.kind === 'msi') {
      context.cause = noCause();
      return { kind: INJECT, vcpu: 0, intid, value: 1, key: irqKey(0, intid) };
    }
    if (cause.kind === 'lpi-config' && cause.intid === intid) {
      return lpiStep(LPI_CONFIG, 0, intid, fields.priority | fields.enabled);
    }
    if (context.config !== null) {
      const mapped = context.config;
      context.config = null;
      if (mapped.fields.intid === intid) {
        // Configuration, then at once the pending table: a new LPI (MAPTI, MAPI).
        const value = (mapped.fields.priority << 8) | (mapped.fields.enabled << 16);
        mapped.steps = [lpiStep(LPI_MAP, Math.max(0, mapped.fields.target), intid, value)];
      }
      this.#close(mapped);
    }
    return lpiStep(LPI_PENDING, 0, intid, fields.latch);
  }

  #append(at: TraceLine, context: ContextState): void {
    if (context.queue === null) return;
    context.queue.appendedTo = readNumber(at.text, 'vcpu=');
    this.#closeQueue(context);
  }

  #sample(at: TraceLine, context: ContextState): void {
    const level = readNumber(at.text, 'level=') === 0 ? 0 : 1;
    const intid = context.physIntid;
    context.physIntid = -1;
    if (intid < 0) return;
    const run = this.#runByCpu.get(at.cpu);
    if (run?.type === 'sync') {
      run.physical.push({ intid, level });
      return;
    }
    const vcpu = Math.max(0, this.#vcpuOf(at));
    context.physical.push({ kind: PHYS_LINE, vcpu, intid, value: level, key: KEY_MACHINE });
  }

  // --- Guest runs.

  #flush(at: TraceLine, context: ContextState): void {
    const vcpu = readNumber(at.text, 'vcpu=');
    if (at.event === 'vgic_flush') {
      this.#closeSilent(context);
      context.cause = noCause();
      const op: FlushOperation = {
        type: 'flush',
        vcpu,
        startLine: at.line,
        line: at.line,
        tick: at.tick,
        closeLine: at.line,
        sortCount: -1,
        sortList: [],
        populates: [],
        result: null,
      };
      this.#entryLine[vcpu] = 0;
      this.#open.add(op);
      this.#runByCpu.set(at.cpu, op);
      return;
    }
    const op = this.#runByCpu.get(at.cpu);
    if (op === undefined || op.type !== 'flush' || op.vcpu !== vcpu) {
      this.#report.malformed(at);
      return;
    }
    op.closeLine = at.line;
    if (at.event === 'lr_flush') {
      op.result = { ...readLrs(at.text), hcr: readNumber(at.text, 'hcr='), list: readList(at.text) };
      this.#closeRun(at.cpu);
      return;
    }
    if (op.line === op.startLine) {
      op.line = at.line;
      op.tick = at.tick;
    }
    if (at.event === 'ap_sort') {
      op.sortCount = readNumber(at.text, 'count=');
      if (Number.isNaN(op.sortCount)) op.sortCount = 0;
      op.sortList = readList(at.text);
      return;
    }
    const fields = this.#readFields(at.text);
    // A private interrupt in this LR is one of the vCPU whose LR it is.
    op.populates.push({ line: at.line, key: irqKey(vcpu, fields.intid), fields });
  }

  #sync(at: TraceLine, context: ContextState): void {
    if (at.event === 'vgic_sync') {
      const vcpu = readNumber(at.text, 'vcpu=');
      this.#closeSilent(context);
      context.cause = noCause();
      const entryLine = this.#entryLine[vcpu] ?? 0;
      const op: SyncOperation = {
        type: 'sync',
        vcpu,
        startLine: at.line,
        line: at.line,
        tick: at.tick,
        closeLine: at.line,
        closeTick: at.tick,
        aborted: entryLine === 0,
        entryLine,
        fold: null,
        physical: [],
        removals: [],
      };
      this.#open.add(op);
      this.#runByCpu.set(at.cpu, op);
      return;
    }
    const op = this.#runByCpu.get(at.cpu);
    if (op === undefined || op.type !== 'sync') {
      this.#report.malformed(at);
      return;
    }
    op.closeLine = at.line;
    op.closeTick = at.tick;
    if (at.event === 'lr_fold') {
      op.line = at.line;
      op.tick = at.tick;
      op.fold = readLrs(at.text);
      return;
    }
    const intid = readNumber(at.text, 'intid=');
    const to = at.event === 'ap_move' ? readNumber(at.text, 'to=') : -1;
    op.removals.push({ line: at.line, key: irqKey(op.vcpu, intid), intid, to });
  }
}

function continuesRun(type: 'flush' | 'sync', event: string): boolean {
  if (type === 'flush') return event === 'ap_sort' || event === 'lr_populate' || event === 'lr_flush';
  switch (event) {
    case 'lr_fold':
    case 'phys_level':
    case 'phys_level_ret':
    case 'kvm_ack_irq':
    case 'ap_del':
    case 'ap_move':
    // An acknowledged resampling irqfd lowers its line from within the fold.
    case 'kvm_set_irq':
    case 'vgic_update_irq_pending':
    case 'vgic_queue':
    case 'ap_add':
      return true;
    default:
      return false;
  }
}

function readLrs(text: string): { used: number; lo: number[]; hi: number[] } {
  const used = readNumber(text, 'used=');
  const lo: number[] = [];
  const hi: number[] = [];
  for (let i = 0; i < used; i++) {
    const token = readToken(text, `lr${i}=`);
    if (token === '') break;
    const words = splitWords(token);
    lo.push(words.lo);
    hi.push(words.hi);
  }
  return { used: lo.length, lo, hi };
}

/** a0..a9; the list head is -1. */
function readList(text: string): number[] {
  const list: number[] = [];
  for (let i = 0; i < 10; i++) {
    const intid = readNumber(text, `a${i}=`);
    if (Number.isNaN(intid)) break;
    list.push(intid >= LIST_HEAD_MIN ? -1 : intid);
  }
  return list;
}

const lpiStep = (kind: number, vcpu: number, intid: number, value: number): Step => ({
  kind,
  vcpu,
  intid,
  value,
  key: irqKey(0, intid),
});
