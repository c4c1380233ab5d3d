/** `vgic-replay check`: the gate. Is everything as it was, and no dearer than it may be? Exit code: the gravest outcome. */
import { type Command, InvalidArgumentError, Option } from 'commander';
import { EXIT_INPUT, EXIT_OK, InputError, UsageError, UserError } from '../base/errors.js';
import { formatInteger } from '../base/number-format.js';
import { COMPARISON_SCHEMA, type Comparison, type Side } from '../compare/comparison.js';
import { exitCodeOf, type Outcome } from '../compare/outcome.js';
import { quoted } from '../replay/replay.js';
import { wrapText } from '../report/wrap-text.js';
import { type Plan, type PlanOptions, WHOLE } from '../run/plan.js';
import { type Run, resultsOf } from '../run/run-file.js';
import { type ChosenStrategy, specOf } from '../strategy/index.js';
import { parseWhole } from './attack-options.js';
import { TEAM_BASELINE } from './baseline-file.js';
import type { Build } from './built-sides.js';
import { type Builds, runBaseLayers } from './check-base-layers.js';
import { chooseBaseline } from './check-baseline.js';
import { type CheckConfig, CONFIG_FILE, readConfig, type Settings } from './check-config.js';
import {
  type BaselineChoice,
  judgeBudgets,
  judgeExact,
  judgeFailures,
  judgeGrowth,
  judgeNotRun,
  type LayerResult,
  MISSING_CHOICES,
  type MissingChoice,
  requireBaseline,
} from './check-exact.js';
import { findValgrindLack } from './check-instructions.js';
import { failedAnswer } from './check-jobs.js';
import { planCheck } from './check-plan.js';
import { ownBuild } from './injected-build.js';
import { machineFacts } from './machine-facts.js';
import { describeShard } from './merge.js';
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
import { addStoredRunOptions, refuseRunOptions, type StoredRunOptions, storeOf } from './run-options.js';
import { NO_OPTIONS } from './run-plan.js';
import { readRuns, refuseMixture } from './run-store.js';
import { runUnits } from './run-units.js';
import { SELF_TESTS, type SelfTest, selfTest } from './self-test.js';
import { warnIfStale } from './stale-build.js';
import { parseStrategies, STRATEGY_HELP } from './strategy-files.js';
import { type Terminal, tool } from './terminal.js';

export interface CheckOptions extends StoredRunOptions {
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
  const command = program
    .command('check')
    .description(
      'the gate: exact counters against a baseline, growth against what is declared; exit 3 if something moved',
    )
    .argument(
      '[traces...]',
      'traces (default: the shipped ones, with the baseline of the package); or stored results, to be judged',
    )
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
    );
  addStoredRunOptions(command, 'check and merge').action((paths: string[], options: CheckOptions) =>
    options.selfTest === undefined ? runCheck(paths, options, command, terminal) : selfTest(options.selfTest, terminal),
  );
}

function parseLayers(text: string): ReadonlySet<number> {
  const layers = text.split(',').map((part) => LAYERS.findIndex((_, layer) => `${layer}` === part.trim()));
  if (layers.includes(-1)) throw new InvalidArgumentError(`It must be some of 0 to ${LAYERS.length - 1}, as 0,1.`);
  return new Set(layers);
}

