/**
 * Trace lines → operations. Lines belong together by thread *and* context: a hard interrupt may put a timer's
 * vgic_queue between a thread's its_cached and that MSI's own. Code with interrupts off is contiguous on its CPU.
 */

import { LPI_BASE } from '../../gic/intid.js';
import {
  GUEST_ITS_WORD,
  INJECT,
  LOAD,
  LPI_CONFIG,
  LPI_FLUSH,
  LPI_PENDING,
  PHYS_LINE,
  PUT,
  WAKEUP,
  WFI,
} from '../../trace/events.js';
import { AccessDecoder } from './access-decoder.js';
import { type Cause, findStep, mapStep, moveStep, NO_CAUSE } from './cause.js';
import { ownerOf, readIntid, readIrqFields, readVcpu, vcpuOfPointer } from './fields.js';
import { COMMAND_WORDS } from './its-commands.js';
import { CONTEXT_HARD, CONTEXT_SOFT, CONTEXT_TASK, readNumber, readToken, splitWords, type TraceLine } from './line.js';
import { type Operation, type QueueOperation, type SilentOperation, startLineOf } from './operation.js';
import type { DecodedWrite } from './registers.js';
import { type Remark, readMsi, readTimerRemark, remarkOf } from './remarks.js';
import { RunAssembler } from './run-assembler.js';
import { irqKey, KEY_MACHINE, type Step } from './step.js';
import { readWait } from './stock-line.js';
import type { FtraceSurvey } from './survey.js';
import { isCommandEffect, isPreemptionEvent, isUnneededEvent } from './vocabulary.js';

/**
 * An operation whose thread stays silent is closed after this many lines: the bound on memory. It is met where a
 * thread's last line began something; everywhere else operations of the shipped recordings end within 700 lines.
 */
export const MAX_OPEN_LINES = 20_000;
const STALE_CHECK_LINES = 1024;

/** One thread, or one CPU's hard or soft interrupts. */
interface Context {
  cause: Cause;
  /** The last vgic_queue: its ap_add may follow. Interrupts are on in between, so other contexts may intervene. */
  queue: QueueOperation | null;
  /** A write without moments of its own that is under way. */
  silent: SilentOperation | null;
  /** An injection that may turn out to be redundant. */
  inject: SilentOperation | null;
  /** The vgic_queue of an lpi_config: a second one right behind it makes it a MAPTI. */
  config: QueueOperation | null;
  /** ITS commands that GITS_CWRITER issued and no line has shown to take effect. */
  commands: { readonly words: readonly number[]; readonly at: TraceLine } | null;
  physIntid: number;
  /** Samples of host lines for the next vgic_queue. */
  physical: Step[];
  lastLine: number;
  lastCpu: number;
}

const createContext = (): Context => ({
  cause: NO_CAUSE,
  queue: null,
  silent: null,
  inject: null,
  config: null,
  commands: null,
  physIntid: -1,
  physical: [],
  lastLine: 0,
  lastCpu: -1,
});

export interface AssemblerReport {
  /** An event whose fields could not be read, or that fits nowhere. */
  malformed(line: TraceLine): void;
  /** A vgic_queue whose cause is not in the trace. */
  causeless(line: TraceLine): void;
}

export class Assembler {
  readonly #survey: FtraceSurvey;
  readonly #emit: (op: Operation | Remark) => void;
  readonly #report: AssemblerReport;
  readonly #contexts = new Map<string, Context>();
  readonly #open = new Set<Operation>();
  readonly #runs: RunAssembler;
  readonly #accesses: AccessDecoder;
  #sgis = 0;
  #line = 0;
  #tick = 0;

