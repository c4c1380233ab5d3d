/** `vgic-replay bench`: how long strategies take on a trace. Fresh process a cell, arms interleaved in random blocks. */
import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import Table from 'cli-table3';
import type { Command } from 'commander';
import { assert, UsageError } from '../base/errors.js';
import { referenceFor, strategiesFor } from '../replay/create-model.js';
import { replayTrace } from '../replay/replay.js';
import { CELL_SCHEMA, type CellResult, type ExactPart } from '../replay/result.js';
import { createModel } from '../report/model.js';
import { type Arm, type ArmResult, type ExperimentResult, runExperiment } from '../stats/experiment.js';
import type { Sample } from '../stats/sample.js';
import { type ChosenStrategy, specOf } from '../strategy/index.js';
import { BENCH_SCHEMA, type BenchRecord, type BenchResult } from './bench-record.js';
import { FLAVOUR_HELP, parseFlavour } from './flavour-option.js';
import { type OpenInput, openInput } from './inputs.js';
import { machineFacts } from './machine-facts.js';
import { requireClasses } from './replay-checks.js';
import {
  CELLS,
  chooseReporters,
  collectReporter,
  REPORTER_FLAGS,
  reporterHelp,
  wantsData,
  writeReporters,
} from './reporter-options.js';
import { parseStrategies, STRATEGY_HELP } from './strategy-files.js';
import { type Terminal, tool } from './terminal.js';

interface Options {
  readonly strategy?: ChosenStrategy[];
  readonly blocks: string;
  readonly seed: string;
  readonly quick?: boolean;
  readonly json?: boolean;
  readonly reporter?: string[];
  readonly flavour?: string;
}

const CELL = fileURLToPath(new URL('timed-cell.js', import.meta.url));

export function registerBench(program: Command, terminal: Terminal): void {
  program
    .command('bench')
    .description(
      'measure wall-clock time of strategies on a trace (fresh process a cell, interleaved, with a control arm)',
    )
    .argument('<traces...>', '.vgt files, or anything import reads')
    .option('-s, --strategy <ids>', STRATEGY_HELP, parseStrategies)
    .option('--flavour <id>', FLAVOUR_HELP, parseFlavour)
    .option('--blocks <n>', 'processes per strategy', '10')
    .option('--seed <n>', 'seed of the order of the arms', '1')
    .option('--quick', 'fewer and shorter passes: for a look, not for a verdict')
    .option('--json', 'print the samples and estimates as JSON')
    .option(REPORTER_FLAGS, reporterHelp(CELLS), collectReporter)
    .action(async (paths: string[], options: Options) => {
      const reporters = chooseReporters(options.reporter, CELLS);
      if (options.json === true && options.reporter !== undefined)
        throw new UsageError('--json and --reporter: give one of them; --reporter json has counts and times');
      const cells: CellResult[] = [];
      const blocks = wholeNumber(options.blocks, '--blocks', 2, 1000);
      const seed = wholeNumber(options.seed, '--seed', 0, 0xffff_ffff);
      const results: BenchResult[] = [];
      for (const path of paths) {
        const input = await openInput(path, { flavour: options.flavour });
        const { identity } = input;
        const { machine } = input.open().header;
        const strategies = withReferenceFirst(strategiesFor(machine, options.strategy), referenceFor(machine));
        requireSoundOutside(strategies, input);
        const exact = wantsData(reporters) ? replayTrace(input.open(), strategies, identity) : [];
        input.close();
        const arms = strategies.map(
          (chosen): Arm => ({ name: chosen.label, measure: () => measure(path, specOf(chosen), options) }),
        );
        const experiment = {
          id: identity.sha256,
          title: `${path}, replayed as ${machine.flavour}`,
          arms,
          sameDigest: false,
        };
        const result = runExperiment(experiment, blocks, seed, (block) => {
          if (terminal.isErrTty) terminal.err(`${path}: block ${block + 1} of ${blocks}`);
        });
        results.push({ ...result, flavour: machine.flavour });
        cells.push(...exact.map((part) => cellOf(part, result)));
        if (options.reporter === undefined && options.json !== true) terminal.out(describe(result));
      }
      if (options.reporter !== undefined) {
        const table = (): string => [...results.map(describe), closing()].join('\n');
        await writeReporters(reporters, { table }, { model: createModel(tool, cells) }, terminal);
        return;
      }
      if (options.json === true)
        terminal.out(
          JSON.stringify(
            { schema: BENCH_SCHEMA, tool, machine: machineFacts(), results } satisfies BenchRecord,
            null,
            2,
          ),
        );
      else terminal.out(closing());
    });
}

