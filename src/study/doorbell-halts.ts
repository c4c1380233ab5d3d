/**
 * What a guest's halts cost with GICv4.0, GICv4.1 and without: the same arrivals, the same waits. Without GICv4 every LPI is
 * injected by software, which kicks; with it the hardware delivers, and a doorbell tells of what comes during a wait.
 */
import { createGenerator } from '../base/rng.js';
import { LPI_BASE } from '../gic/intid.js';
import { METRIC_STEPS, NR_METRICS, NR_PATHS, PATH_FLUSH } from '../vgic/counters.js';
import { type Doorbell, type DoorbellOptions, hasDeliverable } from '../vgic/doorbell/doorbell.js';
import type { Vgic } from '../vgic/vgic.js';
import { addDoorbell, CLOSED_PMR, OPEN_PMR, SPI, startAnew } from './doorbell-machine.js';

/** Null: no GICv4. */
export type HaltVariant = DoorbellOptions | null;

export interface HaltRates {
  /** Of 1,000 waits: PendingLast reads 1 although nothing is pending. */
  readonly maybe: number;
  /** Of 1,000 waits: the guest has raised its PMR above all that may come. */
  readonly closed: number;
}

export interface HaltCounts {
  readonly halts: number;
  /** Waits that the pending test refused, or a request. */
  readonly refused: number;
  readonly arrivals: number;
  readonly direct: number;
  readonly doorbells: number;
  /** Handlers that asked the pending test and found an interrupt on the list; those of them of a blocked vCPU. */
  readonly skipped: number;
  readonly skippedBlocked: number;
  readonly injections: number;
  readonly kicks: number;
  readonly wakeups: number;
  readonly ipis: number;
  readonly entries: number;
  readonly masks: number;
  readonly readBacks: number;
  readonly vpeLocks: number;
  /** irq_lock and ap_list_lock. */
  readonly vgicLocks: number;
  /** Modelled steps of all paths of the vGIC. */
  readonly steps: number;
  readonly handlerSteps: number;
  /** Returns from a wait with nothing for the guest to take. */
  readonly spurious: number;
  /** Waits that nobody ended although the guest could take something. */
  readonly asleep: number;
}

export const HALTS = 1000;
const NR_USED_LPIS = 64;
/** Of 100: a wait is preceded by a preemption; an LPI comes between the put and the question whether to sleep. */
const PREEMPTED = 10;
const LATE = 5;
/** Of 100: an ordinary interrupt ends the wait, and LPIs come behind it. */
const ORDINARY = 10;

/** One run of the guest and the wait behind it. */
interface Turn {
  readonly running: readonly number[];
  readonly scheduledOut: readonly number[] | null;
  readonly late: readonly number[];
  readonly asleep: readonly number[];
  readonly ordinary: boolean;
  readonly maybe: boolean;
  readonly closed: boolean;
}

export function createTurns(seed: number, { maybe, closed }: HaltRates): readonly Turn[] {
  const rng = createGenerator(seed);
  const some = (least: number, most: number): number[] =>
    Array.from({ length: least + rng.nextBelow(most - least + 1) }, () => LPI_BASE + rng.nextBelow(NR_USED_LPIS));
  return Array.from({ length: HALTS }, () => ({
    running: some(0, 3),
    scheduledOut: rng.nextBelow(100) < PREEMPTED ? some(0, 1) : null,
    late: rng.nextBelow(100) < LATE ? some(1, 1) : [],
    asleep: some(1, 2),
    ordinary: rng.nextBelow(100) < ORDINARY,
    maybe: rng.nextBelow(1000) < maybe,
    closed: rng.nextBelow(1000) < closed,
  }));
}

/** The thread of the one vCPU and its guest. */
class HaltingGuest {
  readonly vgic: Vgic;
  readonly doorbell: Doorbell | undefined;
  arrivals = 0;
  refused = 0;
  asleep = 0;
  /** Without GICv4; with it the doorbell model counts. */
  spurious = 0;

  constructor(vgic: Vgic, variant: HaltVariant) {
    this.vgic = vgic;
    startAnew(vgic, NR_USED_LPIS);
    this.doorbell = variant === null ? undefined : addDoorbell(this.vgic, variant);
    this.doorbell?.load(0);
    this.enter();
  }

