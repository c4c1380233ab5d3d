/**
 * The file in which a run keeps what is finished: appended and flushed to the disk unit by unit under `NAME.partial`, given
 * its name when all is there. Whatever ends the program, finished units stay readable.
 */
import {
  closeSync,
  existsSync,
  fsyncSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  readSync,
  renameSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs';
import { dirname } from 'node:path';
import { InputError, UsageError, type UserError } from '../base/errors.js';
import { plural } from '../base/number-format.js';
import { inOrder, mergeRuns, type NamedRun } from '../run/merge.js';
import { findDifference, type RunVerb } from '../run/plan.js';
import {
  type FinishedUnit,
  headerLine,
  isRunFile,
  type Run,
  type RunHeader,
  readRunFile,
  unfinished,
  unitLine,
} from '../run/run-file.js';
import { shardText } from '../run/shard.js';
import { cannotWrite } from './outputs.js';
import { openFileSource, readAll } from './trace-files.js';

export interface RunStore {
  /** The file that holds what is finished so far. */
  readonly partial: string;
  /** What an earlier run left behind. */
  readonly units: readonly FinishedUnit[];
  append(finished: FinishedUnit): void;
  /** Gives the file its name; its lines then stand in the order of the plan. `units`: all of them. */
  finish(units: readonly FinishedUnit[]): void;
  close(): void;
}

const codeOf = (error: unknown): string => (error as NodeJS.ErrnoException).code ?? String(error);

export const partialOf = (path: string): string => `${path}.partial`;

/** Throws UserError (exit 4) if the folder or the file cannot be made. */
export function createStore(path: string, header: RunHeader): RunStore {
  const fd = openPartial(path, 'w');
  writeOrFail(fd, headerLine(header), 0, (code) => cannotMake(path, code));
  return storeOn(path, fd, header, []);
}

/**
 * Goes on with what an earlier run of the same plan left under `path`; `warn` is told of a line that was cut off. Throws
 * InputError if it is of another plan, or damaged.
 */
export function resumeStore(path: string, header: RunHeader, warn: (text: string) => void): RunStore {
  const partial = partialOf(path);
  const left = findLeft(path);
  if (left === undefined) {
    warn(`${path}: nothing to resume; all units are run`);
    return createStore(path, header);
  }
  const { name, run } = left;
  const difference =
    findDifference(run.header.plan, header.plan) ??
    (shardText(run.header.shard) === shardText(header.shard)
      ? undefined
      : `is of shard ${shardText(run.header.shard)}, not ${shardText(header.shard)}`);
  if (difference !== undefined)
    throw new InputError(name, 'line 1', difference, 'resume it with its own command, or leave out --resume');
  if (run.torn !== null) warn(`${name}: line ${run.torn} was cut off; its unit is run again`);
  if (name !== partial) return finishedStore(path, run);
  const fd = openPartial(path, 'r+');
  ftruncateSync(fd, run.bytes);
  return storeOn(path, fd, run.header, run.units, run.bytes);
}

/** The unfinished file, or else the finished one. */
function findLeft(path: string): NamedRun | undefined {
  for (const name of [partialOf(path), path]) {
    if (!existsSync(name)) continue;
    const text = readText(name);
    // Killed before its header was whole: as good as none.
    if (text.includes('\n') || name === path) return { name, run: readRunFile(text, name) };
  }
  return undefined;
}

function storeOn(
  path: string,
  fd: number,
  header: RunHeader,
  units: readonly FinishedUnit[],
  start = Buffer.byteLength(headerLine(header)),
): RunStore {
  const partial = partialOf(path);
  const order: string[] = units.map(({ unit }) => unit);
  let size = start;
  let isOpen = true;
  const close = (): void => {
    if (isOpen) closeSync(fd);
    isOpen = false;
  };
  return {
    partial,
    units,
    append(finished) {
      const line = unitLine(finished);
      writeOrFail(fd, line, size, (code) =>
        cannotWrite(
          partial,
          `cannot be written (${code})`,
          `${plural(order.length, 'finished unit')} kept in it: make room, then give the same command with --resume`,
        ),
      );
      size += Buffer.byteLength(line);
      order.push(finished.unit);
    },
    finish(all) {
      close();
      const sorted = inOrder(header.plan, all);
      if (sorted.every(({ unit }, at) => unit === order[at])) rename(partial, path);
      else {
        writeRun(path, { header, units: sorted });
        rmSync(partial, { force: true });
      }
    },
    close,
  };
}

/** Of a run that was whole already. */
const finishedStore = (path: string, { units }: Run): RunStore => ({
  partial: path,
  units,
  append() {},
  finish() {},
  close() {},
});

function openPartial(path: string, flags: string): number {
  try {
    const isOther = existsSync(path) && !statSync(path).isFile();
    if (isOther) throw cannotWrite(path, 'is no regular file', 'name a file in a writable folder');
    mkdirSync(dirname(path), { recursive: true });
    return openSync(partialOf(path), flags);
  } catch (error) {
    throw (error as NodeJS.ErrnoException).code === undefined ? error : cannotMake(path, codeOf(error));
  }
}

const cannotMake = (path: string, code: string): UserError =>
  cannotWrite(path, `cannot be written (${code})`, 'name a file in a writable folder with room in it');

/** Appends at `size` and waits for the disk; after a failure the file ends where it did before. */
function writeOrFail(fd: number, text: string, size: number, failure: (code: string) => UserError): void {
  const bytes = Buffer.from(text);
  try {
    for (let at = 0; at < bytes.length; ) at += writeSync(fd, bytes, at, bytes.length - at, size + at);
    fsyncSync(fd);
  } catch (error) {
    try {
      ftruncateSync(fd, size);
    } catch {
      // The reader drops a line without its end.
    }
    throw failure(codeOf(error));
  }
}

function rename(from: string, to: string): void {
  try {
    renameSync(from, to);
  } catch (error) {
    throw cannotWrite(to, `cannot be written (${codeOf(error)})`, `the results are kept in ${from}`);
  }
}

/** A whole run under its name, or nothing. */
export function writeRun(path: string, { header, units }: Pick<Run, 'header' | 'units'>): void {
  const whole = `${path}.whole`;
  try {
    mkdirSync(dirname(path), { recursive: true });
    const fd = openSync(whole, 'w');
    try {
      let size = 0;
      for (const line of [headerLine(header), ...units.map(unitLine)]) {
        const bytes = Buffer.from(line);
        for (let at = 0; at < bytes.length; ) at += writeSync(fd, bytes, at, bytes.length - at, size + at);
        size += bytes.length;
      }
      fsyncSync(fd);
    } finally {
      closeSync(fd);
    }
  } catch (error) {
    rmSync(whole, { force: true });
    throw cannotMake(path, codeOf(error));
  }
  rename(whole, path);
}

const HEAD_BYTES = 64;

/** Is there a file of that name that holds the results of a run? */
function isRunPath(path: string): boolean {
  const stat = path === '-' ? undefined : statSync(path, { throwIfNoEntry: false });
  if (stat?.isFile() !== true) return false;
  let fd: number | undefined;
  try {
    fd = openSync(path, 'r');
    const head = Buffer.alloc(HEAD_BYTES);
    return isRunFile(head.toString('latin1', 0, readSync(fd, head)));
  } catch {
    // Who opens it as a trace says why it cannot be read.
    return false;
  } finally {
    if (fd !== undefined) closeSync(fd);
  }
}

/** Of a verb that takes nothing else: throws UsageError for a path that holds no stored results. */
export function requireStored(paths: readonly string[]): boolean {
  const other = paths.find((path) => !isRunPath(path));
  if (other === undefined) return paths.length > 0;
  throw new UsageError(`${other} holds no stored results of a run; what --output wrote is all that can be named here`);
}

/** Are the inputs stored results? Throws UsageError if only some are. */
export function refuseMixture(paths: readonly string[]): boolean {
  const stored = paths.filter(isRunPath);
  if (stored.length === 0) return false;
  const other = paths.find((path) => !stored.includes(path));
  if (other === undefined) return true;
  throw new UsageError(`${stored[0]} holds the stored results of a run and ${other} does not; give one or the other`);
}

const MAX_BYTES = 512 << 20;

function readText(path: string): string {
  const source = openFileSource(path);
  try {
    const bytes = readAll(source, MAX_BYTES - 1);
    if (bytes === undefined)
      throw new InputError(
        path,
        `byte ${MAX_BYTES}`,
        'too long to be read',
        'divide the run into shards of fewer traces',
      );
    return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8');
  } finally {
    source.close();
  }
}

/**
 * The whole run of one of these verbs that the files hold together. Throws InputError, by the name of one of them, if they do
 * not. `verbs` null: whichever.
 */
export function readRuns(
  paths: readonly string[],
  verbs: readonly RunVerb[] | null,
  warn: (text: string) => void,
): Run {
  const runs = paths.map((name): NamedRun => {
    const run = readRunFile(readText(name), name);
    const { verb } = run.header.plan;
    if (verbs !== null && !verbs.includes(verb))
      throw new InputError(name, 'line 1', `holds the results of '${verb}'`, `read it with 'vgic-replay ${verb}'`);
    if (run.torn !== null) warn(`${name}: line ${run.torn} was cut off and is left out`);
    return { name, run };
  });
  const [{ run }] = runs;
  const isWhole = runs.length === 1 && run.header.shard.count === 1 && unfinished(run).length === 0;
  return isWhole ? { ...run, units: inOrder(run.header.plan, run.units) } : mergeRuns(runs);
}
