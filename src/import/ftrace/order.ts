/**
 * Concurrent operations → one sequence of atomic steps.
 *
 * Exact moments come first: vgic_queue (irq_lock held), the first ap_sort or lr_populate of a flush, ap_del and
 * ap_move. Everything else is an interval: the append between vgic_queue and ap_add, register writes that leave no
 * line, the fold. Where an interval overlaps an exact moment on the same interrupt or list, both orders are possible;
 * the order by time is tried first, and only if it contradicts what the recording shows (fields of the line, LRs,
 * depth, list order, removals) another one is searched for. Each such correction is one decision from the recording.
 */
import * as K from '../../trace/events.js';
import type { EventWriter } from './event-writer.js';
import type { GuestAccess, GuestAccesses } from './guest-accesses.js';
import { decodeLr, GuestLrs } from './list-registers.js';
import type {
  EntryOperation,
  FactOperation,
  FlushOperation,
  Operation,
  QueueOperation,
  SilentOperation,
  SyncOperation,
} from './operation.js';
import { type FlushOutcome, type FoldedLr, Shadow, type ShadowRemoval } from './shadow.js';
import { type IrqFields, intidOfKey, irqKey, KEY_MACHINE, ownerOfKey, type Step } from './step.js';
import type { FtraceSurvey } from './survey.js';
import { type Movable, type Placed, searchPlacement } from './search.js';

/** A silent register write usually takes effect this soon after its line. */
const EFFECT_DELAY_NS = 20_000;
const HCR_EN = 1;
const HCR_UIE = 2;
/** Virtual and physical timer: tied to the host's own before a vCPU first runs (vgic-spec 5.1). */
const TIMER_PPIS = [27, 30];
const LIST_SHOWN = 10;
const V2_LIST_HEAD = 0;
/** Operations are held back so long that what they lead to can be seen. */
const LOOKAHEAD_LINES = 4000;
const LOOKAHEAD_OPERATIONS = 600;
/** Lines about an interrupt (flushes, for a list) after which the consequences of a choice have shown. */
const LOOKAHEAD_SIGNS = 4;
const LR_WEIGHT = 32;
/** A depth that is far off must not outweigh everything else. */
const MAX_DEPTH_PENALTY = 8;

export interface OrderCounts {
  decisions: number;
  /** Observations that no order explains. */
  conflicts: number;
  /** vgic_queue lines without a cause. */
  causeless: number;
  noEffect: number;
  /** LR states that the recorded guest accesses do not explain. */
  correctedLrs: number;
}

interface PruneOperation {
  readonly type: 'prune';
  readonly line: number;
  readonly tick: number;
  readonly sync: SyncOperation;
}

type Scheduled = Operation | PruneOperation;

/** A register write in progress: `done` marks the steps that have been written. */
interface SilentInterval {
  readonly type: 'silent';
  readonly op: SilentOperation;
  readonly line: number;
  readonly tick: number;
  readonly closeLine: number;
  readonly closeTick: number;
  readonly done: boolean[];
  /** A step was seen not to be done when it was due: the writing CPU stood still, the rest comes near the end. */
  stalled: boolean;
}

/**
 * An append under way. Several threads may have queued the interrupt before one of them put it on the list: they
 * changed its state one after another, and the list once.
 */
interface AppendInterval {
  readonly type: 'append';
  readonly ops: QueueOperation[];
  readonly line: number;
  readonly tick: number;
  closeLine: number;
  closeTick: number;
  to: number;
  readonly done: boolean[];
}

type Interval = SilentInterval | AppendInterval;

/** What can be moved across an observation: one atom of an interval. */
interface Unit extends Movable {
  readonly interval: Interval;
  readonly atom: number;
}

/** A step under way that is to take effect after so many signs, at the latest when its interval ends. */
interface LateStep {
  readonly step: Step;
  readonly afterSigns: number;
  readonly closeLine: number;
}

interface Observation {
  /** Does it see or change this interrupt? */
  readonly touches: (key: number) => boolean;
  /** vCPU whose list it sees, -1: none. */
  readonly list: number;
  readonly line: number;
  readonly tick: number;
  readonly endLine: number;
  /** Default position of a later exact operation inside the observation: true = before it. */
  readonly before: (op: QueueOperation) => boolean;
  /** Runs it on the shadow; returns how badly the recording contradicts. */
  readonly run: () => number;
}

const atomsOf = (interval: Interval): number =>
  interval.type === 'append' ? interval.ops.length : interval.op.steps.length;

const isOver = (interval: Interval): boolean => {
  for (let atom = 0; atom < atomsOf(interval); atom++) if (interval.done[atom] !== true) return false;
  return true;
};

const appendOf = (op: QueueOperation): AppendInterval => ({
  type: 'append',
  ops: [op],
  line: op.line,
  tick: op.tick,
  closeLine: op.closeLine,
  closeTick: op.closeTick,
  to: op.appendedTo,
  done: [],
});

