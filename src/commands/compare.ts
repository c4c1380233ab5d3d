/** `vgic-replay compare A B`: two results, builds, strategies or traces; exact counters first, times second. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Command } from 'commander';
import {
  EXIT_INPUT,
  EXIT_UNDECIDED,
  FidelityError,
  InputError,
  RegressionError,
  UsageError,
  UserError,
} from '../base/errors.js';
import { plural } from '../base/number-format.js';
import { graver } from '../compare/compare-cells.js';
import {
  type CellComparison,
  COMPARISON_SCHEMA,
  type Comparison,
  type Side,
  type TimeComparison,
} from '../compare/comparison.js';
import { quoted } from '../replay/replay.js';
import { leastBlocks } from '../stats/time-verdict.js';
import { STAGES, type StagePlan, type StageProgress } from '../stats/two-stage.js';
import { type ChosenStrategy, strategiesText } from '../strategy/index.js';
import { prepareBuild } from './built-sides.js';
import {
  type ComparedCell,
  compareBuilds,
  compareResults,
  compareStrategies,
  compareTraces,
  type ReplayChoice,
} from './compare-exact.js';
import { KIND_HELP, kindOfSides, parseKind, type SideKind } from './compare-sides.js';
import { describeComparison } from './compare-text.js';
import { compareTimes } from './compare-time.js';
import { FLAVOUR_HELP, parseFlavour } from './flavour-option.js';
import { ownBuild } from './injected-build.js';
import { KEY_TRACES } from './key-cells.js';
import { machineFacts } from './machine-facts.js';
import { isOtherCore } from './other-core.js';
import {
  COMPARED,
  chooseReporters,
  collectReporter,
  namedReporters,
  REPORTER_FLAGS,
  reporterHelp,
  writeReporters,
} from './reporter-options.js';
import { withScratch } from './scratch.js';
import { parseSeed } from './seed-option.js';
import { warnIfStale } from './stale-build.js';
import { parseStrategies, STRATEGY_HELP } from './strategy-files.js';
import { type Terminal, tool } from './terminal.js';

interface Options {
  readonly as?: SideKind;
  readonly strategy?: ChosenStrategy[];
  readonly flavour?: string;
  readonly repo: string;
  /** Undefined: as the kind of the sides has it. */
  readonly time?: boolean;
  readonly blocks: StagePlan['screenBlocks'][];
  readonly jobs: number;
  readonly seed: number;
  readonly strict?: boolean;
  readonly all?: boolean;
  readonly json?: boolean;
  readonly reporter?: string[];
}

const DEFAULT_BLOCKS = [STAGES.screenBlocks, STAGES.confirmBlocks];

export function registerCompare(program: Command, terminal: Terminal): void {
  program
    .command('compare')
    .description(
      'compare two results, builds, strategies or traces: exact counters first, then times from interleaved fresh processes; exit 3 if B is worse',
    )
    .argument('<a>', 'a result (.json), a build (folder, or git ref of --repo), a strategy or a trace')
    .argument('<b>', 'the same, compared with it')
    .argument(
      '[traces...]',
      `what builds and strategies replay (default: ${KEY_TRACES.length} shipped recordings, one for each hot path)`,
    )
    .option('--as <kind>', KIND_HELP, parseKind)
    .option('-s, --strategy <ids>', `${STRATEGY_HELP}; for builds and traces`, parseStrategies)
    .option('--flavour <id>', FLAVOUR_HELP, parseFlavour)
    .option('--repo <folder>', 'checkout whose refs A and B may be', ownBuild)
    .option('--time', 'compare times too: the default for builds and strategies')
    .option('--no-time', 'exact counters alone')
    .option(
      '--blocks <screen,confirm>',
      'processes an arm and cell of the screen, and of the confirmation',
      parseBlocks,
      DEFAULT_BLOCKS,
    )
    .option('--jobs <n>', 'only 1: what runs beside a measurement decides it', parseJobs, 1)
    .option('--seed <n>', 'seed of the order of processes and of all draws', parseSeed, 1)
    .option('--strict', 'exit 7 if nothing could be decided')
    .option('--all', 'show every counter that moved')
    .option('--json', 'print the comparison as JSON (reports/comparison.schema.json)')
    .option(REPORTER_FLAGS, reporterHelp(COMPARED), collectReporter)
    .action(async (a: string, b: string, traces: string[], options: Options) => {
      const reporters = chooseReporters(namedReporters(options), COMPARED);
      const comparison = await runCompare(a, b, traces, options, terminal);
      const table = (): string => describeComparison(comparison, terminal.width, options.all === true);
      await writeReporters(reporters, { table }, { comparison }, terminal);
      requireVerdicts(comparison, options.strict === true);
    });
}

