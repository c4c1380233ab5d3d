/**
 * What every ap_list strategy promises, checked on one stream of events: sound lists and the invariants after every event
 * (invariants.ts), the declared class at every flush (equivalence.ts), the pending test and the order of choosing before
 * every flush, and the declared worst case at every call.
 */
import { type Machine, NO_SLOT } from '../gic/intid.js';
import { type ChosenStrategy, reference } from '../strategy/index.js';
import { FLUSH, findKind, PENDING_QUERY, packWord, WFI, wordKind, wordVcpu } from '../trace/events.js';
import { METRIC_STEPS, NR_METRICS } from '../vgic/counters.js';
import { HostStop } from '../vgic/host-stop.js';
import type { Vgic } from '../vgic/vgic.js';
import { createVgic } from '../vgic/vgic.js';
import { ACTIVE, ENABLED, PENDING, priorityOf, targetOf, targetOracle } from '../vgic/word.js';
import { createEngine } from './engine.js';
import { createEquivalenceChecker } from './equivalence.js';
import { createInvariantChecker } from './invariants.js';
import { PATH_NAMES } from './result.js';

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
  readonly bounded: number;
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
  const vgic = createVgic(machine, candidate.create);
  const other = createVgic(machine, reference.create({}));
  const checker = createEquivalenceChecker(vgic, other, strategy.equivalence);
  const engine = createEngine(vgic, checker.beforeFlush);
  const otherEngine = createEngine(other);
  const invariants = createInvariantChecker(vgic, { keepsOrder: strategy === reference, interval });
  const bounds = createBoundCheck(vgic, candidate);
  let flushes = 0;

  function demandInvariants(): void {
    const violation = invariants.violation();
    if (violation !== null) throw new Broken(`invariant ${violation.invariant}: ${violation.what}`);
  }

  function step(event: number): void {
    const kind = wordKind(word[event]);
    const vcpu = wordVcpu(word[event]);
    if (kind === FLUSH) checkWalk(vgic, vcpu);
    if (kind === FLUSH || kind === PENDING_QUERY || kind === WFI) checkPendingTest(vgic, vcpu);
    invariants.before(word[event], value[event]);
    bounds.before();
    engine.step(word[event], value[event]);
    otherEngine.step(word[event], value[event]);
    bounds.after();
    invariants.after(event);
    demandInvariants();
    if (kind !== FLUSH) return;
    flushes++;
    checker.afterFlush(vcpu, event);
    if (!checker.result().holds) throw new Broken(`declares '${strategy.equivalence}' and is not`);
  }

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
      const kind = wordKind(word[event]);
      const name = findKind(kind)?.name ?? `${kind}`;
      const what = error.message;
      // A host that stops ends the events, and is no fault of the strategy.
      const isBreach = error instanceof Broken || isFault;
      const breach = isBreach ? { event, kind: name, vcpu: wordVcpu(word[event]), what } : null;
      return { events: event + 1, flushes, bounded: bounds.checked(), breach };
    }
  }
  return { events: count, flushes, bounded: bounds.checked(), breach: null };
}

/**
 * The question whether a vCPU is runnable, against the rows themselves (vgic-spec 1.21). Yes without such an entry is a lie; so
 * is no while one waits that some vCPU should have: one that was sent elsewhere moves only when this vCPU runs. What has no
 * target at all may be counted or not. Books nothing.
 */
function checkPendingTest({ state: s, list }: Vgic, vcpu: number): void {
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
  const slots = list.order(vcpu).filter((slot) => counts(word[slot]));
  const waiting = slots.find((slot) => targetOf(word[slot]) >= 0);
  if (says ? slots.length > 0 : waiting === undefined) return;
  const why = waiting === undefined ? 'nothing on it is' : `INTID ${s.intidOfSlot[waiting]} is`;
  throw new Broken(`hasPending of the list of vCPU ${vcpu} says ${says}, and ${why} pending and deliverable`);
}

/** `after` meets every entry of a list that may be chosen now, and none twice. */
function checkWalk({ state, list }: Vgic, vcpu: number): void {
  const length = list.length(vcpu);
  if (length > MAX_WALKED) return;
  const left = new Set(list.order(vcpu));
  let slot = list.after(vcpu, NO_SLOT);
  for (let walked = 0; slot >= 0; slot = list.after(vcpu, slot), walked++) {
    if (walked < length && left.delete(slot)) continue;
    throw new Broken(`after walks the list of vCPU ${vcpu} to row ${slot}, which is not on it or was met before`);
  }
  for (const missed of left) {
    if (targetOracle(state.word[missed], state.dist[0] === 1) !== vcpu) continue;
    const name = `INTID ${state.intidOfSlot[missed]}`;
    throw new Broken(`after walks the list of vCPU ${vcpu} and does not meet ${name}, which is on it and deliverable`);
  }
}

/** The declared worst case of each call, by the interrupts queued in the VM before or after the event. */
function createBoundCheck({ state }: Vgic, { strategy }: ChosenStrategy) {
  const { cost, queuedRows, nrLr } = state;
  const { worst } = strategy;
  const calls = new Float64Array(PATH_NAMES.length);
  const sums = new Float64Array(PATH_NAMES.length);
  let queued = 0;
  let checked = 0;
  const countQueued = (): number => queuedRows.reduce((sum, rows) => sum + rows, 0);
  const sumOf = (path: number): number => cost.sum[path * NR_METRICS + METRIC_STEPS];
  return {
    checked: () => checked,
    before(): void {
      if (worst !== undefined) queued = countQueued();
    },
    after(): void {
      if (worst === undefined) return;
      const n = Math.max(queued, countQueued());
      for (let path = 0; path < PATH_NAMES.length; path++) {
        const made = cost.calls[path] - calls[path];
        if (made === 0) continue;
        const steps = sumOf(path) - sums[path];
        calls[path] += made;
        sums[path] += steps;
        checked += made;
        // An event may make several calls: then their sum is held against as many bounds.
        const most = made * worst[PATH_NAMES[path]].steps({ n, k: nrLr });
        if (steps <= most) continue;
        const many = made === 1 ? 'a call' : `${made} calls`;
        throw new Broken(
          `${many} of ${PATH_NAMES[path]} took ${steps} steps; the declared worst case is ${most} (n = ${n}, k = ${nrLr})`,
        );
      }
    },
  };
}
