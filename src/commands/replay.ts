/** `vgic-replay replay`: exact cost of strategies on traces; optionally the LR words after each flush. */
import type { Command } from 'commander';
import { UsageError } from '../base/errors.js';
import { CALL_LIMITS, type CallRecord, recordCalls } from '../replay/call-record.js';
import { referenceFor, strategiesFor } from '../replay/create-model.js';
import { type FlushObserver, quoted, replayTrace } from '../replay/replay.js';
import { CELL_SCHEMA, type CellResult } from '../replay/result.js';
import { createModel } from '../report/model.js';
import { wrapText } from '../report/wrap-text.js';
import { CELL_VERBS, WHOLE } from '../run/plan.js';
import { cellsByTrace, cellsOf, type Run } from '../run/run-file.js';
import { type ChosenStrategy, strategiesText } from '../strategy/index.js';
import { COST_LEGEND, renderCosts } from './cost-table.js';
import { FLAVOUR_HELP, parseFlavour } from './flavour-option.js';
import { flushLine } from './flush-line.js';
import { type OpenInput, openInput } from './inputs.js';
import { CHECK_HELP } from './invariant-check.js';
import { describeShard } from './merge.js';
import { openOutput } from './outputs.js';
import { requireClasses } from './replay-checks.js';
import {
  CELLS,
  chooseReporters,
  collectReporter,
  REPLAYED_CELLS,
  REPORTER_FLAGS,
  reporterHelp,
  wantsCalls,
  wantsData,
  writeReporters,
} from './reporter-options.js';
import { addStoredRunOptions, refuseRunOptions, type StoredRunOptions, storeOf } from './run-options.js';
import { planRun, withoutRepeats } from './run-plan.js';
import { readRuns, refuseMixture } from './run-store.js';
import { runUnits } from './run-units.js';
import { parseStrategies, STRATEGY_HELP } from './strategy-files.js';
import { type Terminal, tool } from './terminal.js';

interface ReplayOptions extends StoredRunOptions {
  readonly strategy?: ChosenStrategy[];
  readonly dumpLrs?: string;
  readonly reporter?: string[];
  readonly allowTruncated?: boolean;
  readonly check?: boolean;
  readonly flavour?: string;
}

export function registerReplay(program: Command, terminal: Terminal): void {
  addStoredRunOptions(
    program
      .command('replay')
      .description('replay traces under ap_list strategies and print what each path costs (exact counts)')
      .argument(
        '<traces...>',
        '.vgt files, or anything import reads (VGR1, JSON lines, ftrace text or recording folder); or stored results',
      )
      .option('-s, --strategy <ids>', STRATEGY_HELP, parseStrategies)
      .option(
        '--dump-lrs <file>',
        'write "F event vcpu used lr…" after each flush to FILE, - for standard output (one trace, one strategy; default: the one of the flavour)',
      )
      .option(REPORTER_FLAGS, reporterHelp(REPLAYED_CELLS), collectReporter)
      .option('--flavour <id>', FLAVOUR_HELP, parseFlavour)
      .option('--check', CHECK_HELP)
      .option('--allow-truncated', 'replay what is left of a file that was cut off'),
    'report and merge',
  ).action(async (paths: string[], options: ReplayOptions, command: Command) => {
    const isStored = refuseMixture(paths);
    const reporters = chooseReporters(options.reporter, isStored ? CELLS : REPLAYED_CELLS);
    if (options.dumpLrs !== undefined) {
      const other = DUMP_EXCLUDES.find((name) => command.getOptionValueSource(name) === 'cli');
      if (other !== undefined) throw new UsageError(`--dump-lrs and --${other} are two runs; give one of them`);
      await dumpLrs(paths, options, options.dumpLrs, terminal);
      return;
    }
    if (isStored) refuseRunOptions(command);
    const { run, calls } = isStored
      ? { run: readRuns(paths, CELL_VERBS, terminal.err), calls: [] }
      : await runReplay(paths, options, wantsCalls(reporters), terminal);
    if (run.header.shard.count > 1) terminal.out(describeShard(run, options.output!));
    else {
      const traces = cellsByTrace(run);
      await writeReporters(
        reporters,
        { table: () => renderTables(traces, terminal.width) },
        wantsData(reporters) ? { model: createModel(tool, traces.flat()), calls } : {},
        terminal,
      );
    }
    requireClasses(cellsOf(run));
  });
}

