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
import { type GuestAccess, type GuestAccesses, } from './guest-accesses.js';
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
import { type FlushOutcome, Shadow, type ShadowRemoval } from './shadow.js';
import { type IrqFields, intidOfKey, KEY_MACHINE, ownerOfKey, type Step } from './step.js';
import type { FtraceSurvey } from './survey.js';
import { type Cut, searchCuts } from './search.js';

/** A silent register write usually takes effect this soon after its line. */
const EFFECT_DELAY_NS = 20_000;
const HCR_EN = 1;
const HCR_UIE = 2;
/** Virtual and physical timer: tied to the host's own before a vCPU first runs (vgic-spec 5.1). */
const TIMER_PPIS = [27, 30];
const LIST_SHOWN = 10;
const V2_LIST_HEAD = 0;

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

/** An interval in progress: `done` of its atoms have been written. */
interface Pending {
  readonly op: SilentOperation | QueueOperation;
  done: number;
}

/** What can be moved across an observation: consecutive atoms of one interval. */
interface Unit {
  readonly op: SilentOperation | QueueOperation;
  /** Atoms already written. */
  readonly from: number;
  /** Possible positions: number of atoms written before the observation. */
  readonly cuts: readonly number[];
  readonly initial: number;
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

const atomsOf = (op: SilentOperation | QueueOperation): number => (op.type === 'queue' ? 1 : op.steps.length);

export class Orderer {
  readonly counts: OrderCounts = { decisions: 0, conflicts: 0, causeless: 0, noEffect: 0, correctedLrs: 0 };
  readonly #survey: FtraceSurvey;
  readonly #shadow: Shadow;
  readonly #out: EventWriter;
  readonly #accesses: GuestAccesses | null;
  readonly #effectTicks: number;
  readonly #schedule: Scheduled[] = [];
  #head = 0;
  readonly #pending: Pending[] = [];
  /** Atoms of operations written before their turn. */
  readonly #early = new Map<Operation, number>();
  readonly #mapped: boolean[] = [];
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
      if (Math.max(end, op.line) >= frontier) break;
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
    this.#finishBefore(op.line);
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
    const done = this.#early.get(op) ?? 0;
    this.#early.delete(op);
    if (done < op.steps.length) this.#pending.push({ op, done });
  }