  enter(): void {
    this.vgic.flush(0);
    this.take();
  }

  take(): void {
    this.doorbell?.drain(0);
    this.vgic.drain(0, 0);
  }

  arrive(lpi: number): void {
    this.arrivals++;
    if (this.doorbell !== undefined) this.doorbell.deliver(0, lpi);
    else this.vgic.inject(0, lpi, 1);
  }

  run(lpis: readonly number[]): void {
    for (const lpi of lpis) this.runThrough(() => this.arrive(lpi));
  }

  /** In the guest: what software injects makes it exit for a moment, what hardware delivers does not. */
  runThrough(happen: () => void): void {
    const { cost } = this.vgic.state;
    const { ipis } = cost;
    happen();
    if (cost.ipis > ipis) {
      this.vgic.sync(0);
      this.vgic.flush(0);
    }
    this.take();
  }

  beScheduledOut(lpis: readonly number[]): void {
    this.vgic.sync(0);
    this.doorbell?.put(0, false);
    for (const lpi of lpis) this.arrive(lpi);
    this.doorbell?.load(0);
    this.enter();
  }

  halt({ late, asleep, ordinary, maybe, closed }: Turn): void {
    const { vgic, doorbell } = this;
    const { kicks, state } = vgic;
    if (closed) state.pmr[0] = CLOSED_PMR;
    vgic.sync(0);
    doorbell?.put(0, true, maybe);
    for (const lpi of late) this.arrive(lpi);
    if (doorbell !== undefined) doorbell.halt(0);
    else if (kicks.requestSet[0] === 0 && !vgic.pendingTest(0)) kicks.block(0);
    if (!kicks.isBlocked(0)) {
      this.refused++;
      this.resume();
      if (ordinary) this.runThrough(() => vgic.inject(0, SPI, 1));
      this.run(asleep);
      return;
    }
    if (ordinary) vgic.inject(0, SPI, 1);
    for (const lpi of asleep) this.arrive(lpi);
    if (kicks.isBlocked(0)) {
      // Only a wait that the model loses comes here; the next turn needs an awake guest.
      this.asleep++;
      kicks.wake(0);
    }
    this.resume();
  }

  /** Behind a wait: load, entry; the guest opens its PMR and takes what is there. */
  resume(): void {
    const { vgic, doorbell } = this;
    const { state, list } = vgic;
    if (doorbell !== undefined) doorbell.load(0);
    else if (!hasDeliverable(state, list, 0)) this.spurious++;
    vgic.flush(0);
    state.pmr[0] = OPEN_PMR;
    this.take();
  }
}

export function countHalts(vgic: Vgic, variant: HaltVariant, turns: readonly Turn[]): HaltCounts {
  const guest = new HaltingGuest(vgic, variant);
  for (const turn of turns) {
    guest.run(turn.running);
    if (turn.scheduledOut !== null) guest.beScheduledOut(turn.scheduledOut);
    guest.halt(turn);
  }
  const { cost } = guest.vgic.state;
  const counts = guest.doorbell?.counts;
  let steps = 0;
  for (let path = 0; path < NR_PATHS; path++) steps += cost.sum[path * NR_METRICS + METRIC_STEPS];
  return {
    halts: turns.length,
    refused: guest.refused,
    arrivals: guest.arrivals,
    direct: counts?.direct ?? 0,
    doorbells: counts?.doorbells ?? 0,
    skipped: counts?.skipped ?? 0,
    skippedBlocked: counts?.skippedBlocked ?? 0,
    injections: cost.injections,
    kicks: cost.kicks,
    wakeups: cost.wakeups,
    ipis: cost.ipis,
    entries: cost.calls[PATH_FLUSH],
    masks: (counts?.masks ?? 0) + (counts?.unmasks ?? 0),
    readBacks: counts?.readBacks ?? 0,
    vpeLocks: counts?.vpeLocks ?? 0,
    vgicLocks: cost.locksSoFar(),
    steps,
    handlerSteps: counts?.handlerSteps ?? 0,
    spurious: counts?.spuriousWakeups ?? guest.spurious,
    asleep: guest.asleep,
  };
}