async function runCheck(
  paths: readonly string[],
  options: CheckOptions,
  command: Command,
  terminal: Terminal,
): Promise<void> {
  requireSense(options);
  const reporters = chooseReporters(namedReporters(options), CHECKED);
  const isStored = refuseMixture(paths);
  if (isStored) refuseRunOptions(command);
  else warnIfStale(ownBuild, terminal);
  const stored = isStored ? readRuns(paths, ['check'], terminal.err) : null;
  const settings = readConfig(options.config ?? stored?.header.plan.options.config ?? undefined);
  const asked = stored?.header.plan.options ?? askedFor(paths, options, settings);
  const { config } = settings;
  const choice = chooseLayers(asked.layers ?? null, options.base);
  const { run, files } =
    stored === null
      ? await runJobs(paths, options, asked, config, choice.layers, terminal)
      : { run: stored, files: [] };
  if (run.header.shard.count > 1) {
    terminal.out(describeShard(run, options.output!));
    return;
  }
  const { plan } = run.header;
  const { said, ...wanted } = wantedBaseline(plan, options, config);
  const results = judgeExactLayers(run, choice.layers, wanted, options, settings, terminal);
  const { base } = options;
  const against =
    base === undefined || !(choice.layers.has(2) || choice.layers.has(3))
      ? null
      : await tryBaseLayers(() =>
          runBaseLayers(
            {
              paths: new Map(plan.traces.map(({ name }, at) => [name, files[at]])),
              isShipped: plan.options.shipped === true,
              keyCells: config.keyCells,
              strategies: options.strategy?.map(specOf) ?? config.strategies,
              flavours: options.flavour?.split(',') ?? config.flavours ?? [],
            },
            choice.layers,
            { ...options, base },
            config,
            terminal,
          ),
        );
  const lines = [
    ...(settings.file === null ? [] : [`settings: ${settings.file}`]),
    ...(said !== null && choice.layers.has(0) ? wrapText(said, terminal.width) : []),
  ];
  const all = [{ cells: [], outcomes: [], lines }, ...results, ...(against?.results ?? [])];
  await finish(
    all,
    wanted.file,
    choice,
    commandOf(plan.options, options),
    options,
    reporters,
    terminal,
    against?.builds ?? null,
  );
}

type Wanted = Pick<BaselineChoice, 'file' | 'missing' | 'reason'>;

/** With which baseline the results are compared, and what is done where there is none; `said`: what a reader is told of it. */
function wantedBaseline(
  plan: Plan,
  { baseline, strategy, baselineMissing, reason }: CheckOptions,
  config: CheckConfig,
): Wanted & { readonly said: string | null } {
  const strategies = strategy?.map(specOf) ?? config.strategies ?? plan.strategies.map(({ spec }) => spec);
  const chosen = chooseBaseline(baseline ?? config.baseline, plan, strategies);
  return { ...chosen, missing: baselineMissing, reason: reason ?? null };
}

/** What results depend on, as the command line has it; whether all is shipped is seen later. */
const askedFor = (paths: readonly string[], options: CheckOptions, { file }: Settings): PlanOptions => ({
  ...NO_OPTIONS,
  traces: paths.length === 0 ? null : paths.map(quoted).join(' '),
  strategies: options.strategy?.map(specOf).join(',') ?? null,
  flavour: options.flavour ?? null,
  layers: options.layers === undefined ? null : [...options.layers].join(','),
  invariants: options.invariants === true,
  config: file,
});

async function runJobs(
  paths: readonly string[],
  options: CheckOptions,
  asked: PlanOptions,
  config: CheckConfig,
  layers: ReadonlySet<number>,
  terminal: Terminal,
): Promise<{ run: Run; files: readonly string[] }> {
  const { shard, jobs, resume } = options;
  const store = storeOf(options);
  refuseToStore(options, layers, store);
  const { plan, files } = await planCheck({
    traces: paths.length > 0 ? paths : config.traces,
    workloads: paths.length > 0 ? undefined : config.workloads,
    strategies: options.strategy?.map(specOf) ?? config.strategies,
    flavours: options.flavour?.split(',') ?? config.flavours,
    invariants: options.invariants === true,
    layers,
    command: commandOf(asked),
    options: asked,
    isStored: store !== null,
  });
  // A baseline that is missing or damaged is said before anything is counted.
  if ((shard ?? WHOLE).count === 1 && layers.has(0)) requireBaseline(wantedBaseline(plan, options, config));
  const work = {
    ...{ plan, files, kept: new Map(), shard: shard ?? WHOLE, store, resume: resume === true },
    jobs: jobs === 1 ? 0 : jobs,
    longestFirst: true,
    // A process that dies twice takes its job with it, and no other.
    resultOfLost: (why: string) => failedAnswer(`its process died twice before it answered (${why})`, null),
  };
  return { run: await runUnits(work, terminal), files };
}

