/**
 * Runs the cells of a comparison of times: blocks of A, B and A once more (the control) in random order, one fresh process
 * each, first a screen of all cells, then fresh blocks for those that it could not clear. The cells take turns block by
 * block, so that a busy minute of the machine costs each a block or two and none all of its blocks.
 */
import { createGenerator, type Generator } from '../base/rng.js';
import type { BlockSamples } from './block-samples.js';
import { type CellTimes, isCleared, isUnfit } from './time-verdict.js';

/** Of one process. */
export interface ArmTime {
  readonly time: number;
  /** Of what it computed; all processes of a side must agree, and both sides where `sameDigest` says so. */
  readonly digest: string;
}

export interface TimedCell {
  readonly sameDigest: boolean;
  /** Starts one fresh process. A rejection ends the cell. */
  measure(side: 'a' | 'b'): Promise<ArmTime>;
}

export interface StagePlan {
  readonly screenBlocks: number;
  readonly confirmBlocks: number;
  /** Of the order of the arms, and of all draws. */
  readonly seed: number;
}

/**
 * With 20 blocks of confirmation a loop of +5 % in the guest entry was found as often as with 30 (bench/gate-power.ts), and
 * six cells that are all slower take five minutes instead of seven.
 */
export const STAGES: Omit<StagePlan, 'seed'> = { screenBlocks: 10, confirmBlocks: 20 };

export interface StageProgress {
  readonly stage: 'screen' | 'confirm' | 'again';
  readonly block: number;
  readonly blocks: number;
  /** Cells in this stage. */
  readonly cells: number;
}

/** What could not be timed, in words. */
export interface FailedCell {
  readonly error: string;
}

const ARMS = ['a', 'b', 'control'] as const;

interface Running {
  readonly cell: TimedCell;
  readonly digests: Map<string, string>;
  error: string | null;
}

type Samples = Record<(typeof ARMS)[number], number[]>;

/** A new list in random order. */
export function shuffle<T>(items: readonly T[], generator: Generator): T[] {
  const order = [...items];
  for (let last = order.length - 1; last > 0; last--) {
    const pick = generator.nextBelow(last + 1);
    [order[last], order[pick]] = [order[pick], order[last]];
  }
  return order;
}

async function measureBlock(running: Running, samples: Samples, generator: Generator): Promise<void> {
  const { cell, digests } = running;
  for (const arm of shuffle(ARMS, generator)) {
    const side = arm === 'b' ? 'b' : 'a';
    const { time, digest } = await cell.measure(side);
    const owner = cell.sameDigest ? 'all' : side;
    const known = digests.get(owner) ?? digest;
    if (known !== digest)
      throw new Error(`side ${side.toUpperCase()} replayed other list registers (digest ${digest}, expected ${known})`);
    digests.set(owner, known);
    if (!(time > 0 && time < Number.POSITIVE_INFINITY))
      throw new Error(`side ${side.toUpperCase()} measured ${time} ns an event: nothing that could be compared`);
    samples[arm].push(time);
  }
}

/** The result of each cell, in order. `onBlock` is told before each block of all cells. */
export async function runTwoStage(
  cells: readonly TimedCell[],
  plan: StagePlan,
  onBlock: (progress: StageProgress) => void,
): Promise<(Omit<CellTimes, 'disturbance'> | FailedCell)[]> {
  const generator = createGenerator(plan.seed);
  const all = cells.map((cell): Running => ({ cell, digests: new Map(), error: null }));

  async function runStage(
    stage: StageProgress['stage'],
    members: readonly Running[],
    blocks: number,
  ): Promise<Map<Running, BlockSamples>> {
    const samples = new Map(members.map((running): [Running, Samples] => [running, { a: [], b: [], control: [] }]));
    for (let block = 0; block < blocks; block++) {
      const alive = members.filter(({ error }) => error === null);
      if (alive.length > 0) onBlock({ stage, block, blocks, cells: alive.length });
      for (const running of shuffle(alive, generator)) {
        try {
          await measureBlock(running, samples.get(running) ?? { a: [], b: [], control: [] }, generator);
        } catch (error) {
          running.error = error instanceof Error ? error.message : String(error);
        }
      }
    }
    return samples;
  }

  const { seed, screenBlocks, confirmBlocks } = plan;
  const screens = await runStage('screen', all, screenBlocks);
  const isOpen = (running: Running, samples: BlockSamples | undefined, test: typeof isCleared): boolean =>
    running.error === null && samples !== undefined && test(samples, seed);
  const doubtful = all.filter((running) => isOpen(running, screens.get(running), (s) => !isCleared(s, seed)));
  const confirms = await runStage('confirm', doubtful, confirmBlocks);
  const unfit = doubtful.filter((running) => isOpen(running, confirms.get(running), isUnfit));
  const agains = await runStage('again', unfit, confirmBlocks);
  return all.map((running) => {
    const screen = screens.get(running);
    if (running.error !== null || screen === undefined) return { error: running.error ?? 'was not measured' };
    return { screen, confirm: confirms.get(running) ?? null, again: agains.get(running) ?? null };
  });
}