const closing = (): string =>
  `\n${machineLine()}\nTimes are those of this machine and our data structures; the exact counts of 'replay' are what carries over.`;

/** The counts of a cell and the times of its arm. */
function cellOf(exact: ExactPart, { arms, seed, blocks }: ExperimentResult): CellResult {
  const arm = arms.find(({ name }) => name === exact.strategy.id);
  assert(arm !== undefined, `${exact.strategy.id} was measured`);
  const { minima, estimate, low, high, ratio } = arm;
  const { node, cpu } = machineFacts();
  return {
    schema: CELL_SCHEMA,
    tool,
    exact,
    measured: {
      nsPerEvent: minima,
      estimate,
      low,
      high,
      ratio: arm === arms[0] ? null : ratio,
      seed,
      blocks,
      node,
      cpu,
    },
  };
}

function wholeNumber(text: string, flag: string, min: number, max: number): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < min || value > max)
    throw new UsageError(`${flag} must be a whole number from ${min} to ${max}, not '${text}'`);
  return value;
}

/** A process that measures has no guard (timed-cell.ts): what comes from outside is replayed and judged before. */
function requireSoundOutside(strategies: readonly ChosenStrategy[], { open, identity }: OpenInput): void {
  const outside = strategies.filter((chosen) => chosen.outside !== undefined);
  if (outside.length === 0) return;
  const cells = replayTrace(open(), outside, identity);
  requireClasses(cells.map((exact) => ({ schema: CELL_SCHEMA, tool, exact, measured: null })));
}

/** Ratios are to the flavour's own algorithm if it is among the chosen. */
function withReferenceFirst(
  chosen: readonly ChosenStrategy[],
  { strategy: reference }: ChosenStrategy,
): ChosenStrategy[] {
  return [
    ...chosen.filter(({ strategy }) => strategy === reference),
    ...chosen.filter(({ strategy }) => strategy !== reference),
  ];
}

function measure(path: string, strategy: string, { quick, flavour }: Options): Sample {
  const args = ['--conditions=plain', CELL, path, strategy, flavour ?? '-', ...(quick === true ? ['--quick'] : [])];
  return JSON.parse(
    execFileSync(process.execPath, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] }),
  ) as Sample;
}

function describe({ title, blocks, seed, arms }: ExperimentResult): string {
  const table = new Table({
    head: ['strategy', 'ns/event', '90 % interval', 'M events/s', 'ratio', '90 % interval'],
    style: { head: [], border: [] },
    colAligns: ['left', 'right', 'right', 'right', 'right', 'right'],
  });
  for (const arm of arms) table.push(row(arm));
  return `${title}: ${arms[0].events} events, ${blocks} blocks, seed ${seed}; ratio to ${arms[0].name}\n${table.toString()}`;
}

const row = ({ name, estimate, low, high, ratio, ratioLow, ratioHigh }: ArmResult): string[] => [
  name,
  estimate.toPrecision(3),
  `${low.toPrecision(3)} - ${high.toPrecision(3)}`,
  (1000 / estimate).toPrecision(3),
  ratio.toPrecision(3),
  `${ratioLow.toPrecision(3)} - ${ratioHigh.toPrecision(3)}`,
];

function machineLine(): string {
  const { cpu, cores, load, os, node } = machineFacts();
  return `${cpu}, ${cores} cores, load ${load.toFixed(1)}, ${os}, Node ${node}`;
}
