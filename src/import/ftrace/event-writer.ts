/**
 * Operations in their final order → events of the trace. Joins what belongs together: targets of one SGI, FOLD + PRUNE.
 * Whatever lines were lost or damaged, the trace is sound: an event that the machine cannot have is left out, and the
 * step of a vCPU that is missing before an event is put in, behind a gap.
 */
import type { Machine } from '../../gic/intid.js';
import {
  ACK,
  DEACTIVATE,
  EOI,
  type EventSink,
  FIRST_FACT,
  FOLD,
  findKind,
  GUEST_LR_STATE,
  INTID_MASK,
  LOST,
  NOP,
  PMR,
  PRIORITY_DROP,
  PRUNE,
  packWord,
  SGI,
  SYNC,
} from '../../trace/events.js';
import type { Gap } from '../../trace/header.js';
import { findMissingStep, OUTSIDE, stepLifeCycle } from '../../trace/life-cycle.js';
import { findRangeProblem } from '../../trace/ranges.js';

/** A longer silence is bridged by NOPs. */
const MAX_DT = 0xffffffff;

/** Their times come from another log. */
const GUEST_ACCESSES: ReadonlySet<number> = new Set([ACK, EOI, PRIORITY_DROP, DEACTIVATE, PMR, GUEST_LR_STATE]);

interface Held {
  readonly kind: number;
  readonly vcpu: number;
  readonly intid: number;
  value: number;
  readonly tick: number;
  readonly group: number;
  /** Facts that come before it. */
  readonly facts: number;
}

interface Fact {
  readonly kind: number;
  readonly vcpu: number;
  readonly intid: number;
  readonly value: number;
  readonly tick: number;
  /** Of lost events: where in the source. */
  readonly place?: string;
}

/** A header holds some hundred gaps: more are joined here already, so that they do not fill the memory. */
const MAX_GAPS = 4096;

export interface WriterReport {
  /** An event that the machine cannot have was left out. */
  impossible(what: string): void;
  /** A step that must have happened was put in; returns the place in the source where it shows. */
  missing(what: string): string;
}

export class EventWriter {
  /** The line whose doing is being written, where operations are held back. */
  line = 0;
  /** Where events were lost, in order. */
  readonly gaps: Gap[] = [];
  readonly #sink: EventSink;
  readonly #machine: Machine;
  readonly #report: WriterReport;
  /** Where each vCPU is. */
  readonly #places: number[];
  /** Gaps up to the last step of each vCPU. */
  readonly #gapsSeen: number[];
  #nrGaps = 0;
  #held: Held | null = null;
  /** Noted and not yet written. */
  #facts: Fact[] = [];
  #lastTick = -1;
  #written = 0;
  #stepTick = 0;
  #reordered = 0;

  constructor(sink: EventSink, machine: Machine, report: WriterReport) {
    this.#sink = sink;
    this.#machine = machine;
    this.#report = report;
    this.#places = Array.from({ length: machine.nrVcpus }, () => OUTSIDE);
    this.#gapsSeen = Array.from({ length: machine.nrVcpus }, () => 0);
  }

  /** Events written so far. */
  get events(): number {
    return this.#written + this.#facts.length + (this.#held === null ? 0 : 1);
  }

  /** Steps behind one that began after they had ended. */
  get reordered(): number {
    return this.#reordered;
  }

  /**
   * Ticks may step back a little between CPUs: the trace's clock then stands still.
   * `latest`: end of the interval in which it took effect.
   */
  write(kind: number, vcpu: number, intid: number, value: number, tick: number, group = 0, latest = tick): void {
    this.#noteOrder(kind, tick, latest);
    const held = this.#held;
    if (held !== null) {
      if (held.kind === FOLD && kind === PRUNE && held.vcpu === vcpu && group === 0) {
        this.#held = null;
        this.#pass(SYNC, vcpu, 0, 0, held.tick, held.facts);
        return;
      }
      if (held.kind === SGI && kind === SGI && group === held.group && intid === held.intid && value > held.value) {
        held.value |= value;
        return;
      }
      this.flush();
    }
    if (kind === FOLD || (kind === SGI && group !== 0)) {
      this.#held = { kind, vcpu, intid, value, tick, group, facts: this.#facts.length };
    } else this.#pass(kind, vcpu, intid, value, tick, this.#facts.length);
  }

