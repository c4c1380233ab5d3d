/** For one observed moment: which of the steps under way come before it? */

import { type Lookahead, MAX_SIGNS, type RunSet } from './lookahead.js';
import type { Moment, QueueOperation } from './operation.js';
import { LR_WEIGHT, runQueue } from './scores.js';
import { MAX_TRIALS, type Movable, type Placed, searchPlacement } from './search.js';
import type { Shadow } from './shadow.js';
import { KEY_MACHINE, type Step } from './step.js';
import { appendOf, type Interval, type SilentInterval, type Timeline } from './timeline.js';

/** What can be moved across an observation: one atom of an interval. */
export interface Unit extends Movable {
  readonly interval: Interval;
  readonly atom: number;
}

/** A moment that the recording tells about. */
export interface Observation {
  /** Does it see or change this interrupt? */
  readonly touches: (key: number) => boolean;
  /** vCPU whose list it sees, -1: none. */
  readonly list: number;
  readonly line: number;
  readonly tick: number;
  /** When it does so: the observation itself, or a later moment inside it. */
  readonly moment: (key: number) => Moment;
  readonly endLine: number;
  /** Default position of a later exact operation inside the observation: true = before it. */
  readonly before: (op: QueueOperation) => boolean;
  /** Runs it on the shadow; returns how badly the recording contradicts. */
  readonly run: () => number;
}

export interface Decision {
  /** Steps to write before the observation, in order. */
  readonly before: readonly Unit[];
  /** How many steps left their place in time because of what the recording shows. */
  readonly changed: number;
}

/** Each failed search in a row halves the next one's trials: a broken text must not cost minutes. */
const MAX_HALVINGS = 8;
/** More steps than this around one observation are only met in broken text. */
const MAX_UNITS = 256;
/** Looks ahead for one interval: one whose thread never came back overlaps everything. */
const MAX_EXAMINED = 200;
/** After so many, the consequences of choices are not looked at any more either. */
const HOPELESS = 4;

/** Weight of an order that cannot have been: less than anything the recording shows. */
const INVERSION = 0.25;

const keyOf = ({ interval, atom }: Unit): number =>
  interval.type === 'append' ? interval.ops[atom].key : interval.op.steps[atom].key;

/** Line behind which it cannot take effect any more; its line, if the change of state has an exact moment. */
const endOf = ({ interval, atom }: Unit): number =>
  interval.type === 'append' ? interval.ops[atom].line : interval.closeLine;

/** Pairs of which the later is before the observation and the earlier behind it: of one interrupt, or of one write. */
function countInversions(placed: readonly Placed<Unit>[]): number {
  let inversions = 0;
  for (const { item: late, before } of placed) {
    if (!before) continue;
    for (const { item: early, before: isEarly } of placed) {
      if (!isEarly && keyOf(early) === keyOf(late) && endOf(early) < late.interval.line) inversions++;
    }
  }
  return inversions;
}

export class PlacementFinder {
  #failuresInARow = 0;
  readonly #timeline: Timeline;
  readonly #shadow: Shadow;
  readonly #lookahead: Lookahead;

  constructor(timeline: Timeline, shadow: Shadow, lookahead: Lookahead) {
    this.#timeline = timeline;
    this.#shadow = shadow;
    this.#lookahead = lookahead;
  }

  decide(observation: Observation): Decision {
    const units = this.#collectUnits(observation);
    if (units.length === 0) return { before: [], changed: 0 };
    const found = searchPlacement(
      units,
      (placed) => this.#shadow.attempt(() => this.#score(observation, placed, null)),
      MAX_TRIALS >> Math.min(this.#failuresInARow, MAX_HALVINGS),
    );
    this.#failuresInARow = found.wrong < LR_WEIGHT ? 0 : this.#failuresInARow + 1;
    const placed = [...found.placed];
    let { changed } = found;
    for (let i = 0; i < placed.length && this.#failuresInARow < HOPELESS; i++) {
      if (this.#revise(observation, placed, i, found.wrong)) changed++;
    }
    for (const { item, before } of placed) {
      if (!before && item.initial && item.interval.type === 'silent') item.interval.stalled = true;
    }
    return { before: placed.filter((at) => at.before).map((at) => at.item), changed };
  }

  /**
   * Both sides may agree with this observation and still leave different states: what the recording shows of the
   * interrupt next then decides. Returns whether the step changed sides.
   */
  #revise(observation: Observation, placed: Placed<Unit>[], i: number, wrong: number): boolean {
    const { item, before } = placed[i];
    if (item.interval.type !== 'silent' || item.interval.examined >= MAX_EXAMINED) return false;
    const { key } = item.interval.op.steps[item.atom];
    if (key === KEY_MACHINE) return false;
    const step = item.interval.op.steps[item.atom];
    const other = placed.with(i, { item, before: !before });
    const end = (arrangement: readonly Placed<Unit>[]): string =>
      this.#shadow.attempt(() => {
        const score = this.#score(observation, arrangement, null);
        if (!arrangement[i].before) this.#shadow.apply(step);
        return score === wrong ? this.#shadow.describe(key) : '';
      });
    const otherEnd = end(other);
    if (otherEnd === '' || otherEnd === end(placed)) return false;
    item.interval.examined++;
    const irq = this.#shadow.irq(key);
    const home = irq === undefined ? -1 : irq.queued >= 0 ? irq.queued : irq.target;
    const foresee = (arrangement: readonly Placed<Unit>[]): number => {
      const prologue = (run: RunSet): void => {
        this.#score(observation, arrangement, run);
      };
      if (arrangement[i].before) return this.#lookahead.foresee(key, home, prologue, null);
      // Later may be right behind the observation or any time until the interval ends.
      let least = Number.POSITIVE_INFINITY;
      for (let afterSigns = 0; afterSigns < MAX_SIGNS && least > 0; afterSigns++) {
        const late = { step, afterSigns, closeLine: item.interval.closeLine };
        least = Math.min(least, this.#lookahead.foresee(key, home, prologue, late));
      }
      return least;
    };
    if (foresee(other) >= foresee(placed)) return false;
    placed[i] = other[i];
    return true;
  }

