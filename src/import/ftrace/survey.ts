/**
 * First pass over ftrace text: what machine was recorded, which thread is which vCPU, which probes were on.
 * Memory is bounded by the number of threads and vCPUs, not by the text.
 */
import { InputError } from '../../base/errors.js';
import { type GicModel, LPI_BASE, MAX_VCPUS, NR_LPIS, SPI_BASE, SPI_END } from '../../gic/intid.js';
import { fractionDigits, isDecoration, parseLine, parseLost, readNumber, readToken, type TraceLine } from './line.js';

/** SPIs of a KVM machine whose user space did not say (vgic-spec 1.1). */
const DEFAULT_NR_SPIS = 224;
const DEFAULT_NR_LR = 4;
/** Text that has no trace line among this many is not ftrace. */
const PROBE_LINES = 2000;

export interface FtraceSurvey {
  /** `kprobes`: the vgic probes were on (full import). `stock`: only the kernel's own tracepoints. */
  readonly probes: 'kprobes' | 'stock';
  readonly model: GicModel;
  readonly nrVcpus: number;
  readonly nrSpis: number;
  readonly nrLpis: number;
  readonly nrLr: number;
  /** Nanoseconds of the last printed digit. */
  readonly tickNs: number;
  /** Thread id → vCPU. */
  readonly vcpuOfPid: ReadonlyMap<number, number>;
  /** struct kvm_vcpu address as printed → vCPU. */
  readonly vcpuOfPointer: ReadonlyMap<string, number>;
  /** SPIs that were lowered at least once. */
  readonly loweredSpis: ReadonlySet<number>;
  readonly lines: number;
  readonly eventLines: number;
}

/** Feed every line once, then `finish`. */
export class FtraceSurveyor {
  readonly #source: string;
  readonly #vcpuOfPid = new Map<number, number>();
  readonly #vcpuOfPointer = new Map<string, number>();
  readonly #loweredSpis = new Set<number>();
  readonly #entryPids = new Map<number, string>();
  #lines = 0;
  #eventLines = 0;
  #digits = 0;
  #hasProbes = false;
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
    if (parsed !== null) {
      if (this.#eventLines++ === 0) this.#digits = fractionDigits(text);
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
      'give the text of /sys/kernel/tracing/trace, "trace-cmd report" or "perf script"',
    );
  }

  #noteVcpu(vcpu: number): void {
    if (vcpu > this.#maxVcpu && vcpu < MAX_VCPUS) this.#maxVcpu = vcpu;
  }

  #noteIntid(intid: number): void {
    if (intid >= SPI_BASE && intid < SPI_END && intid > this.#maxSpi) this.#maxSpi = intid;
    if (intid >= LPI_BASE) this.#hasLpis = true;
  }

  #note(at: TraceLine): void {
    const { text } = at;
    switch (at.event) {
      case 'vgic_flush': {
        const vcpu = readNumber(text, 'vcpu=');
        this.#hasProbes = true;
        this.#noteVcpu(vcpu);
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
        if (this.#nrLr === 0) while (readToken(text, `lr${this.#nrLr}=`) !== '') this.#nrLr++;
        if (text.includes('vgic_v2_')) this.#hostIsV2 = true;
        break;
      case 'uaccess_dist':
        if (text.includes('vgic_v2_')) this.#guestIsV2 = true;
        break;
      case 'sgi_write':
        if (text.includes('write_sgir')) this.#guestIsV2 = true;
        break;
      case 'its_cached':
      case 'its_trigger':
        this.#hasLpis = true;
        break;
      case 'vgic_update_irq_pending':
        this.#noteVcpu(readNumber(text, 'VCPU: '));
        this.#noteIntid(readNumber(text, 'IRQ '));
        if (readNumber(text, 'level: ') === 0) this.#loweredSpis.add(readNumber(text, 'IRQ '));
        break;
      case 'kvm_timer_update_irq':
        this.#noteVcpu(readNumber(text, 'VCPU: '));
        break;
      case 'kvm_entry':
        if (!this.#entryPids.has(at.pid)) this.#entryPids.set(at.pid, at.comm);
        break;
      case 'kvm_mmio':
        // GICD_TYPER as the guest read it.
        if (text.startsWith('mmio read ') && / gpa 0x0*8000004 /.test(text)) this.#typer = readNumber(text, 'val ');
        break;
    }
  }

  /** Throws InputError if the text held no ftrace event at all. */
  finish(): FtraceSurvey {
    if (this.#eventLines === 0) this.#refuse();
    if (!this.#hasProbes) this.#nameStockThreads();
    const model: GicModel = this.#hostIsV2 ? 'gicv2' : this.#guestIsV2 ? 'gicv2-on-gicv3' : 'gicv3';
    return {
      probes: this.#hasProbes ? 'kprobes' : 'stock',
      model,
      nrVcpus: Math.max(1, this.#maxVcpu + 1),
      nrSpis: this.#countSpis(),
      nrLpis: this.#hasLpis ? NR_LPIS : 0,
      nrLr: this.#nrLr === 0 ? DEFAULT_NR_LR : this.#nrLr,
      tickNs: this.#digits > 6 ? 1 : 1000,
      vcpuOfPid: this.#vcpuOfPid,
      vcpuOfPointer: this.#vcpuOfPointer,
      loweredSpis: this.#loweredSpis,
      lines: this.#lines,
      eventLines: this.#eventLines,
    };
  }

  /** ITLinesNumber if the guest asked for it, else the highest SPI seen rounded up to a register word. */
  #countSpis(): number {
    if (this.#typer >= 0) return Math.min(SPI_END, ((this.#typer & 31) + 1) * 32) - SPI_BASE;
    if (this.#maxSpi < 0) return DEFAULT_NR_SPIS;
    const rounded = Math.ceil((this.#maxSpi + 1 - SPI_BASE) / 32) * 32;
    return Math.min(SPI_END - SPI_BASE, this.#hasProbes ? rounded : Math.max(rounded, DEFAULT_NR_SPIS));
  }

  /** kvm_entry names no vCPU: take the number in the usual thread names, else the order of first appearance. */
  #nameStockThreads(): void {
    let next = 0;
    const taken = new Set<number>();
    for (const [pid, comm] of this.#entryPids) {
      const named = /^(?:CPU (\d+)\/KVM|vcpu(\d+)|kvm-vcpu-(\d+)|fc_vcpu (\d+))/.exec(comm);
      let vcpu = named === null ? -1 : Number(named.slice(1).find((group) => group !== undefined));
      if (vcpu < 0 || vcpu >= MAX_VCPUS || taken.has(vcpu)) {
        while (taken.has(next)) next++;
        vcpu = next;
      }
      if (vcpu >= MAX_VCPUS) break;
      taken.add(vcpu);
      this.#noteVcpu(vcpu);
      this.#vcpuOfPid.set(pid, vcpu);
    }
  }
}
