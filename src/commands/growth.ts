/** `vgic-replay growth`: the longest call of each path against list depth, compared with what each strategy declares. */
import type { Command } from 'commander';
import type { GrowthCurve, GrowthResult } from '../attack/growth.js';
import { RegressionError, UsageError } from '../base/errors.js';
import { flavours } from '../gic/flavour/index.js';
import { MAX_NR_LR } from '../gic/intid.js';
import { wrapText } from '../report/wrap-text.js';
import { WHOLE } from '../run/plan.js';
import { type Run, resultsOf } from '../run/run-file.js';
import { type ChosenStrategy, strategies, strategyNamed } from '../strategy/index.js';
import { FLAVOUR_CHOICES, parseFlavour } from './flavour-option.js';
import { planGrowth } from './growth-plan.js';
import { describeGrowth, GROWTH_LEGEND } from './growth-text.js';
import { describeShard } from './merge.js';
import { addStoredRunOptions, refuseRunOptions, type StoredRunOptions, storeOf } from './run-options.js';
import { readRuns, requireStored } from './run-store.js';
import { runUnits } from './run-units.js';
import { parseStrategies, STRATEGY_HELP } from './strategy-files.js';
import { type Terminal, tool } from './terminal.js';

interface Options extends StoredRunOptions {
  readonly strategy?: ChosenStrategy[];
  readonly flavour?: string[];
  readonly lrs: number;
  readonly full?: boolean;
  readonly json?: boolean;
}

export function registerGrowth(program: Command, terminal: Terminal): void {
  const command = program
    .command('growth')
    .description('grow hostile lists and fit how the longest call of each path grows; exit 3 if faster than declared')
    .argument('[runs...]', 'stored results (run.jsonl, or all its shards) to print and judge instead')
    .option('-s, --strategy <ids>', STRATEGY_HELP, parseStrategies)
    .option('--flavour <ids>', `comma-separated hypervisors, of: ${FLAVOUR_CHOICES} (default: all)`, parseFlavours)
    .option('--lrs <n>', 'list registers', parseLrs, 4)
    .option('--full', 'every depth from 8 to 57,344 for every program; minutes for lists that are kept ordered')
    .option('--json', 'print JSON instead of text');
  addStoredRunOptions(command, 'growth and merge').action((paths: string[], options: Options) =>
    runGrowth(paths, options, command, terminal),
  );
}

const parseFlavours = (text: string, previous: string[] = []): string[] => [
  ...new Set([...previous, ...text.split(',').map(parseFlavour)]),
];

function parseLrs(text: string): number {
  const lrs = Number(text);
  if (!Number.isInteger(lrs) || lrs < 1 || lrs > MAX_NR_LR)
    throw new UsageError(`--lrs must be a whole number from 1 to ${MAX_NR_LR}, not '${text}'`);
  return lrs;
}

async function runGrowth(
  paths: readonly string[],
  options: Options,
  command: Command,
  terminal: Terminal,
): Promise<void> {
  const isStored = requireStored(paths);
  if (isStored) refuseRunOptions(command);
  const run = isStored ? readRuns(paths, ['growth'], terminal.err) : await grow(options, terminal);
  if (run.header.shard.count > 1) {
    terminal.out(describeShard(run, options.output!));
    return;
  }
  const results = resultsOf(run, 'growth').filter(({ curves }) => curves.length > 0);
  if (results.length === 0) {
    const { strategies: planned, units } = run.header.plan;
    const ids = units.flatMap((unit) => (unit.kind === 'growth' ? unit.flavour : []));
    throw new UsageError(`${planned.map(({ id }) => id).join(', ')} cannot run as ${ids.join(', ')}`);
  }
  if (options.json === true) terminal.out(JSON.stringify({ schema: 'vgic-replay/growth/1', tool, results }, null, 2));
  else terminal.out(results.map((result) => describeGrowth(result, terminal.width)).join('\n\n') + legend(terminal));
  requireDeclared(results);
}

function grow(options: Options, terminal: Terminal): Promise<Run> {
  const { strategy, flavour, lrs, full, shard, jobs, resume } = options;
  const store = storeOf(options);
  const plan = planGrowth({
    flavours: flavour ?? flavours.map(({ id }) => id),
    chosen: strategy ?? strategies.map(({ id }) => strategyNamed(id)),
    nrLr: lrs,
    isFull: full === true,
    namesFlavours: flavour !== undefined,
    namesStrategies: strategy !== undefined,
    isStored: store !== null,
  });
  return runUnits(
    {
      plan,
      files: [],
      kept: new Map(),
      shard: shard ?? WHOLE,
      jobs,
      store,
      resume: resume === true,
      longestFirst: true,
    },
    terminal,
  );
}

const legend = ({ width }: Terminal): string => `\n\n${wrapText(GROWTH_LEGEND, width).join('\n')}`;

function requireDeclared(results: readonly GrowthResult[]): void {
  const faults = results.flatMap(({ curves }) => curves).filter(({ fault }) => fault !== null);
  if (faults.length === 0) return;
  throw new RegressionError(`${faults.length} of the paths are not as declared, the first: ${nameFault(faults[0])}`);
}

const nameFault = ({ strategy, flavour, subject, fault }: GrowthCurve): string =>
  `${strategy}, ${flavour}, ${subject}: ${fault}`;
