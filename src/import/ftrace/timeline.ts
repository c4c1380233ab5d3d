/**
 * Operations in the order of their lines, and the intervals that are under way: what may still be moved. Lines are
 * held back so long that what an operation leads to can be seen.
 */
import type { Operation, QueueOperation, Removal, SilentOperation, SyncOperation } from './operation.js';

/** A silent register write usually takes effect this soon after its line. */
const EFFECT_DELAY_NS = 20_000;
/** Processed operations are forgotten in batches. */
const FORGET_AFTER = 1024;

/** A prune, or the part of one between two moments at which another CPU had the list. */
export interface PruneOperation {
  readonly type: 'prune';
  readonly line: number;
  readonly tick: number;
  readonly sync: SyncOperation;
  readonly isWhole: boolean;
  /** What it moves to other lists, and what a later part will move. */
  readonly moves: readonly Removal[];
  readonly held: readonly Removal[];
}

export type Scheduled = Operation | PruneOperation;

/** A register write in progress: `done` marks the steps that have been written. */
export interface SilentInterval {
  readonly type: 'silent';
  readonly op: SilentOperation;
  readonly line: number;
  readonly tick: number;
  readonly closeLine: number;
  readonly closeTick: number;
  readonly done: boolean[];
  /** A step was seen not to be done when it was due: the writing CPU stood still, the rest comes near the end. */
  stalled: boolean;
  /** How often the consequences of its steps were looked at. */
  examined: number;
}

/**
 * An append under way. Several threads may have queued the interrupt before one of them put it on the list: they
 * changed its state one after another, and the list once.
 */
export interface AppendInterval {
  readonly type: 'append';
  readonly ops: QueueOperation[];
  readonly line: number;
  readonly tick: number;
  closeLine: number;
  closeTick: number;
  to: number;
  readonly done: boolean[];
}

export type Interval = SilentInterval | AppendInterval;

export const atomsOf = (interval: Interval): number =>
  interval.type === 'append' ? interval.ops.length : interval.op.steps.length;

export const isOver = (interval: Interval): boolean => {
  for (let atom = 0; atom < atomsOf(interval); atom++) if (interval.done[atom] !== true) return false;
  return true;
};

export const appendOf = (op: QueueOperation): AppendInterval => ({
  type: 'append',
  ops: [op],
  line: op.line,
  tick: op.tick,
  closeLine: op.closeLine,
  closeTick: op.closeTick,
  to: op.appendedTo,
  done: [],
});

/** Last line of an operation. */
export function endOf(op: Scheduled): number {
  if (op.type === 'prune') return Math.max(op.line, op.sync.closeLine);
  return 'closeLine' in op ? Math.max(op.line, op.closeLine) : op.line;
}

export class Timeline {
  /** Intervals that have begun and are not over, in the order of their beginnings. */
  readonly pending: Interval[] = [];
  readonly #schedule: Scheduled[] = [];
  #head = 0;
  /** Steps of operations written before their turn. */
  readonly #early = new Map<Scheduled, boolean[]>();
  readonly #effectTicks: number;

  constructor(tickNs: number) {
    this.#effectTicks = EFFECT_DELAY_NS / tickNs;
  }

  add(op: Scheduled): void {
    const schedule = this.#schedule;
    let at = schedule.length;
    while (at > this.#head && schedule[at - 1].line > op.line) at--;
    schedule.splice(at, 0, op);
  }

  /** The next operation, or undefined; it stays the next until `advance`. */
  next(): Scheduled | undefined {
    return this.#schedule[this.#head];
  }

  advance(): void {
    this.#head++;
    if (this.#head < FORGET_AFTER) return;
    this.#schedule.splice(0, this.#head);
    this.#head = 0;
  }

  /** The operations still to come, at most `limit`. */
  *ahead(limit = Number.POSITIVE_INFINITY): Generator<Scheduled> {
    const end = Math.min(this.#schedule.length, this.#head + limit);
    for (let i = this.#head; i < end; i++) yield this.#schedule[i];
  }

  wasWrittenEarly(op: Scheduled): boolean {
    return this.#early.has(op);
  }

  /** The turn of an operation that was written early has come; returns whether there was one. */
  forgetEarly(op: Scheduled): boolean {
    return this.#early.delete(op);
  }

  silentInterval(op: SilentOperation): SilentInterval {
    const { line, tick, closeLine, closeTick } = op;
    return {
      type: 'silent',
      op,
      line,
      tick,
      closeLine,
      closeTick,
      done: this.#early.get(op) ?? [],
      stalled: false,
      examined: 0,
    };
  }

  begin(op: SilentOperation): void {
    const interval = this.silentInterval(op);
    this.#early.delete(op);
    if (!isOver(interval)) this.pending.push(interval);
  }

  /** Keeps in mind what was written of an interval, whether it has begun or not. */
  settle(interval: Interval): void {
    const at = this.pending.indexOf(interval);
    if (at < 0) this.#early.set(interval.type === 'append' ? interval.ops[0] : interval.op, interval.done);
    else if (isOver(interval)) this.pending.splice(at, 1);
  }

  /** Takes an interval off the list; false if it was not on it any more. */
  remove(interval: Interval): boolean {
    const at = this.pending.indexOf(interval);
    if (at < 0) return false;
    this.pending.splice(at, 1);
    return true;
  }

  /** Intervals that ended before this line, in the order of their ends. */
  endedBefore(line: number): Interval[] {
    return this.pending.filter((interval) => interval.closeLine < line).sort((a, b) => a.closeLine - b.closeLine);
  }

  /** When a silent write probably takes effect: soon after its line, or, if it halts the guest first, near its end. */
  effectTick({ op, stalled }: SilentInterval): number {
    if (stalled) return op.closeTick;
    const length = op.closeTick - op.tick;
    return op.halts
      ? op.closeTick - Math.min(this.#effectTicks, length / 4)
      : op.tick + Math.min(this.#effectTicks, length / 2);
  }
}
