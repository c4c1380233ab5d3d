/** `vgic-replay replay`: exact cost of strategies on traces; optionally the LR words after each flush. */
import type { Command } from 'commander';
import { UsageError } from '../base/errors.js';
import { flavourNamed, flavours } from '../gic/flavour/index.js';
import { CALL_LIMITS, type CallRecord, recordCalls } from '../replay/call-record.js';
import { referenceFor, strategiesFor } from '../replay/create-model.js';
import { type FlushObserver, replayTrace } from '../replay/replay.js';
import { CELL_SCHEMA, type CellResult } from '../replay/result.js';
import { createModel } from '../report/model.js';
import { wrapText } from '../report/terminal.js';
import type { ChosenStrategy } from '../strategy/index.js';
import { CHECK_HELP, replayChecked } from './check.js';
import { COST_LEGEND, renderCosts } from './cost-table.js';
import { flushLine } from './flush-line.js';
import { type OpenInput, openInput } from './inputs.js';
import { openOutput } from './outputs.js';
import { requireClasses, requireSoundTrace } from './replay-checks.js';
import {
  chooseReporters,
  collectReporter,
  REPLAYED_CELLS,
  REPORTER_FLAGS,
  reporterHelp,
  wantsCalls,
  wantsData,
  writeReporters,
} from './reporter-options.js';
import { parseStrategies, STRATEGY_HELP } from './strategy-files.js';
import { type Terminal, tool } from './terminal.js';

interface ReplayOptions {
  readonly strategy?: ChosenStrategy[];
  readonly dumpLrs?: string;
  readonly reporter?: string[];
  readonly allowTruncated?: boolean;
  readonly check?: boolean;
  readonly flavour?: string;
}

/** Of the option --flavour, on every verb that replays. */
export const FLAVOUR_CHOICES = flavours.map(({ id }) => id).join(', ');
export const FLAVOUR_HELP = `hypervisor to replay as: ${FLAVOUR_CHOICES} (default: the trace's own)`;
export const parseFlavour = (id: string): string => flavourNamed(id).id;

export function registerReplay(program: Command, terminal: Terminal): void {
  program
    .command('replay')
    .description('replay traces under ap_list strategies and print what each path costs (exact counts)')
    .argument('<traces...>', '.vgt files, or anything import reads (VGR1, JSON lines, ftrace text or recording folder)')
    .option('-s, --strategy <ids>', STRATEGY_HELP, parseStrategies)
    .option(
      '--dump-lrs <file>',
      'write "F event vcpu used lr…" after each flush to FILE, - for standard output (one trace, one strategy; default: the one of the flavour)',
    )
    .option(REPORTER_FLAGS, reporterHelp(REPLAYED_CELLS), collectReporter)
    .option('--flavour <id>', FLAVOUR_HELP, parseFlavour)
    .option('--check', CHECK_HELP)
    .option('--allow-truncated', 'replay what is left of a file that was cut off')
    .action(async (paths: string[], options: ReplayOptions) => {
      const reporters = chooseReporters(options.reporter, REPLAYED_CELLS);
      if (options.dumpLrs !== undefined) {
        if (options.check) throw new UsageError('--dump-lrs and --check are two runs; give one of them');
        await dumpLrs(paths, options, options.dumpLrs, terminal);
        return;
      }
      const traces: CellResult[][] = [];
      const calls: CallRecord[] = [];
      for (const path of paths) {
        const input = await openInput(path, options);
        try {
          const source = input.open();
          const chosen = withoutRepeats(strategiesFor(source.header.machine, options.strategy));
          const exact = options.check
            ? replayChecked(source, chosen, input.identity, () => requireSoundTrace(path, input))
            : replayTrace(source, chosen, input.identity);
          if (exact.some(({ equivalence }) => !equivalence.holds)) requireSoundTrace(path, input);
          traces.push(exact.map((part) => ({ schema: CELL_SCHEMA, tool, exact: part, measured: null })));
          if (wantsCalls(reporters)) calls.push(...recordCells(input, chosen, paths.length));
        } finally {
          input.close();
        }
      }
      await writeReporters(
        reporters,
        { table: () => renderTables(traces, terminal.width) },
        wantsData(reporters) ? { model: createModel(tool, traces.flat()), calls } : {},
        terminal,
      );
      requireClasses(traces.flat());
    });
}

/** A strategy named twice is replayed once. */
const withoutRepeats = (chosen: readonly ChosenStrategy[]): ChosenStrategy[] =>
  chosen.filter(({ label }, at) => chosen.findIndex((other) => other.label === label) === at);

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

/** Every call of each cell. The memory of one cell is shared by all: those of each trace, and those of as many traces. */
function recordCells(input: OpenInput, chosen: readonly ChosenStrategy[], traces: number): CallRecord[] {
  const entries = Math.floor(CALL_LIMITS.entries / (chosen.length * traces));
  return chosen.map((strategy) => recordCalls(input.open(), strategy, { ...CALL_LIMITS, entries }));
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
