/**
 * One piece of a search: what a worker does. A job knows all that it needs and draws from its own seed, so that its result
 * does not depend on which worker runs it, or when.
 */
import { createGenerator } from '../base/rng.js';
import type { GuestProgram, ProgramSize } from '../hostile/program.js';
import type { PathName } from '../replay/result.js';
import { type Champion, cellIndex, dimensionOf, lengthOf, targetOf } from './archive.js';
import type { Attacker } from './attacker.js';
import { declaredBy, worstSizeOf } from './bounds.js';
import { dimensions } from './dimensions.js';
import { createEvaluator, type Evaluator, type Limits, type Target } from './evaluate.js';
import { createProgramSource } from './mutate.js';
import { insertionsOf, neighboursOf } from './neighbours.js';

/**
 * How candidates are drawn. `walk`: steps from the cell's champion that may go down by a share, since the way to a worse guest
 * often leads over several changes that alone change nothing; after so many steps it begins anew. `climb`: every small step
 * from the champion, and from whatever is better, to a peak; then from near it. `island`: the same as a walk, from plain
 * programs and without knowing the champion, so that a second-best way does not keep the best one away. `graft`: the champion
 * and pieces of the others, or one of them and pieces of the champion; a gain is gone on with.
 */
export type Way = 'walk' | 'climb' | 'island' | 'graft';

const DRIFTS = [1, 0.9, 0.6];
const WALK = 64;
/** Plain programs of which an island begins with the worst one, and steps without a gain after which it is left. */
const SETTLERS = 40;
const PATIENCE = 120;
/** What an island's programs may grow to without a gain: the way there may lead over changes that alone change nothing. */
const SHORT = 6;
/** A climb leaves out what costs no more than this before it looks for gains: there are fewer steps to try then. */
const ALMOST = 0.98;
/** A gain of which the other targets are told. */
const NEWS = 1.02;

export interface Job {
  readonly attacker: Attacker;
  readonly limits: Limits;
  readonly targets: readonly Target[];
  readonly size: ProgramSize;
  readonly seed: number;
  readonly way: Way;
  /** The cell that candidates are judged for; any other that they improve counts as well. */
  readonly cell: number;
  /** Judged as they are, first. */
  readonly given: readonly GuestProgram[];
  /** What new candidates are made of, the cell's champion first. Empty: of nothing. */
  readonly parents: readonly GuestProgram[];
  /** Work (evaluate.ts) after which no candidate is begun; 0: the given programs only. */
  readonly quota: number;
  /** Scores are shares of declared worst cases (archive.ts). */
  readonly isNormalised: boolean;
  /** What is known at this size. */
  readonly known: Known;
}

/** By cell: the champion's score and length (archive.ts); 0: none. */
export interface Known {
  readonly scores: readonly number[];
  readonly lengths: readonly number[];
}

export interface Improvement extends Champion {
  readonly cell: number;
}

export interface JobResult {
  readonly evaluations: number;
  readonly work: number;
  /** Given programs that could not be run. */
  readonly rejected: readonly GuestProgram[];
  /** The last one of each cell. */
  readonly improvements: readonly Improvement[];
}

/** Runs jobs one after another; keeps the models that they share. */
export function createJobRunner(): (job: Job) => JobResult {
  const evaluators = new Map<string, Evaluator>();
  return (job) => {
    const key = JSON.stringify([job.attacker, job.limits]);
    const evaluator = evaluators.get(key) ?? createEvaluator(job.attacker, job.limits);
    evaluators.set(key, evaluator);
    return runJob(job, evaluator);
  };
}

const nrOps = ({ setUp, round }: GuestProgram): number => setUp.length + round.length;

