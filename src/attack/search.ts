/**
 * The search for the worst guest: generations of jobs. A generation is made of the archive as it stands and merged in the
 * order of its jobs, so the same seed gives the same archive with any number of workers.
 *
 * Candidates are judged at a small size, where an evaluation is cheap; what wins there is judged again at the size that
 * counts, so that patterns which win only when they are small drop out (Singularity's idea); the winners are then varied at
 * that size too.
 */
import { createGenerator } from '../base/rng.js';
import type { GuestProgram, ProgramSize } from '../hostile/program.js';
import { type Cells, cellIndex, dimensionOf, emptyCells, isBetter, lengthOf, targetOf } from './archive.js';
import type { Attacker } from './attacker.js';
import { mostOf, worstCaseOf } from './bounds.js';
import { dimensions, siblingsOf } from './dimensions.js';
import type { Limits, Target } from './evaluate.js';
import type { Job, JobResult, Way } from './job.js';

export interface SearchSettings {
  readonly seed: number;
  readonly attacker: Attacker;
  readonly targets: readonly Target[];
  readonly small: ProgramSize;
  readonly large: ProgramSize;
  /** Work (evaluate.ts) of a job: how often the archive is merged, not how much is searched. */
  readonly work: number;
}

/** All that a search needs to go on where it was. */
export interface SearchState {
  readonly settings: SearchSettings;
  generation: number;
  evaluations: number;
  readonly small: Cells;
  readonly large: Cells;
  /** By cell: jobs of the small size since its champion last got worse for the host. */
  readonly visits: number[];
  /** Cells whose small champion has not been judged at the large size. */
  readonly unscaled: number[];
}

/** Work of a job that takes a tenth of a second or so. */
export const DEFAULT_WORK = 150_000;

/** An empty archive. */
export function startSearch(settings: SearchSettings): SearchState {
  return {
    settings,
    generation: 0,
    evaluations: 0,
    small: emptyCells(settings.targets.length),
    large: emptyCells(settings.targets.length),
    visits: emptyCells(settings.targets.length).map(() => 0),
    unscaled: [],
  };
}

const EXPLORE_JOBS = 5;
const SCALE_JOBS = 2;
/** Evaluations at the size that counts are longer. */
const POLISH_FACTOR = 2;
/** One generation in so many works on a dimension without a bound at the size that counts. */
const FREE_EVERY = 4;
/** One in so many works on the comparisons and locks of a path as well. */
const SIBLINGS_EVERY = 3;
const NR_PARENTS = 8;
/** Of a small evaluation, and of one at the size that counts. */
const SMALL_LIMITS = { events: 8192, steps: 200_000 };
const LARGE_LIMITS = { events: 1 << 17, steps: 80_000_000 };

/** Limits of an evaluation at the small size. */
export const smallLimits = ({ large }: SearchSettings): Limits => ({ ...SMALL_LIMITS, counted: large });

/** The same at the size that counts. */
export const largeLimits = ({ large }: SearchSettings): Limits => ({ ...LARGE_LIMITS, counted: large });
/** An improvement of a champion that is worth going on with. */
const GAIN = 1.01;
/** A cell this near to its bound is done; */
const DONE = 0.995;
/** one this near waits for those that are not. */
const NEAR = 0.965;

/** What visits to a cell do in turn; the large size is for peaks. */
const SMALL_WAYS: readonly Way[] = ['island', 'climb', 'walk', 'climb', 'graft', 'climb'];
const LARGE_WAYS: readonly Way[] = ['climb', 'graft', 'climb', 'walk'];
/** Visits without a gain after which the small champion of a cell that is far from its bound at the size that counts is forgotten. */
const FRUITLESS = 8;

/** `more`: visits of the same generation before this one. */
const wayOf = ({ small, visits }: SearchState, cell: number, more: number): Way =>
  small[cell] === null ? 'island' : SMALL_WAYS[(visits[cell] + more) % SMALL_WAYS.length];

