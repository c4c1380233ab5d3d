/** Operations in their final order → events of the trace. Joins what belongs together: targets of one SGI, FOLD + PRUNE. */
import {
  ACK,
  DEACTIVATE,
  EOI,
  type EventSink,
  FIRST_FACT,
  FOLD,
  GUEST_LR_STATE,
  NOP,
  PMR,
  PRIORITY_DROP,
  PRUNE,
  SGI,
  SYNC,
} from '../../trace/events.js';

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
}

export class EventWriter {
  readonly #sink: EventSink;
  #held: Held | null = null;
  /** Noted and not yet written. */
  #facts: Fact[] = [];
  #lastTick = -1;
  #written = 0;
  #stepTick = 0;
  #reordered = 0;

  constructor(sink: EventSink) {
    this.#sink = sink;
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
    for (const fact of this.#facts.splice(0, count)) {
      this.#put(fact.kind, fact.vcpu, fact.intid, fact.value, Math.min(fact.tick, latest));
    }
  }

  #put(kind: number, vcpu: number, intid: number, value: number, tick: number): void {
    let dt = this.#lastTick < 0 ? 0 : Math.max(0, tick - this.#lastTick);
    for (; dt > MAX_DT; dt -= MAX_DT, this.#written++) this.#sink.event(NOP, 0, 0, 0, MAX_DT);
    this.#lastTick = Math.max(this.#lastTick, tick);
    this.#written++;
    this.#sink.event(kind, vcpu, intid, value, dt);
  }
}
