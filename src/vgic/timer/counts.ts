/** What the timers of a machine cost, counted. Kept by the counted build only. */
import { COUNTED } from '#counting';

/** One entry a counter; the place is the number that `count` takes. Units: occurrences since the start. */
const TIMER_COUNTERS = [
  /** Host timer interrupts taken while the vCPU was loaded, and how many of these ended a guest run. */
  'hostInterrupts',
  'exitsByHostInterrupt',
  /** Runs that ended with -EINTR because a level differed from what user space was told. */
  'exitsToUser',
  /** Entries that the check of a userspace irqchip let through. */
  'entries',
  /** kvm_timer_update_irq: levels given to the line, whether they changed or not. */
  'lineUpdates',
  /** Of these, calls to the vgic; redundant ones, which validate_injection dropped; ones refused (owner, not initialised). */
  'injections',
  'redundantInjections',
  'refusedInjections',
  /** The host's timer interrupt was kept from firing again, and allowed to. */
  'masks',
  'unmasks',
  /** Physical active states written by software; the hardware's own changes are not in it. */
  'activeStateWrites',
  /** Guest accesses to an emulated timer. */
  'traps',
  /** Soft timers: armed (emulated and background), expired; vCPUs woken by the background one. */
  'softTimerStarts',
  'softTimerExpiries',
  'wakeups',
  'loads',
  'puts',
] as const;

export type TimerCounter = (typeof TIMER_COUNTERS)[number];
export type TimerCounts = Readonly<Record<TimerCounter, number>>;

export interface Tally {
  count(counter: TimerCounter): void;
  counts(): TimerCounts;
  reset(): void;
}

export function createTally(): Tally {
  const tally: Record<TimerCounter, number> = zeros();
  return {
    count: COUNTED
      ? (counter) => {
          tally[counter] += 1;
        }
      : () => {},
    counts: () => ({ ...tally }),
    reset() {
      for (const counter of TIMER_COUNTERS) tally[counter] = 0;
    },
  };
}

const zeros = (): Record<TimerCounter, number> =>
  Object.fromEntries(TIMER_COUNTERS.map((counter) => [counter, 0])) as Record<TimerCounter, number>;