  /** Intervals that ended before this line are over, in the order of their ends. */
  #finishBefore(line: number): void {
    const over = this.#pending.filter(({ op }) => op.closeLine < line);
    if (over.length === 0) return;
    over.sort((a, b) => a.op.closeLine - b.op.closeLine);
    for (const pending of over) this.#complete(pending);
  }

  #complete(pending: Pending): void {
    const at = this.#pending.indexOf(pending);
    if (at < 0) return;
    this.#pending.splice(at, 1);
    const { op } = pending;
    if (op.type === 'silent' && op.redundant) {
      // It was redundant for KVM: running it can only bring the state nearer to the recorded one.
      if (!this.#shadow.isRedundant(op.steps[0])) this.#conflict(op.line, 'redundant injection changes the state');
      this.#writeStep(op.steps[0], op.closeTick, 0);
      return;
    }
    this.#writeAtoms(op, pending.done, atomsOf(op));
  }

  #settleRedundant(): void {
    for (let i = 0; i < this.#pending.length; i++) {
      const { op } = this.#pending[i];
      if (op.type !== 'silent' || !op.redundant || !this.#shadow.isRedundant(op.steps[0])) continue;
      this.#pending.splice(i--, 1);
      this.#writeStep(op.steps[0], op.tick, 0);
    }
  }

  #conflict(line: number, what: string): void {
    this.counts.conflicts++;
    this.onConflict?.(line, what);
  }

  // --- Writing.

  #writeAtoms(op: SilentOperation | QueueOperation, from: number, to: number): void {
    if (op.type === 'queue') {
      if (to > from) this.#writeQueue(op);
      return;
    }
    for (let i = from; i < to; i++) this.#writeStep(op.steps[i], op.tick, 0);
  }

  #writeStep(step: Step, tick: number, group: number): void {
    if (step.quiet === true && this.#shadow.isRedundant(step)) return;
    if (step.kind === K.PHYS_LINE && this.#shadow.lastSample(step.vcpu, step.intid) === step.value) return;
    this.#shadow.apply(step);
    this.#out.write(step.kind, step.vcpu, step.intid, step.value, tick, group);
  }

  #writeQueue(op: QueueOperation): void {
    this.#prepare(op);
    const before = this.#checkQueue(op);
    if (before > 0) {
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

  /** Runs the operation on the shadow; returns in how many ways its line differs. */
  #checkQueue(op: QueueOperation): number {
    let appended = -1;
    const irqBefore = this.#shadow.irq(op.key);
    const queuedBefore = irqBefore?.queued ?? -1;
    let wrong = 0;
    for (const step of op.steps) {
      if (step.kind === K.INJECT && this.#shadow.isRedundant(step)) wrong++;
      appended = this.#shadow.apply(step);
    }
    wrong += this.#shadow.countDifferences(this.#shadow.irq(op.key), op.fields, false);
    if (op.fields.queued >= -1 && queuedBefore !== op.fields.queued) wrong++;
    if (op.steps.length > 0 && appended !== op.appendedTo) wrong++;
    return wrong;
  }

  #adopt(op: QueueOperation): void {
    this.#shadow.adopt(op.key, op.fields);
  }

  // --- Observations.

  #observeQueue(op: QueueOperation): void {
    if (this.#early.delete(op)) return;
    if (op.steps.length === 0) {
      this.counts.causeless++;
      this.#shadow.adopt(op.key, op.fields);
      return;
    }
    // An append of the same interrupt that is still under way changed the state first.
    for (const pending of [...this.#pending]) {
      if (pending.op.type === 'queue' && pending.op.key === op.key) this.#complete(pending);
    }
    this.#prepare(op);
    const deferred = op.appendedTo >= 0 && this.#isContested(op);
    this.#observe({
      touches: (key) => key === op.key,
      list: -1,
      line: op.line,
      tick: op.tick,
      endLine: op.line,
      before: () => false,
      run: () => this.#checkQueue(op),
      ...(deferred ? { probeOnly: true } : {}),
    });
    if (deferred) this.#pending.push({ op, done: 0 });
    else this.#writeQueue(op);
  }

  /** Does anything happen between vgic_queue and ap_add that could come first? */
  #isContested(op: QueueOperation): boolean {
    for (const pending of this.#pending) {
      if (pending.op.type === 'queue' && pending.op.appendedTo === op.appendedTo) return true;
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

  #scoreFlush(op: FlushOperation, outcome: FlushOutcome): number {
    const { populates, result } = op;
    let wrong = Math.abs(populates.length - outcome.populated.length);
    for (let i = 0; i < Math.min(populates.length, outcome.populated.length); i++) {
      const predicted = outcome.populated[i];
      if (predicted.key !== populates[i].key) wrong++;
      else wrong += this.#shadow.countDifferences(predicted, populates[i].fields, false);
    }
    if (op.sortCount !== outcome.sortCount) wrong++;
    if (op.sortCount >= 0) wrong += this.#countListDifferences(op.sortList, outcome.listBefore, false);
    if (result !== null) {
      if (((result.hcr & HCR_UIE) !== 0) !== outcome.underflow) wrong++;
      wrong += this.#countListDifferences(result.list, outcome.listAfter, true);
    }
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
      const key = vcpu * 32 + intid;
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
    const moves = op.removals.filter((removal) => removal.to >= 0);
    const pruneLine = moves.at(-1)?.line ?? op.removals[0]?.line ?? op.line;
    if (fold !== null) {
      const { model } = this.#survey;
      const readBack = fold.lo.map((lo, i) => decodeLr(model, lo, fold.hi[i]));
      const keys = new Set(readBack.map((lr) => (lr.intid < 32 ? vcpu * 32 + lr.intid : lr.intid)));
      this.#observe({
        touches: (key) => keys.has(ownerOfKey(key) >= 0 ? key : intidOfKey(key)),
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
    const prune: PruneOperation = { type: 'prune', line: pruneLine, tick: op.tick, sync: op };
    if (pruneLine <= op.line) this.#observePrune(prune);
    else this.#insert(prune);
  }

  #writeGuestRun(op: SyncOperation, readBack: ReturnType<typeof decodeLr>[]): void {
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
    const found = searchCuts(units, (cuts) => this.#shadow.attempt(() => this.#score(observation, cuts)));
    this.counts.decisions += found.changed;
    for (const { unit, count } of found.cuts) {
      if (count === unit.from) continue;
      this.#writeAtoms(unit.op, unit.from, count);
      this.#setDone(unit.op, count);
    }
  }

  /** Atoms before the observation, the observation, then the exact operations inside it that come after. */
  #score(observation: Observation, cuts: readonly Cut<Unit>[]): number {
    let wrong = 0;
    for (const { unit, count } of cuts) wrong += this.#runAtoms(unit, count);
    wrong += observation.run();
    for (const { unit, count } of cuts) {
      if (unit.op.type === 'queue' && unit.op.line > observation.line && count === 0) wrong += this.#checkQueue(unit.op);
    }
    return wrong;
  }

  #runAtoms(unit: Unit, count: number): number {
    const { op } = unit;
    if (op.type === 'queue') return count === 1 ? this.#checkQueue(op) : 0;
    for (let i = unit.from; i < count; i++) this.#shadow.apply(op.steps[i]);
    return 0;
  }

  #setDone(op: SilentOperation | QueueOperation, count: number): void {
    const at = this.#pending.findIndex((pending) => pending.op === op);
    if (at < 0) this.#early.set(op, count);
    else if (count >= atomsOf(op)) this.#pending.splice(at, 1);
    else this.#pending[at].done = count;
  }

  #collectUnits(observation: Observation): Unit[] {
    const units: Unit[] = [];
    for (const { op, done } of this.#pending) {
      if (op.type === 'queue') {
        if (!observation.touches(op.key) && op.appendedTo !== observation.list) continue;
        const early = observation.tick - op.tick >= op.closeTick - observation.tick;
        units.push({ op, from: 0, cuts: [0, 1], initial: early ? 1 : 0 });
      } else if (!op.redundant) {
        const unit = this.#silentUnit(op, done, observation);
        if (unit !== null) units.push(unit);
      }
    }
    for (let i = this.#head; i < this.#schedule.length; i++) {
      const op = this.#schedule[i];
      if (op.line > observation.endLine) break;
      if (op.type === 'queue' && op.steps.length > 0 && !this.#early.has(op) && observation.touches(op.key)) {
        units.push({ op, from: 0, cuts: [0, 1], initial: observation.before(op) ? 1 : 0 });
      } else if (op.type === 'silent' && !op.redundant) {
        const unit = this.#silentUnit(op, this.#early.get(op) ?? 0, observation);
        if (unit !== null) units.push(unit);
      }
    }
    return units;
  }

  /** Cut points of a silent write: only those behind a step that the observation can see matter. */
  #silentUnit(op: SilentOperation, done: number, observation: Observation): Unit | null {
    const cuts = [done];
    for (let i = done; i < op.steps.length; i++) {
      const { key } = op.steps[i];
      if (key === KEY_MACHINE || observation.touches(key)) cuts.push(i + 1);
    }
    if (cuts.length === 1) return null;
    const length = op.closeTick - op.tick;
    const effect = op.halts
      ? op.closeTick - Math.min(this.#effectTicks, length / 4)
      : op.tick + Math.min(this.#effectTicks, length / 2);
    const initial = op.line < observation.line && observation.tick >= effect ? (cuts.at(-1) ?? done) : done;
    return { op, from: done, cuts, initial };
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

function describeFlush(op: FlushOperation, outcome: FlushOutcome): string {
  const recorded = op.populates.map((populate) => populate.fields.intid).join(' ');
  const expected = outcome.populated.map((irq) => irq.intid).join(' ');
  return `recorded ${recorded} (sort ${op.sortCount}), expected ${expected} (sort ${outcome.sortCount})`;
}
