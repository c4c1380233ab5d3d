/**
 * What every ap_list strategy promises, checked on one stream of events: sound lists and the invariants after every event
 * (invariants.ts), the declared class at every flush (equivalence.ts), the pending test and the order of choosing before
 * every flush, and the declared worst case at every call.
 */
import { type Machine, NO_SLOT, NR_SGIS } from '../gic/intid.js';
import { type ChosenStrategy, prunesAtMost, reference } from '../strategy/index.js';
import { declaresWorst } from '../strategy/outside.js';
import {
  FLUSH,
  findKind,
  INJECT,
  PENDING_QUERY,
  packWord,
  WFI,
  wordIntid,
  wordKind,
  wordVcpu,
} from '../trace/events.js';
import type { ApList } from '../vgic/ap-list.js';
import { HostStop } from '../vgic/host-stop.js';
import type { VgicState } from '../vgic/state.js';
import type { Vgic } from '../vgic/vgic.js';
import { createVgic } from '../vgic/vgic.js';
import { ACTIVE, ENABLED, PENDING, priorityOf, targetOf, targetOracle } from '../vgic/word.js';
import { createModel } from './create-model.js';
import { createEngine } from './engine.js';
import { createEquivalenceChecker } from './equivalence.js';
import { createInvariantChecker } from './invariants.js';
import { createWorstWatch } from './worst-watch.js';

/** Events in columns, as replays take them. */
export interface EventColumns {
  readonly word: Int32Array;
  readonly value: Int32Array;
  readonly count: number;
}

export function columnsOf(
  events: readonly { readonly kind: number; readonly vcpu: number; readonly intid: number; readonly value: number }[],
): EventColumns {
  const word = Int32Array.from(events, ({ kind, vcpu, intid }) => packWord(kind, vcpu, intid));
  return { word, value: Int32Array.from(events, ({ value }) => value), count: events.length };
}

/** The first promise that was broken. */
export interface Breach {
  readonly event: number;
  /** Name of the event's kind. */
  readonly kind: string;
  readonly vcpu: number;
  readonly what: string;
}

export interface ContractResult {
  /** Events checked: all, or up to where the strategy broke its word or the host stopped. */
  readonly events: number;
  readonly flushes: number;
  /** Calls held against a declared worst case. */
  readonly calls: number;
  readonly breach: Breach | null;
}

class Broken extends Error {}

/** Lists up to this long are walked in the order of choosing before a flush. */
const MAX_WALKED = 64;

export function checkContract(
  machine: Machine,
  { word, value, count }: EventColumns,
  candidate: ChosenStrategy,
  interval?: number,
): ContractResult {
  const { strategy } = candidate;
  const vgic = createModel(machine, candidate);
  const other = createVgic(machine, reference.create({}));
  const checker = createEquivalenceChecker(vgic, other, strategy.equivalence);
  const engine = createEngine(vgic, checker.beforeFlush);
  const otherEngine = createEngine(other);
  const invariants = createInvariantChecker(vgic, {
    keepsOrder: strategy === reference,
    prunesAtMost: prunesAtMost(candidate),
    interval,
  });
  const prunesAll = prunesAtMost(candidate) === Number.POSITIVE_INFINITY;
  let flushes = 0;

  function demandInvariants(): void {
    const violation = invariants.violation();
    if (violation !== null) throw new Broken(`invariant ${violation.invariant}: ${violation.what}`);
  }

  function step(event: number): void {
    const kind = wordKind(word[event]);
    const vcpu = wordVcpu(word[event]);
    if (kind === FLUSH) checkWalk(vgic, vcpu);
    if (kind === FLUSH) checkActives(vgic, vcpu);
    if (kind === FLUSH || kind === PENDING_QUERY || kind === WFI) checkPendingTest(vgic, vcpu, prunesAll);
    invariants.before(word[event], value[event]);
    engine.step(word[event], value[event]);
    otherEngine.step(word[event], value[event]);
    invariants.after(event);
    demandInvariants();
    if (kind !== FLUSH) return;
    flushes++;
    checker.afterFlush(vcpu, event);
    if (!checker.result().holds) throw new Broken(`declares '${strategy.equivalence}' and is not`);
  }

  const finish = (events: number): ContractResult =>
    declaresWorst(strategy)
      ? { events, flushes, ...checkWorst(machine, { word, value, count: events }, candidate) }
      : { events, flushes, calls: 0, breach: null };

  for (let event = 0; event < count; event++) {
    try {
      step(event);
      if (event === count - 1) {
        invariants.finish();
        demandInvariants();
      }
    } catch (error) {
      const isFault = error instanceof HostStop && error.kind === 'strategy-fault';
      if (!(error instanceof Broken || error instanceof HostStop)) throw error;
      // A host that stops ends the events, and is no fault of the strategy.
      if (!(error instanceof Broken || isFault)) return finish(event + 1);
      return { events: event + 1, flushes, calls: 0, breach: breachAt(word[event], event, error.message) };
    }
  }
  return finish(count);
}

/**
 * The question whether a vCPU is runnable, against the rows themselves (vgic-spec 1.21). Yes without such an entry is a lie; so
 * is no while one waits that some vCPU should have: one that was sent elsewhere moves only when this vCPU runs. What has no
 * target at all may be counted or not. Where an exit does not take off all that must leave, what waits for the next one may be
 * counted too, or nobody would come for it. Books nothing.
 */