/** Options that the list registers of one pass know nothing of. */
const DUMP_EXCLUDES = ['check', 'shard', 'resume', 'output', 'jobs'];

async function runReplay(
  paths: readonly string[],
  options: ReplayOptions,
  keepsCalls: boolean,
  terminal: Terminal,
): Promise<{ run: Run; calls: CallRecord[] }> {
  const { strategy, flavour, check, allowTruncated, shard, jobs, resume } = options;
  const store = storeOf(options);
  const planned = await planRun({
    verb: 'replay',
    paths,
    command: commandOf(paths, options),
    seed: 0,
    strategy,
    flavour,
    check,
    allowTruncated,
    kind: 'other',
    isStored: store !== null,
    studies: [],
  });
  try {
    const { plan, files, kept } = planned;
    const work = { plan, files, kept, shard: shard ?? WHOLE, jobs, store, resume: resume === true };
    const run = await runUnits(work, terminal);
    return { run, calls: keepsCalls ? await recordTraces(paths, kept, options) : [] };
  } finally {
    planned.close();
  }
}

/** The command line that makes the same cells again. */
const commandOf = (paths: readonly string[], { strategy, flavour, check, allowTruncated }: ReplayOptions): string =>
  [
    'vgic-replay replay',
    ...paths.map(quoted),
    ...(strategy === undefined ? [] : ['--strategy', quoted(strategiesText(strategy))]),
    ...(flavour === undefined ? [] : ['--flavour', flavour]),
    ...(check === true ? ['--check'] : []),
    ...(allowTruncated === true ? ['--allow-truncated'] : []),
  ].join(' ');

/** One table a trace. */
const renderTables = (traces: readonly CellResult[][], width: number): string =>
  [
    ...traces.map((cells) =>
      renderCosts(
        cells.map(({ exact }) => exact),
        width,
      ),
    ),
    ...wrapText(COST_LEGEND, width),
  ].join('\n');

/** Every call of each cell, for timelines and profiles. All cells of all traces share the memory of one. */
function recordCells(input: OpenInput, chosen: readonly ChosenStrategy[], traces: number): CallRecord[] {
  const entries = Math.floor(CALL_LIMITS.entries / (chosen.length * traces));
  return chosen.map((strategy) => recordCalls(input.open(), strategy, { ...CALL_LIMITS, entries }));
}

/** The traces of a replay once more. */
async function recordTraces(
  paths: readonly string[],
  kept: ReadonlyMap<string, OpenInput>,
  options: ReplayOptions,
): Promise<CallRecord[]> {
  const calls: CallRecord[] = [];
  for (const path of paths) {
    const input = kept.get(path) ?? (await openInput(path, options));
    try {
      const chosen = withoutRepeats(strategiesFor(input.open().header.machine, options.strategy));
      calls.push(...recordCells(input, chosen, paths.length));
    } finally {
      if (!kept.has(path)) input.close();
    }
  }
  return calls;
}

/** Bytes gathered before they are written. */
const DUMP_CHUNK = 1 << 20;

async function dumpLrs(
  paths: readonly string[],
  { strategy, allowTruncated, flavour }: ReplayOptions,
  file: string,
  terminal: Terminal,
): Promise<void> {
  if (paths.length !== 1 || (strategy !== undefined && strategy.length !== 1))
    throw new UsageError('--dump-lrs takes one trace and one strategy; name them');
  const input = await openInput(paths[0], { allowTruncated, flavour });
  const target = file === '-' ? undefined : openOutput(file);
  const write = (lines: string): void =>
    target === undefined ? terminal.out(lines) : target.write(Buffer.from(lines));
  let text = '';
  const onFlush: FlushObserver = (vgic, vcpu, event) => {
    text += `${flushLine(vgic, vcpu, event)}\n`;
    if (text.length < DUMP_CHUNK) return;
    write(text);
    text = '';
  };
  try {
    const source = input.open();
    const { machine } = source.header;
    const chosen = strategiesFor(machine, strategy ?? [referenceFor(machine)]);
    const cells = replayTrace(source, chosen, input.identity, { onFlush });
    if (text !== '') write(text);
    target?.commit();
    requireClasses(cells.map((exact) => ({ schema: CELL_SCHEMA, tool, exact, measured: null })));
  } finally {
    input.close();
    target?.abort();
  }
}