export class Orderer {
  readonly counts: OrderCounts = { decisions: 0, conflicts: 0, causeless: 0, noEffect: 0, correctedLrs: 0 };
  readonly #survey: FtraceSurvey;
  readonly #shadow: Shadow;
  readonly #out: EventWriter;
  readonly #accesses: GuestAccesses | null;
  readonly #effectTicks: number;
  readonly #schedule: Scheduled[] = [];
  #head = 0;
  readonly #pending: Interval[] = [];
  /** Atoms of operations written before their turn. */
  readonly #early = new Map<Operation, boolean[]>();
  readonly #mapped: boolean[] = [];
  /** What an attempt at looking ahead has run out of its turn. */
  #simulated: Set<Step | QueueOperation> | null = null;
  readonly #guests: { lrs: GuestLrs; waiting: GuestAccess[]; inGuest: boolean }[];
  readonly #pmr: number[] = [];
  onConflict: ((line: number, what: string) => void) | null = null;

  constructor(survey: FtraceSurvey, out: EventWriter, accesses: GuestAccesses | null) {
    this.#survey = survey;
    this.#shadow = new Shadow(survey);
    this.#out = out;
    this.#accesses = accesses;
    this.#effectTicks = EFFECT_DELAY_NS / survey.tickNs;
    this.#guests = Array.from({ length: survey.nrVcpus }, () => ({
      lrs: new GuestLrs(),
      waiting: [],
      inGuest: false,
    }));
  }

  add(op: Operation): void {
    this.#insert(op);
  }

  #insert(op: Scheduled): void {
    const schedule = this.#schedule;
    let at = schedule.length;
    while (at > this.#head && schedule[at - 1].line > op.line) at--;
    schedule.splice(at, 0, op);
  }

  /** Writes everything that no operation before `frontier` can still influence. */
  drain(frontier: number): void {
    while (this.#head < this.#schedule.length) {
      const op = this.#schedule[this.#head];
      const end = 'closeLine' in op ? op.closeLine : op.type === 'prune' ? op.sync.closeLine : op.line;
      if (Math.max(end, op.line) >= frontier - LOOKAHEAD_LINES) break;
      // Before the head moves on: what ends here is ordered by what this operation shows.
      this.#finishBefore(op.line);
      this.#head++;
      this.#process(op);
      if (this.#head > 1024) {
        this.#schedule.splice(0, this.#head);
        this.#head = 0;
      }
    }
  }

  finish(): void {
    this.drain(Number.POSITIVE_INFINITY);
    this.#finishBefore(Number.POSITIVE_INFINITY);
    for (let vcpu = 0; vcpu < this.#guests.length; vcpu++) this.#writeAccesses(vcpu, Number.POSITIVE_INFINITY);
    this.#out.flush();
  }

  // --- Time passes.

  #process(op: Scheduled): void {
    if (op.type !== 'silent') {
      for (let vcpu = 0; vcpu < this.#guests.length; vcpu++) this.#writeAccesses(vcpu, op.tick);
    }
    switch (op.type) {
      case 'queue':
        this.#observeQueue(op);
        break;
      case 'silent':
        this.#begin(op);
        break;
      case 'flush':
        this.#observeFlush(op);
        break;
      case 'sync':
        this.#observeFold(op);
        break;
      case 'prune':
        this.#observePrune(op);
        break;
      case 'entry':
        this.#enter(op);
        break;
      case 'fact':
        this.#fact(op);
        break;
    }
    this.#settleRedundant();
  }

  #begin(op: SilentOperation): void {
    const interval = this.#silentInterval(op);
    this.#early.delete(op);
    if (!isOver(interval)) this.#pending.push(interval);
  }

  #silentInterval(op: SilentOperation): SilentInterval {
    const { line, tick, closeLine, closeTick } = op;
    return { type: 'silent', op, line, tick, closeLine, closeTick, done: this.#early.get(op) ?? [], stalled: false };
  }

  /** Intervals that ended before this line are over, in the order of their ends. */
  #finishBefore(line: number): void {
    const over = this.#pending.filter((interval) => interval.closeLine < line);
    if (over.length === 0) return;
    over.sort((a, b) => a.closeLine - b.closeLine);
    for (const interval of over) this.#complete(interval);
  }

  #complete(interval: Interval): void {
    if (interval.type === 'append') {
      if (interval.to < 0) this.#explainGivenUp(interval);
      else this.#letOvertake(interval);
    }
    const at = this.#pending.indexOf(interval);
    if (at < 0) return;
    this.#pending.splice(at, 1);
    if (interval.type === 'silent' && interval.op.redundant) {
      const [step] = interval.op.steps;
      // It was redundant for KVM: running it can only bring the state nearer to the recorded one.
      if (!this.#shadow.isRedundant(step)) this.#conflict(interval.line, 'redundant injection changes the state');
      this.#writeStep(step, interval.closeTick, 0);
      return;
    }
    for (let atom = 0; atom < atomsOf(interval); atom++) this.#writeAtom(interval, atom);
  }

  /** An append that never came must have been made pointless by a silent step that was under way. */
  #explainGivenUp(given: AppendInterval): void {
    const { key } = given.ops[0];
    for (const interval of [...this.#pending]) {
      if (interval.type !== 'silent' || interval.op.redundant) continue;
      for (const [atom, step] of interval.op.steps.entries()) {
        if (step.key !== key || interval.done[atom] === true || !this.#pending.includes(given)) continue;
        this.#writeAtom(interval, atom);
        this.#settle(interval);
      }
    }
  }

  /** ap_add lines of two CPUs may stand in the wrong order: the next flush shows which append came first. */
  #letOvertake(interval: AppendInterval): void {
    for (const other of [...this.#pending]) {
      if (other === interval || other.type !== 'append' || other.to !== interval.to || interval.to < 0) continue;
      const inOrder = this.#foreseeAppends(interval, [interval, other]);
      if (inOrder === 0) continue;
      const overtaken = this.#foreseeAppends(interval, [other, interval]);
      if (overtaken >= inOrder) continue;
      this.counts.decisions++;
      this.#pending.splice(this.#pending.indexOf(other), 1);
      for (let atom = 0; atom < other.ops.length; atom++) this.#writeAtom(other, atom);
    }
  }

  #foreseeAppends({ to }: AppendInterval, order: readonly AppendInterval[]): number {
    const prologue = (): void => {
      for (const op of order.flatMap((append) => append.ops)) {
        this.#simulated?.add(op);
        this.#checkQueue(op, true);
      }
    };
    return this.#foresee(KEY_MACHINE, to, prologue, null);
  }

  #settleRedundant(): void {
    for (let i = 0; i < this.#pending.length; i++) {
      const interval = this.#pending[i];
      if (interval.type !== 'silent' || !interval.op.redundant) continue;
      const [step] = interval.op.steps;
      if (!this.#shadow.isRedundant(step)) continue;
      this.#pending.splice(i--, 1);
      this.#writeStep(step, interval.tick, 0);
    }
  }

  #conflict(line: number, what: string): void {
    this.counts.conflicts++;
    this.onConflict?.(line, what);
  }

  // --- Writing.

  #writeAtom(interval: Interval, atom: number): void {
    if (interval.done[atom] === true) return;
    interval.done[atom] = true;
    if (interval.type === 'append') this.#writeQueue(interval.ops[atom], interval.ops.length > 1);
    else this.#writeSilentStep(interval.op.steps[atom], interval.tick);
  }

  /**
   * A silent step may be what made another thread give up its append between vgic_queue and the list lock. The model
   * cannot do half of that: the other thread's step is written behind this one if that comes to the same, else as a NOP.
   */
  #writeSilentStep(step: Step, tick: number): void {
    const given = this.#pending.find(
      (interval) => interval.type === 'append' && interval.to < 0 && interval.ops[0].key === step.key,
    );
    if (given?.type !== 'append') {
      this.#writeStep(step, tick, 0);
      return;
    }
    const { key } = step;
    const run = (steps: readonly Step[]): string =>
      this.#shadow.attempt(() => {
        for (const each of steps) this.#shadow.apply(each);
        return this.#shadow.describe(key);
      });
    const queued = given.ops.flatMap((op) => op.steps);
    const done = this.#shadow.attempt(() => {
      for (const each of queued) this.#shadow.apply(each);
      this.#shadow.dequeue(key);
      this.#shadow.apply(step);
      return this.#shadow.describe(key);
    });
    const isUndone = run([step]) === done;
    if (!isUndone && run([step, ...queued]) !== done) {
      this.#writeStep(step, tick, 0);
      return;
    }
    this.#pending.splice(this.#pending.indexOf(given), 1);
    this.counts.decisions++;
    this.#writeStep(step, tick, 0);
    for (const each of queued) {
      if (!isUndone) this.#writeStep(each, tick, 0);
      else {
        this.counts.noEffect++;
        this.#out.write(K.NOP, 0, 0, each.kind, tick);
      }
    }
  }

  #writeStep(step: Step, tick: number, group: number): void {
    if (step.quiet === true && this.#shadow.isRedundant(step)) return;
    if (step.kind === K.PHYS_LINE && this.#shadow.lastSample(step.vcpu, step.intid) === step.value) return;
    this.#shadow.apply(step);
    this.#out.write(step.kind, step.vcpu, step.intid, step.value, tick, group);
  }

  #writeQueue(op: QueueOperation, isRaced: boolean): void {
    this.#prepare(op);
    if (this.#checkQueue(op, isRaced) > 0) {
      this.#conflict(op.line, `vgic_queue of INTID ${op.fields.intid} shows another state`);
      this.#adopt(op);
    }
    for (const step of op.steps) this.#out.write(step.kind, step.vcpu, step.intid, step.value, op.tick, op.group);
  }

  /** LPIs and hardware mappings that the recording only shows in the fields of this line. */
  #prepare(op: QueueOperation): void {
    const { fields, key } = op;
    const known = this.#shadow.irq(key);
    const kind = op.steps.at(-1)?.kind;
    const vcpu = Math.max(0, fields.target);
    if (kind === K.LPI_MAP && known?.mapped === true) {
      this.#writeStep({ kind: K.LPI_UNMAP, vcpu: 0, intid: fields.intid, value: 0, key }, op.tick, 0);
    } else if (kind !== K.LPI_MAP && known === undefined) {
      const value = (fields.priority << 8) | (fields.enabled << 16);
      this.#writeStep({ kind: K.LPI_MAP, vcpu, intid: fields.intid, value, key }, op.tick, 0);
    }
    this.#prepareHw(key, fields, op.tick);
  }

  #prepareHw(key: number, fields: IrqFields, tick: number): void {
    const irq = this.#shadow.irq(key);
    if (irq === undefined || irq.hw === fields.hw) return;
    const vcpu = Math.max(0, ownerOfKey(key));
    const kind = fields.hw === 1 ? K.HW_MAP : K.HW_UNMAP;
    this.#writeStep({ kind, vcpu, intid: fields.intid, value: fields.intid, key }, tick, 0);
  }

  /**
   * Runs the operation on the shadow; returns in how many ways its line differs. `isRaced`: one of several threads did
   * the append, so the list is not compared.
   */
  #checkQueue(op: QueueOperation, isRaced: boolean): number {
    let appended = -1;
    const irqBefore = this.#shadow.irq(op.key);
    const queuedBefore = irqBefore?.queued ?? -1;
    let wrong = 0;
    for (const step of op.steps) {
      if (step.kind === K.INJECT && this.#shadow.isRedundant(step)) wrong++;
      appended = this.#shadow.apply(step);
    }
    wrong += this.#shadow.countDifferences(this.#shadow.irq(op.key), op.fields, false);
    if (isRaced) return wrong;
    if (op.fields.queued >= -1 && queuedBefore !== op.fields.queued) wrong++;
    if (op.steps.length > 0 && appended !== op.appendedTo) wrong++;
    return wrong;
  }

  /** The shadow keeps to the recording after a line that it cannot explain. */
  #adopt(op: QueueOperation): void {
    this.#shadow.adopt(op.key, op.fields);
    this.#shadow.enqueue(op.key, op.appendedTo);
  }

  // --- Observations.

  #observeQueue(op: QueueOperation): void {
    if (this.#early.delete(op)) return;
    if (op.steps.length === 0) {
      this.counts.causeless++;
      this.#shadow.adopt(op.key, op.fields);
      return;
    }
    this.#prepare(op);
    const rival = this.#rivalOf(op);
    const underWay = this.#pending.find((interval) => interval.type === 'append' && interval.ops[0].key === op.key);
    if (underWay?.type === 'append') {
      if (op.fields.queued === -1) {
        // The append was still to come: this change of state belongs to it.
        underWay.ops.push(op);
        underWay.closeLine = Math.max(underWay.closeLine, op.appendedTo >= 0 ? op.closeLine : op.line);
        underWay.closeTick = Math.max(underWay.closeTick, op.appendedTo >= 0 ? op.closeTick : op.tick);
        if (underWay.to < 0) underWay.to = op.appendedTo;
        return;
      }
      this.#complete(underWay);
    }
    const isGivenUp = op.appendedTo < 0 && rival === null && this.#wouldAppend(op);
    const isDeferred = isGivenUp || rival !== null || (op.appendedTo >= 0 && this.#isContested(op));
    this.#observe({
      touches: (key) => key === op.key,
      list: -1,
      line: op.line,
      tick: op.tick,
      endLine: op.line,
      before: () => false,
      run: () => this.#checkQueue(op, rival !== null || isGivenUp),
    });
    if (!isDeferred) {
      this.#writeQueue(op, false);
      return;
    }
    const interval = appendOf(op);
    if (rival !== null) {
      interval.to = rival.appendedTo;
      interval.closeLine = rival.closeLine;
      interval.closeTick = rival.closeTick;
    }
    this.#pending.push(interval);
  }

  #wouldAppend(op: QueueOperation): boolean {
    return op.fields.queued === -1 && this.#shadow.attempt(() => op.steps.map((step) => this.#shadow.apply(step)).some((to) => to >= 0));
  }

  /** The thread that did the append which this one was ready to do. */
  #rivalOf(op: QueueOperation): QueueOperation | null {
    if (op.appendedTo >= 0 || op.fields.queued !== -1) return null;
    for (let i = this.#head; i < this.#schedule.length; i++) {
      const next = this.#schedule[i];
      if (next.line > op.closeLine) return null;
      if (next.type === 'queue' && next.key === op.key && next.appendedTo >= 0 && next.fields.queued === -1) return next;
    }
    return null;
  }

  /** Does anything happen between vgic_queue and ap_add that could come first? */
  #isContested(op: QueueOperation): boolean {
    for (const interval of this.#pending) {
      if (interval.type === 'append' && interval.to === op.appendedTo) return true;
    }
    for (let i = this.#head; i < this.#schedule.length; i++) {
      const next = this.#schedule[i];
      if (next.line > op.closeLine) return false;
      if (next.type === 'flush' && next.vcpu === op.appendedTo) return true;
      if (next.type === 'queue' && (next.appendedTo === op.appendedTo || next.key === op.key)) return true;
      if (next.type === 'prune' && next.sync.removals.some((removal) => removal.to === op.appendedTo)) return true;
    }
    return false;
  }

  #observeFlush(op: FlushOperation): void {
    const { vcpu } = op;
    if (this.#mapped[vcpu] !== true) this.#mapTimers(vcpu, op.tick);
    for (const { key, fields } of op.populates) this.#prepareHw(key, fields, op.tick);
    const populateLine = new Map(op.populates.map((populate) => [populate.key, populate.line]));
    this.#observe({
      touches: (key) => this.#shadow.isListed(key, vcpu),
      list: vcpu,
      line: op.line,
      tick: op.tick,
      endLine: op.closeLine,
      before: (queue) => queue.line < (populateLine.get(queue.key) ?? 0),
      run: () => this.#scoreFlush(op, this.#shadow.flush(vcpu)),
    });
    const outcome = this.#shadow.flush(vcpu);
    const score = this.#scoreFlush(op, outcome);
    if (score > 0) {
      this.#conflict(op.line, `flush of vCPU ${vcpu}: ${describeFlush(op, outcome)}`);
      for (const { key, fields } of op.populates) this.#adoptPopulated(key, fields);
    }
    this.#writeFlush(op, outcome);
  }

  /** The shadow keeps to the recording after a flush that it cannot explain. */
  #adoptPopulated(key: number, fields: IrqFields): void {
    const irq = this.#shadow.irq(key);
    if (irq === undefined) return;
    irq.priority = fields.priority;
    irq.enabled = fields.enabled;
    irq.group = fields.group;
    irq.level = fields.level;
    irq.active = fields.active;
    if (fields.target >= -1) irq.target = fields.target;
    if (irq.level === 0 && irq.source === 0) irq.latch = fields.active === 1 && irq.intid < 16 ? fields.latch : 0;
  }

  /** What went into the LRs weighs most: depth and list order of a flush are read at slightly different moments. */
  #scoreFlush(op: FlushOperation, outcome: FlushOutcome): number {
    const { populates, result } = op;
    let wrong = Math.abs(populates.length - outcome.populated.length);
    for (let i = 0; i < Math.min(populates.length, outcome.populated.length); i++) {
      const predicted = outcome.populated[i];
      if (predicted.key !== populates[i].key) wrong++;
      else wrong += this.#shadow.countDifferences(predicted, populates[i].fields, false);
    }
    if (result !== null && ((result.hcr & HCR_UIE) !== 0) !== outcome.underflow) wrong++;
    wrong *= LR_WEIGHT;
    wrong += Math.min(MAX_DEPTH_PENALTY, Math.abs(op.sortCount - outcome.sortCount));
    if (op.sortCount >= 0) wrong += this.#countListDifferences(op.sortList, outcome.listBefore, false);
    if (result !== null) wrong += this.#countListDifferences(result.list, outcome.listAfter, true);
    return wrong;
  }

  /** What a flush says of one interrupt. */
  #scoreFlushOf(key: number, op: FlushOperation, outcome: FlushOutcome): number {
    const recorded = op.populates.find((populate) => populate.key === key);
    const predicted = outcome.populated.find((irq) => irq.key === key);
    let wrong = (recorded === undefined) === (predicted === undefined) ? 0 : SIGN_SEEN;
    if (recorded !== undefined && predicted !== undefined) {
      wrong += SIGN_LISTED * this.#shadow.countDifferences(predicted, recorded.fields, false);
    }
    if (op.result !== null) {
      const intid = intidOfKey(key);
      const end = op.result.list.indexOf(-1);
      const listed = op.result.list.slice(0, end < 0 ? LIST_SHOWN : end);
      if (listed.includes(intid) !== outcome.listAfter.slice(0, listed.length).includes(intid)) wrong += SIGN_LISTED;
    }
    if (op.sortCount !== outcome.sortCount) wrong += SIGN_DEPTH;
    return wrong;
  }

  /** Recorded list entries (ten, then the head, then the list again) that differ from the predicted ones. */
  #countListDifferences(recorded: readonly number[], predicted: readonly number[], mayGrow: boolean): number {
    let wrong = 0;
    const shown = Math.min(recorded.length, predicted.length, LIST_SHOWN);
    for (let i = 0; i < shown; i++) if (recorded[i] !== predicted[i]) wrong++;
    const head = this.#survey.model === 'gicv2' ? V2_LIST_HEAD : -1;
    if (!mayGrow && predicted.length < recorded.length && recorded[predicted.length] !== head) wrong++;
    return wrong;
  }

  #mapTimers(vcpu: number, tick: number): void {
    this.#mapped[vcpu] = true;
    for (const intid of TIMER_PPIS) {
      const key = irqKey(vcpu, intid);
      this.#writeStep({ kind: K.HW_MAP, vcpu, intid, value: intid, key }, tick, 0);
    }
  }

  #writeFlush(op: FlushOperation, outcome: FlushOutcome): void {
    const { vcpu, tick, result } = op;
    if (op.sortCount >= 0) this.#out.write(K.EXPECT_SORT, vcpu, 0, op.sortCount, tick);
    this.#out.write(K.FLUSH, vcpu, 0, 0, tick);
    const used = result?.used ?? 0;
    this.#out.write(K.EXPECT_LRS, vcpu, used, result?.hcr ?? HCR_EN, tick);
    for (let i = 0; i < used && result !== null; i++) this.#writeLr(vcpu, i, result.lo[i], result.hi[i], tick);
    if (result !== null) this.#writeList(vcpu, result.list, outcome.listAfter.length, tick);
    const model = this.#survey.model;
    this.#guests[vcpu].lrs.enter(result?.lo.map((lo, i) => decodeLr(model, lo, result.hi[i])) ?? []);
  }

  #writeLr(vcpu: number, lr: number, lo: number, hi: number, tick: number): void {
    this.#out.write(K.EXPECT_LR_LO, vcpu, lr, lo, tick);
    if (this.#survey.model !== 'gicv2') this.#out.write(K.EXPECT_LR_HI, vcpu, lr, hi, tick);
  }

  /** Entries behind `length` were appended after the unlock, or are the list again. */
  #writeList(vcpu: number, recorded: readonly number[], length: number, tick: number): void {
    const head = recorded.indexOf(-1);
    const end = Math.min(head < 0 ? recorded.length : head, length);
    for (let i = 0; i < end; i += 2) {
      const last = i + 2 >= end && length <= end;
      const next = i + 1 < end ? recorded[i + 1] : 0xffff;
      this.#out.write(K.EXPECT_LIST, vcpu, i | (last ? 1 << 16 : 0), recorded[i] | (next << 16), tick);
    }
  }

  #observeFold(op: SyncOperation): void {
    const { vcpu, fold } = op;
    if (fold !== null) {
      const readBack = this.#readBack(op);
      const keys = new Set(readBack.map((lr) => irqKey(vcpu, lr.intid)));
      this.#observe({
        touches: (key) => keys.has(key),
        list: -1,
        line: op.line,
        tick: op.tick,
        endLine: op.closeLine,
        before: () => false,
        run: () => {
          this.#shadow.sample(vcpu, op.physical);
          this.#shadow.fold(vcpu, readBack);
          return 0;
        },
      });
      this.#writeGuestRun(op, readBack);
      this.#out.write(K.EXPECT_FOLD, vcpu, fold.used, 0, op.tick);
      for (let i = 0; i < fold.used; i++) this.#writeLr(vcpu, i, fold.lo[i], fold.hi[i], op.tick);
      for (const { intid, level } of op.physical) {
        this.#writeStep({ kind: K.PHYS_LINE, vcpu, intid, value: level, key: KEY_MACHINE }, op.tick, 0);
      }
      this.#shadow.fold(vcpu, readBack);
      this.#out.write(K.FOLD, vcpu, 0, 0, op.tick);
    } else {
      this.#writeGuestRun(op, []);
    }
    // The list is walked from the fold to the last removal: a move changes two lists, so its line comes first.
    const line = (op.removals.findLast((removal) => removal.to >= 0) ?? op.removals[0])?.line ?? op.line;
    const prune: PruneOperation = { type: 'prune', line, tick: op.tick, sync: op };
    if (line <= op.line) this.#observePrune(prune);
    else this.#insert(prune);
  }

  #writeGuestRun(op: SyncOperation, readBack: readonly FoldedLr[]): void {
    const { vcpu } = op;
    const guest = this.#guests[vcpu];
    this.#writeAccesses(vcpu, Number.POSITIVE_INFINITY, op.tick);
    if (op.aborted) this.#out.write(K.ABORTED_ENTRY, vcpu, 0, 0, op.tick);
    for (const { lr, state } of guest.lrs.differences(readBack)) {
      this.#out.write(K.GUEST_LR_STATE, vcpu, lr, state, op.tick);
      if (this.#accesses !== null) this.counts.correctedLrs++;
    }
    guest.inGuest = false;
  }

  #observePrune({ sync, tick, line }: PruneOperation): void {
    const { vcpu, removals } = sync;
    const removalLine = new Map(removals.map((removal) => [removal.key, removal.line]));
    this.#observe({
      touches: (key) => this.#shadow.isListed(key, vcpu),
      list: -1,
      line,
      tick,
      endLine: sync.closeLine,
      before: (queue) => queue.line < (removalLine.get(queue.key) ?? 0),
      run: () => scoreRemovals(sync, this.#shadow.prune(vcpu)),
    });
    const predicted = this.#shadow.prune(vcpu);
    if (scoreRemovals(sync, predicted) > 0) {
      const show = (list: readonly ShadowRemoval[]): string => list.map((r) => `${intidOfKey(r.key)}>${r.to}`).join(' ');
      this.#conflict(sync.line, `prune of vCPU ${vcpu}: recorded ${show(removals)}; expected ${show(predicted)}`);
    }
    this.#out.write(sync.fold === null ? K.SYNC : K.PRUNE, vcpu, 0, 0, tick);
  }

  // --- The search for an order.

  #observe(observation: Observation): void {
    const units = this.#collectUnits(observation);
    if (units.length === 0) return;
    const found = searchPlacement(units, (placed) => this.#shadow.attempt(() => this.#score(observation, placed)));
    const placed = [...found.placed];
    let { changed } = found;
    for (let i = 0; i < placed.length; i++) if (this.#revise(observation, placed, i, found.wrong)) changed++;
    this.counts.decisions += changed;
    for (const { item, before } of placed) {
      if (!before) {
        if (item.initial && item.interval.type === 'silent') item.interval.stalled = true;
        continue;
      }
      this.#writeAtom(item.interval, item.atom);
      this.#settle(item.interval);
    }
  }

  /**
   * Both sides may agree with this observation and still leave different states: what the recording shows of the
   * interrupt next then decides. Returns whether the step changed sides.
   */
  #revise(observation: Observation, placed: Placed<Unit>[], i: number, wrong: number): boolean {
    const { item, before } = placed[i];
    if (item.interval.type !== 'silent') return false;
    const { key } = item.interval.op.steps[item.atom];
    if (key === KEY_MACHINE) return false;
    const step = item.interval.op.steps[item.atom];
    const other = placed.with(i, { item, before: !before });
    const end = (arrangement: readonly Placed<Unit>[]): string =>
      this.#shadow.attempt(() => {
        const score = this.#score(observation, arrangement);
        if (!arrangement[i].before) this.#shadow.apply(step);
        return score === wrong ? this.#shadow.describe(key) : '';
      });
    const otherEnd = end(other);
    if (otherEnd === '' || otherEnd === end(placed)) return false;
    const irq = this.#shadow.irq(key);
    const home = irq === undefined ? -1 : irq.queued >= 0 ? irq.queued : irq.target;
    const foresee = (arrangement: readonly Placed<Unit>[]): number => {
      const prologue = (): void => {
        this.#score(observation, arrangement);
      };
      if (arrangement[i].before) return this.#foresee(key, home, prologue, null);
      // Later may be right behind the observation or any time until the interval ends.
      let least = Number.POSITIVE_INFINITY;
      for (let afterSigns = 0; afterSigns < LOOKAHEAD_SIGNS && least > 0; afterSigns++) {
        const late = { step, afterSigns, closeLine: item.interval.closeLine };
        least = Math.min(least, this.#foresee(key, home, prologue, late));
      }
      return least;
    };
    if (foresee(other) >= foresee(placed)) return false;
    placed[i] = other[i];
    return true;
  }

  /**
   * Contradictions in what follows `prologue`, with everything in the order of time, as far as it shows the interrupt
   * `key` or the list of vCPU `home`.
   */
  #foresee(key: number, home: number, prologue: () => void, late: LateStep | null): number {
    const run = new Set<Step | QueueOperation>();
    this.#simulated = run;
    try {
      return this.#shadow.attempt(() => {
        prologue();
        return this.#runAhead(key, home, run, late);
      });
    } finally {
      this.#simulated = null;
    }
  }

  #runAhead(key: number, home: number, run: Set<Step | QueueOperation>, late: LateStep | null): number {
    const open = [...this.#pending];
    let wrong = 0;
    let signs = 0;
    let waiting = late;
    if (late !== null) run.add(late.step);
    const end = Math.min(this.#schedule.length, this.#head + LOOKAHEAD_OPERATIONS);
    for (let i = this.#head; i < end && signs < LOOKAHEAD_SIGNS; i++) {
      const op = this.#schedule[i];
      if (waiting !== null && (signs >= waiting.afterSigns || op.line > waiting.closeLine)) {
        this.#shadow.apply(waiting.step);
        waiting = null;
      }
      for (let at = 0; at < open.length; at++) {
        const interval = open[at];
        const effect = interval.type === 'silent' ? this.#effectTick(interval) : interval.closeTick;
        if (interval.closeLine >= op.line && (interval.type === 'append' || op.tick < effect)) continue;
        open.splice(at--, 1);
        this.#runAll(interval, run);
      }
      if (op.type === 'queue') {
        const score = run.has(op) || this.#early.has(op) ? 0 : this.#checkQueue(op, false);
        if (op.key !== key) continue;
        wrong += SIGN_LISTED * score;
        signs++;
      } else if (op.type === 'silent') {
        open.push(this.#silentInterval(op));
      } else if (op.type === 'flush') {
        const outcome = this.#shadow.flush(op.vcpu);
        if (op.vcpu !== home) continue;
        wrong += key === KEY_MACHINE ? this.#scoreFlush(op, outcome) : this.#scoreFlushOf(key, op, outcome);
        if (key === KEY_MACHINE || op.populates.some((populate) => populate.key === key)) signs++;
      } else if (op.type === 'sync' || op.type === 'prune') {
        const sync = op.type === 'sync' ? op : op.sync;
        if (op.type === 'sync' && sync.fold !== null) {
          this.#shadow.sample(sync.vcpu, sync.physical);
          this.#shadow.fold(sync.vcpu, this.#readBack(sync));
        }
        const predicted = this.#shadow.prune(sync.vcpu);
        if (sync.vcpu !== home) continue;
        wrong += key === KEY_MACHINE ? scoreRemovals(sync, predicted) : scoreRemovalOf(key, sync, predicted);
        if (sync.removals.some((removal) => removal.key === key)) signs++;
      }
    }
    return wrong;
  }

  /** What has not been run of an interval. */
  #runAll(interval: Interval, run: ReadonlySet<Step | QueueOperation>): void {
    if (interval.type === 'append') {
      for (const [atom, op] of interval.ops.entries()) {
        if (interval.done[atom] !== true && !run.has(op)) this.#checkQueue(op, true);
      }
    } else {
      for (const [atom, step] of interval.op.steps.entries()) {
        if (interval.done[atom] !== true && !run.has(step)) this.#shadow.apply(step);
      }
    }
  }

  #readBack(op: SyncOperation): FoldedLr[] {
    const { fold } = op;
    return fold === null ? [] : fold.lo.map((lo, i) => decodeLr(this.#survey.model, lo, fold.hi[i]));
  }

  /** Atoms before the observation, the observation, then the exact operations inside it that come after. */
  #score(observation: Observation, placed: readonly Placed<Unit>[]): number {
    let wrong = 0;
    for (const { item, before } of placed) if (before) wrong += this.#runAtom(item);
    wrong += observation.run();
    for (const { item, before } of placed) {
      const { interval } = item;
      if (!before && interval.type === 'append' && interval.line > observation.line) {
        this.#simulated?.add(interval.ops[0]);
        wrong += this.#checkQueue(interval.ops[0], false);
      }
    }
    return wrong;
  }

  #runAtom({ interval, atom }: Unit): number {
    if (interval.type === 'append') {
      this.#simulated?.add(interval.ops[atom]);
      return this.#checkQueue(interval.ops[atom], interval.ops.length > 1);
    }
    this.#simulated?.add(interval.op.steps[atom]);
    this.#shadow.apply(interval.op.steps[atom]);
    return 0;
  }

  /** Keeps in mind what was written of an interval, whether it has begun or not. */
  #settle(interval: Interval): void {
    const at = this.#pending.indexOf(interval);
    if (at < 0) this.#early.set(interval.type === 'append' ? interval.ops[0] : interval.op, interval.done);
    else if (isOver(interval)) this.#pending.splice(at, 1);
  }

  #collectUnits(observation: Observation): Unit[] {
    const units: Unit[] = [];
    let group = 0;
    const add = (interval: Interval, atom: number, initial: boolean): void => {
      if (interval.done[atom] !== true) units.push({ interval, atom, group, initial });
    };
    const addSilent = (interval: SilentInterval): void => {
      group++;
      const initial = interval.line < observation.line && observation.tick >= this.#effectTick(interval);
      for (const [atom, { key }] of interval.op.steps.entries()) {
        if (key === KEY_MACHINE || observation.touches(key)) add(interval, atom, initial);
      }
    };
    for (const interval of this.#pending) {
      if (interval.type === 'append') {
        if (!observation.touches(interval.ops[0].key) && interval.to !== observation.list) continue;
        group++;
        const initial = observation.tick - interval.tick >= interval.closeTick - observation.tick;
        for (let atom = 0; atom < interval.ops.length; atom++) add(interval, atom, initial);
      } else if (!interval.op.redundant) addSilent(interval);
    }
    for (let i = this.#head; i < this.#schedule.length; i++) {
      const op = this.#schedule[i];
      if (op.line > observation.endLine) break;
      if (op.type === 'queue' && op.steps.length > 0 && !this.#early.has(op) && observation.touches(op.key)) {
        group++;
        add(appendOf(op), 0, observation.before(op));
      } else if (op.type === 'silent' && !op.redundant) addSilent(this.#silentInterval(op));
    }
    return units;
  }

  /** When a silent write probably takes effect: soon after its line, or, if it halts the guest first, near its end. */
  #effectTick({ op, stalled }: SilentInterval): number {
    if (stalled) return op.closeTick;
    const length = op.closeTick - op.tick;
    return op.halts
      ? op.closeTick - Math.min(this.#effectTicks, length / 4)
      : op.tick + Math.min(this.#effectTicks, length / 2);
  }

  // --- Guest runs and facts.

  #enter(op: EntryOperation): void {
    const guest = this.#guests[op.vcpu];
    guest.inGuest = true;
    if (this.#accesses !== null) guest.waiting.push(...this.#accesses.take(op.vcpu, op.line));
  }

  /** Accesses up to `tick`, in the order of their rows. */
  #writeAccesses(vcpu: number, tick: number, latest = Number.POSITIVE_INFINITY): void {
    const guest = this.#guests[vcpu];
    let count = 0;
    for (; count < guest.waiting.length && guest.waiting[count].tick <= tick; count++) {
      const access = guest.waiting[count];
      guest.lrs.access(access);
      this.#out.write(access.kind, vcpu, access.intid, access.value, Math.min(access.tick, latest));
    }
    if (count > 0) guest.waiting.splice(0, count);
  }

  #fact(op: FactOperation): void {
    if (op.vcpu >= this.#guests.length) return;
    this.#out.write(op.kind, op.vcpu, 0, op.value, op.tick);
    if (op.kind !== K.PUT || this.#accesses !== null || op.value === 0) return;
    // Without the guest's own accesses its PMR is known from the VMCR of the last put: 31:24, GICv2 31:27.
    const pmr = (op.value >>> 24) & (this.#survey.model === 'gicv2' ? 0xf8 : 0xff);
    if (pmr === this.#pmr[op.vcpu]) return;
    this.#pmr[op.vcpu] = pmr;
    this.#out.write(K.PMR, op.vcpu, 0, pmr, op.tick);
  }
}

function scoreRemovals(sync: SyncOperation, predicted: readonly ShadowRemoval[]): number {
  const { removals } = sync;
  let wrong = Math.abs(removals.length - predicted.length);
  const recorded = new Map(removals.map((removal) => [removal.key, removal.to]));
  for (const { key, to } of predicted) if (recorded.get(key) !== to) wrong++;
  return wrong;
}

/** How clearly a sign speaks of one interrupt: seen or not seen; in the list's first entries or not; in the depth. */
const SIGN_SEEN = 8;
const SIGN_LISTED = 4;
const SIGN_DEPTH = 0.1;

function scoreRemovalOf(key: number, sync: SyncOperation, predicted: readonly ShadowRemoval[]): number {
  const recorded = sync.removals.find((removal) => removal.key === key);
  return recorded?.to === predicted.find((removal) => removal.key === key)?.to ? 0 : SIGN_SEEN;
}

function describeFlush(op: FlushOperation, outcome: FlushOutcome): string {
  const recorded = op.populates.map((populate) => populate.fields.intid).join(' ');
  const expected = outcome.populated.map((irq) => irq.intid).join(' ');
  return `recorded ${recorded} (sort ${op.sortCount}), expected ${expected} (sort ${outcome.sortCount})`;
}
