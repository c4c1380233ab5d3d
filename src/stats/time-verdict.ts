/**
 * What the times of several cells say, each measured in one stage or two: a screen of few blocks, and for what it cannot
 * clear fresh blocks that decide alone. Numbers in, verdicts out; two-stage.ts runs the processes. Method: anchors 3.5.
 */
import { plural } from '../base/number-format.js';
import { createGenerator } from '../base/rng.js';
import {
  type BlockSamples,
  blocksToDecide,
  type Draws,
  estimateArms,
  estimateNoise,
  FULL_DRAWS,
  type Noise,
  type RatioEstimate,
} from './block-samples.js';
import { adjustHolm, type RandomisationResult, testPairs } from './randomisation.js';

/** What the screen lets go: a ratio no further from 1 than this, and no side more likely than chance. */
const SCREEN_RATIO = 0.01;
const SCREEN_P = 0.05;
/** Family error rate over the cells that were confirmed. */
const FAMILY_ALPHA = 0.01;
/**
 * Fewest blocks of confirmation after which a slowdown of each of so many cells, however large, can be proven. The quartile
 * does not mind which of the processes below it are swapped, so of 2^n assignments up to 2^⌊(n-1)/4⌋ look like the real one.
 */
export function leastBlocks(cells: number): number {
  let blocks = 1;
  while (cells * 2 ** (Math.floor((blocks - 1) / 4) - blocks) > FAMILY_ALPHA) blocks++;
  return blocks;
}

/** Half of what is allowed is left for chance: with fewer draws no p-value could be small enough for so many cells. */
const leastSwaps = (cells: number): number => Math.ceil((2 * cells) / FAMILY_ALPHA);

/** Noise beyond which nothing is said. */
const MOST_FLOOR = 0.1;
/** A slowdown of so many times what the control arm is off is one on any machine. */
const BEYOND_CONTROL = 5;

/** The stages of one cell. */
export interface CellTimes {
  readonly screen: BlockSamples;
  /** Fresh blocks, if the screen did not clear the cell. */
  readonly confirm: BlockSamples | null;
  /** Fresh ones again, once, if the control arm said that those were unfit. */
  readonly again: BlockSamples | null;
  /** Steal time or a throttled processor while it ran, in words; null: neither was seen. */
  readonly disturbance: string | null;
}

export type TimeVerdict = 'regressed' | 'improved' | 'unchanged' | 'inconclusive' | 'unfit';

export interface TimeDecision extends RatioEstimate, Noise {
  readonly verdict: TimeVerdict;
  /** One sentence. */
  readonly reason: string;
  readonly minRatio: number;
  readonly p: number;
  readonly holmP: number;
  readonly screenBlocks: number;
  readonly confirmBlocks: number;
  readonly samples: BlockSamples;
}

/** All figures of one stage. */
interface StageFigures {
  readonly samples: BlockSamples;
  readonly estimate: RatioEstimate;
  readonly noise: Noise;
  readonly test: RandomisationResult;
}

function stageFigures(samples: BlockSamples, seed: number, draws: Draws): StageFigures {
  return {
    samples,
    estimate: estimateArms(samples, seed, draws),
    noise: estimateNoise(samples, seed, draws),
    test: testPairs(samples.a, samples.b, createGenerator(seed), draws.swaps),
  };
}

/** Does the machine, not the code, decide what these samples show? In words, or null. */
function findUnfit({ control, floor, delta }: Noise): string | null {
  if (floor > MOST_FLOOR) return `identical programs differ by up to ${percent(floor)} here`;
  if (Math.abs(control - 1) > delta)
    return `the control arm, the same program, was ${percent(Math.abs(control - 1))} off`;
  return null;
}

/** Did fresh blocks of this stage end unfit, so that they are measured once more? */
export const isUnfit = (samples: BlockSamples, seed: number, draws = FULL_DRAWS): boolean =>
  findUnfit(estimateNoise(samples, seed, draws)) !== null;

/** Does the screen let the cell go? What it finds unfit is measured again, with the blocks of a confirmation. */
export function isCleared(screen: BlockSamples, seed: number, draws = FULL_DRAWS): boolean {
  const { ratio, pSlower, pFaster } = testPairs(screen.a, screen.b, createGenerator(seed), draws.swaps);
  const isNearOne = ratio <= 1 + SCREEN_RATIO && ratio >= 1 / (1 + SCREEN_RATIO);
  return isNearOne && Math.min(pSlower, pFaster) > SCREEN_P && !isUnfit(screen, seed, draws);
}

