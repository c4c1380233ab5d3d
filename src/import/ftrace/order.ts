/**
 * Concurrent operations → one sequence of atomic steps.
 *
 * Exact moments come first: vgic_queue (irq_lock held), the first ap_sort or lr_populate of a flush, ap_del and
 * ap_move. Everything else is an interval: the append between vgic_queue and ap_add, register writes that leave no
 * line, the fold. Where an interval overlaps an exact moment on the same interrupt or list, both orders are possible;
 * the order by time is tried first, and only if it contradicts what the recording shows (fields of the line, LRs,
 * depth, list order, removals) another one is searched for. Each such correction is one decision from the recording.
 */
import { LPI_BASE } from '../../gic/intid.js';
import * as K from '../../trace/events.js';
import { AppendOrder } from './append-order.js';
import type { EventWriter } from './event-writer.js';
import type { GuestAccesses } from './guest-accesses.js';
import { GuestRuns } from './guest-runs.js';
import { readBackLrs } from './list-registers.js';
import { Lookahead } from './lookahead.js';
import type { FlushOperation, QueueOperation, SyncOperation } from './operation.js';
import { type Observation, PlacementFinder } from './placement.js';
import { prunesOf } from './prune-place.js';
import { type Remark, Remarks } from './remarks.js';
import { describeFlush, describePrune, type OrderCounts, runQueue, scoreFlush, scoreRemovals } from './scores.js';
import { Shadow } from './shadow.js';
import type { ShadowIrq } from './shadow-irq.js';
import { type IrqFields, irqKey, KEY_MACHINE, ownerOfKey, type Step } from './step.js';
import type { FtraceSurvey } from './survey.js';
import {
  type AppendInterval,
  appendOf,
  atomsOf,
  endOf,
  type Interval,
  type PruneOperation,
  type Scheduled,
  type SilentInterval,
  Timeline,
} from './timeline.js';
import { createVisits, findFoldLines } from './visits.js';

/** Operations are held back so long that what they lead to can be seen. */
const LOOKAHEAD_LINES = 4000;
/** Virtual and physical timer: tied to the host's own before a vCPU first runs (vgic-spec 5.1). */
const TIMER_PPIS = [27, 30];

export class Orderer {
  readonly counts: OrderCounts = { decisions: 0, conflicts: 0, causeless: 0, noEffect: 0 };
  readonly #model: FtraceSurvey['model'];
  readonly #nrLr: number;
  readonly #shadow: Shadow;
  readonly #timeline: Timeline;
  readonly #lookahead: Lookahead;
  readonly #finder: PlacementFinder;
  readonly #appends: AppendOrder;
  readonly #out: EventWriter;
  readonly #guests: GuestRuns;
  readonly #remarks: Remarks;
  readonly #mapped: boolean[] = [];
  readonly #onConflict: (line: number, what: string) => void;

  /** `onConflict`: told of every observation that no order explains. */
  constructor(
    survey: FtraceSurvey,
    out: EventWriter,
    accesses: GuestAccesses | null,
    onConflict: (line: number, what: string) => void,
  ) {
    this.#model = survey.model;
    this.#nrLr = survey.nrLr;
    this.#out = out;
    this.#onConflict = onConflict;
    this.#shadow = new Shadow(survey);
    this.#timeline = new Timeline(survey.tickNs);
    this.#lookahead = new Lookahead(this.#timeline, this.#shadow, survey.model);
    this.#appends = new AppendOrder(this.#timeline, this.#shadow, this.#lookahead);
    this.#finder = new PlacementFinder(this.#timeline, this.#shadow, this.#lookahead);
    this.#guests = new GuestRuns(survey, out, accesses);
    this.#remarks = new Remarks(out);
  }

  /** LR states that the recorded guest accesses do not explain. */
  get correctedLrs(): number {
    return this.#guests.corrected;
  }

  add(op: Scheduled | Remark): void {
    if (op.type === 'remark') this.#remarks.add(op);
    else this.#timeline.add(op);
  }

