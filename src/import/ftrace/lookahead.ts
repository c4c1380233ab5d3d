/** What the recording shows after a choice: tried on the shadow and rolled back. */
import type { GicModel } from '../../gic/intid.js';
import { readBackLrs } from './list-registers.js';
import type { QueueOperation } from './operation.js';
import { runQueue, SIGN_STATE, scoreFlush, scoreFlushOf, scoreRemovalOf, scoreRemovals } from './scores.js';
import type { Shadow } from './shadow.js';
import { KEY_MACHINE, type Step } from './step.js';
import type { Interval, Timeline } from './timeline.js';

const MAX_OPERATIONS = 600;
/** Lines about an interrupt (flushes, for a list) after which the consequences of a choice have shown. */
export const MAX_SIGNS = 12;

/** What was run out of its turn: it is not run again. */
export type RunSet = Set<Step | QueueOperation>;

/** A step under way that is to take effect after so many signs, at the latest when its interval ends. */
export interface LateStep {
  readonly step: Step;
  readonly afterSigns: number;
  readonly closeLine: number;
}

export class Lookahead {
  readonly #timeline: Timeline;
  readonly #shadow: Shadow;
  readonly #model: GicModel;

  constructor(timeline: Timeline, shadow: Shadow, model: GicModel) {
    this.#timeline = timeline;
    this.#shadow = shadow;
    this.#model = model;
  }

  /**
   * Contradictions in what follows `prologue`, with everything in the order of time, as far as it shows the interrupt
   * `key` (KEY_MACHINE: all) or the list of vCPU `home`. `prologue` notes in its set what it runs.
   */
  foresee(key: number, home: number, prologue: (run: RunSet) => void, late: LateStep | null): number {
    return this.#shadow.attempt(() => {
      const run: RunSet = new Set();
      prologue(run);
      return this.#runAhead(key, home, run, late);
    });
  }

  #runAhead(key: number, home: number, run: RunSet, late: LateStep | null): number {
    const open = [...this.#timeline.pending];
    let wrong = 0;
    let signs = 0;
    let waiting = late;
    if (late !== null) run.add(late.step);
    for (const op of this.#timeline.ahead(MAX_OPERATIONS)) {
      if (signs >= MAX_SIGNS) break;
      if (waiting !== null && (signs >= waiting.afterSigns || op.line > waiting.closeLine)) {
        this.#shadow.apply(waiting.step);
        waiting = null;
      }
      for (let at = 0; at < open.length; at++) {
        const interval = open[at];
        const effect = interval.type === 'silent' ? this.#timeline.effectTick(interval) : interval.closeTick;
        if (interval.closeLine >= op.line && (interval.type === 'append' || op.tick < effect)) continue;
        open.splice(at--, 1);
        this.#runAll(interval, run);
      }
      if (op.type === 'queue') {
        const score = run.has(op) || this.#timeline.wasWrittenEarly(op) ? 0 : runQueue(this.#shadow, op, false);
        if (op.key !== key) continue;
        wrong += SIGN_STATE * score;
        signs++;
      } else if (op.type === 'silent') {
        open.push(this.#timeline.silentInterval(op));
      } else if (op.type === 'flush') {
        const outcome = this.#shadow.flush(op.vcpu);
        if (op.vcpu !== home) continue;
        wrong += key === KEY_MACHINE ? scoreFlush(this.#model, op, outcome) : scoreFlushOf(key, op, outcome);
        if (key === KEY_MACHINE || op.populates.some((populate) => populate.key === key)) signs++;
      } else if (op.type === 'sync' || op.type === 'prune') {
        const sync = op.type === 'sync' ? op : op.sync;
        if (op.type === 'sync' && sync.fold !== null) {
          this.#shadow.sample(sync.vcpu, sync.physical);
          this.#shadow.fold(sync.vcpu, readBackLrs(this.#model, sync.fold));
        }
        const prune = op.type === 'prune' ? op : { sync, moves: [], isWhole: true, held: [] };
        const predicted = this.#shadow.prune(sync.vcpu, prune.held);
        if (sync.vcpu !== home || prune.held.some((removal) => removal.key === key)) continue;
        wrong += key === KEY_MACHINE ? scoreRemovals(prune, predicted) : scoreRemovalOf(key, sync, predicted);
        if (sync.removals.some((removal) => removal.key === key)) signs++;
      }
    }
    return wrong;
  }

  /** What has not been run of an interval. */
  #runAll(interval: Interval, run: Readonly<RunSet>): void {
    if (interval.type === 'append') {
      for (const [atom, op] of interval.ops.entries()) {
        if (interval.done[atom] !== true && !run.has(op)) runQueue(this.#shadow, op, true);
      }
    } else {
      for (const [atom, step] of interval.op.steps.entries()) {
        if (interval.done[atom] !== true && !run.has(step)) this.#shadow.apply(step);
      }
    }
  }
}