  /** `emit` receives every operation once, when it is closed, in no particular order, and every remark. */
  constructor(survey: FtraceSurvey, emit: (op: Operation | Remark) => void, report: AssemblerReport) {
    this.#survey = survey;
    this.#emit = emit;
    this.#report = report;
    this.#accesses = new AccessDecoder(survey);
    this.#runs = new RunAssembler(survey, {
      open: (run) => this.#open.add(run),
      close: (run) => this.#close(run),
    });
  }

  /** No operation that is still open, or still to come, began before this line. */
  frontier(): number {
    let first = this.#line + 1;
    for (const op of this.#open) first = Math.min(first, startLineOf(op));
    return first;
  }

  /** Returns false if the event is unknown. */
  add(at: TraceLine): boolean {
    this.#line = at.line;
    this.#tick = at.tick;
    const context = this.#enterContext(at);
    const { queue } = context;
    if (queue !== null && !(at.event === 'ap_add' && readNumber(at.text, 'intid=') === queue.fields.intid)) {
      this.#closeQueue(context);
    }
    this.#runs.closeUnlessContinued(at);
    const known = this.#dispatch(at, context);
    if (at.line % STALE_CHECK_LINES === 0) this.#closeStale();
    return known;
  }

  /** Lines of this CPU (-1: of any) are missing here: what was under way on it is not continued by what follows. */
  breakOff(line: number, tick: number, cpu: number): void {
    this.#line = line;
    this.#tick = tick;
    for (const context of this.#contexts.values()) {
      if (cpu >= 0 && context.lastCpu !== cpu) continue;
      this.#closeQueue(context);
      this.#closeSilent(context);
      context.cause = NO_CAUSE;
      context.physIntid = -1;
      context.physical = [];
    }
    this.#runs.breakOff(line, tick, cpu);
  }

  /** End of text: whatever is open ends here. */
  finish(): void {
    this.#line++;
    for (const context of this.#contexts.values()) {
      this.#closeQueue(context);
      this.#closeSilent(context);
    }
    this.#runs.closeAll(this.#line, this.#tick);
  }

  // --- Contexts.

  #enterContext(at: TraceLine): Context {
    const key = contextKey(at);
    let context = this.#contexts.get(key);
    if (context === undefined) {
      context = createContext();
      this.#contexts.set(key, context);
    }
    context.lastLine = at.line;
    context.lastCpu = at.cpu;
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
    context.cause = NO_CAUSE;
  }

  #closeStale(): void {
    const oldest = this.#line - MAX_OPEN_LINES;
    for (const [key, context] of this.#contexts) {
      const first = Math.min(
        context.queue?.line ?? this.#line,
        context.inject?.line ?? this.#line,
        context.silent?.line ?? this.#line,
        context.config?.line ?? this.#line,
        context.commands?.at.line ?? this.#line,
      );
      if (first < oldest) {
        this.#closeQueue(context);
        this.#closeSilent(context);
      }
      if (context.lastLine < oldest) this.#contexts.delete(key);
    }
    this.#runs.closeStale(oldest, this.#line, this.#tick);
  }

  // --- Opening and closing.

  #close(op: Operation): void {
    this.#open.delete(op);
    this.#emit(op);
  }

  #closeQueue(context: Context): void {
    const op = context.queue;
    if (op === null) return;
    context.queue = null;
    op.closeLine = this.#line;
    op.closeTick = this.#tick;
    // An lpi_config waits for the next line: it may have been a MAPTI.
    if (op !== context.config) this.#close(op);
  }

  #closeSilent(context: Context): void {
    this.#closeInject(context);
    this.#placeCommands(context);
    if (context.silent === null) return;
    this.#endInterval(context.silent);
    context.silent = null;
  }

  /** An injection without a vgic_queue was redundant; an lpi_config without a second one was no MAPTI. */
  #closeInject(context: Context): void {
    if (context.inject !== null) {
      this.#endInterval(context.inject);
      context.inject = null;
    }
    if (context.config === null) return;
    this.#close(context.config);
    context.config = null;
  }

  #endInterval(op: SilentOperation): void {
    op.closeLine = this.#line;
    op.closeTick = this.#tick;
    this.#close(op);
  }

  #openInterval(at: TraceLine, steps: readonly Step[], halts: boolean, redundant: boolean): SilentOperation {
    const { line, tick } = at;
    const op: SilentOperation = { type: 'silent', line, tick, steps, closeLine: 0, closeTick: 0, halts, redundant };
    this.#open.add(op);
    return op;
  }

  #openWrite(at: TraceLine, context: Context, decoded: DecodedWrite | undefined): void {
    if (decoded === undefined) {
      this.#report.malformed(at);
      return;
    }
    if (decoded.queueing.length > 0) context.cause = { kind: 'steps', steps: decoded.queueing, next: 0 };
    if (decoded.itsWords !== undefined) context.commands = { words: decoded.itsWords, at };
    if (decoded.silent.length > 0) context.silent = this.#openInterval(at, decoded.silent, decoded.halts, false);
  }

  /** ITS commands take effect at the first line of their own, `own`; without one, right behind the write that issued them. */
  #placeCommands(context: Context, own = context.commands?.at): void {
    if (context.commands === null || own === undefined) return;
    const { words, at } = context.commands;
    context.commands = null;
    const vcpu = Math.max(0, this.#vcpuOf(at));
    for (const [i, word] of words.entries()) this.#emit(remarkOf(own, GUEST_ITS_WORD, vcpu, i % COMMAND_WORDS, word));
  }

  // --- Events.

  #dispatch(at: TraceLine, context: Context): boolean {
    switch (at.event) {
      case 'vgic_queue':
        this.#queue(at, context);
        return true;
      case 'ap_add':
        this.#append(at, context);
        return true;
      case 'phys_level':
        context.physIntid = readIntid(at.text, 'intid=');
        return true;
      case 'phys_level_ret':
        this.#sample(at, context);
        return true;
      case 'vgic_flush':
      case 'vgic_sync':
        this.#closeSilent(context);
        context.cause = NO_CAUSE;
        if (!this.#runs.add(at)) this.#report.malformed(at);
        return true;
      case 'ap_sort':
      case 'lr_populate':
      case 'lr_flush':
      case 'lr_fold':
      case 'ap_del':
      case 'ap_move':
        if (!this.#runs.add(at)) this.#report.malformed(at);
        return true;
    }
    if (at.event === 'kvm_ack_irq') this.#runs.addAck(at);
    if (isCommandEffect(at.event)) this.#placeCommands(context, at);
    // Anything else ends what the context was doing, unless the thread was only preempted in the middle of it.
    this.#closeInject(context);
    if (!isPreemptionEvent(at.event)) {
      this.#closeSilent(context);
      context.cause = NO_CAUSE;
    }
    return this.#input(at, context) || this.#fact(at) || isUnneededEvent(at.event);
  }

  #input(at: TraceLine, context: Context): boolean {
    const { text } = at;
    switch (at.event) {
      case 'vgic_update_irq_pending':
        this.#inject(at, context);
        return true;
      case 'sgi_write':
        this.#sgi(at, context);
        return true;
      case 'kvm_mmio':
        this.#openWrite(at, context, this.#accesses.decodeMmio(at, this.#vcpuOf(at)));
        return true;
      case 'uaccess_dist':
      case 'uaccess_redist':
      case 'uaccess_line':
        this.#openWrite(at, context, this.#accesses.decodeUser(at));
        return true;
      case 'its_cached':
      case 'its_trigger':
        this.#msi(at, context);
        return true;
      case 'lpi_config':
        context.cause = { kind: 'lpi-config', intid: readIntid(text, 'intid=') };
        return true;
      case 'lpi_affinity': {
        const intid = readIntid(text, 'intid=');
        const vcpu = vcpuOfPointer(this.#survey, readToken(text, 'x1='));
        if (intid >= 0 && vcpu >= 0) context.silent = this.#openInterval(at, [moveStep(intid, vcpu)], false, false);
        return true;
      }
      case 'lpis_dropped': {
        const vcpu = readVcpu(this.#survey, text, 'vcpu=');
        const step = { kind: LPI_FLUSH, vcpu, intid: 0, value: 0, key: KEY_MACHINE };
        if (vcpu >= 0) context.silent = this.#openInterval(at, [step], false, false);
        return true;
      }
      default:
        return false;
    }
  }

  #fact(at: TraceLine): boolean {
    const { text, line, tick } = at;
    const emit = (kind: number, vcpu: number, value: number): void => {
      if (vcpu >= 0) this.#emit({ type: 'fact', kind, vcpu, value, line, tick });
    };
    switch (at.event) {
      case 'kvm_entry': {
        const vcpu = this.#vcpuOf(at);
        if (vcpu < 0) return true;
        this.#runs.noteEntry(vcpu, line);
        this.#emit({ type: 'entry', vcpu, line, tick });
        return true;
      }
      case 'vgic_load':
        emit(LOAD, readVcpu(this.#survey, text, 'vcpu='), 0);
        return true;
      case 'vgic_put': {
        // GICv2 prints none.
        emit(PUT, readVcpu(this.#survey, text, 'vcpu='), splitWords(readToken(text, 'vmcr='))?.lo ?? 0);
        return true;
      }
      case 'kvm_wfx_arm64':
        if (readWait(text) > 0) emit(WFI, this.#vcpuOf(at), 0);
        return true;
      case 'kvm_vcpu_wakeup':
        emit(WAKEUP, this.#vcpuOf(at), 0);
        return true;
      default: {
        const remark = readTimerRemark(this.#survey, at, this.#vcpuOf(at));
        if (remark !== undefined) this.#emit(remark);
        return false;
      }
    }
  }

  /** vCPU of the thread, -1 if it is none. */
  #vcpuOf(at: TraceLine): number {
    const vcpu = this.#survey.vcpuOfPid.get(at.pid);
    return vcpu !== undefined && vcpu < this.#survey.nrVcpus ? vcpu : -1;
  }

  #inject(at: TraceLine, context: Context): void {
    const vcpu = readVcpu(this.#survey, at.text, 'VCPU: ');
    const intid = readIntid(at.text, 'IRQ ');
    const level = readNumber(at.text, 'level: ');
    if (vcpu < 0 || intid < 0 || Number.isNaN(level)) {
      this.#report.malformed(at);
      return;
    }
    const step = { kind: INJECT, vcpu, intid, value: level === 0 ? 0 : 1, key: irqKey(vcpu, intid) };
    context.inject = this.#openInterval(at, [step], false, true);
  }

  #msi(at: TraceLine, context: Context): void {
    const remark = readMsi(at, this.#vcpuOf(at));
    context.cause = { kind: 'msi', remark };
    if (remark === undefined) this.#report.malformed(at);
    else this.#emit(remark);
  }

  #sgi(at: TraceLine, context: Context): void {
    const words = splitWords(readToken(at.text, 'reg='));
    const sender = readVcpu(this.#survey, at.text, 'vcpu=');
    if (sender < 0 || words === undefined) {
      this.#report.malformed(at);
      return;
    }
    const { lo } = words;
    // GICD_SGIR holds the number in bits 3:0, ICC_SGI1R_EL1 in bits 27:24 (vgic-spec 2.4).
    const intid = at.text.includes('off=') ? lo & 15 : (lo >>> 24) & 15;
    context.cause = { kind: 'sgi', intid, sender, group: ++this.#sgis };
  }

  // --- Queueing.

  #queue(at: TraceLine, context: Context): void {
    const fields = readIrqFields(this.#survey, at.text);
    if (fields === undefined) {
      this.#report.malformed(at);
      return;
    }
    const { line, tick } = at;
    const step = this.#takeInject(context, fields.intid) ?? findStep(context.cause, fields);
    if (step === undefined) this.#report.causeless(at);
    const { cause, config } = context;
    if (cause.kind === 'msi' && cause.remark !== undefined && fields.intid >= LPI_BASE)
      cause.remark.intid = fields.intid;
    if (config !== null && step?.kind === LPI_PENDING && config.fields.intid === fields.intid) {
      config.steps = [mapStep(config)];
    }
    this.#closeInject(context);
    const op: QueueOperation = {
      type: 'queue',
      line,
      tick,
      steps: step === undefined ? [] : [...context.physical, step],
      key: step?.key ?? irqKey(ownerOf(fields), fields.intid),
      fields,
      closeLine: line,
      closeTick: tick,
      appendedTo: -1,
      group: cause.kind === 'sgi' ? cause.group : 0,
    };
    context.physical = [];
    context.queue = op;
    this.#open.add(op);
    if (step?.kind === LPI_CONFIG) context.config = op;
    if (cause.kind === 'msi' || cause.kind === 'lpi-config') context.cause = NO_CAUSE;
  }

  /** The injection before this vgic_queue was not redundant: its interval becomes this exact moment. */
  #takeInject(context: Context, intid: number): Step | undefined {
    const { inject } = context;
    if (inject === null || inject.steps[0].intid !== intid) return undefined;
    this.#open.delete(inject);
    context.inject = null;
    return inject.steps[0];
  }

  #append(at: TraceLine, context: Context): void {
    if (context.queue === null) return;
    context.queue.appendedTo = readVcpu(this.#survey, at.text, 'vcpu=');
    this.#closeQueue(context);
  }

  #sample(at: TraceLine, context: Context): void {
    const level = readNumber(at.text, 'level=') === 0 ? 0 : 1;
    const intid = context.physIntid;
    context.physIntid = -1;
    if (intid < 0 || this.#runs.addSample(at.cpu, intid, level)) return;
    const vcpu = Math.max(0, this.#vcpuOf(at));
    context.physical.push({ kind: PHYS_LINE, vcpu, intid, value: level, key: KEY_MACHINE });
  }
}

function contextKey(at: TraceLine): string {
  if (at.context === CONTEXT_HARD) return `h${at.cpu}`;
  if (at.context === CONTEXT_SOFT) return `s${at.cpu}`;
  return at.pid === 0 ? `i${at.cpu}` : `t${at.pid}`;
}
