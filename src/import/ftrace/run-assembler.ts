/** Lines of one guest run, contiguous on their CPU because interrupts are off: flush, and fold with prune. */
import { SPI_BASE } from '../../gic/intid.js';
import { readIntid, readIrqFields, readList, readLrs, readVcpu } from './fields.js';
import { readNumber, type TraceLine } from './line.js';
import type { FlushOperation, SyncOperation } from './operation.js';
import { irqKey } from './step.js';
import type { FtraceSurvey } from './survey.js';

/** Entry line of a run whose kvm_entry may have been lost. */
const UNSEEN = -1;

type Run = FlushOperation | SyncOperation;

/** `open` and `close` are told of every flush and sync; lines that fit nowhere are returned as false. */
export interface RunReport {
  open(run: Run): void;
  close(run: Run): void;
}

export class RunAssembler {
  readonly #survey: FtraceSurvey;
  readonly #report: RunReport;
  readonly #byCpu = new Map<number, Run>();
  /** Line of the last kvm_entry since the last flush, by vCPU; 0: none yet, UNSEEN: nobody knows. */
  readonly #entryLine: number[] = [];

  constructor(survey: FtraceSurvey, report: RunReport) {
    this.#survey = survey;
    this.#report = report;
  }

  noteEntry(vcpu: number, line: number): void {
    this.#entryLine[vcpu] = line;
  }

  /** Ends the run on this CPU if the line does not continue it. */
  closeUnlessContinued({ cpu, event, line, tick }: TraceLine): void {
    const run = this.#byCpu.get(cpu);
    if (run !== undefined && !continuesRun(run.type, event)) this.#close(cpu, run, line, tick);
  }

  /** A CPU that says nothing for so long has lost the end of its run. */
  closeStale(oldest: number, line: number, tick: number): void {
    for (const [cpu, run] of [...this.#byCpu]) if (run.startLine < oldest) this.#close(cpu, run, line, tick);
  }

  closeAll(line: number, tick: number): void {
    for (const [cpu, run] of [...this.#byCpu]) this.#close(cpu, run, line, tick);
  }

  /** Lines of this CPU (-1: of any) are missing. Any vCPU may have entered its guest on it unseen. */
  breakOff(line: number, tick: number, lossCpu: number): void {
    for (const [cpu, run] of [...this.#byCpu]) {
      if (lossCpu >= 0 && lossCpu !== cpu) continue;
      if (run.type === 'flush') run.isCut = true;
      this.#close(cpu, run, line, tick);
    }
    for (const [vcpu, entry] of this.#entryLine.entries()) if (entry === 0) this.#entryLine[vcpu] = UNSEEN;
  }

  #close(cpu: number, run: Run, line: number, tick: number): void {
    this.#byCpu.delete(cpu);
    // The last part of a sync may leave no line: it went on until this CPU said something else.
    if (run.type === 'flush') {
      // What was sorted or populated ends in an lr_flush.
      if (run.result === null && (run.sortCount >= 0 || run.populates.length > 0)) run.isCut = true;
    } else {
      run.closeLine = line - 1;
      run.closeTick = tick;
    }
    this.#report.close(run);
  }

  #open(cpu: number, run: Run): void {
    this.#byCpu.set(cpu, run);
    this.#report.open(run);
  }

  /** A phys_level sample: belongs to the fold on this CPU, if there is one. */
  addSample(cpu: number, intid: number, level: number): boolean {
    const run = this.#byCpu.get(cpu);
    if (run?.type !== 'sync') return false;
    run.physical.push({ intid, level });
    return true;
  }

  /** A kvm_ack_irq line: part of the fold on this CPU, if there is one. */
  addAck({ cpu, line, text }: TraceLine): void {
    const run = this.#byCpu.get(cpu);
    const pin = readNumber(text, 'pin ');
    if (run?.type === 'sync' && run.fold !== null && pin >= 0) run.acks.push({ intid: SPI_BASE + pin, line });
  }

  /** A vgic_flush, ap_sort, lr_populate, lr_flush, vgic_sync, lr_fold, ap_del or ap_move line. */
  add(at: TraceLine): boolean {
    const vcpu = readVcpu(this.#survey, at.text, 'vcpu=');
    if (vcpu < 0) return false;
    if (at.event === 'vgic_flush') {
      this.#entryLine[vcpu] = 0;
      this.#open(at.cpu, beginFlush(at, vcpu));
      return true;
    }
    if (at.event === 'vgic_sync') {
      this.#open(at.cpu, beginSync(at, vcpu, this.#entryLine[vcpu] ?? 0));
      return true;
    }
    const run = this.#byCpu.get(at.cpu);
    if (run === undefined || run.vcpu !== vcpu) return false;
    return run.type === 'flush' ? this.#addToFlush(at, run) : addToSync(at, run, this.#survey.nrLr);
  }

  #addToFlush(at: TraceLine, run: FlushOperation): boolean {
    run.closeLine = at.line;
    run.closeTick = at.tick;
    if (at.event === 'lr_flush') {
      const lrs = readLrs(at.text, this.#survey.nrLr);
      if (lrs === undefined) run.isCut = true;
      else run.result = { ...lrs, hcr: readNumber(at.text, 'hcr=') | 0, list: readList(at.text) };
      this.#close(at.cpu, run, at.line, at.tick);
      return lrs !== undefined;
    }
    if (run.line === run.startLine) {
      run.line = at.line;
      run.tick = at.tick;
    }
    if (at.event === 'ap_sort') {
      // A kernel whose code was not recognised prints no count.
      run.sortCount = readNumber(at.text, 'count=') || 0;
      run.sortList = readList(at.text);
      return true;
    }
    const fields = readIrqFields(this.#survey, at.text);
    if (fields === undefined) return false;
    // A private interrupt in this LR is one of the vCPU whose LR it is.
    run.populates.push({ line: at.line, tick: at.tick, key: irqKey(run.vcpu, fields.intid), fields });
    return true;
  }
}

const beginFlush = ({ line, tick }: TraceLine, vcpu: number): FlushOperation => ({
  type: 'flush',
  vcpu,
  startLine: line,
  line,
  tick,
  closeLine: line,
  closeTick: tick,
  sortCount: -1,
  sortList: [],
  populates: [],
  result: null,
  isCut: false,
});

const beginSync = ({ line, tick }: TraceLine, vcpu: number, entryLine: number): SyncOperation => ({
  type: 'sync',
  vcpu,
  startLine: line,
  line,
  tick,
  closeLine: line,
  closeTick: tick,
  aborted: entryLine === 0,
  entryLine,
  fold: null,
  physical: [],
  acks: [],
  removals: [],
});

function addToSync(at: TraceLine, run: SyncOperation, nrLr: number): boolean {
  run.closeLine = at.line;
  run.closeTick = at.tick;
  if (at.event === 'lr_fold') {
    run.line = at.line;
    run.tick = at.tick;
    run.fold = readLrs(at.text, nrLr) ?? null;
    return run.fold !== null;
  }
  const intid = readIntid(at.text, 'intid=');
  const to = at.event === 'ap_move' ? readNumber(at.text, 'to=') : -1;
  if (intid < 0 || !(to >= -1)) return false;
  run.removals.push({ line: at.line, key: irqKey(run.vcpu, intid), intid, to });
  return true;
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
