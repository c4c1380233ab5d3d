/** Options of verbs whose work is a run of units: how many processes, which shard, going on after an interruption. */
import { join } from 'node:path';
import type { Command } from 'commander';
import { type Shard, WHOLE } from '../run/plan.js';
import { parseShard } from '../run/shard.js';
import { parseWhole } from './attack-options.js';

export interface RunOptions {
  readonly jobs?: number;
  readonly shard?: Shard;
  readonly resume?: boolean;
}

const MAX_JOBS = 256;

export const addRunOptions = (command: Command): Command =>
  command
    .option(
      '--jobs <n>',
      'worker processes (default: one a core; none for little work); results do not depend on it',
      parseWhole(1, MAX_JOBS),
    )
    .option(
      '--shard <i/n>',
      'run one part of n and store its results alone, for merge; auto: as the job array it runs in says',
      (text: string) => parseShard(text, process.env),
    )
    .option('--resume', 'go on with what an interrupted run of the same command has stored');

/** `run.jsonl`, or `run-3-of-8.jsonl`. */
export function runFileName({ index, count }: Shard = WHOLE): string {
  return count === 1 ? 'run.jsonl' : `run-${index}-of-${count}.jsonl`;
}

export const runFileIn = (folder: string, shard: Shard | undefined): string => join(folder, runFileName(shard));
