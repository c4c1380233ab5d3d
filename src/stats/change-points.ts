/**
 * Where the level of a series changed: E-divisive means (Matteson and James 2014, arXiv 1306.4933) on logarithms, in windows
 * and with a merge step (Fleming et al. 2023, arXiv 2301.03034).
 *
 * 1. Windows of 50 points, each begun 25 points after the one before it or at the last change found, whichever is later.
 * 2. In a window the split with the largest energy statistic
 *    Q = nm/(n+m) * (2 mean|x-y| - mean|x-x'| - mean|y-y'|) is tried: the points are put in random order and split again,
 *    each time with the best split of that order (so that choosing the split costs nothing in honesty), and p is the share
 *    of orders with a Q at least as large. If p is at most alpha, both parts are searched in the same way.
 * 3. Merge: the smallest change goes while it is below the least size, since its neighbours then change theirs. Those that stay
 *    are tested again between their neighbours (at most 50 points on a side) with more random orders; the one with the largest
 *    p goes if that is above alpha, and the merge begins anew.
 *
 * Differs from Apache Otava 0.6 and later: a permutation test where Otava takes Student's t-test (its thresholds from 0.2 to
 * 1e-5 are therefore not ours), one alpha in both steps where Otava searches with a larger one first, logarithms, a least
 * number of points on each side, and the size of a change taken from medians, which one wild value does not move. Differs
 * from Matteson and James: the right part of a split ends where the window ends.
 *
 * What alpha promises: at most that share of windows without a change have a point. A series of n points has about n/25
 * windows; the least size, not alpha, is what keeps a long series of small waves quiet.
 */
import { createGenerator, type Generator } from '../base/rng.js';
import { quantile } from './quantile.js';

export interface ChangePointPlan {
  /** Largest p at which a split is called a change; `draws` must be able to show it: alpha * (draws + 1) >= 1. */
  readonly alpha: number;
  /** Smallest relative change that is reported, as a share: 0.05. */
  readonly leastSize: number;
  /** Random orders of a test of the merge step, at most. */
  readonly draws: number;
  readonly window: number;
  /** Points on each side of a change, at least. */
  readonly leastSide: number;
  /** After the last change of a series, at least: the newest change may be seen a little earlier. */
  readonly leastAfter: number;
  readonly seed: number;
}

/** anchors 3.6: E-divisive, p <= 0.001, window 50, 10 points on each side and 5 after the change, 5 %. */
export const CHANGE_POINT_PLAN: ChangePointPlan = {
  alpha: 0.001,
  leastSize: 0.05,
  draws: 9999,
  window: 50,
  leastSide: 10,
  leastAfter: 5,
  seed: 1,
};

export interface ChangePoint {
  /** First point of the new level. */
  readonly index: number;
  /** Medians of the points up to the neighbouring changes (or ends), at most a window on a side. */
  readonly before: number;
  readonly after: number;
  /** after / before - 1. */
  readonly size: number;
  /** Of the merge step. */
  readonly p: number;
}

/** Of the search in windows; more if alpha is smaller than they can show. */
const FIRST_DRAWS = 199;

/** Points [start, end) of the series. */
interface Stretch {
  readonly start: number;
  readonly end: number;
}

/**
 * Change points in ascending order. `values` positive, in the order of time. The same seed gives the same answer. Throws
 * RangeError for values that have no logarithm and for an alpha that so few draws cannot show.
 */
export function findChangePoints(values: readonly number[], plan: Partial<ChangePointPlan> = {}): ChangePoint[] {
  const settled = { ...CHANGE_POINT_PLAN, ...plan };
  const { alpha, draws, window, leastSide } = settled;
  const bad = values.findIndex((value) => !(value > 0 && Number.isFinite(value)));
  if (bad >= 0) throw new RangeError(`findChangePoints: value ${bad} is ${values[bad]}`);
  if (!(alpha > 0 && alpha < 1) || alpha * (draws + 1) < 1)
    throw new RangeError(`findChangePoints: alpha ${alpha} with ${draws} draws`);
  if (window < 2 * leastSide) throw new RangeError(`findChangePoints: window ${window} of sides of ${leastSide}`);
  const search = createSearch(Float64Array.from(values, Math.log), settled);
  return mergePoints(values, search.splitAll(), search, settled);
}

interface Search {
  splitAll(): number[];
  /** p of a change at `index` among the points of the stretch. */
  test(stretch: Stretch, index: number): number;
}

function createSearch(logs: Float64Array, plan: ChangePointPlan): Search {
  const generator = createGenerator(plan.seed);
  /** Enough to show alpha; what is found is tested again with all draws. */
  const firstDraws = Math.min(plan.draws, Math.max(FIRST_DRAWS, Math.ceil(1 / plan.alpha) - 1));
  /** Sides that a split of the stretch must leave: fewer points are enough at the end of the series. */
  const afterLeast = (stretch: Stretch): number => (stretch.end === logs.length ? plan.leastAfter : plan.leastSide);

  const test = (stretch: Stretch, index: number): number => {
    const points = logs.subarray(stretch.start, stretch.end);
    const energy = createEnergy(points, plan.leastSide, afterLeast(stretch));
    return shareAtLeast(energy, energy.at(index - stretch.start), plan.alpha, plan.draws, generator);
  };

  const split = (stretch: Stretch): number[] => {
    const points = logs.subarray(stretch.start, stretch.end);
    const energy = createEnergy(points, plan.leastSide, afterLeast(stretch));
    const best = energy.best();
    if (best === null || shareAtLeast(energy, best.q, plan.alpha, firstDraws, generator) > plan.alpha) return [];
    const index = stretch.start + best.split;
    return [...split({ start: stretch.start, end: index }), index, ...split({ start: index, end: stretch.end })];
  };

  const splitAll = (): number[] => {
    const found: number[] = [];
    const step = Math.floor(plan.window / 2);
    for (let start = 0; ; ) {
      const end = Math.min(start + plan.window, logs.length);
      const points = split({ start, end });
      found.push(...points);
      if (end === logs.length) return found;
      start = Math.max(points.at(-1) ?? 0, start + step);
    }
  };
  return { splitAll, test };
}

