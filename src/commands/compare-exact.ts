/** The exact layer of `compare`: for each kind of sides the cells of both, side by side. */
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { EXIT_FIDELITY, InputError } from '../base/errors.js';
import { type ExactComparison, judgeOther, judgeSame } from '../compare/compare-cells.js';
import { readResults } from '../compare/read-results.js';
import { referenceFor, strategiesFor } from '../replay/create-model.js';
import { quoted, replayTrace } from '../replay/replay.js';
import type { ExactPart } from '../replay/result.js';
import { CELL_VERBS } from '../run/plan.js';
import { cellsOf, isRunFile, readRunFile } from '../run/run-file.js';
import { type ChosenStrategy, specOf } from '../strategy/index.js';
import type { Build } from './built-sides.js';
import type { CellToTime } from './compare-time.js';
import { ownBuild } from './injected-build.js';
import { openInput } from './inputs.js';
import { requireExactHash } from './stored-result.js';
import { loadStrategy } from './strategy-files.js';

const execute = promisify(execFile);
const MOST_OUTPUT = 1 << 30;

export interface ComparedCell {
  readonly cell: string;
  readonly exact: ExactComparison;
  /** What repeats it, without the flags that concern all cells. */
  readonly command: string;
  /** Null: there is nothing to time. */
  readonly time: CellToTime | null;
}

export interface ReplayChoice {
  readonly traces: readonly string[];
  readonly strategy?: readonly ChosenStrategy[] | undefined;
  readonly flavour?: string | undefined;
}

/** "trace/flavour/strategy". */
const cellName = ({ trace, strategy }: ExactPart): string => `${trace.name}/${trace.machine.flavour}/${strategy.id}`;

const incomparable = (reason: string): ExactComparison => ({
  verdict: 'incomparable',
  reason,
  changes: [],
  counters: 0,
});

/** Cells of two stored results, paired by name; what one side alone has is not comparable. */
export function compareResults(a: string, b: string): ComparedCell[] {
  const [left, right] = [a, b].map(readCells);
  const [byA, byB] = [left, right].map((cells) => new Map(cells.map((exact) => [cellName(exact), exact])));
  const command = `vgic-replay compare ${quoted(a)} ${quoted(b)}`;
  const isDouble = (cells: readonly ExactPart[], cell: string): boolean =>
    cells.filter((exact) => cellName(exact) === cell).length > 1;
  return [...new Set([...byA.keys(), ...byB.keys()])].map((cell) => {
    const [before, after] = [byA.get(cell), byB.get(cell)];
    const double = isDouble(left, cell) ? 'A' : isDouble(right, cell) ? 'B' : null;
    const exact =
      double !== null
        ? incomparable(`several cells of ${double} have this name`)
        : before === undefined || after === undefined
          ? incomparable(`only in ${before === undefined ? 'B' : 'A'}`)
          : judgeSame(before, after);
    return { cell, exact, command, time: null };
  });
}

/** Of a report, of replay --reporter json, or of the stored results of a run. */
function readCells(file: string): ExactPart[] {
  const text = readText(file);
  if (!isRunFile(text)) {
    const cells = readResults(file, text);
    requireExactHash(file, JSON.parse(text));
    return cells;
  }
  const run = readRunFile(text, file);
  const { verb } = run.header.plan;
  if (!CELL_VERBS.includes(verb))
    throw new InputError(
      file,
      'line 1',
      `holds the results of '${verb}', which are no cells`,
      "give those of 'report' or 'replay'",
    );
  return cellsOf(run).map(({ exact }) => exact);
}

function readText(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new InputError(file, 'byte 0', `cannot be read (${code})`, 'check the path');
  }
}

const flavourFlag = ({ flavour }: ReplayChoice): string => (flavour === undefined ? '' : ` --flavour ${flavour}`);

/** Every trace under every strategy, replayed by the command line of each build. */
export async function compareBuilds(
  a: Build,
  b: Build,
  choice: ReplayChoice,
  signal: AbortSignal,
): Promise<ComparedCell[]> {
  const cells: ComparedCell[] = [];
  for (const trace of choice.traces) {
    const input = await openInput(trace, { flavour: choice.flavour });
    const { machine, name } = input.open().header;
    const chosen = strategiesFor(machine, choice.strategy ?? [referenceFor(machine)]);
    for (const strategy of chosen) {
      const [left, right] = [
        await replayIn(a, trace, strategy, choice, signal),
        await replayIn(b, trace, strategy, choice, signal),
      ];
      const exact = judgeReplays(left, right);
      const spec = specOf(strategy);
      cells.push({
        cell: `${name}/${machine.flavour}/${strategy.label}`,
        exact,
        command: `vgic-replay compare ${quoted(a.name)} ${quoted(b.name)} ${quoted(trace)} --strategy ${quoted(spec)}${flavourFlag(choice)}`,
        time: !canBeTimed(exact)
          ? null
          : {
              source: input.open(),
              a: { build: a.folder, strategy: spec },
              b: { build: b.folder, strategy: spec },
              sameDigest: true,
            },
      });
    }
  }
  return cells;
}

