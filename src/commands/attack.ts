/** `vgic-replay attack`: searches for the worst guest of every strategy. */
import { availableParallelism } from 'node:os';
import type { Command } from 'commander';
import { CAPABILITIES, defaultAttacker } from '../attack/attacker.js';
import { JsonPlace } from '../attack/saved-json.js';
import { DEFAULT_WORK, mergeResults, nextJobs, type SearchState, startSearch } from '../attack/search.js';
import { readSearch, saveSearch } from '../attack/search-file.js';
import { BoundError, EXIT_INTERRUPTED, UsageError } from '../base/errors.js';
import { flavours } from '../gic/flavour/index.js';
import { hostileWorkloads, isProgram } from '../hostile/index.js';
import type { GuestProgram } from '../hostile/program.js';
import { resolveParams } from '../workload/workload.js';
import {
  nrLrRange,
  parseDuration,
  parseFlavours,
  parseWhole,
  parseWrites,
  type SearchOptions,
  settingsFor,
  sizeRange,
  vcpusRange,
} from './attack-options.js';
import { createJobPool } from './attack-pool.js';
import { type AttackEnd, createAttackProgress } from './attack-progress.js';
import { describeRows, exceeding, type Row, rowsOf } from './attack-text.js';
import { writeText } from './outputs.js';
import { parseSeed } from './seed-option.js';
import { loadTargets, parseStrategies } from './strategy-files.js';
import { type Terminal, tool } from './terminal.js';
import { readText } from './text-file.js';

interface Options extends SearchOptions {
  readonly budget?: number;
  readonly cpuBudget?: number;
  readonly evaluations?: number;
  readonly jobs: number;
  readonly output: string;
  readonly resume?: string;
  readonly seedCatalogue?: boolean;
  readonly json?: boolean;
}

const DEFAULT_SECONDS = 60;
const SAVE_EVERY_MS = 5000;

export function registerAttack(program: Command, terminal: Terminal): void {
  program
    .command('attack')
    .description('search for the guest that costs each strategy most: the longest call of every path, exact counts')
    .option('--flavour <ids>', `comma-separated, of: ${flavours.map(({ id }) => id).join(', ')}`, parseFlavours, [
      'kvm-6.1',
    ])
    .option('-s, --strategy <ids>', 'comma-separated strategies (default: all)', parseStrategies)
    .option(
      '--attacker <list>',
      `what the guest may use, of: ${CAPABILITIES.join(', ')}`,
      defaultAttacker.may.join(','),
    )
    .option('--vcpus <n>', 'vCPUs that it has', vcpusRange, defaultAttacker.vcpus)
    .option(
      '--writes-per-exit <n>',
      'register writes that one exit does, or "unlimited"',
      parseWrites,
      defaultAttacker.writesPerExit,
    )
    .option('--instructions <n>', 'guest instructions of one program', parseWhole(1, 1e9), defaultAttacker.instructions)
    .option('--size <n>', 'interrupts at which guests are compared', sizeRange, 960)
    .option('--small-size <n>', 'interrupts at which most candidates are tried', sizeRange, 96)
    .option('--nr-lr <n>', 'list registers', nrLrRange, 4)
    .option('--budget <time>', `time to search: 90s, 5m, 1h (default: ${DEFAULT_SECONDS}s)`, parseDuration)
    .option(
      '--cpu-budget <time>',
      'CPU time to search, of all worker processes together: the same on a busy machine',
      parseDuration,
    )
    .option(
      '--evaluations <n>',
      'search until so many were made: the same result on every machine',
      parseWhole(1, 1e12),
    )
    .option('--seed <n>', 'seed of the search', parseSeed, 1)
    .option(
      '--work <n>',
      'events and a 64th of the steps of a job; fewer: the archive is merged more often',
      parseWhole(1, 1e9),
      DEFAULT_WORK,
    )
    .option('--jobs <n>', 'worker processes', parseWhole(1, 256), availableParallelism())
    .option('-o, --output <file>', 'where the search is kept, for --resume and minimize', 'attack.json')
    .option('--seed-catalogue', 'start from the catalogue of hostile guests instead of nothing')
    .option('--resume <file>', 'go on with a saved search; its settings count')
    .option('--json', 'print JSON instead of text')
    .action((options: Options, command: Command) => runAttack(options, command, terminal));
}