interface Energy {
  /** Q of the split before point `split`, in the given order. */
  at(split: number): number;
  /** Largest Q of the allowed splits in the given order; null if the points are too few for one. */
  best(): { readonly split: number; readonly q: number } | null;
  /** Largest Q after the points were put in random order. */
  shuffledBest(generator: Generator): number;
}

/** `leastBefore`, `leastAfter`: points that a split must leave on its sides. */
function createEnergy(given: Float64Array, leastBefore: number, leastAfter: number): Energy {
  const n = given.length;
  const points = given.slice();
  /** Of each point, its distances to all others: the same in any order. */
  const sums = points.map((point) => points.reduce((sum, other) => sum + Math.abs(point - other), 0));
  const total = sums.reduce((sum, value) => sum + value, 0) / 2;
  const q = new Float64Array(n);

  /** q[split] in the present order: one point after the other changes to the left side. */
  const compute = (): void => {
    let left = 0;
    let right = total;
    for (let split = 1; split <= n - leastAfter; split++) {
      const moved = points[split - 1];
      let toLeft = 0;
      for (let other = 0; other < split - 1; other++) toLeft += Math.abs(moved - points[other]);
      left += toLeft;
      right -= sums[split - 1] - toLeft;
      const m = n - split;
      const meanLeft = split < 2 ? 0 : (2 * left) / (split * (split - 1));
      const meanRight = m < 2 ? 0 : (2 * right) / (m * (m - 1));
      q[split] = ((split * m) / n) * ((2 * (total - left - right)) / (split * m) - meanLeft - meanRight);
    }
  };
  const bestSplit = (): number => {
    let found = 0;
    for (let split = leastBefore; split <= n - leastAfter; split++)
      if (found === 0 || q[split] > q[found]) found = split;
    return found;
  };
  compute();
  const split = bestSplit();
  const best = split === 0 ? null : { split, q: q[split] };
  const ofGiven = q.slice();
  return {
    best: () => best,
    at: (wanted) => ofGiven[wanted],
    shuffledBest(generator) {
      for (let last = n - 1; last > 0; last--) {
        const pick = generator.nextBelow(last + 1);
        const [point, sum] = [points[last], sums[last]];
        points[last] = points[pick];
        sums[last] = sums[pick];
        points[pick] = point;
        sums[pick] = sum;
      }
      compute();
      return q[bestSplit()];
    },
  };
}

/**
 * (1 + hits) / (1 + draws): the share of random orders whose best split is at least as good as `observed`. Ends as soon as
 * the share must be above alpha, and then gives hits / draws so far (Besag and Clifford 1991).
 */
function shareAtLeast(energy: Energy, observed: number, alpha: number, draws: number, generator: Generator): number {
  // Sums that are equal on paper differ in their last bits.
  const bar = observed - 1e-9 * Math.abs(observed);
  const most = alpha * (draws + 1);
  let hits = 0;
  for (let draw = 1; draw <= draws; draw++) {
    if (energy.shuffledBest(generator) >= bar) hits++;
    if (1 + hits > most) return Math.max(hits / draw, (1 + hits) / (1 + draws));
  }
  return (1 + hits) / (1 + draws);
}

interface Level {
  readonly index: number;
  /** What it is tested in: up to its neighbours, at most a window on a side. */
  readonly stretch: Stretch;
  readonly before: number;
  readonly after: number;
  readonly size: number;
}

function mergePoints(
  values: readonly number[],
  found: readonly number[],
  search: Search,
  { alpha, leastSize, window }: ChangePointPlan,
): ChangePoint[] {
  let indexes = [...found];
  const levelAt = (at: number): Level => {
    const index = indexes[at];
    const start = Math.max(indexes[at - 1] ?? 0, index - window);
    const end = Math.min(indexes[at + 1] ?? values.length, index + window);
    const before = quantile(values.slice(start, index), 0.5);
    const after = quantile(values.slice(index, end), 0.5);
    return { index, stretch: { start, end }, before, after, size: after / before - 1 };
  };
  /** A change is tested once in the same surroundings. */
  const tested = new Map<string, number>();
  const pOf = ({ index, stretch }: Level): number => {
    const key = `${stretch.start} ${index} ${stretch.end}`;
    const p = tested.get(key) ?? search.test(stretch, index);
    tested.set(key, p);
    return p;
  };
  for (;;) {
    const levels = indexes.map((_, at) => levelAt(at));
    const smallest = findWorst(levels, ({ size }) => -Math.abs(Math.log1p(size)));
    if (smallest === undefined) return [];
    if (Math.abs(smallest.size) < leastSize) {
      indexes = indexes.filter((index) => index !== smallest.index);
      continue;
    }
    const points = levels.map((level) => ({ ...level, p: pOf(level) }));
    const weakest = findWorst(points, ({ p }) => p);
    if (weakest === undefined || weakest.p <= alpha)
      return points.map(({ index, before, after, size, p }) => ({ index, before, after, size, p }));
    indexes = indexes.filter((index) => index !== weakest.index);
  }
}

/** The first of those with the largest rank. */
function findWorst<T>(points: readonly T[], rank: (point: T) => number): T | undefined {
  return points.reduce<T | undefined>(
    (worst, point) => (worst === undefined || rank(point) > rank(worst) ? point : worst),
    undefined,
  );
}
