/** Layers 2 and 3 of the gate, which need the build of a base beside this one; what they write goes when they are done. */
import { join } from 'node:path';
import { plural } from '../base/number-format.js';
import { type Builds, chooseKeyCells, findSameness, type KeyChoice, prepareBase } from './check-base.js';
import type { CheckConfig } from './check-config.js';
import type { LayerResult } from './check-exact.js';
import { judgeInstructions } from './check-instructions.js';
import { judgeTimes } from './check-time.js';
import { withScratch } from './scratch.js';
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

/** The instructions first: what counts does not mind the machine. */
export async function runBaseLayers(
  choice: KeyChoice,
  layers: ReadonlySet<number>,
  { base, repeat, seed, strict = false }: BaseOptions,
  { limits = {} }: CheckConfig,
  terminal: Terminal,
): Promise<{ results: LayerResult[]; builds: Builds }> {
  const { cells, left } = await chooseKeyCells(choice);
  const say = (text: string): void => terminal.err(`check: ${text}`);
  return withScratch('vgic-check', terminal, async (scratch, signal) => {
    say(`building ${base}`);
    const builds = await prepareBase(base, join(scratch, 'base'), signal);
    const common = { cells, builds, strict, scratch, signal, width: terminal.width };
    const results: LayerResult[] = [];
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
