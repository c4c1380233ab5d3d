/** Layers 2 and 3 of the gate, which need the build of a base beside this one; what they write goes when they are done. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { plural } from '../base/number-format.js';
import { outcomeOf } from '../compare/outcome.js';
import { wrapHanging } from '../report/wrap-text.js';
import { findTeamRepository } from './base-strategy.js';
import {
  type Builds,
  chooseKeyCells,
  countAgainstBase,
  findSameness,
  type KeyCell,
  type KeyChoice,
  prepareBase,
  prepareStrategies,
} from './check-base.js';
import type { CheckConfig } from './check-config.js';
import type { LayerResult } from './check-exact.js';
import { judgeInstructions } from './check-instructions.js';
import { nameCell } from './check-text.js';
import { judgeTimes } from './check-time.js';
import { withScratch } from './scratch.js';
import { isStrategyFile } from './strategy-files.js';
import type { Terminal } from './terminal.js';

export type { Builds };

/** Percent. */
const DEFAULT_LIMITS = { instructionsWarn: 0.5, instructionsFail: 2 };

export interface BaseOptions {
  readonly base: string;
  readonly repeat: number;
  readonly seed: number;
  readonly strict?: boolean;
}

/**
 * What moved between the strategies of two commits. A change is no outcome here: what a counter may be is said by layer 0 and
 * its baseline. A strategy that is broken now is one, whatever its times are.
 */
function describeMoved(cells: readonly KeyCell[], base: string, width: number): LayerResult {
  const say = ({ cell, exact }: KeyCell): string => {
    const reason = exact?.reason ?? '';
    return `${nameCell(cell)}: ${reason}${/\b[AB]\b/.test(reason) ? ` (A: at ${base}, B: now)` : ''}`;
  };
  const moved = cells.filter(({ exact }) => exact !== undefined && exact.verdict !== 'unchanged');
  return {
    cells: [],
    outcomes: cells.filter(({ exact }) => exact?.isFaulty).map((cell) => outcomeOf('fault', 'base', say(cell))),
    lines: [
      `counters: ${moved.length} of ${cells.length} key cells count otherwise than at ${base}`,
      ...moved.flatMap((cell) => wrapHanging('    ', say(cell), width)),
    ],
  };
}

/** The instructions first: what counts does not mind the machine. */
export async function runBaseLayers(
  choice: KeyChoice,
  layers: ReadonlySet<number>,
  { base, repeat, seed, strict = false }: BaseOptions,
  { limits = {} }: CheckConfig,
  terminal: Terminal,
): Promise<{ results: LayerResult[]; builds: Builds }> {
  const files = (choice.strategies ?? []).filter(isStrategyFile);
  // A base that is a folder is a build, whatever else lies here.
  const repo = existsSync(base) ? null : findTeamRepository(files);
  const { cells: chosen, left } = await chooseKeyCells(repo === null ? choice : { ...choice, strategies: files });
  const say = (text: string): void => terminal.err(`check: ${text}`);
  return withScratch('vgic-check', terminal, async (scratch, signal) => {
    say(repo === null ? `building ${base}` : `taking ${files.join(', ')} as of ${base}`);
    const folder = join(scratch, 'base');
    const builds =
      repo === null
        ? await prepareBase(base, folder, signal)
        : await prepareStrategies(base, files, repo, folder, signal);
    const cells = repo === null ? chosen : await countAgainstBase(chosen, builds);
    const common = { cells, builds, strict, scratch, signal, width: terminal.width };
    const results: LayerResult[] = repo === null ? [] : [describeMoved(cells, base, terminal.width)];
    if (layers.has(2)) {
      const { instructionsWarn: warn, instructionsFail: fail } = { ...DEFAULT_LIMITS, ...limits };
      const onCell = (cell: string): void => say(`instructions of ${cell}`);
      results.push(await judgeInstructions({ ...common, warn, fail, repeat, onCell }));
    }
    if (layers.has(3)) {
      const onStage = ({ stage, blocks, cells: count }: { stage: string; blocks: number; cells: number }): void =>
        say(`times, ${stage}: ${blocks} blocks of ${plural(count, 'cell')}`);
      results.push(await judgeTimes({ ...common, seed, onStage }));
    }
    const sameness = findSameness(builds);
    if (sameness !== null) results.push({ cells: [], outcomes: [], lines: [sameness] });
    if (left > 0)
      results.push({
        cells: [],
        outcomes: [],
        lines: [`${left} more cells were not measured: name the key ones in the settings`],
      });
    return { results, builds };
  });
}