/** Only what is counted can be divided; and it is judged once, when all of it is there. */
function refuseToStore(
  { base, shard, accept, baselineMissing }: CheckOptions,
  layers: ReadonlySet<number>,
  store: string | null,
): void {
  if (store !== null && (base !== undefined || layers.has(2) || layers.has(3)))
    throw new UsageError('layers 2 and 3 compare builds on one machine: run them by themselves, without --output');
  if (shard !== undefined && (accept === true || baselineMissing === 'create'))
    throw new UsageError('a shard is not judged: the baseline is written by the check of all shards together');
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

function chooseLayers(named: string | null, base: string | undefined): LayerChoice {
  const asked = named === null ? undefined : parseLayers(named);
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

function judgeExactLayers(
  run: Run,
  layers: ReadonlySet<number>,
  wanted: Wanted,
  options: CheckOptions,
  { config: { budgets = {} }, file }: Settings,
  { width }: Terminal,
): LayerResult[] {
  const { plan } = run.header;
  const jobs = plan.units.flatMap((unit) => (unit.kind === 'check' ? unit.job : []));
  const answers = resultsOf(run, 'check');
  const cells = answers.flatMap((answer) => answer.cells);
  const failures = judgeFailures(jobs, answers);
  const results: LayerResult[] = [failures];
  if (layers.has(0)) {
    if (cells.length === 0 && failures.outcomes.length === 0)
      throw new UsageError('none of the strategies can run on any of the traces in these flavours');
    const choice = { ...wanted, isStrict: options.strict === true, isExpected: expectationOf(plan) };
    results.push(judgeExact(jobs, answers, choice, width));
    const held = judgeBudgets(budgets, cells, width);
    if (held.result.unused.length > 0 && failures.outcomes.length === 0 && !isNarrowed(plan))
      throw new InputError(
        file ?? CONFIG_FILE,
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

/** A command line that names strategies or flavours may leave out what a budget is of. */
const isNarrowed = ({ options: { strategies, flavour } }: Plan): boolean => strategies !== null || flavour !== null;

/** A command line that names traces, strategies or flavours asks for a part of the baseline. */
function expectationOf(plan: Plan): (cell: string) => boolean {
  if (isNarrowed(plan)) return () => false;
  const names = new Set(plan.traces.map(({ name }) => name));
  return (cell) => plan.options.traces === null || names.has(cell.split('/').slice(0, -2).join('/'));
}

async function finish(
  results: readonly LayerResult[],
  baseline: string,
  { layers, notes }: LayerChoice,
  command: string,
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
    command,
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

/** What repeats it: all that decides what is run; of `judged`, with what it is compared. */
function commandOf(asked: PlanOptions, judged?: CheckOptions): string {
  const { traces = null, strategies, flavour, layers, invariants } = asked;
  const flag = (name: string, value: string | null | undefined): string[] =>
    value === undefined || value === null ? [] : [name, value];
  const seed = judged?.seed ?? 1;
  const repeat = judged?.repeat ?? 1;
  // Settings that are found by themselves are not named.
  const config = judged?.config ?? (asked.config === CONFIG_FILE ? null : asked.config);
  return [
    'vgic-replay check',
    ...(traces === null ? [] : [traces]),
    ...flag('--strategy', strategies === null ? null : quoted(strategies)),
    ...flag('--flavour', flavour === null ? null : quoted(flavour)),
    ...flag('--layers', layers),
    ...flag('--base', judged?.base === undefined ? null : quoted(judged.base)),
    ...(repeat === 1 ? [] : ['--repeat', `${repeat}`]),
    ...flag('--baseline', judged?.baseline === undefined ? null : quoted(judged.baseline)),
    ...flag('--config', config === undefined || config === null ? null : quoted(config)),
    ...(invariants === true ? ['--invariants'] : []),
    ...(seed === 1 ? [] : ['--seed', `${seed}`]),
  ].join(' ');
}
