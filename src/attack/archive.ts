/** The worst guests known: one cell per target (flavour and strategy) and dimension, at a small size and at the size that counts. */
import type { GuestProgram } from '../hostile/program.js';
import { dimensions } from './dimensions.js';
import { oddnessOf } from './plain.js';

export interface Champion {
  readonly program: GuestProgram;
  readonly figure: number;
  /**
   * What champions are compared by: at the size that counts the figure; at the small one its share of the declared worst
   * case of its path, if there is one, since a few interrupts more would be a gain there that means nothing later.
   */
  readonly score: number;
}

/** Index: target * dimensions.length + dimension; null: nothing found yet, or a figure of 0. */
export type Cells = (Champion | null)[];

export const emptyCells = (nrTargets: number): Cells => new Array(nrTargets * dimensions.length).fill(null);

export const cellIndex = (target: number, dimension: number): number => target * dimensions.length + dimension;
export const targetOf = (cell: number): number => Math.floor(cell / dimensions.length);
export const dimensionOf = (cell: number): number => cell % dimensions.length;

/** Longer programs, and those of odd spans, are worse if nothing else tells them apart: parents that say no more than they need. */
export function lengthOf({ setUp, round, rounds, vcpus }: GuestProgram): number {
  let length = 64 * (setUp.length + round.length) + 2 * rounds + vcpus;
  for (const op of setUp) length += oddnessOf(op);
  for (const op of round) length += oddnessOf(op);
  return length;
}

/** Has it a higher score than what the cell holds, or the same with a shorter program? */
export function isBetter(champion: Champion | null, { score, program }: Champion): boolean {
  if (score <= 0) return false;
  if (champion === null || score > champion.score) return true;
  return score === champion.score && lengthOf(program) < lengthOf(champion.program);
}
