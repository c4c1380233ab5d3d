/** `vgic-replay check`: the gate. Is everything as it was, and no dearer than it may be? Exit code: the gravest outcome. */
import { availableParallelism } from 'node:os';
import { type Command, InvalidArgumentError, Option } from 'commander';
import { EXIT_INPUT, EXIT_OK, InputError, UsageError, UserError } from '../base/errors.js';
import { formatInteger } from '../base/number-format.js';
import { COMPARISON_SCHEMA, type Comparison, type Side } from '../compare/comparison.js';
import { exitCodeOf, type Outcome } from '../compare/outcome.js';
import { quoted } from '../replay/replay.js';
import { wrapText } from '../report/terminal.js';
import { type ChosenStrategy, specOf } from '../strategy/index.js';
import { parseWhole } from './attack-options.js';
import { TEAM_BASELINE } from './baseline-file.js';
import type { Build } from './built-sides.js';
import { type Builds, runBaseLayers } from './check-base-layers.js';
import { chooseBaseline } from './check-baseline.js';
import { type CheckConfig, readConfig } from './check-config.js';
import {
  judgeBudgets,
  judgeExact,
  judgeFailures,
  judgeGrowth,
  judgeNotRun,
  type LayerResult,
  MISSING_CHOICES,
  type MissingChoice,
} from './check-exact.js';
import { findValgrindLack } from './check-instructions.js';
import { type CheckPlan, planCheck } from './check-plan.js';
import { runCheckJobs } from './check-pool.js';
import { ownBuild } from './injected-build.js';
import { machineFacts } from './machine-facts.js';
import {
  type ChosenReporter,
  chooseReporters,
  collectReporter,
  namedReporters,
  type Offer,
  REPORTER_FLAGS,
  reporterHelp,
  writeReporters,
} from './reporter-options.js';
import { SELF_TESTS, type SelfTest, selfTest } from './self-test.js';
import { warnIfStale } from './stale-build.js';
import { parseStrategies, STRATEGY_HELP } from './strategy-files.js';
import { type Terminal, tool } from './terminal.js';

export interface CheckOptions {
  readonly strategy?: ChosenStrategy[];
  readonly flavour?: string;
  readonly layers?: ReadonlySet<number>;
  readonly base?: string;
  readonly repeat: number;
  readonly baseline?: string;
  readonly baselineMissing: MissingChoice;
  readonly accept?: boolean;
  readonly reason?: string;
  readonly config?: string;
  readonly invariants?: boolean;
  readonly jobs: number;
  readonly seed: number;
  readonly strict?: boolean;
  readonly json?: boolean;
  readonly reporter?: string[];
  readonly selfTest?: SelfTest;
}

/** What `--json` prints: a comparison with the baseline or the base, and beside it which layers ran and how it ended. */
export interface CheckRecord extends Comparison {
  readonly layers: readonly {
    readonly layer: number;
    readonly name: string;
    readonly ran: boolean;
    /** Why it did not run, where it was not left out on purpose. */
    readonly note: string | null;
  }[];
  /** Everything that is wrong, and the exit code of each; empty: nothing. */
  readonly outcome: readonly Outcome[];
  readonly exitCode: number;
}

/** The record is more than its comparison: how it ended stands beside the cells. */
const CHECKED: Offer = { own: ['table', 'json'], inputs: ['comparison'] };

const LAYERS = ['exact counters', 'growth', 'instruction counts', 'time'];

export function registerCheck(program: Command, terminal: Terminal): void {
  program
    .command('check')
    .description(
      'the gate: exact counters against a baseline, growth against what is declared; exit 3 if something moved',
    )
    .argument('[traces...]', 'traces (default: the shipped ones, with the baseline of the package)')
    .option('-s, --strategy <ids>', STRATEGY_HELP, parseStrategies)
    .option(
      '--flavour <ids>',
      'comma-separated hypervisors; recorded: that of each trace; others: all that fit beside it',
    )
    .option(
      '--layers <list>',
      '0 exact, 1 growth, 2 instructions, 3 time (default: 0,1, and 2,3 with --base)',
      parseLayers,
    )
    .option(
      '--base <ref>',
      'what layers 2 and 3 compare with: a build, or a git ref of this tool; with --strategy ./mine.js a ref of the repository that it lies in',
    )
    .option('--repeat <n>', 'counts of each side in layer 2; says how well they repeat', parseWhole(1, 100), 1)
    .option('--baseline <file>', `accepted figures (default: the package's, or ${TEAM_BASELINE} for your traces)`)
    .addOption(
      new Option('--baseline-missing <what>', 'what to do without a baseline')
        .choices(MISSING_CHOICES)
        .default('error'),
    )
    .option('--accept', 'write what is counted now into the baseline, and who, when and why into a log beside it')
    .option('--reason <text>', 'why, for --accept')
    .option('--config <file>', 'settings (default: vgic-check.json, if there is one)')
    .option('--invariants', "also the vGIC's invariants after every event; exit 5 if one breaks")
    .option('--jobs <n>', 'processes that count', parseWhole(1, 256), availableParallelism())
    .option('--seed <n>', 'seed of what is drawn at random', parseWhole(0, 0xffff_ffff), 1)
    .option('--strict', 'exit 7 where nothing could be decided')
    .option('--json', 'print the record as JSON')
    .option(REPORTER_FLAGS, reporterHelp(CHECKED), collectReporter)
    .addOption(
      new Option(
        '--self-test [what]',
        'try the gate itself on builds with a known fault, and on the same build; time: the clock too',
      )
        .choices(SELF_TESTS)
        .preset('exact'),
    )
    .action((paths: string[], options: CheckOptions) =>
      options.selfTest === undefined ? runCheck(paths, options, terminal) : selfTest(options.selfTest, terminal),
    );
}