  /** A fact that must not part what belongs together, nor move the time of an event: it waits for the next one. */
  note(kind: number, vcpu: number, intid: number, value: number, tick: number): void {
    this.#facts.push({ kind, vcpu, intid, value, tick });
  }

  /** Here events were lost (0: nobody knows how many). `place`: where in the source. */
  lost(lost: number, place: string, tick: number): void {
    this.#facts.push({ kind: LOST, vcpu: 0, intid: 0, value: lost, tick, place });
  }

  #noteOrder(kind: number, tick: number, latest: number): void {
    if (kind >= FIRST_FACT || kind === PRUNE || GUEST_ACCESSES.has(kind)) return;
    if (latest < this.#stepTick) {
      this.#reordered++;
      this.#stepTick = tick;
    } else this.#stepTick = Math.max(this.#stepTick, tick);
  }

  flush(): void {
    const held = this.#held;
    if (held === null) return;
    this.#held = null;
    this.#pass(held.kind, held.vcpu, held.intid, held.value, held.tick, held.facts);
  }

  /** No event follows. */
  finish(): void {
    this.flush();
    this.#passFacts(this.#facts.length, Number.POSITIVE_INFINITY);
  }

  #pass(kind: number, vcpu: number, intid: number, value: number, tick: number, facts: number): void {
    if (facts > 0) this.#passFacts(facts, Math.max(this.#lastTick, tick));
    this.#put(kind, vcpu, intid, value, tick);
  }

  /** The first `count` facts, at their own times but not later than `latest`. */
  #passFacts(count: number, latest: number): void {
    for (const { kind, vcpu, intid, value, tick, place } of this.#facts.splice(0, count)) {
      this.#put(kind, vcpu, intid, value, Math.min(tick, latest), place);
    }
  }

  #put(kind: number, vcpu: number, intid: number, value: number, tick: number, gapAt?: string): void {
    const problem = this.#findProblem(kind, vcpu, intid, value);
    if (problem !== undefined) {
      this.#report.impossible(problem);
      return;
    }
    this.#putMissing(kind, vcpu, tick);
    this.#append(kind, vcpu, intid, value, tick, gapAt);
    this.#step(vcpu, kind);
  }

  #step(vcpu: number, kind: number): void {
    const place = stepLifeCycle(kind, this.#places[vcpu]);
    if (place === this.#places[vcpu]) return;
    this.#places[vcpu] = place;
    this.#gapsSeen[vcpu] = this.#nrGaps;
  }

  #findProblem(kind: number, vcpu: number, intid: number, value: number): string | undefined {
    if (vcpu < this.#machine.nrVcpus && intid <= INTID_MASK)
      return findRangeProblem(packWord(kind, vcpu, intid), value, this.#machine);
    return `${findKind(kind)?.name}: no vCPU ${vcpu} or INTID ${intid}`;
  }

  /** What a vCPU must have done before this event, and no line shows. */
  #putMissing(kind: number, vcpu: number, tick: number): void {
    for (;;) {
      const step = findMissingStep(kind, this.#places[vcpu]);
      if (step === undefined) return;
      const place = this.#report.missing(`the ${findKind(step)?.name} of vCPU ${vcpu} is missing`);
      // Lost events that the source owns up to explain it.
      if (this.#gapsSeen[vcpu] === this.#nrGaps) this.#append(LOST, 0, 0, 0, tick, place);
      this.#append(step, vcpu, 0, 0, tick);
      this.#step(vcpu, step);
    }
  }

  #addGap(lost: number, place: string): void {
    this.#nrGaps++;
    const { gaps } = this;
    const last = gaps.at(-1);
    if (last === undefined || gaps.length < MAX_GAPS) gaps.push({ afterEvent: this.#written, lost, place });
    else gaps[MAX_GAPS - 1] = { ...last, lost: last.lost === 0 || lost === 0 ? 0 : last.lost + lost };
  }

  /** `gapAt`: of LOST, where in the source. */
  #append(kind: number, vcpu: number, intid: number, value: number, tick: number, gapAt?: string): void {
    let dt = this.#lastTick < 0 ? 0 : Math.max(0, tick - this.#lastTick);
    for (; dt > MAX_DT; dt -= MAX_DT, this.#written++) this.#sink.event(NOP, 0, 0, 0, MAX_DT);
    this.#lastTick = Math.max(this.#lastTick, tick);
    if (gapAt !== undefined) this.#addGap(value, gapAt);
    this.#written++;
    this.#sink.event(kind, vcpu, intid, value, dt);
  }
}
