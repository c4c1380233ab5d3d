/**
 * The kernel's own tracepoints only (fidelity L1): injections, guest entries and exits. What they cannot show is
 * assumed, and said in the header: every INTID seen is enabled before its first injection, an SPI is level if it is
 * ever lowered by then, SGIs and LPIs do not appear, aborted entries are invisible, and the guest acknowledges and
 * completes everything it can at every run (vgic-spec 9.2).
 */
import { NR_PRIVATE_IRQS, SPI_BASE } from '../../gic/intid.js';
import {
  CONFIG,
  ENABLE,
  FLUSH,
  GUEST_DRAIN,
  HOST_TIMER_IRQ,
  INJECT,
  SYNC,
  TIMER_EXPIRED,
  TIMER_LEVEL,
  WAKEUP,
  WFI,
} from '../../trace/events.js';
import type { EventWriter } from '../ftrace/event-writer.js';
import { isUnneededEvent } from '../ftrace/vocabulary.js';
import { isLineRecord, type StockRecord } from './record.js';
import type { StockMachine } from './survey.js';

/** Needed here, if not where the kprobes are. */
const NEEDED = new Set([
  'kvm_exit',
  'kvm_timer_update_irq',
  'kvm_timer_hrtimer_expire',
  'kvm_irq_line',
  'irq_handler_entry',
]);

/** Is nothing needed of such records, whatever they hold? */
export const isUnneeded = (event: string): boolean =>
  event === 'kvm_mmio' || (isUnneededEvent(event) && !NEEDED.has(event));

/** How the header describes what was assumed. */
export const STOCK_ASSUMPTIONS =
  'stock tracepoints: every INTID seen is assumed enabled, SPIs level if the trace lowers them; the guest is assumed to complete everything at every run';

/** `malformed`: the tracepoint is known, but the record lacks what it needs, or names what the machine does not have. */
export type StockOutcome = 'taken' | 'unneeded' | 'malformed' | 'unknown';

/** Host interrupts of the guest's timers by the name KVM registers; architectural INTIDs. */
export const HOST_TIMERS: ReadonlyMap<string, number> = new Map([
  ['kvm guest vtimer', 27],
  ['kvm guest ptimer', 30],
]);

export class StockImporter {
  readonly #machine: StockMachine;
  readonly #out: EventWriter;
  readonly #enabled = new Set<number>();
  readonly #inGuest: boolean[] = [];

  constructor(machine: StockMachine, out: EventWriter) {
    this.#machine = machine;
    this.#out = out;
  }

  add(record: StockRecord): StockOutcome {
    if (isUnneeded(record.event)) return 'unneeded';
    const { event, pid, tick } = record;
    switch (event) {
      case 'vgic_update_irq_pending':
        return this.#inject(record);
      case 'kvm_entry':
        return this.#enter(pid, tick);
      case 'kvm_exit':
        return this.#exit(pid, tick);
      case 'kvm_wfx_arm64':
        return record.detail > 0 ? this.#fact(record, WFI) : 'unneeded';
      case 'kvm_vcpu_wakeup':
        return this.#fact(record, WAKEUP);
      case 'kvm_timer_update_irq':
      case 'kvm_irq_line':
        return this.#noteLine(record);
      case 'kvm_timer_hrtimer_expire': {
        // Names no vCPU: that of the thread it interrupted, if it is one.
        const vcpu = this.#machine.vcpuOfPid.get(pid);
        return vcpu === undefined ? 'unneeded' : this.#note(TIMER_EXPIRED, vcpu, 0, 0, tick);
      }
      case 'irq_handler_entry': {
        const vcpu = this.#machine.vcpuOfPid.get(pid);
        const intid = HOST_TIMERS.get(record.name);
        if (vcpu === undefined || intid === undefined) return 'unneeded';
        return this.#note(HOST_TIMER_IRQ, vcpu, intid, 0, tick);
      }
      default:
        return 'unknown';
    }
  }

  /** Of a thread that never enters a guest there is nothing to tell. */
  #fact({ pid, tick }: StockRecord, kind: number): StockOutcome {
    const vcpu = this.#machine.vcpuOfPid.get(pid);
    if (vcpu === undefined) return 'unneeded';
    this.#out.write(kind, vcpu, 0, 0, tick);
    return 'taken';
  }

  #note(kind: number, vcpu: number, intid: number, value: number, tick: number): StockOutcome {
    this.#out.note(kind, vcpu, intid, value, tick);
    return 'taken';
  }

  /** A line change: a fact, and an injection where vgic_update_irq_pending was not recorded. */
  #noteLine(record: StockRecord): StockOutcome {
    const { event, vcpu, intid, level, tick } = record;
    const isTimer = event === 'kvm_timer_update_irq';
    if (!isTimer && (this.#machine.hasInjections || !isLineRecord(record))) return 'unneeded';
    if (level < 0 || intid < 0 || (isTimer && !(vcpu >= 0 && vcpu < this.#machine.nrVcpus))) return 'malformed';
    // Older kernels print the number of the host interrupt.
    if (isTimer && intid >= NR_PRIVATE_IRQS) return 'unneeded';
    if (isTimer) this.#note(TIMER_LEVEL, vcpu, intid, level, tick);
    return this.#machine.hasInjections ? 'taken' : this.#inject(record);
  }

  #inject({ vcpu: named, intid, level, tick }: StockRecord): StockOutcome {
    const vcpu = intid >= SPI_BASE ? Math.max(0, named) : named;
    const { nrVcpus, nrSpis, loweredSpis } = this.#machine;
    if (!(vcpu >= 0 && vcpu < nrVcpus && intid >= 0 && intid < SPI_BASE + nrSpis)) return 'malformed';
    const key = intid < NR_PRIVATE_IRQS ? vcpu * NR_PRIVATE_IRQS + intid : -intid;
    if (!this.#enabled.has(key)) {
      this.#enabled.add(key);
      if (intid >= SPI_BASE) this.#out.write(CONFIG, vcpu, intid, loweredSpis.has(intid) ? 1 : 0, tick);
      this.#out.write(ENABLE, vcpu, intid, 1, tick);
    }
    this.#out.write(INJECT, vcpu, intid, level === 0 ? 0 : 1, tick);
    return 'taken';
  }

  #enter(pid: number, tick: number): StockOutcome {
    const vcpu = this.#machine.vcpuOfPid.get(pid);
    if (vcpu === undefined) return 'malformed';
    // Its exit was lost: the writer puts it in, behind a gap.
    if (this.#inGuest[vcpu]) this.#out.write(GUEST_DRAIN, vcpu, 0, 0, tick);
    this.#inGuest[vcpu] = true;
    this.#out.write(FLUSH, vcpu, 0, 0, tick);
    return 'taken';
  }

  #exit(pid: number, tick: number): StockOutcome {
    const vcpu = this.#machine.vcpuOfPid.get(pid);
    // The recording began while the guest ran; later its entry was lost, which the writer puts in behind a gap.
    if (vcpu === undefined || this.#inGuest[vcpu] === undefined) return 'unneeded';
    this.#inGuest[vcpu] = false;
    this.#out.write(GUEST_DRAIN, vcpu, 0, 0, tick);
    this.#out.write(SYNC, vcpu, 0, 0, tick);
    return 'taken';
  }
}