function parseLayers(text: string): ReadonlySet<number> {
  const layers = text.split(',').map((part) => LAYERS.findIndex((_, layer) => `${layer}` === part.trim()));
  if (layers.includes(-1)) throw new InvalidArgumentError(`It must be some of 0 to ${LAYERS.length - 1}, as 0,1.`);
  return new Set(layers);
}

async function runCheck(paths: readonly string[], options: CheckOptions, terminal: Terminal): Promise<void> {
  requireSense(options);
  const reporters = chooseReporters(namedReporters(options), CHECKED);
  warnIfStale(ownBuild, terminal);
  const { config, file: configFile } = readConfig(options.config);
  const { layers, notes } = chooseLayers(options);
  const strategies = options.strategy?.map(specOf) ?? config.strategies;
  const flavours = options.flavour?.split(',') ?? config.flavours;
  const plan = await planCheck({
    traces: paths.length > 0 ? paths : config.traces,
    workloads: paths.length > 0 ? undefined : config.workloads,
    strategies,
    flavours,
    invariants: options.invariants === true,
    layers,
  });
  const { file: baseline, said } = chooseBaseline(options.baseline ?? config.baseline, plan, strategies ?? []);
  const settings: LayerResult = {
    cells: [],
    outcomes: [],
    lines: [
      ...(configFile === null ? [] : [`settings: ${configFile}`]),
      ...(said !== null && layers.has(0) ? wrapText(said, terminal.width) : []),
    ],
  };
  const results = await runExactLayers(plan, layers, baseline, paths, options, config, terminal);
  const { base } = options;
  const against =
    base === undefined || !(layers.has(2) || layers.has(3))
      ? null
      : await tryBaseLayers(() =>
          runBaseLayers(
            { ...plan, keyCells: config.keyCells, strategies, flavours: flavours ?? [] },
            layers,
            { ...options, base },
            config,
            terminal,
          ),
        );
  const all = [settings, ...results, ...(against?.results ?? [])];
  await finish(all, baseline, { layers, notes }, paths, options, reporters, terminal, against?.builds ?? null);
}

/** A base that does not build is one outcome more: what the exact layers found is not lost with it. */
async function tryBaseLayers(
  layers: () => Promise<{ results: LayerResult[]; builds: Builds }>,
): Promise<{ results: LayerResult[]; builds: Builds | null }> {
  try {
    return await layers();
  } catch (error) {
    if (!(error instanceof InputError)) throw error;
    return { results: [judgeNotRun('base', error.message)], builds: null };
  }
}

interface LayerChoice {
  readonly layers: ReadonlySet<number>;
  /** Layer → why it is left out, where that is not for want of asking. */
  readonly notes: ReadonlyMap<number, string>;
}

function chooseLayers({ layers: asked, base }: CheckOptions): LayerChoice {
  const notes = new Map<number, string>();
  const layers = new Set(asked ?? (base === undefined ? [0, 1] : [0, 1, 2, 3]));
  if (base === undefined) {
    const named = [2, 3].filter((layer) => asked?.has(layer));
    if (named.length > 0) throw new UsageError(`layer ${named.join(' and ')} compares with a base: give --base REF`);
    for (const layer of [2, 3]) notes.set(layer, 'no --base');
  }
  const lack = layers.has(2) ? findValgrindLack() : null;
  if (lack !== null) {
    if (asked?.has(2)) throw new UserError(`layer 2: ${lack}`, EXIT_INPUT);
    layers.delete(2);
    notes.set(2, lack);
  }
  return { layers, notes };
}

function requireSense({ accept, reason, layers, baselineMissing }: CheckOptions): void {
  if (accept === true && (reason === undefined || reason.trim() === ''))
    throw new UsageError('--accept needs --reason "why": what changes without a reason comes back as a question');
  if (accept !== true && reason !== undefined) throw new UsageError('--reason goes with --accept');
  if (layers?.has(0) === false && (accept === true || baselineMissing === 'create'))
    throw new UsageError('a baseline is written by layer 0, which --layers leaves out');
}

