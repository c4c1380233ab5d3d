/** From the archive of a search to the few programs that show all of it: one or some a dimension, each bad for many strategies. */
import type { GuestProgram } from '../hostile/program.js';
import { cellIndex, lengthOf } from './archive.js';
import { boundOf } from './bounds.js';
import { dimensionIndex, dimensions } from './dimensions.js';
import type { Evaluator, Target } from './evaluate.js';
import type { Reached } from './finding.js';
import type { SearchState } from './search.js';

/** A program, and the targets that it stands for in one dimension. */
export interface Covering {
  readonly dimension: number;
  readonly program: GuestProgram;
  /** Figure of the worst program known, which this one reaches by the share asked for. */
  readonly targets: readonly (Target & { readonly figure: number })[];
}

/** Dimensions of which findings are kept: what is declared, what an instruction is worth at most, and the end of the host. */
const KEPT = [
  ...dimensions.filter(({ boundedBy }) => boundedBy !== undefined).map(({ id }) => id),
  'amplification',
  'host-stop',
];

/** Programs of the archive that reach `share` of every champion's figure between them: as few a dimension as greed finds. */
export function coverArchive(state: SearchState, evaluator: Evaluator, share: number): Covering[] {
  const flavours = [...new Set(state.settings.targets.map(({ flavour }) => flavour))];
  return flavours.flatMap((flavour) =>
    KEPT.flatMap((id) => coverDimension(state, evaluator, share, flavour, dimensionIndex(id))),
  );
}

function coverDimension(
  { settings, large }: SearchState,
  evaluator: Evaluator,
  share: number,
  flavour: string,
  dimension: number,
): Covering[] {
  const figureOf = (program: GuestProgram, target: Target): number =>
    evaluator.evaluate(program, target, settings.large).figures?.[dimension] ?? 0;
  // Counted again: a saved archive may be of another version, whose figure nothing reaches.
  const champions = settings.targets.flatMap((target, at) => {
    const program = large[cellIndex(at, dimension)]?.program;
    const figure = target.flavour === flavour && program !== undefined ? figureOf(program, target) : 0;
    return program !== undefined && figure > 0 ? [{ ...target, program, figure }] : [];
  });
  const programs = [...new Map(champions.map(({ program }) => [JSON.stringify(program), program])).values()];
  const reaches = programs.map((program) =>
    champions.map((champion) => figureOf(program, champion) >= share * champion.figure),
  );
  const coverings: Covering[] = [];
  let left = champions.map((_champion, at) => at);
  while (left.length > 0) {
    const gains = programs.map((_program, at) => left.filter((champion) => reaches[at][champion]).length);
    const most = Math.max(...gains);
    const best = programs
      .map((program, at) => ({ program, at }))
      .filter(({ at }) => gains[at] === most)
      .reduce((a, b) => (lengthOf(b.program) < lengthOf(a.program) ? b : a));
    const taken = left.filter((champion) => reaches[best.at][champion]);
    coverings.push({
      dimension,
      program: best.program,
      targets: taken.map((at) => {
        const { strategy, figure } = champions[at];
        return { flavour, strategy, figure };
      }),
    });
    left = left.filter((champion) => !taken.includes(champion));
  }
  return coverings;
}

/** What a program reaches under the targets, the largest figure first. */
export function reachedBy(
  evaluator: Evaluator,
  program: GuestProgram,
  size: SearchState['settings']['large'],
  dimension: number,
  targets: readonly Target[],
): Reached[] {
  return targets
    .flatMap(({ flavour, strategy }) => {
      const { figures } = evaluator.evaluate(program, { flavour, strategy }, size);
      const bound = boundOf({ flavour, strategy }, dimension, program, size) ?? null;
      return figures === undefined ? [] : [{ flavour, strategy, figure: figures[dimension], bound }];
    })
    .sort((a, b) => b.figure - a.figure);
}
