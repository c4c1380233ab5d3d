/** `vgic-replay replay`: exact cost of strategies on traces; optionally the LR words after each flush. */
import type { Command } from 'commander';
import { UsageError } from '../base/errors.js';
import { flavourNamed, flavours } from '../gic/flavour/index.js';
import { referenceFor, strategiesFor } from '../replay/create-model.js';
import { type FlushObserver, quoted, replayTrace } from '../replay/replay.js';
import { CELL_SCHEMA, type CellResult } from '../replay/result.js';
import { renderCsv } from '../report/csv.js';
import { renderJson } from '../report/json.js';
import { renderMarkdown } from '../report/markdown.js';
import { createModel } from '../report/model.js';
import { wrapText } from '../report/terminal.js';
import { WHOLE } from '../run/plan.js';
import { cellsByTrace, cellsOf, type Run } from '../run/run-file.js';
import { type ChosenStrategy, strategiesText } from '../strategy/index.js';
import { CHECK_HELP } from './check.js';
import { COST_LEGEND, renderCosts } from './cost-table.js';
import { flushLine } from './flush-line.js';
import { openInput } from './inputs.js';
import { describeShard } from './merge.js';
import { openOutput } from './outputs.js';
import { requireClasses } from './replay-checks.js';
import { addRunOptions, type RunOptions, refuseRunOptions, runFileName } from './run-options.js';
import { planRun } from './run-plan.js';
import { readRuns, refuseMixture } from './run-store.js';
import { runUnits } from './run-units.js';
import { parseStrategies, STRATEGY_HELP } from './strategy-files.js';
import { type Terminal, tool } from './terminal.js';

interface ReplayOptions extends RunOptions {
  readonly output?: string;
  readonly strategy?: ChosenStrategy[];
  readonly dumpLrs?: string;
  readonly reporter: string;
  readonly allowTruncated?: boolean;
  readonly check?: boolean;
  readonly flavour?: string;
}

/** Of the option --flavour, on every verb that replays. */
export const FLAVOUR_CHOICES = flavours.map(({ id }) => id).join(', ');
export const FLAVOUR_HELP = `hypervisor to replay as: ${FLAVOUR_CHOICES} (default: the trace's own)`;
export const parseFlavour = (id: string): string => flavourNamed(id).id;

export function registerReplay(program: Command, terminal: Terminal): void {
  addRunOptions(
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
      .option('-r, --reporter <name>', 'table, json, csv or md', 'table')
      .option('--flavour <id>', FLAVOUR_HELP, parseFlavour)
      .option('--check', CHECK_HELP)
      .option('--allow-truncated', 'replay what is left of a file that was cut off')
      .option('-o, --output <file>', 'also store the results, for report and merge: run.jsonl'),
  ).action(async (paths: string[], options: ReplayOptions, command: Command) => {
    const render = reporterNamed(options.reporter, terminal);
    if (options.dumpLrs !== undefined) {
      const other = DUMP_EXCLUDES.find((name) => command.getOptionValueSource(name) === 'cli');
      if (other !== undefined) throw new UsageError(`--dump-lrs and --${other} are two runs; give one of them`);
      await dumpLrs(paths, options, options.dumpLrs, terminal);
      return;
    }
    const isStored = refuseMixture(paths);
    if (isStored) refuseRunOptions(command);
    const run = isStored ? readRuns(paths, terminal.err) : await runReplay(paths, options, terminal);
    terminal.out(run.header.shard.count > 1 ? describeShard(run, options.output!) : render(cellsByTrace(run)));
    requireClasses(cellsOf(run));
  });
}

/** Options that the list registers of one pass know nothing of. */
const DUMP_EXCLUDES = ['check', 'shard', 'resume', 'output', 'jobs'];

async function runReplay(paths: readonly string[], options: ReplayOptions, terminal: Terminal): Promise<Run> {
  const { strategy, flavour, check, allowTruncated, shard, jobs, resume, output } = options;
  for (const name of ['shard', 'resume'] as const)
    if (options[name] !== undefined && output === undefined)
      throw new UsageError(`--${name} needs the file of stored results: --output ${runFileName(shard)}`);
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
    isStored: output !== undefined,
    studies: [],
  });
  try {
    const { plan, files, kept } = planned;
    const store = output ?? null;
    return await runUnits({ plan, files, kept, shard: shard ?? WHOLE, jobs, store, resume: resume === true }, terminal);
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

type Render = (traces: CellResult[][]) => string;

function reporterNamed(name: string, terminal: Terminal): Render {
  const renderers: Record<string, Render> = {
    table: (traces) => renderTables(traces, terminal.width),
    json: (traces) => renderJson(createModel(tool, traces.flat())),
    csv: (traces) => renderCsv(createModel(tool, traces.flat())),
    md: (traces) => renderMarkdown(createModel(tool, traces.flat())),
  };
  const render = Object.hasOwn(renderers, name) ? renderers[name] : undefined;
  if (render === undefined)
    throw new UsageError(`unknown reporter '${name}'; one of: ${Object.keys(renderers).join(', ')}`);
  return render;
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
