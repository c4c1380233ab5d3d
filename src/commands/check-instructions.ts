/**
 * Layer 2 of the gate: instructions that the key cells execute in this build and in that of the base, counted by valgrind's
 * callgrind, optimiser on. A process replays until most is compiled and then in groups that are counted one by one; the least
 * is taken, since what is still compiled or collected falls into few of them. Start-up, which leaves something to chance, is
 * not counted.
 */
import { execFile, spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { CellComparison, Verdict } from '../compare/comparison.js';
import { type Outcome, outcomeOf } from '../compare/outcome.js';
import { wrapHanging } from '../report/wrap-text.js';
import { type ArmColumns, gatherColumns, writeColumns } from './arm-columns.js';
import { ARM_FLAGS, firstReason } from './arm-process.js';
import { type Builds, commandOfLayer, type KeyCell } from './check-base.js';
import type { LayerResult } from './check-exact.js';
import { nameCell } from './check-text.js';
import { isOtherCore } from './other-core.js';

export const INSTRUCTIONS = 'instructions';

const execute = promisify(execFile);
const CELL = fileURLToPath(new URL('counted-replays.js', import.meta.url));
/** Before the counted ones, about: the last of the core is compiled after 720,000 (bare-flood). */
const WARM_EVENTS = 750_000;
const GROUPS = 4;
/** Of a group, at least. */
const GROUP_EVENTS = 25_000;
/** What glibc takes of its heap lies where start-up happened to leave room, and how many steps a copy takes depends on where
 * it begins. From the size of the engine's window on, each array begins at a page of its own. Bytes. */
const OWN_PAGE_FROM = 16_384;
/** What a process calls to mark (counted-replays.ts); of libuv, and nothing else in Node calls it. */
const MARK = 'uv_os_getpriority';
const TIMEOUT_MS = 600_000;

export interface InstructionRun {
  readonly cells: readonly KeyCell[];
  readonly builds: Builds;
  readonly strict: boolean;
  /** Percent more. */
  readonly warn: number;
  readonly fail: number;
  /** Counts of each side: how well they repeat is said. */
  readonly repeat: number;
  readonly scratch: string;
  readonly signal: AbortSignal;
  readonly width: number;
  readonly onCell: (cell: string) => void;
}

/** Null: it is there, and so is what it is started with: many containers forbid a fixed address layout. */
export function findValgrindLack(): string | null {
  const runs = (program: string, ...args: readonly string[]): boolean =>
    spawnSync(program, args, { stdio: 'ignore' }).status === 0;
  if (!runs('valgrind', '--version')) return 'valgrind is not installed';
  return runs('setarch', '-R', 'true') ? null : 'setarch -R does not work here: addresses cannot be fixed';
}

/** The same path length on both sides: what is copied and hashed of it at start-up is the same then. */
function placeBuild(folder: string, target: string): string {
  mkdirSync(target, { recursive: true });
  cpSync(join(folder, 'package.json'), join(target, 'package.json'));
  cpSync(join(folder, 'dist', 'src'), join(target, 'dist', 'src'), {
    recursive: true,
    filter: (file) => !/\.(d\.ts|test\.js)$/.test(file),
  });
  for (const data of ['proto', 'traces', 'node_modules'])
    if (existsSync(join(folder, data))) symlinkSync(join(folder, data), join(target, data), 'junction');
  return target;
}

interface Replays {
  readonly warm: number;
  /** In each group. */
  readonly size: number;
}

interface Once {
  /** Of a group. */
  readonly instructions: number;
  readonly digest: number;
}

interface Counted {
  /** One a repetition. */
  readonly counts: readonly number[];
  readonly digest: number;
}

async function countSide(
  build: string,
  columns: string,
  strategy: string,
  replays: Replays,
  run: InstructionRun,
): Promise<Counted> {
  const counts: number[] = [];
  let digest = 0;
  for (let repetition = 0; repetition < run.repeat; repetition++) {
    const once = await countOnce(build, columns, strategy, replays, run.signal);
    counts.push(once.instructions);
    digest = once.digest;
  }
  return { counts, digest };
}

/** One process on one thread, without address randomisation, with an environment of fixed size. */
async function countOnce(
  build: string,
  columns: string,
  strategy: string,
  { warm, size }: Replays,
  signal: AbortSignal,
): Promise<Once> {
  const out = `${columns}.counts`;
  const valgrind = ['valgrind', '--tool=callgrind', `--dump-before=${MARK}`, `--callgrind-out-file=${out}`];
  const node = [process.execPath, ...ARM_FLAGS, '--v8-pool-size=0', CELL, build, columns, strategy];
  const { stdout } = await execute('setarch', ['-R', ...valgrind, ...node, `${warm}`, `${GROUPS}`, `${size}`], {
    encoding: 'utf8',
    timeout: TIMEOUT_MS,
    signal,
    env: { PATH: process.env.PATH, UV_THREADPOOL_SIZE: '1', MALLOC_MMAP_THRESHOLD_: `${OWN_PAGE_FROM}` },
  });
  // The first dump ends at the first mark: it is of all that precedes the groups.
  const groups: number[] = [];
  for (let dump = 2; dump <= GROUPS + 1; dump++) {
    const [, total] = /^totals: (\d+)/m.exec(readFileSync(`${out}.${dump}`, 'utf8')) ?? [];
    if (total === undefined) throw new Error('valgrind counted nothing');
    groups.push(Number(total));
    rmSync(`${out}.${dump}`);
  }
  const { digest } = JSON.parse(stdout) as { digest: number };
  return { instructions: least(groups), digest };
}

const least = (counts: readonly number[]): number => Math.min(...counts);
const spread = (counts: readonly number[]): number => Math.max(...counts) / least(counts) - 1;

export async function judgeInstructions(run: InstructionRun): Promise<LayerResult> {
  const { base, own } = run.builds;
  const sides = [
    placeBuild(base.folder, join(run.scratch, 'count-a')),
    placeBuild(own.folder, join(run.scratch, 'count-b')),
  ];
  const cells: CellComparison[] = [];
  const outcomes: Outcome[] = [];
  for (const [at, key] of run.cells.entries()) {
    run.onCell(key.cell);
    const columns = join(run.scratch, `counted-${at}`);
    const gathered = gatherColumns(key.open());
    writeColumns(gathered, columns);
    const cell = await countCell(key, sides, columns, gathered, run);
    cells.push(cell);
    const said = `${nameCell(cell.cell)}: ${cell.reason}`;
    if (cell.verdict === 'regressed') outcomes.push(outcomeOf('regression', INSTRUCTIONS, said));
    if (cell.verdict === 'error') outcomes.push(outcomeOf('crash', INSTRUCTIONS, said));
    if (cell.verdict === 'incomparable' && run.strict) outcomes.push(outcomeOf('undecided', INSTRUCTIONS, said));
  }
  const worse = cells.filter(({ verdict }) => verdict === 'regressed').length;
  return {
    cells,
    outcomes,
    lines: [
      `instructions: ${worse} of ${cells.length} key cells execute over ${run.fail} % more than at ${base.name}`,
      ...cells.flatMap(({ cell, reason }) => wrapHanging('    ', `${nameCell(cell)}: ${reason}`, run.width)),
    ],
  };
}

async function countCell(
  key: KeyCell,
  [a, b]: readonly string[],
  columns: string,
  { block }: ArmColumns,
  run: InstructionRun,
): Promise<CellComparison> {
  const { cell, strategy, exact } = key;
  const { kind, base, baseSpec } = run.builds;
  const command = commandOfLayer(2, key, base.name);
  const common = { cell, changes: exact?.changes ?? [], counters: exact?.counters ?? 0, time: null, command };
  const replaysOf = (events: number): number => Math.ceil(events / Math.max(1, block.count));
  const replays = { warm: replaysOf(WARM_EVENTS), size: replaysOf(GROUP_EVENTS) };
  try {
    const before = await countSide(a, columns, baseSpec(strategy), replays, run);
    const after = await countSide(b, columns, strategy, replays, run);
    if (kind === 'build' && before.digest !== after.digest)
      return { ...common, verdict: 'incomparable', reason: 'the base fills other list registers here' };
    return { ...common, ...judgeCounts(before.counts, after.counts, replays.size * block.count, run) };
  } catch (error) {
    if (run.signal.aborted) throw error;
    const { stderr } = error as { stderr?: string };
    const why = stderr === undefined ? (error as Error).message : firstReason(stderr);
    const verdict = isOtherCore(why) ? 'incomparable' : 'error';
    return { ...common, verdict, reason: `could not be counted: ${why.trim().slice(0, 200)}` };
  }
}

/** Instructions of a group of each side, one a repetition, in words. */
export function judgeCounts(
  before: readonly number[],
  after: readonly number[],
  events: number,
  { warn, fail, repeat }: Pick<InstructionRun, 'warn' | 'fail' | 'repeat'>,
): { verdict: Verdict; reason: string } {
  if (!(least(before) > 0 && least(after) > 0))
    return { verdict: 'error', reason: `could not be counted: ${least(before)} and ${least(after)} instructions` };
  const percent = 100 * (least(after) / least(before) - 1);
  const perEvent = (counts: readonly number[]): string => (least(counts) / events).toFixed(2);
  const times = `${perEvent(before)} → ${perEvent(after)} an event`;
  const repeats =
    repeat > 1
      ? `; ${repeat} counts of a side differ by ${(100 * Math.max(spread(before), spread(after))).toFixed(4)} %`
      : '';
  const change = `${Math.abs(percent).toFixed(3)} % ${percent < 0 ? 'fewer' : 'more'} instructions`;
  if (percent > fail)
    return { verdict: 'regressed', reason: `${change} (${times}), over the limit of ${fail} %${repeats}` };
  if (percent > warn) return { verdict: 'inconclusive', reason: `warning: ${change} (${times})${repeats}` };
  return { verdict: percent < -warn ? 'improved' : 'unchanged', reason: `${change} (${times})${repeats}` };
}
