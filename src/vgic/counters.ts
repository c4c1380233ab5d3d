/**
 * Modelled cost per path: what the hypervisor's code would do, derived exactly, not what our structures execute.
 * Locks are counted as in vgic-spec appendix A and E.3.
 */

import { NR_OPERATIONS } from './operations.js';

export const PATH_INJECT = 0;
export const PATH_REKEY = 1;
export const PATH_FLUSH = 2;
export const PATH_FOLD = 3;
export const PATH_PRUNE = 4;
export const PATH_PENDING = 5;
export const NR_PATHS = 6;

/**
 * Stretches that a path does not stand for alone, counted beside the paths, in steps and in locks (vgic-spec 1.23;
 * replay/sections.ts). EXIT: fold and prune of one exit, and the LPI lookups of its fold. DIST_ON: the pending test of one vCPU
 * that GICD_CTLR 0 → 1 asks; DIST_ON_ALL: those of one write. LPIS_OFF: EnableLPIs 1 → 0. BROADCAST: a step is a vCPU asked,
 * with interrupts as the caller has them. FOLD_LOOKUP: one LPI found by number at fold.
 */
export const SECTION_EXIT = 0;
export const SECTION_DIST_ON_ALL = 1;
export const SECTION_LPIS_OFF = 2;
export const SECTION_FOLD_LOOKUP = 3;
/** Of these there is one a payer, at the number given and those behind it. */
export const SECTION_APPEND = 4;
export const SECTION_KEY_CHANGE = 8;
export const SECTION_PENDING = 12;
export const SECTION_LOOKUP = 16;
export const SECTION_BROADCAST = 20;
export const SECTION_DIST_ON = 24;
const NR_SECTIONS = 28;

/** Who works: the host for a device or for user space; whoever sent an ITS command, where no event says who; else a vCPU. */
export const ACTOR_HOST = -1;
export const ACTOR_COMMAND = -2;

/** Whose time it takes, seen from the vCPU whose list it is about: the host's, its own, another vCPU's, an ITS command's. */
export const PAYER_HOST = 0;
export const PAYER_OWN = 1;
export const PAYER_OTHER = 2;
export const PAYER_COMMAND = 3;
export const NR_PAYERS = 4;

export const METRIC_VISITS = 0;
export const METRIC_COMPARISONS = 1;
export const METRIC_LOCKS = 2;
export const METRIC_LR_WRITES = 3;
export const METRIC_STEPS = 4;
export const NR_METRICS = 5;
/** Bucket 0 = zero, bucket b = [2^(b-1), 2^b). */
export const NR_BUCKETS = 33;

const STRIDE = NR_METRICS * NR_BUCKETS;
/** Longest list that is recorded exactly; longer ones share the last entry. */
const NR_DEPTHS = 65536;

export class CostCounters {
  /** Of the call in progress. */
  visits = 0;
  comparisons = 0;
  locks = 0;
  lrWrites = 0;
  /** Steps and locks of the call that was closed last. */
  lastSteps = 0;
  lastLocks = 0;
  /** Steps of all calls so far, and of the LPI lookups beside them. */
  totalSteps = 0;
  /** Of the event in progress: a vCPU, ACTOR_HOST or ACTOR_COMMAND. */
  actor = ACTOR_HOST;

  readonly calls = new Float64Array(NR_PATHS);
  readonly sum = new Float64Array(NR_PATHS * NR_METRICS);
  readonly max = new Float64Array(NR_PATHS * NR_METRICS);
  readonly hist = new Float64Array(NR_PATHS * STRIDE);
  readonly sectionCalls = new Float64Array(NR_SECTIONS);
  readonly sectionSum = new Float64Array(NR_SECTIONS);
  readonly sectionMax = new Float64Array(NR_SECTIONS);
  readonly sectionHist = new Float64Array(NR_SECTIONS * NR_BUCKETS);
  /** Operations of the cost model (operations.ts). */
  readonly ops = new Float64Array(NR_OPERATIONS);
  /** Events replayed, by kind (trace/events.ts). */
  readonly events = new Float64Array(128);
  readonly sectionLockSum = new Float64Array(NR_SECTIONS);
  readonly sectionLockMax = new Float64Array(NR_SECTIONS);
  readonly sectionLockHist = new Float64Array(NR_SECTIONS * NR_BUCKETS);
  /** Flushes by ap_list length. */
  readonly depth: Float64Array;
  /** Flushes by LRs in use. */
  readonly used = new Float64Array(65);
  injections = 0;
  redundantInjections = 0;
  /** Requests to look again (KVM: request + kick; Xen: vcpu_kick); each broadcast asks all vCPUs at once. vgic-spec 1.9. */
  kicks = 0;
  broadcasts = 0;
  /** Kicks that woke a blocked vCPU, and those that interrupted one in the guest. */
  wakeups = 0;
  ipis = 0;
  /** Kicks for an interrupt that was queued already, and how many of these interrupted a running vCPU. */
  kicksWhileQueued = 0;
  ipisWhileQueued = 0;
  /** Entries after a kick that put nothing pending into a list register. */
  spuriousKicks = 0;
  /** Accesses that forced all vCPUs out of the guest. */
  halts = 0;
  sorts = 0;
  acks = 0;
  spurious = 0;
  /** Recorded acknowledges of an interrupt that is pending in no LR here. */
  divergences = 0;
  /** Ack notifications (kvm_ack_irq). */
  notifications = 0;

