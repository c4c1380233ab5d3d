/**
 * Lines that are kept as facts: MSIs that ask the ITS, timers, the guest's copies of its ITS commands, lost events. A fact changes
 * nothing, so it takes no part in the ordering: it is written when the walk along the lines comes to it.
 */
import { NR_PRIVATE_IRQS } from '../../gic/intid.js';
import { HOST_TIMER_IRQ, ITS_TRIGGER, LOST, MSI_CACHED, TIMER_EXPIRED, TIMER_LEVEL } from '../../trace/events.js';
import { HOST_TIMERS } from '../stock/importer.js';
import type { EventWriter } from './event-writer.js';
import { readIntid, readVcpu } from './fields.js';
import { readNumber, type TraceLine } from './line.js';
import type { FtraceSurvey } from './survey.js';

export interface Remark {
  readonly type: 'remark';
  readonly kind: number;
  readonly vcpu: number;
  /** Of an MSI: the LPI that the same thread queued next, 0 until that line is seen. */
  intid: number;
  readonly value: number;
  readonly line: number;
  readonly tick: number;
}

export const remarkOf = (at: TraceLine, kind: number, vcpu: number, intid: number, value: number): Remark => ({
  type: 'remark',
  kind,
  vcpu,
  intid,
  value,
  line: at.line,
  tick: at.tick,
});

/** Of an its_cached or its_trigger line. Undefined: the line is broken. */
export function readMsi(at: TraceLine, vcpu: number): Remark | undefined {
  const isCached = at.event === 'its_cached';
  const device = readNumber(at.text, 'dev=');
  const event = readNumber(at.text, isCached ? 'data=' : 'event=');
  if (!(device >= 0 && device <= 0xffff && event >= 0 && event <= 0xffff)) return undefined;
  return remarkOf(at, isCached ? MSI_CACHED : ITS_TRIGGER, Math.max(0, vcpu), 0, (device << 16) | event);
}

/** Of a line that tells of a timer, or undefined. `vcpu`: that of the thread, -1 if it is none. */
export function readTimerRemark(survey: FtraceSurvey, at: TraceLine, vcpu: number): Remark | undefined {
  const { event, text } = at;
  switch (event) {
    case 'kvm_timer_update_irq': {
      const owner = readVcpu(survey, text, 'VCPU: ');
      const intid = readIntid(text, 'IRQ ');
      const level = readNumber(text, 'level ');
      if (owner < 0 || intid < 0 || intid >= NR_PRIVATE_IRQS || Number.isNaN(level)) return undefined;
      return remarkOf(at, TIMER_LEVEL, owner, intid, level === 0 ? 0 : 1);
    }
    case 'kvm_timer_hrtimer_expire':
      // Names no vCPU: that of the thread it interrupted, if it is one.
      return vcpu < 0 ? undefined : remarkOf(at, TIMER_EXPIRED, vcpu, 0, 0);
    case 'irq_handler_entry': {
      const intid = HOST_TIMERS.get(text.slice(text.indexOf('name=') + 'name='.length));
      return vcpu < 0 || intid === undefined ? undefined : remarkOf(at, HOST_TIMER_IRQ, vcpu, intid, 0);
    }
    default:
      return undefined;
  }
}

/** Remarks that wait for the walk along the lines, in the order of their lines. */
export class Remarks {
  readonly #out: EventWriter;
  readonly #waiting: Remark[] = [];

  constructor(out: EventWriter) {
    this.#out = out;
  }

  /** In the order of lines, behind those of the same line. */
  add(remark: Remark): void {
    const waiting = this.#waiting;
    let at = waiting.length;
    while (at > 0 && waiting[at - 1].line > remark.line) at--;
    waiting.splice(at, 0, remark);
  }

  /** Writes those of this line and of all before it. */
  writeUpTo(line: number): void {
    let count = 0;
    for (; count < this.#waiting.length && this.#waiting[count].line <= line; count++) {
      const { kind, vcpu, intid, value, tick } = this.#waiting[count];
      if (kind === LOST) this.#out.lost(value, `line ${this.#waiting[count].line}`, tick);
      else this.#out.note(kind, vcpu, intid, value, tick);
    }
    if (count > 0) this.#waiting.splice(0, count);
  }
}
