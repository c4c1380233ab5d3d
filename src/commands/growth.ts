/** `vgic-replay growth`: the longest call of each path against list depth, compared with what each strategy declares. */
import type { Command } from 'commander';
import { ALL_DEPTHS, DEPTHS, type GrowthCurve, type GrowthResult, growthCurves } from '../attack/growth.js';
import { RegressionError, UsageError } from '../base/errors.js';
import { flavours } from '../gic/flavour/index.js';
import { MAX_NR_LR } from '../gic/intid.js';
import { wrapText } from '../report/wrap-text.js';
import { type ChosenStrategy, strategies, strategyNamed } from '../strategy/index.js';
import { FLAVOUR_CHOICES, parseFlavour } from './flavour-option.js';
import { describeGrowth, GROWTH_LEGEND } from './growth-text.js';
import { parseStrategies, STRATEGY_HELP } from './strategy-files.js';
import { type Terminal, tool } from './terminal.js';

interface Options {
  readonly strategy?: ChosenStrategy[];
  readonly flavour?: string[];
  readonly lrs: number;
  readonly full?: boolean;
  readonly json?: boolean;
}

/** Visits and comparisons that a program may take with --full: lists of 57,344 in random order, kept ordered. */
const FULL_WORK = 1e10;

export function registerGrowth(program: Command, terminal: Terminal): void {
  program
    .command('growth')
    .description('grow hostile lists and fit how the longest call of each path grows; exit 3 if faster than declared')
    .option('-s, --strategy <ids>', STRATEGY_HELP, parseStrategies)
    .option('--flavour <ids>', `comma-separated hypervisors, of: ${FLAVOUR_CHOICES} (default: all)`, parseFlavours)
    .option('--lrs <n>', 'list registers', parseLrs, 4)
    .option('--full', 'every depth from 8 to 57,344 for every program; minutes for lists that are kept ordered')
    .option('--json', 'print JSON instead of text')
    .action((options: Options) => runGrowth(options, terminal));
}

const parseFlavours = (text: string, previous: string[] = []): string[] => [
  ...previous,
  ...text.split(',').map(parseFlavour),
];

function parseLrs(text: string): number {
  const lrs = Number(text);
  if (!Number.isInteger(lrs) || lrs < 1 || lrs > MAX_NR_LR)
    throw new UsageError(`--lrs must be a whole number from 1 to ${MAX_NR_LR}, not '${text}'`);
  return lrs;
}

function runGrowth({ strategy, flavour, lrs, full, json }: Options, terminal: Terminal): void {
  const chosen = strategy ?? strategies.map(({ id }) => strategyNamed(id));
  const ids = flavour ?? flavours.map(({ id }) => id);
  const options = full === true ? { depths: ALL_DEPTHS, maxWork: FULL_WORK, nrLr: lrs } : { depths: DEPTHS, nrLr: lrs };
  const results = ids.map((id) => growthCurves(chosen, id, options)).filter(({ curves }) => curves.length > 0);
  if (results.length === 0)
    throw new UsageError(`${chosen.map(({ label }) => label).join(', ')} cannot run as ${ids.join(', ')}`);
  if (json === true) terminal.out(JSON.stringify({ schema: 'vgic-replay/growth/1', tool, results }, null, 2));
  else terminal.out(results.map((result) => describeGrowth(result, terminal.width)).join('\n\n') + legend(terminal));
  requireDeclared(results);
}

const legend = ({ width }: Terminal): string => `\n\n${wrapText(GROWTH_LEGEND, width).join('\n')}`;

function requireDeclared(results: readonly GrowthResult[]): void {
  const faults = results.flatMap(({ curves }) => curves).filter(({ fault }) => fault !== null);
  if (faults.length === 0) return;
  throw new RegressionError(`${faults.length} of the paths are not as declared, the first: ${nameFault(faults[0])}`);
}

const nameFault = ({ strategy, flavour, subject, fault }: GrowthCurve): string =>
  `${strategy}, ${flavour}, ${subject}: ${fault}`;