function runJob(job: Job, evaluator: Evaluator): JobResult {
  const { targets, size } = job;
  const rng = createGenerator(job.seed);
  const source = createProgramSource(rng, job.attacker, job.parents);
  const scores = [...job.known.scores];
  const declared = targets.map(declaredBy);
  const lengths = [...job.known.lengths];
  /** By cell, in the order in which cells were first improved. */
  const improvements = new Map<number, Improvement>();
  let evaluations = 0;
  let work = 0;

  /** Its scores, or undefined if it cannot be run; `isNews`: some cell of the target has a higher one now. */
  function judge(program: GuestProgram, target: number): { found: readonly number[] | undefined; isNews: boolean } {
    const { figures, work: took } = evaluator.evaluate(program, targets[target], size);
    evaluations += 1;
    work += took;
    if (figures === undefined) return { found: undefined, isNews: false };
    const found = job.isNormalised ? normalise(figures, program, target) : figures;
    const length = lengthOf(program);
    let isNews = false;
    for (let dimension = 0; dimension < dimensions.length; dimension++) {
      const cell = cellIndex(target, dimension);
      const score = found[dimension];
      const isMore = score > scores[cell];
      if (!isMore && (score === 0 || score < scores[cell] || length >= lengths[cell])) continue;
      if (score > scores[cell] * NEWS) isNews = true;
      scores[cell] = score;
      lengths[cell] = length;
      improvements.set(cell, { cell, figure: figures[dimension], score, program });
    }
    return { found, isNews };
  }

  function normalise(figures: readonly number[], program: GuestProgram, target: number): number[] {
    // Of any guest: a model with a lower bound must not keep those with a higher one away.
    const worstSize = { ...worstSizeOf(program, size, targets[target]), model: undefined };
    const bounds = new Map<PathName, number>();
    return figures.map((figure, dimension) => {
      const { path } = dimensions[dimension];
      if (path === undefined || figure === 0) return figure;
      const bound = bounds.get(path) ?? declared[target][path].steps(worstSize);
      bounds.set(path, bound);
      return figure / Math.max(1, bound);
    });
  }

  /** What is bad for one strategy may be worse for another. */
  function judgeEverywhere(program: GuestProgram, first: number): readonly number[] | undefined {
    const { found, isNews } = judge(program, first);
    if (isNews) for (let target = 0; target < targets.length; target++) if (target !== first) judge(program, target);
    return found;
  }

  function candidate(from: GuestProgram | undefined): GuestProgram {
    const share = rng.nextBelow(100);
    if (from === undefined || share < 10) return source.random();
    const other = job.parents[rng.nextBelow(Math.max(1, job.parents.length))] ?? from;
    if (share < 75) return source.mutate(from);
    return share < 85 ? source.mutate(other) : source.mutate(source.recombine(from, other));
  }

  const target = targetOf(job.cell);
  const dimension = dimensionOf(job.cell);
  const rejected = job.given.filter((program) => judgeEverywhere(program, target) === undefined);
  const scoreOf = (program: GuestProgram): number => judgeEverywhere(program, target)?.[dimension] ?? 0;
  const champion = (): GuestProgram | undefined => improvements.get(job.cell)?.program ?? job.parents[0];

  function walk(): void {
    let walker: GuestProgram | undefined = job.parents[0];
    let height = job.known.scores[job.cell];
    let drift = DRIFTS[0];
    for (let step = 1; work < job.quota; step++) {
      const program = candidate(walker);
      const score = scoreOf(program);
      if (score >= height * drift || walker === undefined) {
        walker = program;
        height = score;
      }
      if (step % WALK !== 0) continue;
      walker = champion();
      height = scores[job.cell];
      drift = DRIFTS[rng.nextBelow(DRIFTS.length)];
    }
  }

  /** The worst of a few plain programs. */
  function settle(): { program: GuestProgram; height: number } {
    let best = { program: source.plain(), height: -1 };
    for (let left = SETTLERS; left > 0 && work < job.quota; left--) {
      const program = source.plain();
      const height = scoreOf(program);
      if (height > best.height) best = { program, height };
    }
    return best;
  }

  function settleIslands(): void {
    while (work < job.quota) {
      let { program, height } = settle();
      for (let stale = 0; stale < PATIENCE && work < job.quota; stale++) {
        const changed = source.mutate(program);
        const score = scoreOf(changed);
        if (score < height || (score === height && nrOps(changed) > SHORT)) continue;
        if (score > height) stale = 0;
        program = changed;
        height = score;
      }
    }
  }

  /** Without the operations that do nothing, or next to nothing. */
  function strip(program: GuestProgram, height: number): { program: GuestProgram; height: number } {
    let best = { program, height };
    for (const part of ['setUp', 'round'] as const)
      for (let at = program[part].length - 1; at >= 0 && work < job.quota; at--) {
        const shorter = { ...best.program, [part]: best.program[part].filter((_op, place) => place !== at) };
        const score = scoreOf(shorter);
        if (score > 0 && score >= ALMOST * height) best = { program: shorter, height: score };
      }
    return best;
  }

  /** One operation more, somewhere and most often at the end; too many programs for the size that counts. */
  function longer(program: GuestProgram): GuestProgram[] {
    const { length } = program.setUp;
    const place = Math.min(length, rng.nextBelow(2 * length + 1));
    const model = rng.nextBelow(2) === 0 ? 'gicv3' : 'gicv2';
    return insertionsOf({ ...program, model }, job.attacker, place);
  }

  /** A better neighbour, or an equal one that is shorter; undefined: there is none, or no time is left. */
  function stepUp(program: GuestProgram, height: number): { program: GuestProgram; height: number } | undefined {
    const left = neighboursOf(program, job.attacker);
    if (job.isNormalised) left.push(...longer(program));
    const length = lengthOf(program);
    while (left.length > 0 && work < job.quota) {
      const at = rng.nextBelow(left.length);
      const [neighbour] = left.splice(at, 1, left[left.length - 1]);
      left.pop();
      const score = scoreOf(neighbour);
      if (score > height || (score === height && lengthOf(neighbour) < length))
        return { program: neighbour, height: score };
    }
    return undefined;
  }

  function climb(): void {
    let from = job.parents[0] ?? settle().program;
    let height = scoreOf(from);
    while (work < job.quota) {
      // Not always first: where an evaluation is long, a job has few.
      if (rng.nextBelow(2) === 0) ({ program: from, height } = strip(from, height));
      for (let up = stepUp(from, height); up !== undefined; up = stepUp(from, height)) ({ program: from, height } = up);
      if (work >= job.quota) return;
      from = source.mutate(champion() ?? from);
      height = scoreOf(from);
    }
  }

  function graft(): void {
    while (work < job.quota) {
      const own = champion() ?? settle().program;
      const other = job.parents[rng.nextBelow(Math.max(1, job.parents.length))] ?? source.plain();
      scoreOf(source.graft(own, other));
    }
  }

  const ways: Readonly<Record<Way, () => void>> = { walk, climb, island: settleIslands, graft };
  ways[job.way]();
  return { evaluations, work, rejected, improvements: [...improvements.values()] };
}