function checkPendingTest({ state: s, list }: Vgic, vcpu: number, prunesAll: boolean): void {
  const { cost, word, flavour } = s;
  const pmr = s.pmr[vcpu];
  const counts = (w: number): boolean =>
    (w & PENDING) !== 0 &&
    (w & ENABLED) !== 0 &&
    (flavour.pendingTest === 'enabled-pending' || ((w & ACTIVE) === 0 && priorityOf(w) < pmr));
  const { visits, comparisons, locks } = cost;
  const says = list.hasPending(vcpu, pmr);
  cost.visits = visits;
  cost.comparisons = comparisons;
  cost.locks = locks;
  const queued = list.order(vcpu);
  const waits = (slot: number): boolean => targetOracle(word[slot], s.dist[0] === 1) !== vcpu;
  if (says && !prunesAll && queued.some(waits)) return;
  const slots = queued.filter((slot) => counts(word[slot]));
  const waiting = slots.find((slot) => targetOf(word[slot]) >= 0);
  if (says ? slots.length > 0 : waiting === undefined) return;
  const why = waiting === undefined ? 'nothing on it is' : `INTID ${s.intidOfSlot[waiting]} is`;
  throw new Broken(`hasPending of the list of vCPU ${vcpu} says ${says}, and ${why} pending and deliverable`);
}

/** `after` meets every active of a list that the oracle keeps there, and nothing twice. Books nothing. */
function checkWalk({ state, list }: Vgic, vcpu: number): void {
  const { cost } = state;
  const { visits, comparisons, locks } = cost;
  walkToEnd(state, list, vcpu);
  cost.visits = visits;
  cost.comparisons = comparisons;
  cost.locks = locks;
}

function walkToEnd({ word, dist, intidOfSlot }: VgicState, list: ApList, vcpu: number): void {
  const length = list.length(vcpu);
  if (length > MAX_WALKED) return;
  const left = new Set(list.order(vcpu));
  let slot = list.after(vcpu, NO_SLOT);
  for (let walked = 0; slot >= 0; slot = list.after(vcpu, slot), walked++) {
    if (walked < length && left.delete(slot)) continue;
    throw new Broken(`after walks the list of vCPU ${vcpu} to row ${slot}, which is not on it or was met before`);
  }
  for (const missed of left) {
    if ((word[missed] & ACTIVE) === 0 || targetOracle(word[missed], dist[0] === 1) !== vcpu) continue;
    const name = `INTID ${intidOfSlot[missed]}`;
    throw new Broken(`after walks the list of vCPU ${vcpu} and does not meet ${name}, which is on it and active`);
  }
}

/** `nextActive`, where there is one, meets every active entry of a list once. Books nothing. */
function checkActives({ state: { cost, word, intidOfSlot }, list }: Vgic, vcpu: number): void {
  if (list.nextActive === undefined || list.length(vcpu) > MAX_WALKED) return;
  const { visits, comparisons, locks } = cost;
  const left = new Set(list.order(vcpu).filter((slot) => (word[slot] & ACTIVE) !== 0));
  for (let slot = list.nextActive(vcpu, NO_SLOT); slot >= 0; slot = list.nextActive(vcpu, slot)) {
    if (!left.delete(slot)) throw new Broken(`nextActive of vCPU ${vcpu} gives row ${slot}, which is not due`);
  }
  cost.visits = visits;
  cost.comparisons = comparisons;
  cost.locks = locks;
  for (const missed of left) throw new Broken(`nextActive of vCPU ${vcpu} does not meet INTID ${intidOfSlot[missed]}`);
}

/**
 * The declared worst case of every call, in a pass of its own: it leaves out what no guest and no device can do (worst-list.ts),
 * a line that raises an SGI of a GICv2 guest.
 */
function checkWorst(machine: Machine, { word, value, count }: EventColumns, candidate: ChosenStrategy): WorstResult {
  const vgic = createModel(machine, candidate);
  const engine = createEngine(vgic);
  const watch = createWorstWatch(vgic, candidate);
  const isLeftOut = (event: number): boolean =>
    machine.model !== 'gicv3' && wordKind(word[event]) === INJECT && wordIntid(word[event]) < NR_SGIS;
  const calls = (): number => vgic.state.cost.calls.reduce((sum, made) => sum + made, 0);
  for (let event = 0; event < count; event++) {
    if (isLeftOut(event)) continue;
    try {
      engine.step(word[event], value[event]);
    } catch (error) {
      if (error instanceof HostStop) return { calls: calls(), breach: null };
      throw error;
    }
    const breach = watch.after();
    if (breach === null) continue;
    const { path, steps, declared, n } = breach;
    const what = `a call of ${path} took ${steps} steps; declared are at most ${declared} for n = ${n}, k = ${machine.nrLr}`;
    return { calls: calls(), breach: breachAt(word[event], event, what) };
  }
  return { calls: calls(), breach: null };
}

interface WorstResult {
  readonly calls: number;
  readonly breach: Breach | null;
}

const breachAt = (word: number, event: number, what: string): Breach => {
  const kind = wordKind(word);
  return { event, kind: findKind(kind)?.name ?? `${kind}`, vcpu: wordVcpu(word), what };
};