/** One verdict a cell; Holm over those that were confirmed. `seed`: of all draws. */
export function decideTimes(cells: readonly CellTimes[], seed: number, draws = FULL_DRAWS): TimeDecision[] {
  const confirmed = cells.flatMap(({ confirm }, cell) => (confirm === null ? [] : [cell]));
  const enough = { ...draws, swaps: Math.max(draws.swaps, leastSwaps(confirmed.length)) };
  const stages = cells.map(({ screen, confirm, again }) => stageFigures(again ?? confirm ?? screen, seed, enough));
  const slower = adjustHolm(confirmed.map((cell) => stages[cell].test.pSlower));
  const faster = adjustHolm(confirmed.map((cell) => stages[cell].test.pFaster));
  return cells.map((cell, at) => {
    const { samples, estimate, noise, test } = stages[at];
    const rank = confirmed.indexOf(at);
    const holm = rank < 0 ? undefined : { slower: slower[rank], faster: faster[rank] };
    const minRatio = Math.min(...samples.b) / Math.min(...samples.a);
    const { verdict, reason } = judge(cell, stages[at], holm, confirmed.length);
    const isBimodal = Math.abs(minRatio / estimate.ratio - 1) > noise.delta;
    return {
      verdict,
      reason: isBimodal ? `${reason}; two modes: by the fastest processes alone ${describeRatio(minRatio)}` : reason,
      ...estimate,
      minRatio,
      ...noise,
      p: test.pSlower,
      holmP: holm?.slower ?? test.pSlower,
      screenBlocks: cell.screen.a.length,
      confirmBlocks: cell.confirm === null ? 0 : samples.a.length,
      samples,
    };
  });
}

interface Judgement {
  readonly verdict: TimeVerdict;
  readonly reason: string;
}

function judge(
  { disturbance }: CellTimes,
  { samples, estimate, noise }: StageFigures,
  holm: { readonly slower: number; readonly faster: number } | undefined,
  family: number,
): Judgement {
  const { ratio, low, high } = estimate;
  const { delta, control } = noise;
  const isSlower = holm !== undefined && holm.slower <= FAMILY_ALPHA && low > 1 + delta;
  const isFaster = holm !== undefined && holm.faster <= FAMILY_ALPHA && high < 1 / (1 + delta);
  const unfit = findUnfit(noise) ?? disturbance;
  const interval = `${describeRatio(ratio)} (90 % interval ${describeRange(low, high)})`;
  if (unfit !== null) {
    if (isSlower && low > 1 + BEYOND_CONTROL * Math.abs(control - 1))
      return { verdict: 'regressed', reason: `${interval}, far more than the noise, although ${unfit}` };
    return { verdict: 'unfit', reason: `the machine cannot say: ${unfit}` };
  }
  if (isSlower)
    return { verdict: 'regressed', reason: `${interval}, beyond the limit of ${percent(delta)} on fresh blocks` };
  if (isFaster)
    return { verdict: 'improved', reason: `${interval}, beyond the limit of ${percent(delta)} on fresh blocks` };
  if (low >= 1 / (1 + delta) && high <= 1 + delta)
    return { verdict: 'unchanged', reason: `the whole 90 % interval is within ±${percent(delta)}` };
  const isBeyond = low > 1 + delta || high < 1 / (1 + delta);
  if (holm !== undefined && isBeyond)
    return {
      verdict: 'inconclusive',
      reason: `${interval}, beyond the limit of ${percent(delta)}, but of runs without a difference ${percent(Math.min(holm.slower, holm.faster))} look so (${plural(family, 'cell')} together), and ${percent(FAMILY_ALPHA)} is the most; more blocks would decide`,
    };
  const blocks = blocksToDecide(estimate, delta, samples.a.length);
  const needed = blocks === null ? 'more than 1,000 blocks' : `about ${blocks} blocks`;
  return {
    verdict: 'inconclusive',
    reason: `${interval} against a limit of ${percent(delta)}; ${needed} would decide`,
  };
}

const percent = (share: number): string => `${(100 * share).toFixed(1)}\u00a0%`;
const PERCENT_DIGITS = 1;
/** From here on a factor says more than a share. */
const MANY_TIMES = 2;

/** 1.041 → "4.1 % slower"; 0.04 → "25.0 times as fast". */
export function describeRatio(ratio: number): string {
  if (ratio <= 1 / MANY_TIMES) return `${(1 / ratio).toFixed(PERCENT_DIGITS)} times as fast`;
  if (ratio >= MANY_TIMES) return `${ratio.toFixed(PERCENT_DIGITS)} times as slow`;
  const off = (100 * Math.abs(ratio - 1)).toFixed(PERCENT_DIGITS);
  return Number(off) === 0 ? 'as fast' : `${off}\u00a0% ${ratio > 1 ? 'slower' : 'faster'}`;
}

/** "+1.2 to +4.5 %". */
export function describeRange(low: number, high: number): string {
  const signed = (ratio: number): string => {
    const off = 100 * (ratio - 1);
    const digits = Math.abs(off).toFixed(PERCENT_DIGITS);
    // No "−0.0".
    return `${off < 0 && Number(digits) !== 0 ? '−' : '+'}${digits}`;
  };
  return `${signed(low)} to ${signed(high)}\u00a0%`;
}
