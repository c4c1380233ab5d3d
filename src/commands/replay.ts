/** `vgic-replay replay`: exact cost of strategies on traces; optionally the LR words after each flush. */
import type { Command } from 'commander';
import { FidelityError, InputError, UsageError } from '../base/errors.js';
import { flavourNamed, flavours } from '../gic/flavour/index.js';
import { referenceFor, strategiesFor } from '../replay/create-model.js';
import { type FlushObserver, replayTrace } from '../replay/replay.js';
import { CELL_SCHEMA, type CellResult } from '../replay/result.js';
import { renderCsv } from '../report/csv.js';
import { renderJson } from '../report/json.js';
import { renderMarkdown } from '../report/markdown.js';
import { createModel } from '../report/model.js';
import { wrapText } from '../report/terminal.js';
import type { ChosenStrategy } from '../strategy/index.js';
import { COST_LEGEND, renderCosts } from './cost-table.js';
import { flushLine } from './flush-line.js';
import { type OpenInput, openInput } from './inputs.js';
import { CHECK_HELP, replayChecked } from './invariant-check.js';
import { openOutput } from './outputs.js';
import { parseStrategies, STRATEGY_HELP } from './strategy-files.js';
import { type Terminal, tool } from './terminal.js';

interface ReplayOptions {
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
  program
    .command('replay')
    .description('replay traces under ap_list strategies and print what each path costs (exact counts)')
    .argument('<traces...>', '.vgt files, or anything import reads (VGR1, JSON lines, ftrace text or recording folder)')
    .option('-s, --strategy <ids>', STRATEGY_HELP, parseStrategies)
    .option(
      '--dump-lrs <file>',
      'write "F event vcpu used lr…" after each flush to FILE, - for standard output (one trace, one strategy; default: the one of the flavour)',
    )
    .option('-r, --reporter <name>', 'table, json, csv or md', 'table')
    .option('--flavour <id>', FLAVOUR_HELP, parseFlavour)
    .option('--check', CHECK_HELP)
    .option('--allow-truncated', 'replay what is left of a file that was cut off')
    .action(async (paths: string[], options: ReplayOptions) => {
      const render = reporterNamed(options.reporter, terminal);
      if (options.dumpLrs !== undefined) {
        if (options.check) throw new UsageError('--dump-lrs and --check are two runs; give one of them');
        await dumpLrs(paths, options, options.dumpLrs, terminal);
        return;
      }
      const traces: CellResult[][] = [];
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
        } finally {
          input.close();
        }
      }
      terminal.out(render(traces));
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

/** No strategy promises anything for events that cannot follow one another (two entries without an exit): exit 4. */
export function requireSoundTrace(path: string, input: OpenInput): void {
  const [problem] = input.validate().problems;
  if (problem === undefined) return;
  const remedy = 'no strategy can be judged by it: see "vgic-replay validate", correct it or import it again';
  throw new InputError(path === '-' ? 'standard input' : path, problem.place, problem.what, remedy);
}

/** A declared class that does not hold, and an exception, are faults of the strategy: exit 5. */
export function requireClasses(cells: readonly CellResult[]): void {
  for (const { exact } of cells) {
    const { stopped, trace, strategy } = exact;
    if (stopped?.kind === 'strategy-fault')
      throw new FidelityError(
        `${trace.name}: event ${stopped.event}: ${stopped.reason}; correct ${strategy.outside?.file ?? 'it'}, then try "vgic-replay contract" on it`,
      );
    const { declared, holds, firstViolation } = exact.equivalence;
    if (holds) continue;
    throw new FidelityError(
      `${trace.name}: event ${firstViolation}: strategy ${strategy.id} declares '${declared}' and is not; ${strategy.outside === undefined ? 'report it with the trace' : `correct ${strategy.outside.file}`}`,
    );
  }
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
