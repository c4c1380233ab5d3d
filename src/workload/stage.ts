/** A clock, and whose turn it is: generators in which each vCPU does its next step at a time of its own (microseconds). */
import type { Generator } from '../base/rng.js';
import type { EventSink } from '../trace/events.js';

export interface Stage {
  now(): number;
  /** Ticks before the event that is written next: a step's events follow one another closely. */
  nextDt(): number;
  /** Around `mean`: 1 to twice that, uniformly. */
  around(mean: number): number;
  /** When each vCPU steps next. */
  readonly nextAt: number[];
  /** Runs `action` that many microseconds from now, between the steps of vCPUs. */
  after(delay: number, action: () => void): void;
  /** Steps the vCPU whose time has come, until `isOver`. */
  play(step: (vcpu: number) => void, isOver: () => boolean): void;
}

/** Longest pause between two events of one step. */
const STEP_PAUSE = 60;
/** vCPUs start within this time. */
const START = 1000;

export function createStage(nrVcpus: number, rng: Generator): Stage {
  const nextAt: number[] = Array.from({ length: nrVcpus }, () => rng.nextBelow(START));
  const arrivals: { readonly at: number; readonly action: () => void }[] = [];
  let now = 0;
  let written = 0;

  function soonest(): number {
    let best = 0;
    for (let vcpu = 1; vcpu < nrVcpus; vcpu++) if (nextAt[vcpu] < nextAt[best]) best = vcpu;
    return best;
  }

  return {
    nextAt,
    now: () => now,
    nextDt() {
      now += 1 + rng.nextBelow(STEP_PAUSE);
      const dt = now - written;
      written = now;
      return dt;
    },
    around: (mean) => 1 + rng.nextBelow(2 * mean),
    after(delay, action) {
      const at = now + delay;
      let index = arrivals.length;
      while (index > 0 && arrivals[index - 1].at < at) index--;
      arrivals.splice(index, 0, { at, action });
    },
    play(step, isOver) {
      while (!isOver()) {
        const vcpu = soonest();
        const arrival = arrivals.at(-1);
        if (arrival !== undefined && arrival.at <= nextAt[vcpu]) {
          arrivals.pop();
          now = Math.max(now, arrival.at);
          arrival.action();
        } else {
          now = Math.max(now, nextAt[vcpu]);
          step(vcpu);
        }
      }
    },
  };
}

/** Events as they are, counted: for guests that need no follower. */
export interface Pen {
  events(): number;
  write(kind: number, vcpu: number, intid: number, value: number): void;
}

export function createPen(sink: EventSink, nextDt: () => number): Pen {
  let events = 0;
  return {
    events: () => events,
    write(kind, vcpu, intid, value) {
      events++;
      sink.event(kind, vcpu, intid, value, nextDt());
    },
  };
}