  /** Writes everything that no operation before `frontier` can still influence. */
  drain(frontier: number): void {
    for (let op = this.#timeline.next(); op !== undefined; op = this.#timeline.next()) {
      if (endOf(op) >= frontier - LOOKAHEAD_LINES) break;
      // Before the next one moves up: what ends here is ordered by what this operation shows.
      this.#finishBefore(op.line);
      this.#timeline.advance();
      this.#process(op);
    }
  }

  finish(): void {
    this.drain(Number.POSITIVE_INFINITY);
    this.#finishBefore(Number.POSITIVE_INFINITY);
    this.#guests.writeAccesses(Number.POSITIVE_INFINITY);
    this.#remarks.writeUpTo(Number.POSITIVE_INFINITY);
  }

  // --- Time passes.
  #process(op: Scheduled): void {
    this.#remarks.writeUpTo(op.line);
    if (op.type !== 'silent') this.#guests.writeAccesses(op.tick);
    switch (op.type) {
      case 'queue':
        this.#observeQueue(op);
        break;
      case 'silent':
        this.#timeline.begin(op);
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
        this.#guests.enter(op);
        break;
      case 'fact':
        this.#guests.writeFact(op);
        break;
    }
    this.#settleRedundant();
  }

  #finishBefore(line: number): void {
    for (const interval of this.#timeline.endedBefore(line)) {
      this.#remarks.writeUpTo(interval.closeLine - 1);
      this.#complete(interval);
    }
  }

  #complete(interval: Interval): void {
    if (interval.type === 'append') {
      if (interval.to < 0) this.#explainGivenUp(interval);
      else this.#writeFirst(this.#appends.overtaking(interval));
    }
    if (!this.#timeline.remove(interval)) return;
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
    for (const interval of [...this.#timeline.pending]) {
      if (interval.type !== 'silent' || interval.op.redundant) continue;
      for (const [atom, step] of interval.op.steps.entries()) {
        if (step.key !== key || interval.done[atom] === true || !this.#timeline.pending.includes(given)) continue;
        this.#writeAtom(interval, atom);
        this.#timeline.settle(interval);
      }
    }
  }

  /** Writes appends under way, one after the other as they are found, before what comes next. */
  #writeFirst(appends: Iterable<AppendInterval>): void {
    for (const append of appends) {
      this.counts.decisions++;
      this.#timeline.remove(append);
      for (let atom = 0; atom < append.ops.length; atom++) this.#writeAtom(append, atom);
    }
  }

  #settleRedundant(): void {
    for (const interval of [...this.#timeline.pending]) {
      if (interval.type !== 'silent' || !interval.op.redundant) continue;
      const [step] = interval.op.steps;
      if (!this.#shadow.isRedundant(step)) continue;
      this.#timeline.remove(interval);
      this.#writeStep(step, interval.tick, 0, interval.closeTick);
    }
  }

  #conflict(line: number, what: string): void {
    this.counts.conflicts++;
    this.#onConflict(line, what);
  }

  // --- Writing.

  #writeAtom(interval: Interval, atom: number): void {
    if (interval.done[atom] === true) return;
    interval.done[atom] = true;
    if (interval.type === 'append') this.#writeQueue(interval.ops[atom], interval.ops.length > 1);
    else this.#writeSilentStep(interval.op.steps[atom], interval);
  }

  /**
   * A silent step may be what made another thread give up its append between vgic_queue and the list lock. The model
   * cannot do half of that: the other thread's step is written behind this one if that comes to the same, else as a NOP.
   */
  #writeSilentStep(step: Step, { tick, closeTick }: SilentInterval): void {
    const given = this.#timeline.pending.find(
      (interval) => interval.type === 'append' && interval.to < 0 && interval.ops[0].key === step.key,
    );
    if (given?.type !== 'append') {
      this.#writeStep(step, tick, 0, closeTick);
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
      this.#writeStep(step, tick, 0, closeTick);
      return;
    }
    this.#timeline.remove(given);
    this.counts.decisions++;
    this.#writeStep(step, tick, 0, closeTick);
    for (const each of queued) {
      if (!isUndone) this.#writeStep(each, tick, 0);
      else {
        this.counts.noEffect++;
        this.#out.write(K.NOP, 0, 0, each.kind, tick);
      }
    }
  }

  #writeStep(step: Step, tick: number, group: number, latest = tick): void {
    if (step.quiet === true && this.#shadow.isRedundant(step)) return;
    if (step.kind === K.PHYS_LINE && this.#shadow.lastSample(step.vcpu, step.intid) === step.value) return;
    this.#shadow.apply(step);
    this.#out.write(step.kind, step.vcpu, step.intid, step.value, tick, group, latest);
  }

  #writeQueue(op: QueueOperation, isRaced: boolean): void {
    this.#prepare(op);
    if (runQueue(this.#shadow, op, isRaced) > 0) {
      this.#conflict(op.line, `vgic_queue of INTID ${op.fields.intid} shows another state`);
      // The shadow keeps to the recording after a line that it cannot explain.
      this.#shadow.adopt(op.key, op.fields);
      this.#shadow.enqueue(op.key, op.appendedTo);
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

  // --- Observations.

  #observeQueue(op: QueueOperation): void {
    if (this.#timeline.forgetEarly(op)) return;
    if (op.steps.length === 0) {
      this.counts.causeless++;
      this.#shadow.adopt(op.key, op.fields);
      return;
    }
    this.#prepare(op);
    const rival = this.#rivalOf(op);
    const underWay = this.#timeline.pending.find(
      (interval) => interval.type === 'append' && interval.ops[0].key === op.key,
    );
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
      moment: () => op,
      endLine: op.line,
      before: () => false,
      run: () => runQueue(this.#shadow, op, rival !== null || isGivenUp),
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
    this.#timeline.pending.push(interval);
  }

  #wouldAppend(op: QueueOperation): boolean {
    return (
      op.fields.queued === -1 &&
      this.#shadow.attempt(() => op.steps.map((step) => this.#shadow.apply(step)).some((to) => to >= 0))
    );
  }

  /** The thread that did the append which this one was ready to do. */
  #rivalOf(op: QueueOperation): QueueOperation | null {
    if (op.appendedTo >= 0 || op.fields.queued !== -1) return null;
    for (const next of this.#timeline.ahead()) {
      if (next.line > op.closeLine) return null;
      if (next.type === 'queue' && next.key === op.key && next.appendedTo >= 0 && next.fields.queued === -1)
        return next;
    }
    return null;
  }

  /** Does anything happen between vgic_queue and ap_add that could come first? */
  #isContested(op: QueueOperation): boolean {
    for (const interval of this.#timeline.pending) {
      if (interval.type === 'append' && interval.to === op.appendedTo) return true;
    }
    for (const next of this.#timeline.ahead()) {
      if (next.line > op.closeLine) return false;
      if (next.type === 'flush' && next.vcpu === op.appendedTo) return true;
      if (next.type === 'queue' && (next.appendedTo === op.appendedTo || next.key === op.key)) return true;
      const removals = next.type === 'prune' ? next.moves : next.type === 'sync' ? next.removals : [];
      if (removals.some((removal) => removal.to === op.appendedTo)) return true;
    }
    return false;
  }

  #observeFlush(op: FlushOperation): void {
    const { vcpu } = op;
    if (this.#mapped[vcpu] !== true) this.#mapTimers(vcpu, op.tick);
    for (const { key, fields } of op.populates) this.#prepareHw(key, fields, op.tick);
    const populated = new Set(op.populates.map((populate) => populate.key));
    const visits = createVisits(op, this.#nrLr);
    this.#observe({
      touches: (key) => this.#shadow.isListed(key, vcpu),
      list: vcpu,
      line: op.line,
      tick: op.tick,
      moment: visits,
      endLine: op.closeLine,
      // Nothing is appended while the list is locked.
      before: ({ key, line, appendedTo }) => (appendedTo !== vcpu || populated.has(key)) && line < visits(key).line,
      run: () => scoreFlush(this.#model, op, this.#shadow.flush(vcpu)),
    });
    const outcome = this.#shadow.flush(vcpu);
    if (scoreFlush(this.#model, op, outcome) > 0) {
      this.#conflict(op.line, `flush of vCPU ${vcpu}: ${describeFlush(op, outcome)}`);
      for (const { key, fields } of op.populates) this.#adoptPopulated(key, fields);
    }
    this.#guests.writeFlush(op, outcome.listAfter.length);
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

  #mapTimers(vcpu: number, tick: number): void {
    this.#mapped[vcpu] = true;
    for (const intid of TIMER_PPIS) {
      const key = irqKey(vcpu, intid);
      this.#writeStep({ kind: K.HW_MAP, vcpu, intid, value: intid, key }, tick, 0);
    }
  }

  #observeFold(op: SyncOperation): void {
    const { vcpu, fold } = op;
    const readBack = readBackLrs(this.#model, fold);
    if (fold !== null) {
      const foldedFrom = findFoldLines(op, readBack);
      this.#observe({
        touches: (key) => foldedFrom.has(key),
        list: -1,
        line: op.line,
        tick: op.tick,
        moment: () => op,
        endLine: op.closeLine,
        before: (queue) => queue.line < (foldedFrom.get(queue.key) ?? 0),
        run: () => {
          this.#shadow.sample(vcpu, op.physical);
          this.#shadow.fold(vcpu, readBack);
          return 0;
        },
      });
    }
    for (const { intid, level } of op.physical) {
      this.#writeStep({ kind: K.PHYS_LINE, vcpu, intid, value: level, key: KEY_MACHINE }, op.tick, 0);
    }
    this.#guests.writeExit(op);
    if (fold !== null) {
      this.#shadow.fold(vcpu, readBack);
      this.#out.write(K.FOLD, vcpu, 0, 0, op.tick);
    }
    const prunes = prunesOf(op, this.#timeline.ahead());
    this.counts.decisions += prunes.length - 1;
    // Two parts need a fold of their own.
    if (fold === null && prunes.length > 1) this.#out.write(K.FOLD, vcpu, 0, 0, op.tick);
    for (const prune of prunes) {
      if (prune.line <= op.line) this.#observePrune(prune);
      else this.#timeline.add(prune);
    }
  }

  #observePrune(prune: PruneOperation): void {
    const { sync, tick, line, held } = prune;
    const { vcpu, removals } = sync;
    const removalLine = new Map(removals.map((removal) => [removal.key, removal.line]));
    this.#observe({
      touches: (key) => this.#shadow.isListed(key, vcpu),
      list: -1,
      line,
      tick,
      moment: () => prune,
      endLine: sync.closeLine,
      before: (queue) => queue.line < (removalLine.get(queue.key) ?? 0),
      run: () => scoreRemovals(prune, this.#shadow.prune(vcpu, held)),
    });
    this.#writeFirst(this.#appends.before(prune));
    const detained = held
      .map(({ key }) => this.#shadow.irq(key))
      .filter((irq) => irq !== undefined && irq.queued === vcpu && irq.target !== vcpu) as ShadowIrq[];
    for (const { intid } of detained) this.#writeTarget(intid, vcpu, vcpu, tick);
    const predicted = this.#shadow.prune(vcpu, held);
    if (scoreRemovals(prune, predicted) > 0) {
      this.#conflict(sync.line, describePrune(sync, predicted));
    }
    if (sync.fold === null && prune.isWhole) this.#out.write(K.SYNC, vcpu, 0, 0, tick);
    else this.#out.write(K.PRUNE, vcpu, 0, 0, tick, prune.isWhole ? 0 : 1);
    for (const { intid, target } of detained) this.#writeTarget(intid, target, vcpu, tick);
  }

  /** An event only: keeps an entry on its list while the prune lets another one go, and afterwards undoes that. */
  #writeTarget(intid: number, target: number, vcpu: number, tick: number): void {
    if (intid >= LPI_BASE) this.#out.write(K.LPI_MOVE, target, intid, 0, tick);
    else this.#out.write(K.TARGET, vcpu, intid, target, tick);
  }

  /** Writes what comes before an observation. */
  #observe(observation: Observation): void {
    const { before, changed } = this.#finder.decide(observation);
    this.counts.decisions += changed;
    for (const { interval, atom } of before) {
      this.#writeAtom(interval, atom);
      this.#timeline.settle(interval);
    }
  }
}
