/**
 * Ratios on a machine that is not quiet. One fresh process an arm and block; within a block the arms run in random order
 * (seeded); a process counts with the minimum of its passes, an arm with the 25th percentile of its processes; intervals
 * come from a bootstrap over blocks. Why: sequential comparison cried wolf in 13 to 29 % of runs of the same program.
 */
import { createGenerator } from '../base/rng.js';
import { bootstrapInterval } from './bootstrap.js';
import { quantile } from './quantile.js';
import type { Sample } from './sample.js';

const DRAWS = 5000;
const LEVEL = 0.9;
const QUARTILE = 0.25;

export interface Arm {
  readonly name: string;
  /** Starts one fresh process. */
  measure(): Sample;
  /** The ratio to the first arm that this arm should stay at or below (above, for `speedup`). */
  readonly target?:
    | { readonly ratio: number; readonly kind: 'at most' | 'speedup' }
    /** Or the events a second it should reach, in millions. */
    | { readonly rate: number; readonly kind: 'rate' };
}

export interface Experiment {
  readonly id: string;
  readonly title: string;
  /** The first arm is what the others are divided by; the runner adds it once more as a control. */
  readonly arms: readonly Arm[];
  /** Must all arms replay the same LR words? */
  readonly sameDigest: boolean;
}

export interface ArmResult {
  readonly name: string;
  readonly events: number;
  /** Per-process minima in ns per event, block by block. */
  readonly minima: readonly number[];
  readonly estimate: number;
  readonly low: number;
  readonly high: number;
  readonly ratio: number;
  readonly ratioLow: number;
  readonly ratioHigh: number;
  readonly target: string;
  /** null = no target. Information only: nothing is decided on a wall clock. */
  readonly met: boolean | null;
}

export interface ExperimentResult {
  readonly id: string;
  readonly title: string;
  readonly seed: number;
  readonly blocks: number;
  readonly arms: readonly ArmResult[];
}

export const CONTROL = 'control (first arm again)';

/** Runs all blocks. `onBlock` is told after each. Throws if arms that must agree replay different LR words. */
export function runExperiment(
  experiment: Experiment,
  blocks: number,
  seed: number,
  onBlock: (block: number) => void,
): ExperimentResult {
  const [base] = experiment.arms;
  const arms: Arm[] = [...experiment.arms, { name: CONTROL, measure: base.measure }];
  const generator = createGenerator(seed);
  const minima: number[][] = arms.map(() => []);
  const events: number[] = arms.map(() => 0);
  const digests = new Map<string, string>();
  for (let block = 0; block < blocks; block++) {
    const order = arms.map((_, arm) => arm);
    for (let last = order.length - 1; last > 0; last--) {
      const pick = generator.nextBelow(last + 1);
      [order[last], order[pick]] = [order[pick], order[last]];
    }
    for (const arm of order) {
      const sample = arms[arm].measure();
      minima[arm].push(Math.min(...sample.nsPerEvent));
      events[arm] = sample.events;
      const name = experiment.sameDigest ? 'all arms' : arms[arm].name;
      const known = digests.get(name) ?? sample.digest;
      if (known !== sample.digest) {
        throw new Error(`${experiment.id}: ${arms[arm].name} replayed digest ${sample.digest}, expected ${known}`);
      }
      digests.set(name, known);
    }
    onBlock(block);
  }
  return {
    id: experiment.id,
    title: experiment.title,
    seed,
    blocks,
    arms: arms.map((arm, index) => judgeArm(arm, events[index], minima[index], minima[0], seed)),
  };
}

const pick = (values: readonly number[], blocks: Int32Array): number[] => Array.from(blocks, (block) => values[block]);
const estimateOf = (values: readonly number[]): number => quantile(values, QUARTILE);

function judgeArm(arm: Arm, events: number, own: number[], base: number[], seed: number): ArmResult {
  const resample = (statistic: (picked: Int32Array) => number) =>
    bootstrapInterval({ blocks: own.length, draws: DRAWS, level: LEVEL, generator: createGenerator(seed), statistic });
  const time = resample((picked) => estimateOf(pick(own, picked)));
  const ratio = resample((picked) => estimateOf(pick(own, picked)) / estimateOf(pick(base, picked)));
  const value = estimateOf(own) / estimateOf(base);
  const { target } = arm;
  const judged = judgeTarget(target, value, estimateOf(own));
  return {
    name: arm.name,
    events,
    minima: own,
    estimate: estimateOf(own),
    low: time.low,
    high: time.high,
    ratio: value,
    ratioLow: ratio.low,
    ratioHigh: ratio.high,
    ...judged,
  };
}

const NS_PER_US = 1000;

function judgeTarget(target: Arm['target'], ratio: number, nsPerEvent: number): Pick<ArmResult, 'target' | 'met'> {
  if (target === undefined) return { target: '', met: null };
  if (target.kind === 'rate') return { target: `≥ ${target.rate} M/s`, met: NS_PER_US / nsPerEvent >= target.rate };
  const text = target.kind === 'speedup' ? `≥ ${1 / target.ratio}×` : `≤ ${target.ratio}`;
  return { target: text, met: ratio <= target.ratio };
}
