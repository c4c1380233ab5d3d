/** Test support: all strategies held to what they declare, in one flavour. */
import assert from 'node:assert/strict';
import { type ChosenStrategy, strategies, strategyNamed } from '../strategy/index.js';
import { type Depths, type GrowthCurve, growthCurves } from './growth.js';

/** Takes the most: the two counts of an entry, and the walk that EOIcount starts. */
export const DEEP_FLAVOUR = 'kvm-7.2';

/** One line a fault, with strategy and path. */
export const faultsOf = (curves: readonly GrowthCurve[]): string[] =>
  curves
    .filter(({ fault }) => fault !== null)
    .map(({ strategy, subject, fault }) => `${strategy}, ${subject}: ${fault}`);

const ALL = strategies.map(({ id }) => strategyNamed(id));

export function requireDeclared(flavour: string, depths: Depths, chosen: readonly ChosenStrategy[] = ALL): void {
  const { curves } = growthCurves(chosen, flavour, { depths });
  assert.deepEqual(faultsOf(curves), []);
  // The programs did provoke what there is to provoke.
  assert.ok(curves.some(({ slope }) => slope !== null && slope > 0.9));
}