/** The jobs of the next generation. `seeds`: programs that the first one judges before anything else. */
export function nextJobs(state: SearchState, seeds: readonly GuestProgram[] = []): Job[] {
  const { settings, generation } = state;
  const rng = createGenerator(settings.seed * 0x9e3779b1 + generation * 0x85ebca6b);
  const jobs: Job[] = [];
  const add = (
    isLarge: boolean,
    cell: number,
    given: readonly GuestProgram[],
    quota: number,
    way: Way,
    foot?: GuestProgram,
  ): void => {
    const known = isLarge ? state.large : state.small;
    const below = (bound: number): number => rng.nextBelow(bound);
    const drawn = quota === 0 ? [] : way === 'graft' ? drawKin(known, cell, below) : drawParents(known, cell, below);
    const parents = foot === undefined ? drawn : [foot, ...drawn];
    jobs.push({
      attacker: settings.attacker,
      targets: settings.targets,
      limits: isLarge ? largeLimits(settings) : smallLimits(settings),
      size: isLarge ? settings.large : settings.small,
      seed: rng.nextUint32(),
      way,
      cell,
      isNormalised: !isLarge,
      given,
      parents,
      quota,
      known: {
        scores: known.map((champion) => champion?.score ?? 0),
        lengths: known.map((champion) => (champion === null ? 0 : lengthOf(champion.program))),
      },
    });
  };
  if (generation === 0 && seeds.length > 0) {
    for (const size of [false, true]) add(size, 0, seeds, 0, 'walk');
  }
  for (const cell of nextScaled(state)) add(true, cell, [state.small[cell]!.program], 0, 'walk');
  const all = state.small.map((_champion, cell) => cell);
  const bounded = all.filter((cell) => isBounded(settings, cell));
  const lent = nextLent(state, bounded);
  if (lent !== undefined) add(true, lent.cell, [lent.program], 0, 'walk');
  const unbounded = all.filter((cell) => !isBounded(settings, cell));
  const isFar = bounded.some((cell) => shareOf(state, 'large', cell) < NEAR);
  const open = openCells(state, 'small', bounded);
  const visited = leastVisited(open, state.visits, EXPLORE_JOBS - 1);
  // The last few cells get as much work as many did.
  for (let job = 0; job < EXPLORE_JOBS - 1 && visited.length > 0; job++) {
    const cell = visited[job % visited.length];
    add(false, cell, [], settings.work, wayOf(state, cell, Math.floor(job / visited.length)));
  }
  // What nothing is declared for comes behind what is far from what is declared.
  if (!isFar || generation % 2 === 0)
    add(false, unbounded[(generation >> 1) % unbounded.length], [], settings.work, 'walk');
  const hasLarge = (cell: number): boolean => state.large[cell] !== null;
  const unpolished = openCells(state, 'large', bounded.filter(hasLarge));
  const free = unbounded.filter(hasLarge);
  const polished = generation % FREE_EVERY !== 0 && unpolished.length > 0 ? unpolished : free;
  const turn = polished === free ? generation / FREE_EVERY : generation;
  const large = polished[Math.floor(turn) % polished.length];
  if (large === undefined) return jobs;
  const quota = POLISH_FACTOR * settings.work;
  // Drawn, so that the turns of cells and of ways do not beat.
  add(true, large, [], quota, LARGE_WAYS[rng.nextBelow(LARGE_WAYS.length)]);
  // Another peak may be higher, though its foot is lower.
  const foot = state.small[large];
  if (polished !== free && foot !== null) add(true, large, [], quota, 'climb', foot.program);
  return jobs;
}

/** Takes the results of nextJobs, in their order. */
export function mergeResults(state: SearchState, jobs: readonly Job[], results: readonly JobResult[]): void {
  const scaled = nextScaled(state);
  const isStale = new Set(state.unscaled.filter((cell) => !scaled.includes(cell)));
  for (const [at, { size, cell: visited }] of jobs.entries()) {
    const isLarge = size === state.settings.large;
    if (!isLarge) state.visits[visited] += 1;
    const cells = isLarge ? state.large : state.small;
    state.evaluations += results[at].evaluations;
    if (isLarge) dropRejected(state.small, results[at].rejected);
    for (const { cell, ...champion } of results[at].improvements) {
      const before = cells[cell];
      if (!isBetter(before, champion)) continue;
      cells[cell] = champion;
      if (!isLarge && champion.score > (before?.score ?? 0) * GAIN) state.visits[cell] = 0;
      if (!isLarge && champion.score > (before?.score ?? 0)) isStale.add(cell);
    }
  }
  forgetFruitless(state, scaled);
  state.generation += 1;
  state.unscaled.length = 0;
  state.unscaled.push(...byPromise(state, [...isStale]));
}

/**
 * A cell that is far from its bound at the size that counts, and the champion of the same dimension of another strategy that is
 * near its own: what is bad for one may be bad for the other. Cells and lenders take turns.
 */
function nextLent(state: SearchState, bounded: readonly number[]): { cell: number; program: GuestProgram } | undefined {
  const { large, generation } = state;
  const isNear = (cell: number): boolean => shareOf(state, 'large', cell) >= NEAR;
  const pairs = bounded
    .filter((cell) => !isNear(cell))
    .map((cell) => ({
      cell,
      lenders: bounded.filter((other) => dimensionOf(other) === dimensionOf(cell) && isNear(other)),
    }))
    .filter(({ lenders }) => lenders.length > 0);
  if (pairs.length === 0) return undefined;
  const { cell, lenders } = pairs[generation % pairs.length];
  const champion = large[lenders[Math.floor(generation / pairs.length) % lenders.length]];
  return champion === null ? undefined : { cell, program: champion.program };
}

/** Cells that are worth a job at a size, with their siblings: those far from their bounds at the size that counts, if there are any. */
function openCells(state: SearchState, which: 'small' | 'large', bounded: readonly number[]): number[] {
  const undone = bounded.filter((cell) => shareOf(state, which, cell) < DONE);
  const far = undone.filter((cell) => shareOf(state, 'large', cell) < NEAR);
  const open = byGap(state, which, far.length > 0 ? far : undone);
  return state.generation % SIBLINGS_EVERY === 0 ? withSiblings(open) : open;
}

