/** `vgic-replay bench`: how long strategies take on a trace. Fresh process a cell, arms interleaved in random blocks. */
import Table from 'cli-table3';
import type { Command } from 'commander';
import { assert, UsageError } from '../base/errors.js';
import { CELL_SCHEMA, type CellResult, type ExactPart } from '../replay/result.js';
import { createModel } from '../report/model.js';
import { WHOLE } from '../run/plan.js';
import { type Run, resultsOf } from '../run/run-file.js';
import type { UnitResult, UnitResults } from '../run/unit.js';
import type { ArmResult, ExperimentResult } from '../stats/experiment.js';
import type { MachineFacts } from '../stats/fitness.js';
import type { ChosenStrategy } from '../strategy/index.js';
import { planBench } from './bench-plan.js';
import { BENCH_SCHEMA, type BenchRecord } from './bench-record.js';
import { FLAVOUR_HELP, parseFlavour } from './flavour-option.js';
import { describeShard } from './merge.js';
import {
  CELLS,
  chooseReporters,
  collectReporter,
  REPORTER_FLAGS,
  reporterHelp,
  wantsData,
  writeReporters,
} from './reporter-options.js';
import { addStoredRunOptions, refuseRunOptions, type StoredRunOptions, storeOf } from './run-options.js';
import { readRuns, refuseMixture } from './run-store.js';
import { runUnits } from './run-units.js';
import { parseStrategies, STRATEGY_HELP } from './strategy-files.js';
import { type Terminal, tool } from './terminal.js';

interface Options extends StoredRunOptions {
  readonly strategy?: ChosenStrategy[];
  readonly blocks: string;
  readonly seed: string;
  readonly quick?: boolean;
  readonly json?: boolean;
  readonly reporter?: string[];
  readonly flavour?: string;
}

export function registerBench(program: Command, terminal: Terminal): void {
  const command = program
    .command('bench')
    .description(
      'measure wall-clock time of strategies on a trace (fresh process a cell, interleaved, with a control arm)',
    )
    .argument('<traces...>', '.vgt files, or anything import reads; or stored results')
    .option('-s, --strategy <ids>', STRATEGY_HELP, parseStrategies)
    .option('--flavour <id>', FLAVOUR_HELP, parseFlavour)
    .option('--blocks <n>', 'processes per strategy', '10')
    .option('--seed <n>', 'seed of the order of the arms', '1')
    .option('--quick', 'fewer and shorter passes: for a look, not for a verdict')
    .option('--json', 'print the samples and estimates as JSON')
    .option(REPORTER_FLAGS, reporterHelp(CELLS), collectReporter);
  addStoredRunOptions(command, 'bench and merge', true).action((paths: string[], options: Options) =>
    runBench(paths, options, command, terminal),
  );
}

async function runBench(
  paths: readonly string[],
  options: Options,
  command: Command,
  terminal: Terminal,
): Promise<void> {
  const reporters = chooseReporters(options.reporter, CELLS);
  if (options.json === true && options.reporter !== undefined)
    throw new UsageError('--json and --reporter: give one of them; --reporter json has counts and times');
  const isStored = refuseMixture(paths);
  if (isStored) refuseRunOptions(command);
  const isText = options.reporter === undefined && options.json !== true;
  // Who waits sees each trace when it is done.
  const isTold = isText && !isStored && options.output === undefined;
  const tell = (result: UnitResult): void => {
    if ('times' in result) terminal.out(describe(result.times));
  };
  const run = isStored
    ? readRuns(paths, ['bench'], terminal.err)
    : await measureTraces(paths, options, wantsData(reporters), isTold ? tell : () => {}, terminal);
  if (run.header.shard.count > 1) {
    terminal.out(describeShard(run, options.output!));
    return;
  }
  const results = resultsOf(run, 'bench');
  if (options.reporter !== undefined) {
    const table = (): string => [...results.map(({ times }) => describe(times)), closing(results)].join('\n');
    const cells = results.flatMap((result) => result.exact.map((part) => cellOf(part, result)));
    await writeReporters(reporters, { table }, { model: createModel(tool, cells) }, terminal);
    return;
  }
  if (options.json === true) terminal.out(JSON.stringify(recordOf(results), null, 2));
  else {
    if (!isTold) for (const result of results) tell(result);
    terminal.out(closing(results));
  }
}

async function measureTraces(
  paths: readonly string[],
  options: Options,
  wantsCounts: boolean,
  onResult: (result: UnitResult) => void,
  terminal: Terminal,
): Promise<Run> {
  const { strategy, flavour, shard, resume } = options;
  const store = storeOf(options);
  const { plan, files } = await planBench({
    paths,
    strategies: strategy,
    flavour,
    blocks: wholeNumber(options.blocks, '--blocks', 2, 1000),
    seed: wholeNumber(options.seed, '--seed', 0, 0xffff_ffff),
    isQuick: options.quick === true,
    // Stored times are shown in any format later.
    isCounted: wantsCounts || store !== null,
    isStored: store !== null,
  });
  const work = {
    ...{ plan, files, kept: new Map(), shard: shard ?? WHOLE, store, resume: resume === true },
    // Times are measured strictly alone.
    jobs: 0,
    say: (text: string) => {
      if (terminal.isErrTty) terminal.err(text);
    },
    onResult,
  };
  return runUnits(work, terminal);
}

type Measured = UnitResults['bench'];

/** In the order of their first results. */
const machinesOf = (results: readonly Measured[]): MachineFacts[] => [
  ...new Map(results.map(({ machine }) => [machine.fingerprint, machine])).values(),
];

function recordOf(results: readonly Measured[]): BenchRecord {
  const isOfMany = machinesOf(results).length > 1;
  return {
    schema: BENCH_SCHEMA,
    tool,
    machine: results.at(-1)!.machine,
    results: results.map(({ times, machine }) => (isOfMany ? { ...times, machine } : times)),
  };
}

function closing(results: readonly Measured[]): string {
  const machines = machinesOf(results);
  if (machines.length === 1)
    return `\n${machineLine(machines[0])}\nTimes are those of this machine and our data structures; the exact counts of 'replay' are what carries over.`;
  const lines = machines.map((machine) => {
    const own = results.filter((result) => result.machine.fingerprint === machine.fingerprint);
    return `${machineLine(machine)}: ${own.map(({ times }) => times.title).join('; ')}`;
  });
  return `\n${lines.join('\n')}\nTimes of one machine are no measure of those of another; the exact counts of 'replay' are what carries over.`;
}

/** The counts of a cell and the times of its arm. */
function cellOf(exact: ExactPart, { times: { arms, seed, blocks }, machine: { node, cpu } }: Measured): CellResult {
  const arm = arms.find(({ name }) => name === exact.strategy.id);
  assert(arm !== undefined, `${exact.strategy.id} was measured`);
  const { minima, estimate, low, high, ratio } = arm;
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

const machineLine = ({ cpu, cores, load, os, node }: MachineFacts): string =>
  `${cpu}, ${cores} cores, load ${load.toFixed(1)}, ${os}, Node ${node}`;