  /** Atoms before the observation, the observation, then the exact operations inside it that come after. */
  #score(observation: Observation, placed: readonly Placed<Unit>[], run: RunSet | null): number {
    let wrong = INVERSION * countInversions(placed);
    for (const { item, before } of placed) if (before) wrong += this.#runAtom(item, run);
    wrong += observation.run();
    const behind = placed.filter((at) => !at.before).map((at) => at.item);
    for (const { interval } of behind) {
      if (interval.type === 'append' && interval.line > observation.line)
        wrong += this.#runBehind(interval.ops[0], behind, run);
    }
    return wrong;
  }

  /** An exact operation behind the observation; what else is behind it may have come in between. */
  #runBehind(op: QueueOperation, behind: readonly Unit[], run: RunSet | null): number {
    const silent = behind.flatMap(({ interval, atom }) =>
      interval.type === 'silent' && interval.line < op.line && interval.op.steps[atom].key === op.key
        ? [interval.op.steps[atom]]
        : [],
    );
    const tryWith = (steps: readonly Step[]): number =>
      this.#shadow.attempt(() => {
        for (const step of steps) this.#shadow.apply(step);
        return runQueue(this.#shadow, op, false);
      });
    if (silent.length > 0 && tryWith(silent) < tryWith([])) {
      for (const step of silent) {
        this.#shadow.apply(step);
        run?.add(step);
      }
    }
    run?.add(op);
    return runQueue(this.#shadow, op, false);
  }

  #runAtom({ interval, atom }: Unit, run: RunSet | null): number {
    if (interval.type === 'append') {
      run?.add(interval.ops[atom]);
      return runQueue(this.#shadow, interval.ops[atom], interval.ops.length > 1);
    }
    run?.add(interval.op.steps[atom]);
    this.#shadow.apply(interval.op.steps[atom]);
    return 0;
  }

  #collectUnits(observation: Observation): Unit[] {
    const units: Unit[] = [];
    let group = 0;
    const add = (interval: Interval, atom: number, initial: boolean): void => {
      if (interval.done[atom] !== true && units.length < MAX_UNITS) units.push({ interval, atom, group, initial });
    };
    const addSilent = (interval: SilentInterval): void => {
      group++;
      const effectTick = this.#timeline.effectTick(interval);
      for (const [atom, { key }] of interval.op.steps.entries()) {
        if (key !== KEY_MACHINE && !observation.touches(key)) continue;
        const { line, tick } = observation.moment(key);
        add(interval, atom, interval.line < line && effectTick <= tick);
      }
    };
    for (const interval of this.#timeline.pending) {
      if (interval.type === 'append') {
        if (!observation.touches(interval.ops[0].key) && interval.to !== observation.list) continue;
        group++;
        const initial = observation.tick - interval.tick >= interval.closeTick - observation.tick;
        for (let atom = 0; atom < interval.ops.length; atom++) add(interval, atom, initial);
      } else if (!interval.op.redundant) addSilent(interval);
    }
    for (const op of this.#timeline.ahead()) {
      if (op.line > observation.endLine) break;
      if (
        op.type === 'queue' &&
        op.steps.length > 0 &&
        !this.#timeline.wasWrittenEarly(op) &&
        observation.touches(op.key)
      ) {
        group++;
        add(appendOf(op), 0, observation.before(op));
      } else if (op.type === 'silent' && !op.redundant) addSilent(this.#timeline.silentInterval(op));
    }
    return units;
  }
}
