/** Every hostile guest × every strategy × every flavour: how bad each gets, where, and whether what it declares holds. */
import type { GuestProgram, ProgramSize } from '../hostile/program.js';
import type { Growth } from '../strategy/strategy.js';
import { boundOf, worstCaseOf } from './bounds.js';
import { dimensions } from './dimensions.js';
import type { Evaluator, Target } from './evaluate.js';

/** A guest that is ranked is run to its end, within reason: some rows of the catalogue are long. */
export const RANK_LIMITS = { events: 1 << 20, steps: 400_000_000 } as const;

/** One guest to be ranked. */
export interface Contender {
  readonly name: string;
  readonly program: GuestProgram;
  readonly size: ProgramSize;
}

/** The worst of one dimension under one target. */
export interface Worst {
  readonly dimension: string;
  readonly figure: number;
  /** Who reached it. */
  readonly name: string;
  readonly bound: number | null;
  readonly growth: Growth | null;
}

export interface Rank extends Target {
  /** Dimensions in which some contender got anywhere. */
  readonly worst: readonly Worst[];
  /** Contenders that stop the hypervisor for good. */
  readonly stops: readonly string[];
  /** No figure is above what is declared for it. */
  readonly isBounded: boolean;
}

/** Figures that are asked for once more than others: the longest call of any path. */
export const longestCall = ({ worst }: Rank): Worst | undefined =>
  worst
    .filter(({ dimension }) => CALLS.includes(dimension))
    .reduce<Worst | undefined>((a, b) => (a === undefined || b.figure > a.figure ? b : a), undefined);

const CALLS = dimensions.filter(({ boundedBy }) => boundedBy !== undefined).map(({ id }) => id);

/** `evaluatorFor`: each contender has the attacker it was found for. */
export function rankTarget<C extends Contender>(
  target: Target,
  contenders: readonly C[],
  evaluatorFor: (contender: C) => Evaluator,
): Rank {
  const worst: (Worst | undefined)[] = dimensions.map(() => undefined);
  const stops: string[] = [];
  let isBounded = true;
  for (const contender of contenders) {
    const { name, program, size } = contender;
    const { figures } = evaluatorFor(contender).evaluate(program, target, size);
    if (figures === undefined) continue;
    for (const [at, figure] of figures.entries()) {
      const { id } = dimensions[at];
      const bound = boundOf(target, at, program, size) ?? null;
      if (bound !== null && figure > bound) isBounded = false;
      if (figure === 0) continue;
      if (id === 'host-stop') stops.push(name);
      if (figure <= (worst[at]?.figure ?? 0)) continue;
      worst[at] = { dimension: id, figure, name, bound, growth: worstCaseOf(target, at)?.growth ?? null };
    }
  }
  return { ...target, worst: worst.filter((each) => each !== undefined), stops, isBounded };
}