  /** `mostQueued`: no list is longer. */
  constructor(mostQueued = NR_DEPTHS - 1) {
    this.depth = new Float64Array(mostQueued + 1);
  }

  /** Closes the call in progress and books it under `path`. */
  end(path: number): void {
    const { visits, comparisons, locks, lrWrites } = this;
    this.calls[path] += 1;
    this.book(path, METRIC_VISITS, visits);
    this.book(path, METRIC_COMPARISONS, comparisons);
    this.book(path, METRIC_LOCKS, locks);
    this.book(path, METRIC_LR_WRITES, lrWrites);
    this.lastSteps = visits + comparisons + locks + lrWrites;
    this.lastLocks = locks;
    this.totalSteps += this.lastSteps;
    this.book(path, METRIC_STEPS, this.lastSteps);
    this.visits = 0;
    this.comparisons = 0;
    this.locks = 0;
    this.lrWrites = 0;
  }

  private book(path: number, metric: number, value: number): void {
    const at = path * NR_METRICS + metric;
    this.sum[at] += value;
    if (value > this.max[at]) this.max[at] = value;
    this.hist[path * STRIDE + metric * NR_BUCKETS + (32 - Math.clz32(value))] += 1;
  }

  /** Books one stretch. */
  section(section: number, steps: number, locks: number): void {
    this.sectionCalls[section] += 1;
    this.sectionSum[section] += steps;
    if (steps > this.sectionMax[section]) this.sectionMax[section] = steps;
    this.sectionHist[section * NR_BUCKETS + (32 - Math.clz32(steps))] += 1;
    this.sectionLockSum[section] += locks;
    if (locks > this.sectionLockMax[section]) this.sectionLockMax[section] = locks;
    this.sectionLockHist[section * NR_BUCKETS + (32 - Math.clz32(locks))] += 1;
  }

  /** Books one stretch about the list of `vcpu` (none: -1) under who pays for it. */
  sectionFor(first: number, vcpu: number, steps: number, locks: number): void {
    this.section(first + this.payerFor(vcpu), steps, locks);
  }

  private payerFor(vcpu: number): number {
    const { actor } = this;
    if (actor === ACTOR_HOST) return PAYER_HOST;
    if (actor === ACTOR_COMMAND) return PAYER_COMMAND;
    // What concerns no vCPU's list costs whoever asked for it.
    return vcpu < 0 || vcpu === actor ? PAYER_OWN : PAYER_OTHER;
  }

  /** Closes a call that may have queued a row for `vcpu`. */
  endAppend(vcpu: number): void {
    this.end(PATH_INJECT);
    this.sectionFor(SECTION_APPEND, vcpu, this.lastSteps, this.lastLocks);
  }

  /** Closes a write that changed the key of a row of `vcpu`'s list. */
  endKeyChange(vcpu: number): void {
    this.end(PATH_REKEY);
    this.sectionFor(SECTION_KEY_CHANGE, vcpu, this.lastSteps, this.lastLocks);
  }

  /** Closes a pending test of `vcpu`. */
  endPendingTest(vcpu: number): void {
    this.end(PATH_PENDING);
    this.sectionFor(SECTION_PENDING, vcpu, this.lastSteps, this.lastLocks);
  }

  /** irq_lock and list lock acquisitions of all calls so far. */
  locksSoFar(): number {
    let locks = this.locks;
    for (let path = 0; path < NR_PATHS; path++) locks += this.sum[path * NR_METRICS + METRIC_LOCKS];
    return locks;
  }

  /** Histogram of one metric of one path, trailing zeros cut. */
  histogram(path: number, metric: number): number[] {
    return cutZeros(this.hist, path * STRIDE + metric * NR_BUCKETS);
  }

  /** The same of a section's steps, and of its locks. */
  sectionHistogram(section: number): number[] {
    return cutZeros(this.sectionHist, section * NR_BUCKETS);
  }
  sectionLockHistogram(section: number): number[] {
    return cutZeros(this.sectionLockHist, section * NR_BUCKETS);
  }

  reset(): void {
    this.visits = this.comparisons = this.locks = this.lrWrites = this.lastSteps = this.lastLocks = 0;
    this.totalSteps = 0;
    this.actor = ACTOR_HOST;
    for (const column of [this.calls, this.sum, this.max, this.hist, this.depth, this.used, this.ops, this.events])
      column.fill(0);
    for (const column of [this.sectionCalls, this.sectionSum, this.sectionMax, this.sectionHist]) column.fill(0);
    for (const column of [this.sectionLockSum, this.sectionLockMax, this.sectionLockHist]) column.fill(0);
    this.injections = this.redundantInjections = this.sorts = 0;
    this.kicks = this.broadcasts = this.wakeups = this.ipis = this.spuriousKicks = this.halts = 0;
    this.kicksWhileQueued = this.ipisWhileQueued = 0;
    this.acks = this.spurious = this.divergences = this.notifications = 0;
  }
}

function cutZeros(hist: Float64Array, from: number): number[] {
  let length = NR_BUCKETS;
  while (length > 0 && hist[from + length - 1] === 0) length--;
  return Array.from(hist.subarray(from, from + length));
}
