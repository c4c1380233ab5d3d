/**
 * First pass over ftrace text: what machine was recorded, which thread is which vCPU, which probes were on.
 * Memory is bounded by the number of threads and vCPUs, not by the text.
 */
import { InputError } from '../../base/errors.js';
import {
  type GicModel,
  LPI_BASE,
  MAX_NR_LR,
  MAX_VCPUS,
  maxVcpusOf,
  NR_LPIS,
  SPI_BASE,
  SPI_END,
} from '../../gic/intid.js';
import { DEFAULT_NR_SPIS, type StockMachine, StockSurvey } from '../stock/survey.js';
import {
  fractionDigits,
  hasContext,
  isDecoration,
  parseLine,
  parseLost,
  readNumber,
  readToken,
  splitWords,
  type TraceLine,
} from './line.js';
import { type Printer, PrinterSurvey } from './printer.js';
import { readField, readStockLine, readWait } from './stock-line.js';

const DEFAULT_NR_LR = 4;
/** Text that has no trace line among this many is not ftrace. */
const PROBE_LINES = 2000;

/** Share of perf's lines that may be earlier than the one before; of differences it is about a half. */
const MAX_BACKWARDS = 0.2;

export interface FtraceSurvey extends StockMachine {
  /** `kprobes`: the vgic probes were on (full import). `stock`: only the kernel's own tracepoints. */
  readonly probes: 'kprobes' | 'stock';
  readonly model: GicModel;
  readonly nrLpis: number;
  readonly nrLr: number;
  /** Nanoseconds of the last printed digit. */
  readonly tickNs: number;
  /** Who printed the text, with what it says of itself. */
  readonly printer: Printer;
  /** struct kvm_vcpu address as printed → vCPU. */
  readonly vcpuOfPointer: ReadonlyMap<string, number>;
  readonly lines: number;
  readonly eventLines: number;
}

/** Feed every line once, then `finish`. */
export class FtraceSurveyor {
  readonly #source: string;
  readonly #vcpuOfPid = new Map<number, number>();
  readonly #vcpuOfPointer = new Map<string, number>();
  readonly #stock = new StockSurvey();
  readonly #printer = new PrinterSurvey();
  #lines = 0;
  #eventLines = 0;
  #kvmLines = 0;
  #digits = 0;
  #lastTick = 0;
  #backwards = 0;
  #hasProbes = false;
  #hasContext = false;
  #hasUntoldWaits = false;
  #hostIsV2 = false;
  #guestIsV2 = false;
  #hasLpis = false;
  #maxVcpu = -1;
  #maxSpi = -1;
  #nrLr = 0;
  #typer = -1;

  /** `source`: name of the text for messages. */
  constructor(source: string) {
    this.#source = source;
  }

