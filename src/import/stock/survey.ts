/**
 * First pass over stock tracepoints: which thread is which vCPU, which interrupts there are. Memory is bounded by the
 * number of threads and interrupts.
 */
import { MAX_VCPUS, SPI_BASE, SPI_END } from '../../gic/intid.js';
import { isLineRecord, type StockRecord } from './record.js';

/** SPIs of a KVM machine whose user space did not say (vgic-spec 1.1). */
export const DEFAULT_NR_SPIS = 224;

/** Of what the importer of stock tracepoints must know before the first event. */
export interface StockMachine {
  readonly nrVcpus: number;
  readonly nrSpis: number;
  /** Thread id → vCPU. */
  readonly vcpuOfPid: ReadonlyMap<number, number>;
  /** SPIs that were lowered at least once. */
  readonly loweredSpis: ReadonlySet<number>;
  /** Was vgic_update_irq_pending recorded? If not, kvm_irq_line and kvm_timer_update_irq stand in for it. */
  readonly hasInjections: boolean;
  /** How threads were told apart, if not by their names; what speaks against one machine. One sentence each. */
  readonly remarks: readonly string[];
}

interface Thread {
  firstTick: number;
  comm: string;
  /** How often a timer record of this thread named a vCPU. */
  readonly votes: Map<number, number>;
}

/** Names that VMMs give their vCPU threads; printers may cut them to 8 characters. */
const NAMED = /^(?:CPU (\d{1,3})\/|vcpu(\d{1,3})|kvm-vcpu-(\d{1,3})|fc_vcpu (\d{1,3}))/;
/** A thread that never entered a guest is forgotten when there are more than this. */
const MAX_THREADS = 65536;

function numberInName(comm: string): number {
  const match = NAMED.exec(comm);
  return match === null ? -1 : Number(match.slice(1).find((group) => group !== undefined));
}

/** Feed every record once, then `finish`. */
export class StockSurvey {
  readonly #threads = new Map<number, Thread>();
  /** Names that the recorder lists apart from its events. */
  readonly #names = new Map<number, string>();
  readonly #entered = new Set<number>();
  readonly #lowered = new Set<number>();
  #maxVcpu = -1;
  #maxSpi = -1;
  #hasInjections = false;
  #hasLines = false;

  add(record: StockRecord): void {
    const { event, vcpu, intid, level } = record;
    if (event === 'kvm_entry') this.#noteEntry(record);
    const isInjection = event === 'vgic_update_irq_pending';
    if (isInjection) this.#hasInjections = true;
    if (!isInjection && !isLineRecord(record) && event !== 'kvm_get_timer_map') return;
    if (!isInjection) this.#hasLines = true;
    if (vcpu > this.#maxVcpu && vcpu < MAX_VCPUS) this.#maxVcpu = vcpu;
    if (intid >= SPI_BASE && intid < SPI_END && intid > this.#maxSpi) this.#maxSpi = intid;
    if (level === 0 && intid >= 0 && intid < SPI_END) this.#lowered.add(intid);
    if (event === 'kvm_timer_update_irq' || event === 'kvm_get_timer_map') this.#vote(record);
  }

  /** A list of threads beside the events says how one is called. */
  nameThread(pid: number, name: string): void {
    if (this.#names.size < MAX_THREADS) this.#names.set(pid, name);
  }

  #threadOf({ pid, comm, tick }: StockRecord): Thread | undefined {
    let thread = this.#threads.get(pid);
    if (thread === undefined && this.#threads.size < MAX_THREADS) {
      thread = { firstTick: tick, comm, votes: new Map() };
      this.#threads.set(pid, thread);
    }
    return thread;
  }

  #noteEntry(record: StockRecord): void {
    // perf does not say which.
    if (record.pid < 0) return;
    const thread = this.#threadOf(record);
    if (thread === undefined) return;
    if (!this.#entered.has(record.pid)) {
      this.#entered.add(record.pid);
      thread.firstTick = record.tick;
      thread.comm = record.comm;
    } else if (record.tick < thread.firstTick) thread.firstTick = record.tick;
  }

  /** A vCPU's timers are handled by its own thread, except when one expires while another thread runs. */
  #vote(record: StockRecord): void {
    const thread = this.#threadOf(record);
    if (thread === undefined || !(record.vcpu >= 0 && record.vcpu < MAX_VCPUS)) return;
    thread.votes.set(record.vcpu, (thread.votes.get(record.vcpu) ?? 0) + 1);
  }

  /** What was found, with the vCPUs of threads that the caller may know better. */
  finish(): StockMachine {
    const vcpuOfPid = new Map<number, number>();
    const remarks: string[] = [];
    const order = [...this.#entered].sort((a, b) => this.#firstTick(a) - this.#firstTick(b));
    const taken = new Set<number>();
    const assign = (numberOf: (pid: number) => number): number => {
      let doubled = 0;
      for (const pid of order) {
        const vcpu = vcpuOfPid.has(pid) ? -1 : numberOf(pid);
        if (vcpu < 0 || vcpu >= MAX_VCPUS) continue;
        if (taken.has(vcpu)) {
          doubled++;
          continue;
        }
        taken.add(vcpu);
        vcpuOfPid.set(pid, vcpu);
      }
      return doubled;
    };
    const doubled = assign((pid) => numberInName(this.#names.get(pid) ?? this.#threads.get(pid)?.comm ?? ''));
    const byName = vcpuOfPid.size;
    assign((pid) => majority(this.#threads.get(pid)?.votes));
    const byTimers = vcpuOfPid.size - byName;
    assign(() => {
      let next = 0;
      while (taken.has(next)) next++;
      return next;
    });
    const guessed = vcpuOfPid.size - byName - byTimers;
    if (byTimers > 0) remarks.push(`${count(byTimers)} told by the vCPU that its timer events name`);
    if (guessed > 0) remarks.push(`${count(guessed)} numbered in the order of first entry`);
    if (doubled > 0)
      remarks.push(
        `${doubled} more ${doubled === 1 ? 'thread has' : 'threads have'} the name of another vCPU: several machines in one recording`,
      );
    const nrVcpus = Math.min(MAX_VCPUS, Math.max(this.#maxVcpu, ...taken, 0) + 1);
    if (!this.#hasInjections && this.#hasLines)
      remarks.push('injections from kvm_irq_line and kvm_timer_update_irq: vgic_update_irq_pending was not recorded');
    return {
      nrVcpus,
      nrSpis: this.#countSpis(),
      vcpuOfPid,
      loweredSpis: this.#lowered,
      hasInjections: this.#hasInjections,
      remarks,
    };
  }

  #firstTick(pid: number): number {
    return this.#threads.get(pid)?.firstTick ?? 0;
  }

  /** The highest SPI seen rounded up to a register word, but not below the usual number. */
  #countSpis(): number {
    const rounded = Math.ceil((this.#maxSpi + 1 - SPI_BASE) / 32) * 32;
    return Math.min(SPI_END - SPI_BASE, Math.max(rounded, DEFAULT_NR_SPIS));
  }
}

const count = (threads: number): string => `${threads} vCPU ${threads === 1 ? 'thread' : 'threads'}`;

/** The vCPU with more than half of the votes, or -1. */
function majority(votes: ReadonlyMap<number, number> | undefined): number {
  let all = 0;
  let best = -1;
  let most = 0;
  for (const [vcpu, number] of votes ?? []) {
    all += number;
    if (number > most) [best, most] = [vcpu, number];
  }
  return 2 * most > all ? best : -1;
}
