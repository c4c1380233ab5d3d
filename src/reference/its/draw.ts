/** Drawing from a seeded generator. */
import type { Generator } from '../../base/rng.js';
import type { ItsTablesView } from '../../conform/target.js';
import type { TableLayout } from './its-layout.js';

/** What a random step is drawn from. */
export interface Draw {
  readonly random: Generator;
  readonly nrVcpus: number;
  readonly tables: ItsTablesView;
  readMemory(address: number): bigint;
  readonly deviceTable: TableLayout;
}

export const pick = <T>(random: Generator, choices: readonly T[]): T => choices[random.nextBelow(choices.length)];

/** True once in `oneIn` times. */
export const chance = (random: Generator, oneIn: number): boolean => random.nextBelow(oneIn) === 0;

export function pickWeighted<T>(random: Generator, choices: readonly (readonly [weight: number, choice: T])[]): T {
  const total = choices.reduce((sum, [weight]) => sum + weight, 0);
  let at = random.nextBelow(total);
  for (const [weight, choice] of choices) {
    if (at < weight) return choice;
    at -= weight;
  }
  return choices[choices.length - 1][1];
}
