/** The time layer of `compare` and `check`: which processes stand for a cell, and what all cells say together. */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { TimeComparison } from '../compare/comparison.js';
import type { BlockSource } from '../replay/replay.js';
import { findDisturbance } from '../stats/fitness.js';
import { decideTimes } from '../stats/time-verdict.js';
import { runTwoStage, type StagePlan, type StageProgress } from '../stats/two-stage.js';
import { gatherColumns, writeColumns } from './arm-columns.js';
import { measureArm } from './arm-process.js';
import { watchDisturbance } from './machine-facts.js';

export interface ArmOfCell {
  /** The folder above dist/. */
  readonly build: string;
  readonly strategy: string;
}

export interface CellToTime {
  readonly source: BlockSource;
  readonly a: ArmOfCell;
  readonly b: ArmOfCell;
  /** Must both sides write the same list registers? */
  readonly sameDigest: boolean;
}

/** By cell; a cell that could not be timed says why. `scratch`: a folder for files; the caller removes it. */
export async function compareTimes(
  cells: readonly CellToTime[],
  plan: StagePlan,
  scratch: string,
  signal: AbortSignal,
  onBlock: (progress: StageProgress) => void,
): Promise<(TimeComparison | { readonly error: string })[]> {
  const folder = join(scratch, 'columns');
  mkdirSync(folder, { recursive: true });
  const timed = cells.map(({ source, a, b, sameDigest }, at) => {
    const columns = join(folder, `${at}`);
    writeColumns(gatherColumns(source), columns);
    return {
      sameDigest,
      async measure(side: 'a' | 'b') {
        signal.throwIfAborted();
        const { undisturbed, digest } = await measureArm({ ...(side === 'a' ? a : b), columns }, { signal });
        return { time: undisturbed, digest };
      },
    };
  });
  const disturbanceSince = watchDisturbance();
  const results = await runTwoStage(timed, plan, onBlock);
  signal.throwIfAborted();
  const disturbance = findDisturbance(disturbanceSince());
  const whole = results.flatMap((result) => ('error' in result ? [] : [{ ...result, disturbance }]));
  const decisions = decideTimes(whole, plan.seed);
  let next = 0;
  return results.map((result) => ('error' in result ? result : decisions[next++]));
}
