/**
 * The injection path cut open where the kernel holds no lock: queue_unlock drops the irq_lock, takes the list lock and the
 * irq_lock again, and looks whether anything changed in between (window W, vgic-spec 1.8). An event of a trace is atomic, so
 * replays never see the window; studies and tests act inside it, on the same state and lists as the whole path (queue.ts).
 */
import type { ApList } from './ap-list.js';
import type { Kicks } from './kicks.js';
import { createQueuedNotice } from './queue.js';
import { slotOf, type VgicState } from './state.js';
import { EXISTS, LATCH, LEVEL, LINE, QUEUED_FIELD, QUEUED_SHIFT, targetOracle, WIRE } from './word.js';

/**
 * How an injection ended. `unknown`: -EINVAL, no such interrupt; `refused`: no change of level, no rising edge; `nobody`: the
 * oracle names no vCPU; `queued-already`: on a list before or since, the oracle's vCPU is kicked.
 */
export type InjectionEnd = 'unknown' | 'refused' | 'nobody' | 'queued-already' | 'queued';

/** One injection on its way. */
export interface Attempt {
  readonly slot: number;
  /** The vCPU whose list it goes for; changes with each turn. */
  target: number;
  /** Turns that found something changed. */
  retries: number;
  /** Lock acquisitions so far. */
  locks: number;
  /** Undefined inside the window. */
  end: InjectionEnd | undefined;
}

export interface QueueWindow {
  /** Up to the window, or to the end if the interrupt is not to be queued. */
  begin(vcpu: number, intid: number, level: number): Attempt;
  /** From the window to the end, or to the next window. */
  proceed(attempt: Attempt): void;
}

export function createQueueWindow(s: VgicState, { list, kicks }: { list: ApList; kicks: Kicks }): QueueWindow {
  const { word, dist, cost, queuedRows } = s;
  const notifyQueued = createQueuedNotice(s, kicks);
  const oracleOf = (slot: number): number => targetOracle(word[slot], dist[0] === 1);
  const isQueued = (slot: number): boolean => (word[slot] & QUEUED_FIELD) !== 0;

  function finish(attempt: Attempt, end: InjectionEnd): void {
    attempt.end = end;
    // Other calls were booked while this one stood in the window.
    cost.locks += attempt.locks;
    cost.endAppend(attempt.target);
  }

  /** The head of the loop: irq_lock held on entry, nothing on return. */
  function turn(attempt: Attempt): void {
    const { slot } = attempt;
    const target = oracleOf(slot);
    attempt.target = target;
    if (!isQueued(slot) && target >= 0) return;
    if (target >= 0) kicks.kick(target, true);
    finish(attempt, isQueued(slot) ? 'queued-already' : 'nobody');
  }

  function append(attempt: Attempt): void {
    const { slot, target } = attempt;
    word[slot] |= (target + 1) << QUEUED_SHIFT;
    queuedRows[target] += 1;
    list.insert(target, slot);
    finish(attempt, 'queued');
    notifyQueued(slot, target);
  }

  return {
    begin(vcpu, intid, level) {
      const isKnown = vcpu >= 0 || intid >= 32;
      const found = isKnown ? slotOf(s, vcpu, intid) : -1;
      const slot = found >= 0 && (word[found] & EXISTS) !== 0 ? found : -1;
      const attempt: Attempt = { slot, target: -1, retries: 0, locks: 0, end: undefined };
      if (slot < 0) {
        attempt.end = 'unknown';
        return attempt;
      }
      cost.injections += 1;
      attempt.locks = 1;
      const w = word[slot];
      const isLevel = (w & LEVEL) !== 0;
      const isChange = isLevel ? ((w & LINE) !== 0) !== (level === 1) : level === 1;
      if (!isChange) {
        cost.redundantInjections += 1;
        finish(attempt, 'refused');
        return attempt;
      }
      if (!isLevel) word[slot] = w | LATCH;
      else word[slot] = level === 1 ? w | LINE | WIRE : w & ~(LINE | WIRE);
      if (isQueued(slot)) list.touch(slot);
      turn(attempt);
      return attempt;
    },
    proceed(attempt) {
      const { slot, target } = attempt;
      // List lock and irq_lock.
      attempt.locks += 2;
      if (!isQueued(slot) && oracleOf(slot) === target) {
        append(attempt);
        return;
      }
      attempt.retries += 1;
      attempt.locks += 1;
      turn(attempt);
    },
  };
}