/** A replay that gave no result: the comparison that comes of it, whatever the other side did. */
type Replayed = ExactPart | { readonly failed: ExactComparison };

function judgeReplays(a: Replayed, b: Replayed): ExactComparison {
  if ('failed' in a) return a.failed;
  return 'failed' in b ? b.failed : judgeSame(a, b);
}

/** What is wrong, or no comparison, is no cheaper for being fast. */
const canBeTimed = ({ verdict }: ExactComparison): boolean => verdict !== 'incomparable' && verdict !== 'error';

/** The exact part of one cell as a build counts it, or why it cannot. */
async function replayIn(
  { folder, name }: Build,
  trace: string,
  strategy: ChosenStrategy,
  { flavour }: ReplayChoice,
  signal: AbortSignal,
): Promise<Replayed> {
  const cli = join(folder, 'dist', 'src', 'cli.js');
  const flags = ['--strategy', specOf(strategy), '--reporter', 'json'];
  const args = [cli, 'replay', trace, ...flags, ...(flavour === undefined ? [] : ['--flavour', flavour])];
  try {
    const { stdout } = await execute(process.execPath, args, { encoding: 'utf8', maxBuffer: MOST_OUTPUT, signal });
    return readResults(name, stdout)[0];
  } catch (error) {
    if (signal.aborted) throw error;
    const { stderr = '', code } = error as { stderr?: string; code?: unknown };
    const said = stderr.split('\n').find((line) => line.startsWith('vgic-replay: ')) ?? firstLine(stderr, error);
    const why = `${name} cannot replay it: ${said.replace(/^vgic-replay: /, '')}`;
    return { failed: { ...incomparable(why), ...(code === EXIT_FIDELITY ? { verdict: 'error' } : {}) } };
  }
}

/** A process that was killed has printed nothing. */
const firstLine = (stderr: string, error: unknown): string => {
  const [line] = stderr.trim().split('\n');
  return line === '' ? (error instanceof Error ? error.message.split('\n')[0] : String(error)) : line;
};

/** Two strategies on the same traces, in this build. */
export async function compareStrategies(a: string, b: string, choice: ReplayChoice): Promise<ComparedCell[]> {
  const chosen = [await loadStrategy(a), await loadStrategy(b)];
  const cells: ComparedCell[] = [];
  for (const trace of choice.traces) {
    const input = await openInput(trace, { flavour: choice.flavour });
    const source = input.open();
    const { machine, name } = source.header;
    strategiesFor(machine, chosen);
    const [left, right] = replayTrace(source, chosen, input.identity);
    const [before, after] = chosen.map(specOf);
    const exact = judgeOther(left, right);
    cells.push({
      cell: `${name}/${machine.flavour}`,
      exact,
      command: `vgic-replay compare ${quoted(a)} ${quoted(b)} ${quoted(trace)}${flavourFlag(choice)}`,
      time: !canBeTimed(exact)
        ? null
        : {
            source: input.open(),
            a: { build: ownBuild, strategy: before },
            b: { build: ownBuild, strategy: after },
            sameDigest: false,
          },
    });
  }
  return cells;
}

/** One strategy after the other on both traces. */
export async function compareTraces(
  a: string,
  b: string,
  { strategy, flavour }: Omit<ReplayChoice, 'traces'>,
): Promise<ComparedCell[]> {
  const replayed: ExactPart[][] = [];
  for (const trace of [a, b]) {
    const input = await openInput(trace, { flavour });
    const source = input.open();
    const { machine } = source.header;
    replayed.push(replayTrace(source, strategiesFor(machine, strategy), input.identity));
    input.close();
  }
  const [left, right] = replayed;
  return left.flatMap((before) => {
    const after = right.find((other) => other.strategy.id === before.strategy.id);
    if (after === undefined) return [];
    const command = `vgic-replay compare ${quoted(a)} ${quoted(b)} --strategy ${quoted(before.strategy.outside?.file ?? before.strategy.id)}`;
    return [{ cell: before.strategy.id, exact: judgeOther(before, after), command, time: null }];
  });
}