/** Where the last improvement is the fewest jobs ago; of equals, those that come first. */
const leastVisited = (cells: readonly number[], visits: readonly number[], count: number): number[] =>
  [...cells].sort((a, b) => visits[a] - visits[b]).slice(0, count);

/** Those that promise most; now and then one of which nothing is promised, from the end of the list. */
const nextScaled = ({ unscaled, generation }: SearchState): number[] =>
  generation % 4 === 3 ? unscaled.slice(-1) : unscaled.slice(0, SCALE_JOBS);

/** Cells by what their small champion may gain at the size that counts; those that promise nothing are left out. */
function byPromise(state: SearchState, cells: readonly number[]): number[] {
  return cells
    .filter((cell) => state.small[cell] !== null)
    .map((cell) => ({ cell, gain: shareOf(state, 'small', cell) - shareOf(state, 'large', cell) }))
    .filter(({ cell, gain }) => gain > 0 || !isBounded(state.settings, cell))
    .sort((a, b) => b.gain - a.gain || a.cell - b.cell)
    .map(({ cell }) => cell);
}

/**
 * A champion that reaches its bound at the small size and not at the size that counts has won by what does not scale, and one
 * that nothing was gained on for long is where no way leads on: both are forgotten, and their cells begin anew. `scaled`: those
 * that were judged at the size that counts just now.
 */
function forgetFruitless(state: SearchState, scaled: readonly number[]): void {
  for (let cell = 0; cell < state.small.length; cell++) {
    if (state.small[cell] === null || !isBounded(state.settings, cell) || shareOf(state, 'large', cell) >= NEAR)
      continue;
    const isRefuted = scaled.includes(cell) && shareOf(state, 'small', cell) >= NEAR;
    if (!isRefuted && state.visits[cell] < FRUITLESS) continue;
    state.small[cell] = null;
    state.visits[cell] = 0;
  }
}

/** What cannot be run at the size that counts is no champion at the small one either. */
function dropRejected(cells: Cells, rejected: readonly GuestProgram[]): void {
  const texts = rejected.map((program) => JSON.stringify(program));
  for (let cell = 0; cell < cells.length; cell++)
    if (texts.length > 0 && texts.includes(JSON.stringify(cells[cell]?.program))) cells[cell] = null;
}

/** Is something declared for it, and more than nothing? */
export function isBounded({ targets, large }: SearchSettings, cell: number): boolean {
  const worst = worstCaseOf(targets[targetOf(cell)], dimensionOf(cell));
  return worst !== undefined && worst.steps({ n: large.n, k: large.nrLr, lpis: 0 }) > 0;
}

/**
 * How much of its bound a cell's champion reaches; without a bound 1, without a champion 0. The bound is that of the worst
 * interrupt controller, since the guest of a lower one is not the worst.
 */
export function shareOf({ settings, small, large }: SearchState, which: 'small' | 'large', cell: number): number {
  const champion = (which === 'small' ? small : large)[cell];
  if (champion === null) return 0;
  const target = settings.targets[targetOf(cell)];
  const bound = mostOf(target, dimensionOf(cell), champion.program, settings[which]);
  return bound === undefined ? 1 : champion.figure / bound;
}

/** The cells furthest from their bounds first; equal ones in the order of the archive. */
function byGap(state: SearchState, which: 'small' | 'large', cells: readonly number[]): number[] {
  return cells
    .map((cell) => ({ cell, share: shareOf(state, which, cell) }))
    .sort((a, b) => a.share - b.share || a.cell - b.cell)
    .map(({ cell }) => cell);
}

/**
 * The ways to a long call are several, and the best of one may be far below the champion of another: with a cell of steps
 * come those of comparisons and locks of the same path.
 */
const withSiblings = (cells: readonly number[]): number[] =>
  cells.flatMap((cell) => siblingsOf(dimensionOf(cell)).map((dimension) => cellIndex(targetOf(cell), dimension)));

/** The champion, and those of the same dimension of other targets. */
function drawKin(cells: Cells, cell: number, below: (bound: number) => number): GuestProgram[] {
  const kin = cells.filter((champion, other) => champion !== null && dimensionOf(other) === dimensionOf(cell));
  const own = cells[cell] === null ? [] : [cells[cell]];
  const drawn = kin.length === 0 ? [] : Array.from({ length: NR_PARENTS }, () => kin[below(kin.length)]);
  return [...own, ...drawn].flatMap((champion) => (champion === null ? [] : [champion.program]));
}

/** The champions of the same dimension and of the same target, and of any other cell. */
function drawParents(cells: Cells, cell: number, below: (bound: number) => number): GuestProgram[] {
  const own = cells[cell];
  const parents = own === null ? [] : [own.program];
  const nrTargets = cells.length / dimensions.length;
  for (let draw = 0; draw < 3 * NR_PARENTS && parents.length < NR_PARENTS; draw++) {
    const target = draw % 3 === 1 ? targetOf(cell) : below(nrTargets);
    const dimension = draw % 3 === 0 ? dimensionOf(cell) : below(dimensions.length);
    const drawn = cells[cellIndex(target, dimension)];
    if (drawn !== null) parents.push(drawn.program);
  }
  return parents;
}