function parseBlocks(text: string): number[] {
  const blocks = text.split(',').map(Number);
  if (blocks.length !== 2 || blocks.some((each) => !Number.isInteger(each) || each < 5 || each > 1000))
    throw new UsageError(`--blocks must be two whole numbers from 5 to 1000, as 10,30, not '${text}'`);
  return blocks;
}

function parseJobs(text: string): number {
  if (text !== '1') throw new UsageError('--jobs must be 1: what runs beside a measurement decides it');
  return 1;
}

async function runCompare(
  a: string,
  b: string,
  traces: readonly string[],
  options: Options,
  terminal: Terminal,
): Promise<Comparison> {
  const kind = options.as ?? kindOfSides(a, b, options.repo);
  const canTime = kind === 'build' || kind === 'strategy';
  if (!canTime && options.time === true)
    throw new UsageError(
      `--time needs two builds or two strategies; times of two ${kind}s are of other moments, or of other work`,
    );
  if (!canTime && traces.length > 0)
    throw new UsageError(`two ${kind}s are compared as they are; '${traces[0]}' is one too many`);
  if (kind === 'strategy' && options.strategy !== undefined)
    throw new UsageError('A and B are the strategies; leave --strategy out, or name builds');
  const judged = kind === 'build' ? [a, b].filter((name) => existsSync(name)) : kind === 'result' ? [] : [ownBuild];
  for (const folder of new Set(judged)) warnIfStale(folder, terminal);
  const choice: ReplayChoice = {
    traces: traces.length > 0 ? traces : KEY_TRACES,
    strategy: options.strategy,
    flavour: options.flavour,
  };
  return withScratch('vgic-compare', terminal, async (scratch, signal) => {
    const { sides, cells } = await gatherCells(kind, a, b, choice, options, scratch, signal);
    if (cells.length === 0) throw new InputError(b, 'cells', 'has no cell in common with A', 'name others');
    const command = commandOf(a, b, traces, options);
    const isTimed = canTime && options.time !== false;
    const times = isTimed ? await timeCells(cells, options, scratch, signal, terminal) : new Map();
    return {
      schema: COMPARISON_SCHEMA,
      tool,
      command,
      seed: options.seed,
      ...(isTimed ? { machine: machineFacts() } : {}),
      a: sides[0],
      b: sides[1],
      cells: cells.map((cell) => finishCell(cell, times.get(cell) ?? null)),
    };
  });
}

interface Gathered {
  readonly sides: readonly Side[];
  readonly cells: readonly ComparedCell[];
}

async function gatherCells(
  kind: SideKind,
  a: string,
  b: string,
  choice: ReplayChoice,
  { repo }: Options,
  scratch: string,
  signal: AbortSignal,
): Promise<Gathered> {
  const plain = [a, b].map((name): Side => ({ name, kind, commit: null, isDirty: null }));
  switch (kind) {
    case 'result':
      return { sides: plain, cells: compareResults(a, b) };
    case 'strategy':
      return { sides: plain, cells: await compareStrategies(a, b, choice) };
    case 'trace':
      return { sides: plain, cells: await compareTraces(a, b, choice) };
    case 'build': {
      const left = await prepareBuild(a, repo, join(scratch, 'a'), signal);
      const right = await prepareBuild(b, repo, join(scratch, 'b'), signal);
      const sides = [left, right].map(({ name, commit, isDirty }): Side => ({ name, kind, commit, isDirty }));
      return { sides, cells: await compareBuilds(left, right, choice, signal) };
    }
  }
}