/** Options that a saved search has settled. */
const SETTLED = [
  'flavour',
  'strategy',
  'attacker',
  'vcpus',
  'writesPerExit',
  'instructions',
  'size',
  'smallSize',
  'work',
];

async function runAttack(options: Options, command: Command, terminal: Terminal): Promise<void> {
  const ends = [options.budget, options.cpuBudget, options.evaluations].filter((end) => end !== undefined);
  if (ends.length > 1)
    throw new UsageError('--budget, --cpu-budget and --evaluations say when to stop; give one of them');
  const state = options.resume === undefined ? startSearch(settingsFor(options)) : resume(options.resume, command);
  await loadTargets(state.settings.targets);
  const output =
    options.resume !== undefined && command.getOptionValueSource('output') === 'default'
      ? options.resume
      : options.output;
  await search(state, output, options, terminal);
  const rows = rowsOf(state);
  terminal.out(options.json === true ? toJson(state, rows) : describeRows(rows));
  terminal.err(
    `${state.evaluations} evaluations, seed ${state.settings.seed}; kept in ${output}: "vgic-replay minimize ${output}" makes findings of it`,
  );
  requireBounds(rows);
}

function resume(path: string, command: Command): SearchState {
  const given = [...SETTLED, 'nrLr', 'seed'].find((name) => command.getOptionValueSource(name) === 'cli');
  if (given !== undefined)
    throw new UsageError(`--resume goes on with the settings of ${path}; leave out --${kebab(given)}`);
  return readSearch(JsonPlace.parse(path, readText(path)));
}

const kebab = (name: string): string => name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);

function endOf({ budget, cpuBudget, evaluations }: Options): AttackEnd {
  const never = Number.POSITIVE_INFINITY;
  const isElse = cpuBudget !== undefined || evaluations !== undefined;
  return {
    seconds: budget ?? (isElse ? never : DEFAULT_SECONDS),
    cpuSeconds: cpuBudget ?? never,
    evaluations: evaluations ?? never,
  };
}

async function search(state: SearchState, output: string, options: Options, terminal: Terminal): Promise<void> {
  const end = endOf(options);
  const seeds = options.seedCatalogue === true ? cataloguePrograms() : [];
  const started = performance.now();
  const ends = started + end.seconds * 1000;
  const pool = createJobPool(options.jobs);
  const progress = await createAttackProgress(terminal, state, end, pool.cpuSeconds);
  const save = (): void => writeText(output, saveSearch(state));
  const onInterrupt = (): void => {
    progress.stop();
    save();
    terminal.err(`vgic-replay: interrupted; "vgic-replay attack --resume ${output}" goes on`);
    process.exit(EXIT_INTERRUPTED);
  };
  process.on('SIGINT', onInterrupt);
  try {
    save();
    let saved = started;
    while (performance.now() < ends && pool.cpuSeconds() < end.cpuSeconds && state.evaluations < end.evaluations) {
      const jobs = nextJobs(state, seeds);
      mergeResults(state, jobs, await pool.run(jobs));
      progress.update();
      if (performance.now() - saved < SAVE_EVERY_MS) continue;
      save();
      saved = performance.now();
    }
    save();
  } finally {
    process.off('SIGINT', onInterrupt);
    progress.stop();
    pool.close();
  }
}

/** Rows of the catalogue that are programs; those that the attacker cannot run drop out. */
const cataloguePrograms = (): GuestProgram[] =>
  hostileWorkloads.filter(isProgram).map((row) => row.program(resolveParams(row, {})));

const toJson = ({ settings, evaluations }: SearchState, rows: readonly Row[]): string =>
  JSON.stringify({ schema: 'vgic-replay/attack/1', tool, settings, evaluations, worst: rows }, null, 2);

function requireBounds(rows: readonly Row[]): void {
  const [first, ...others] = exceeding(rows);
  if (first === undefined) return;
  const more = others.length === 0 ? '' : ` (and ${others.length} more)`;
  throw new BoundError(
    `${first.strategy} on ${first.flavour}: ${first.title}: ${first.figure} where ${first.bound} is declared${more}; the declared worst case is wrong`,
  );
}
