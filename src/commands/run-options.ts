/** Options of verbs whose work is a run of units: how many processes, which shard, going on after an interruption. */
import { join } from 'node:path';
import type { Command } from 'commander';
import { UsageError } from '../base/errors.js';
import { type Shard, WHOLE } from '../run/plan.js';
import { parseShard } from '../run/shard.js';
import { parseWhole } from './attack-options.js';

export interface RunOptions {
  readonly jobs?: number;
  readonly shard?: Shard;
  readonly resume?: boolean;
}

/** Of verbs that store results in a file that the user names. */
export interface StoredRunOptions extends RunOptions {
  readonly output?: string;
}

const MAX_JOBS = 256;

const addJobs = (command: Command): Command =>
  command.option(
    '--jobs <n>',
    'worker processes (default: one a core; none for little work); results do not depend on it',
    parseWhole(1, MAX_JOBS),
  );

const addShards = (command: Command): Command =>
  command
    .option(
      '--shard <i/n>',
      'run one part of n and store its results alone, for merge; auto: as the job array it runs in says',
      (text: string) => parseShard(text, process.env),
    )
    .option('--resume', 'go on with what an interrupted run of the same command has stored');

export const addRunOptions = (command: Command): Command => addShards(addJobs(command));

/** Of a verb that stores its results where the user says, and nowhere else; `areTimes`: one process at a time, whatever happens. */
export function addStoredRunOptions(command: Command, readers: string, areTimes = false): Command {
  const common = areTimes ? addShards(command) : addRunOptions(command);
  return common.option('-o, --output <file>', `also store the results, for ${readers}: run.jsonl`);
}

/** The file of stored results, or null. Throws UsageError where there has to be one. */
export function storeOf(options: StoredRunOptions): string | null {
  const { output, shard } = options;
  for (const name of ['shard', 'resume'] as const)
    if (options[name] !== undefined && output === undefined)
      throw new UsageError(`--${name} needs the file of stored results: --output ${runFileName(shard)}`);
  return output ?? null;
}

/** `run.jsonl`, or `run-3-of-8.jsonl`. */
export function runFileName({ index, count }: Shard = WHOLE): string {
  return count === 1 ? 'run.jsonl' : `run-${index}-of-${count}.jsonl`;
}

export const runFileIn = (folder: string, shard: Shard | undefined): string => join(folder, runFileName(shard));

/** Options that stored results have settled, as commander and as a user names them. */
const SETTLED: Readonly<Record<string, string>> = {
  strategy: 'strategy',
  flavour: 'flavour',
  seed: 'seed',
  studies: 'studies',
  kind: 'kind',
  check: 'check',
  allowTruncated: 'allow-truncated',
  lrs: 'lrs',
  full: 'full',
  catalogue: 'no-catalogue',
  layers: 'layers',
  base: 'base',
  repeat: 'repeat',
  blocks: 'blocks',
  quick: 'quick',
  invariants: 'invariants',
  selfTest: 'self-test',
  output: 'output',
  jobs: 'jobs',
  shard: 'shard',
  resume: 'resume',
};

export function refuseRunOptions(command: Command): void {
  const given = Object.keys(SETTLED).find((name) => command.getOptionValueSource(name) === 'cli');
  if (given !== undefined)
    throw new UsageError(`stored results are as they were counted; leave out --${SETTLED[given]}`);
}