  line(text: string): void {
    this.#lines++;
    const parsed = parseLine(text, this.#lines);
    this.#printer.line(text, parsed);
    if (parsed !== null) {
      if (this.#eventLines++ === 0) {
        this.#digits = fractionDigits(text);
        this.#hasContext = hasContext(text);
      }
      if (parsed.tick < this.#lastTick) this.#backwards++;
      this.#lastTick = parsed.tick;
      this.#note(parsed);
    } else if (this.#lines === PROBE_LINES && this.#eventLines === 0 && !isDecoration(text) && parseLost(text) < 0) {
      this.#refuse();
    }
  }

  #refuse(): never {
    throw new InputError(
      this.#source,
      `line ${this.#lines}`,
      'no ftrace event found so far',
      this.#printer.remedy ?? 'give the text of /sys/kernel/tracing/trace, "trace-cmd report" or "perf script"',
    );
  }

  /** kvm_entry of arm64 prints a program counter only. */
  #refuseX86(): never {
    const remedy = 'record an arm64 host: other machines have no vGIC';
    throw new InputError(this.#source, `line ${this.#lines}`, 'kvm_entry of an x86 host', remedy);
  }

  /** Whose doing a vgic_queue line is cannot be told if it may be an interrupt's. */
  #refuseContextless(): never {
    const what = "the vgic probes' lines do not say what interrupted what";
    const remedy =
      'print them with "trace-cmd report -l", or give the text of /sys/kernel/tracing/trace; perf script cannot say it';
    throw new InputError(this.#source, `line ${this.#lines}`, what, remedy);
  }

  /** perf prints events in the order of their times. */
  #refuseDifferences(): never {
    const what = 'the time stamps go up and down: they are differences';
    throw new InputError(this.#source, `line ${this.#lines}`, what, 'print them without --deltatime');
  }

  #noteVcpu(vcpu: number): void {
    if (Number.isInteger(vcpu) && vcpu > this.#maxVcpu && vcpu < MAX_VCPUS) this.#maxVcpu = vcpu;
  }

  #noteIntid(intid: number): void {
    if (intid >= SPI_BASE && intid < SPI_END && intid > this.#maxSpi) this.#maxSpi = intid;
    if (intid >= LPI_BASE) this.#hasLpis = true;
  }

  #note(at: TraceLine): void {
    const { text } = at;
    if (at.event === 'kvm_entry' && /^vcpu \d/.test(text)) this.#refuseX86();
    if (/^(kvm|vgic)_/.test(at.event)) this.#kvmLines++;
    if (!this.#hasProbes) this.#stock.add(readStockLine(at));
    switch (at.event) {
      case 'vgic_flush': {
        const vcpu = readNumber(text, 'vcpu=');
        this.#hasProbes = true;
        this.#noteVcpu(vcpu);
        if (!Number.isInteger(vcpu)) break;
        this.#vcpuOfPid.set(at.pid, vcpu);
        this.#vcpuOfPointer.set(readToken(text, 'vcpup='), vcpu);
        break;
      }
      case 'uaccess_redist':
      case 'uaccess_line':
      case 'vgic_load':
        this.#noteVcpu(readNumber(text, 'vcpu='));
        break;
      case 'vgic_queue':
        this.#hasProbes = true;
        this.#noteIntid(readNumber(text, 'intid='));
        break;
      case 'lr_flush':
        // All are printed, in use or not; a line that was cut off shows fewer.
        while (this.#nrLr < MAX_NR_LR && text.includes(` lr${this.#nrLr}=`)) this.#nrLr++;
        if (text.includes('vgic_v2_') || isOfNamelessV2(text)) this.#hostIsV2 = true;
        break;
      case 'uaccess_dist':
        if (text.includes('vgic_v2_')) this.#guestIsV2 = true;
        break;
      case 'sgi_write':
        // A write to GICD_SGIR, not to a system register.
        if (text.includes('write_sgir') || text.includes(' off=')) this.#guestIsV2 = true;
        break;
      case 'its_cached':
      case 'its_trigger':
        this.#hasLpis = true;
        break;
      case 'vgic_update_irq_pending':
        this.#noteVcpu(readNumber(text, 'VCPU: '));
        this.#noteIntid(readNumber(text, 'IRQ '));
        break;
      case 'kvm_wfx_arm64':
        if (readWait(text) > 1) this.#hasUntoldWaits = true;
        break;
      case 'kvm_timer_update_irq':
        this.#noteVcpu(readNumber(text, 'VCPU: '));
        break;
      case 'kvm_mmio':
        // GICD_TYPER as the guest read it.
        if (/^(?:mmio read|type=1) .*\bgpa[ =]0x0*8000004 /.test(text)) this.#typer = readField(text, 'val ', 'val');
        break;
    }
  }

  /** Throws InputError if the text held no ftrace event at all. */
  finish(): FtraceSurvey {
    if (this.#eventLines === 0) this.#refuse();
    if (!this.#hasProbes && this.#kvmLines === 0) {
      const what = `${this.#eventLines} events, none of them of KVM`;
      const remedy =
        'record the tracepoints "kvm:*", and print their names ("perf script -F comm,tid,cpu,time,event,trace")';
      throw new InputError(this.#source, `line ${this.#lines}`, what, remedy);
    }
    if (this.#hasProbes && !this.#hasContext) this.#refuseContextless();
    const printer = this.#printer.finish();
    if (printer.tool === 'perf' && this.#backwards > this.#eventLines * MAX_BACKWARDS) this.#refuseDifferences();
    const stock = this.#stock.finish();
    const model: GicModel = this.#hostIsV2 ? 'gicv2' : this.#guestIsV2 ? 'gicv2-on-gicv3' : 'gicv3';
    return {
      probes: this.#hasProbes ? 'kprobes' : 'stock',
      model,
      nrVcpus: Math.min(maxVcpusOf(model), Math.max(1, this.#maxVcpu + 1, this.#hasProbes ? 0 : stock.nrVcpus)),
      nrSpis: this.#countSpis(stock),
      nrLpis: this.#hasLpis && model === 'gicv3' ? NR_LPIS : 0,
      nrLr: this.#nrLr === 0 ? DEFAULT_NR_LR : this.#nrLr,
      tickNs: this.#digits > 6 ? 1 : 1000,
      vcpuOfPid: this.#hasProbes ? this.#vcpuOfPid : stock.vcpuOfPid,
      vcpuOfPointer: this.#vcpuOfPointer,
      loweredSpis: stock.loweredSpis,
      hasInjections: stock.hasInjections,
      remarks: [
        ...(this.#hasProbes ? [] : stock.remarks),
        ...(this.#hasUntoldWaits ? ['kvm_wfx_arm64 was printed without WFI or WFE: taken for WFI'] : []),
      ],
      printer,
      lines: this.#lines,
      eventLines: this.#eventLines,
    };
  }

  /** ITLinesNumber if the guest asked for it, else the highest SPI seen rounded up to a register word. */
  #countSpis(stock: StockMachine): number {
    if (this.#typer >= 0) return Math.min(SPI_END, ((this.#typer & 31) + 1) * 32) - SPI_BASE;
    if (!this.#hasProbes) return stock.nrSpis;
    if (this.#maxSpi < 0) return DEFAULT_NR_SPIS;
    return Math.min(SPI_END - SPI_BASE, Math.ceil((this.#maxSpi + 1 - SPI_BASE) / 32) * 32);
  }
}

/**
 * Of an lr_flush line without the name of its function (trace-cmd): is the host a GICv2? Its LRs have 32 bits; an LR in
 * use of GICv3 has its state in the highest two of 64.
 */
function isOfNamelessV2(text: string): boolean {
  if (text.includes('+0x') || !(readNumber(text, 'used=') > 0)) return false;
  const { lo, hi } = splitWords(readToken(text, 'lr0=')) ?? { lo: 0, hi: 0 };
  return lo !== 0 && hi === 0;
}
