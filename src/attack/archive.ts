/** The worst guests known: one cell per target (flavour and strategy) and dimension, at a small size and at the size that counts. */
import type { GuestProgram } from '../hostile/program.js';
import { dimensions } from './dimensions.js';

export interface Champion {
  readonly program: GuestProgram;
  readonly figure: number;
}

/** Index: target * dimensions.length + dimension; null: nothing found yet, or a figure of 0. */
export type Cells = (Champion | null)[];

export const emptyCells = (nrTargets: number): Cells => new Array(nrTargets * dimensions.length).fill(null);

export const cellIndex = (target: number, dimension: number): number => target * dimensions.length + dimension;
export const targetOf = (cell: number): number => Math.floor(cell / dimensions.length);
export const dimensionOf = (cell: number): number => cell % dimensions.length;

/** Longer programs are worse if nothing else tells them apart: parents that say no more than they need. */
export const lengthOf = ({ setUp, round, rounds, vcpus }: GuestProgram): number =>
  64 * (setUp.length + round.length) + 2 * rounds + vcpus;

/** Is `figure` more than what the cell holds, or the same of a shorter program? */
export function isBetter(champion: Champion | null, figure: number, program: GuestProgram): boolean {
  if (figure <= 0) return false;
  if (champion === null || figure > champion.figure) return true;
  return figure === champion.figure && lengthOf(program) < lengthOf(champion.program);
}