async function runExactLayers(
  plan: CheckPlan,
  layers: ReadonlySet<number>,
  baseline: string,
  paths: readonly string[],
  options: CheckOptions,
  { budgets = {} }: CheckConfig,
  terminal: Terminal,
): Promise<LayerResult[]> {
  const { width } = terminal;
  const answers = await runCheckJobs(plan.jobs, options.jobs, (done) => {
    if (terminal.isErrTty) terminal.err(`check: ${done} of ${plan.jobs.length}`);
  });
  const run = answers.flatMap(({ cells }) => cells);
  const failures = judgeFailures(plan.jobs, answers);
  const results: LayerResult[] = [failures];
  if (layers.has(0)) {
    if (run.length === 0 && failures.outcomes.length === 0)
      throw new UsageError('none of the strategies can run on any of the traces in these flavours');
    const isExpected = expectationOf(plan, paths.length > 0, options);
    const choice = {
      file: baseline,
      missing: options.baselineMissing,
      reason: options.reason ?? null,
      isStrict: options.strict === true,
      isExpected,
    };
    results.push(judgeExact(plan, answers, choice, width));
    const held = judgeBudgets(budgets, run, width);
    // A command line that names strategies or flavours may leave out what a budget is of.
    const isNarrowed = options.strategy !== undefined || options.flavour !== undefined;
    if (held.result.unused.length > 0 && failures.outcomes.length === 0 && !isNarrowed)
      throw new InputError(
        options.config ?? 'vgic-check.json',
        `budgets/${held.result.unused[0]}`,
        'no counter of any cell has this name',
        'see the names in the baseline; * is anything between two slashes',
      );
    results.push(held);
  }
  if (layers.has(1))
    results.push(
      judgeGrowth(
        answers.flatMap(({ curves }) => curves),
        width,
      ),
    );
  return results;
}

/** A command line that names traces, strategies or flavours asks for a part of the baseline. */
function expectationOf(
  { paths }: CheckPlan,
  namesTraces: boolean,
  { strategy, flavour }: CheckOptions,
): (cell: string) => boolean {
  if (strategy !== undefined || flavour !== undefined) return () => false;
  return (cell) => !namesTraces || paths.has(cell.split('/').slice(0, -2).join('/'));
}

async function finish(
  results: readonly LayerResult[],
  baseline: string,
  { layers, notes }: LayerChoice,
  paths: readonly string[],
  options: CheckOptions,
  reporters: readonly ChosenReporter[],
  terminal: Terminal,
  builds: Builds | null,
): Promise<void> {
  const outcome = results.flatMap(({ outcomes }) => outcomes);
  const exitCode = exitCodeOf(outcome);
  const record: CheckRecord = {
    schema: COMPARISON_SCHEMA,
    tool,
    command: commandOf(paths, options),
    seed: options.seed,
    ...(layers.has(3) ? { machine: machineFacts() } : {}),
    a:
      builds === null
        ? { name: baseline, kind: 'baseline', commit: null, isDirty: null }
        : sideOf(builds.base, builds.kind),
    b:
      builds === null
        ? { name: 'this build', kind: 'build', commit: null, isDirty: null }
        : sideOf(builds.own, builds.kind),
    cells: results.flatMap(({ cells }) => cells),
    layers: LAYERS.map((name, layer) => ({ layer, name, ran: layers.has(layer), note: notes.get(layer) ?? null })),
    outcome,
    exitCode,
  };
  const table = (): string => {
    const lines = results.flatMap((result) => result.lines);
    const skipped = LAYERS.flatMap((name, layer) => {
      const why = notes.has(layer) ? `, ${notes.get(layer)}` : '';
      return layers.has(layer) ? [] : [`${name} (layer ${layer}${why})`];
    });
    const note = skipped.length === 0 ? [] : wrapText(`not looked at: ${skipped.join(', ')}`, terminal.width);
    return [...lines, ...note].join('\n');
  };
  await writeReporters(
    reporters,
    { table, json: () => JSON.stringify(record, null, 2) },
    { comparison: record },
    terminal,
  );
  if (exitCode === EXIT_OK) return;
  const gravest = outcome.filter(({ code }) => code === exitCode);
  const others = outcome.length - 1;
  throw new UserError(
    `check: ${gravest[0].reason}${others > 0 ? `; and ${formatInteger(others)} more` : ''}`,
    exitCode,
  );
}

const sideOf = ({ name, commit, isDirty }: Build, kind: Side['kind']): Side => ({ name, kind, commit, isDirty });

/** What repeats it: all that decides what is run and with what it is compared. */
function commandOf(paths: readonly string[], options: CheckOptions): string {
  const { strategy, flavour, layers, base, repeat, baseline, config, invariants, seed } = options;
  const flag = (name: string, value: string | undefined): string[] =>
    value === undefined ? [] : [name, quoted(value)];
  return [
    'vgic-replay check',
    ...paths.map(quoted),
    ...flag('--strategy', strategy?.map(specOf).join(',')),
    ...flag('--flavour', flavour),
    ...flag('--layers', layers === undefined ? undefined : [...layers].join(',')),
    ...flag('--base', base),
    ...(repeat === 1 ? [] : ['--repeat', `${repeat}`]),
    ...flag('--baseline', baseline),
    ...flag('--config', config),
    ...(invariants === true ? ['--invariants'] : []),
    ...(seed === 1 ? [] : ['--seed', `${seed}`]),
  ].join(' ');
}
