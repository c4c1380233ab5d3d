/**
 * Text with the kernel's own tracepoints only (fidelity L1): injections, guest entries and exits. What they cannot
 * show is assumed, and said in the header: every INTID seen is enabled before its first injection, an SPI is level if
 * it is ever lowered by then, SGIs and LPIs do not appear, aborted entries are invisible, and the guest acknowledges
 * and completes everything it can at every run (vgic-spec 9.2).
 */
import { SPI_BASE } from '../../gic/intid.js';
import { CONFIG, ENABLE, FLUSH, GUEST_DRAIN, INJECT, SYNC, WAKEUP, WFI } from '../../trace/events.js';
import type { EventWriter } from './event-writer.js';
import { readNumber, type TraceLine } from './line.js';
import { readTimerRemark } from './remarks.js';
import { irqKey } from './step.js';
import type { FtraceSurvey } from './survey.js';
import { isUnneededEvent } from './vocabulary.js';

const UNNEEDED = new Set(['kvm_mmio', 'vgic_update_irq_pending']);

/** How the header describes what was assumed. */
export const STOCK_ASSUMPTIONS =
  'stock tracepoints: every INTID seen is assumed enabled, SPIs level if the trace lowers them; the guest is assumed to complete everything at every run';

export class StockImporter {
  readonly #survey: FtraceSurvey;
  readonly #out: EventWriter;
  readonly #enabled = new Set<number>();
  readonly #inGuest: boolean[] = [];

  constructor(survey: FtraceSurvey, out: EventWriter) {
    this.#survey = survey;
    this.#out = out;
  }

  /** Returns false if the event is unknown. */
  add(at: TraceLine): boolean {
    switch (at.event) {
      case 'vgic_update_irq_pending':
        this.#inject(at);
        return true;
      case 'kvm_entry':
        this.#enter(at);
        return true;
      case 'kvm_exit':
        this.#exit(at);
        return true;
      case 'kvm_wfx_arm64':
        if (at.text.includes('wfi')) this.#fact(at, WFI);
        return true;
      case 'kvm_vcpu_wakeup':
        this.#fact(at, WAKEUP);
        return true;
      default:
        this.#remark(at);
        return isUnneededEvent(at.event) || UNNEEDED.has(at.event);
    }
  }

  #fact(at: TraceLine, kind: number): void {
    const vcpu = this.#survey.vcpuOfPid.get(at.pid);
    if (vcpu !== undefined) this.#out.write(kind, vcpu, 0, 0, at.tick);
  }

  #remark(at: TraceLine): void {
    const remark = readTimerRemark(this.#survey, at, this.#survey.vcpuOfPid.get(at.pid) ?? -1);
    if (remark !== undefined) this.#out.note(remark.kind, remark.vcpu, remark.intid, remark.value, at.tick);
  }

  #inject(at: TraceLine): void {
    const vcpu = readNumber(at.text, 'VCPU: ');
    const intid = readNumber(at.text, 'IRQ ');
    const level = readNumber(at.text, 'level: ') === 0 ? 0 : 1;
    if (Number.isNaN(vcpu + intid) || vcpu < 0 || vcpu >= this.#survey.nrVcpus) return;
    const key = irqKey(vcpu, intid);
    if (!this.#enabled.has(key)) {
      this.#enabled.add(key);
      if (intid >= SPI_BASE) this.#out.write(CONFIG, vcpu, intid, this.#survey.loweredSpis.has(intid) ? 1 : 0, at.tick);
      this.#out.write(ENABLE, vcpu, intid, 1, at.tick);
    }
    this.#out.write(INJECT, vcpu, intid, level, at.tick);
  }

  #enter(at: TraceLine): void {
    const vcpu = this.#survey.vcpuOfPid.get(at.pid);
    if (vcpu === undefined || this.#inGuest[vcpu]) return;
    this.#inGuest[vcpu] = true;
    this.#out.write(FLUSH, vcpu, 0, 0, at.tick);
  }

  #exit(at: TraceLine): void {
    const vcpu = this.#survey.vcpuOfPid.get(at.pid);
    if (vcpu === undefined || !this.#inGuest[vcpu]) return;
    this.#inGuest[vcpu] = false;
    this.#out.write(GUEST_DRAIN, vcpu, 0, 0, at.tick);
    this.#out.write(SYNC, vcpu, 0, 0, at.tick);
  }
}