type Timed = TimeComparison | { readonly error: string };

async function timeCells(
  cells: readonly ComparedCell[],
  { blocks: [screenBlocks, confirmBlocks], seed }: Options,
  scratch: string,
  signal: AbortSignal,
  terminal: Terminal,
): Promise<Map<ComparedCell, Timed>> {
  const timed = cells.filter(({ time }) => time !== null);
  const arms = timed.flatMap(({ time }) => (time === null ? [] : [time]));
  const least = leastBlocks(arms.length);
  if (confirmBlocks < least)
    throw new UsageError(
      `--blocks: ${confirmBlocks} blocks of confirmation cannot prove a slowdown of ${plural(arms.length, 'cell')}, however large; give at least ${least}, as ${screenBlocks},${least}`,
    );
  let told: StageProgress['stage'] | undefined;
  const times = await compareTimes(arms, { screenBlocks, confirmBlocks, seed }, scratch, signal, (progress) => {
    const { stage, block, blocks, cells: count } = progress;
    if (!terminal.isErrTty && told === stage) return;
    told = stage;
    terminal.err(`${STAGE_WORDS[stage]}: block ${block + 1} of ${blocks}, ${plural(count, 'cell')}`);
  });
  return new Map(timed.map((cell, at) => [cell, times[at]]));
}

const STAGE_WORDS: Readonly<Record<StageProgress['stage'], string>> = {
  screen: 'times, screen',
  confirm: 'times, fresh blocks for what the screen did not clear',
  again: 'times, once more where the control arm was off',
};

function finishCell({ cell, exact, command }: ComparedCell, time: Timed | null): CellComparison {
  const { changes, counters } = exact;
  const base = { cell, changes, counters, command };
  if (time === null) return { ...base, verdict: exact.verdict, reason: exact.reason, time: null };
  if ('error' in time) {
    const verdict = graver(exact.verdict, isOtherCore(time.error) ? 'incomparable' : 'error');
    return { ...base, verdict, reason: `${time.error}; ${exact.reason}`, time: null };
  }
  const verdict = graver(exact.verdict, time.verdict);
  return { ...base, verdict, reason: `${exact.reason}; time: ${time.reason}`, time };
}

function commandOf(a: string, b: string, traces: readonly string[], options: Options): string {
  const { as, strategy, flavour, repo, time, blocks, seed } = options;
  const flags = [
    ...(as === undefined ? [] : ['--as', as]),
    ...(strategy === undefined ? [] : ['--strategy', quoted(strategiesText(strategy))]),
    ...(flavour === undefined ? [] : ['--flavour', flavour]),
    ...(repo === ownBuild ? [] : ['--repo', quoted(repo)]),
    ...(time === undefined ? [] : [time ? '--time' : '--no-time']),
    ...(blocks === DEFAULT_BLOCKS ? [] : ['--blocks', blocks.join(',')]),
    ...(seed === 1 ? [] : ['--seed', `${seed}`]),
  ];
  return ['vgic-replay compare', quoted(a), quoted(b), ...traces.map(quoted), ...flags].join(' ');
}

/** Of several ends the gravest: 5 > 4 > 3 > 7. */
function requireVerdicts({ cells }: Comparison, isStrict: boolean): void {
  const first = (verdict: CellComparison['verdict']): string | undefined => {
    const found = cells.filter((cell) => cell.verdict === verdict);
    return found.length === 0
      ? undefined
      : `${found.length} of ${cells.length} cells ${verdict}, the first ${found[0].cell}: ${found[0].reason}`;
  };
  const error = first('error');
  if (error !== undefined) throw new FidelityError(error);
  const strange = first('incomparable');
  if (strange !== undefined) throw new UserError(strange, EXIT_INPUT);
  const regressed = first('regressed');
  if (regressed !== undefined) throw new RegressionError(regressed);
  const undecided = first('unfit') ?? first('inconclusive');
  if (isStrict && undecided !== undefined) throw new UserError(undecided, EXIT_UNDECIDED);
}
