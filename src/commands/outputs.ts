/** Files that commands write: whole under their name or not at all, also after a failure or Ctrl-C. */
import { closeSync, mkdtempSync, openSync, readSync, rmSync, type Stats, statSync, writeSync } from 'node:fs';
import { constants, tmpdir } from 'node:os';
import { join } from 'node:path';
import { EXIT_INPUT, UsageError, UserError } from '../base/errors.js';
import type { Terminal } from './terminal.js';
import { createFileTarget, type FileTarget } from './trace-files.js';

const STDOUT = 1;
const COPY_BYTES = 1 << 20;
const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
/** What a shell adds to the number of the signal that ended a program. */
const SIGNAL_EXIT = 128;

/**
 * A target that becomes `path` on `commit`. Standard output ("-"), pipes and devices cannot be renamed or rewritten:
 * they get the finished bytes of a temporary file. Throws UserError (exit 4) if `path` cannot be written.
 */
export function openOutput(path: string): FileTarget {
  const stat = findStat(path);
  if (stat?.isDirectory()) throw cannotWrite(path, 'is a folder', 'name a file in it');
  if (path !== '-' && (stat === undefined || stat.isFile())) return withInputExit(() => createFileTarget(path));
  const folder = mkdtempSync(join(tmpdir(), 'vgic-replay-'));
  const spool = join(folder, 'output');
  const target = withInputExit(() => createFileTarget(spool));
  const abort = (): void => {
    target.abort();
    rmSync(folder, { recursive: true, force: true });
  };
  return {
    ...target,
    name: path,
    abort,
    commit() {
      target.commit();
      copyTo(path, spool);
      abort();
    },
  };
}

/** A whole file of text, or none. */
export function writeText(path: string, text: string): void {
  const target = openOutput(path);
  try {
    target.write(Buffer.from(text));
    target.commit();
  } finally {
    target.abort();
  }
}

/** Of a name in the file system: "-" is standard input or output, whatever lies beside. */
const findStat = (path: string): Stats | undefined => {
  if (path === '-') return undefined;
  try {
    return statSync(path, { throwIfNoEntry: false });
  } catch {
    // A path through a file, or a folder that may not be searched: opening it will say so.
    return undefined;
  }
};

/** Do both names lead to one file? Then the output would replace the source. */
export function isSameFile(source: string, output: string): boolean {
  const [a, b] = [findStat(source), findStat(output)];
  return a !== undefined && b !== undefined && a.isFile() && a.dev === b.dev && a.ino === b.ino;
}

/** A file system that says no is of the same kind for outputs as for inputs: exit 4, not a wrong flag. */
function withInputExit(open: () => FileTarget): FileTarget {
  const guard = <T>(run: () => T): T => {
    try {
      return run();
    } catch (error) {
      if (error instanceof UsageError) throw new UserError(error.message, EXIT_INPUT);
      throw error;
    }
  };
  const target = guard(open);
  return {
    name: target.name,
    write: (bytes) => guard(() => target.write(bytes)),
    writeAt: (position, bytes) => guard(() => target.writeAt(position, bytes)),
    commit: () => guard(() => target.commit()),
    abort: () => target.abort(),
  };
}

export const cannotWrite = (path: string, why: string, remedy: string): UserError =>
  new UserError(`${path === '-' ? 'standard output' : path}: ${why}; ${remedy}`, EXIT_INPUT);

function copyTo(path: string, spool: string): void {
  const from = openSync(spool, 'r');
  try {
    const to = path === '-' ? STDOUT : openSync(path, 'w');
    const chunk = new Uint8Array(COPY_BYTES);
    for (let got = readSync(from, chunk); got > 0; got = readSync(from, chunk)) writeAll(to, chunk, got);
    if (to !== STDOUT) closeSync(to);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EPIPE') return;
    throw cannotWrite(path, `cannot be written (${code})`, 'check the space left, or name another file');
  } finally {
    closeSync(from);
  }
}

function writeAll(to: number, bytes: Uint8Array, length: number): void {
  for (let at = 0; at < length; ) {
    try {
      at += writeSync(to, bytes, at, length - at);
    } catch (error) {
      // A pipe set to non-blocking by its other end is full for the moment.
      if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') throw error;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 5);
    }
  }
}

/**
 * Until the returned function is called, Ctrl-C (SIGTERM, SIGHUP) runs `abort` and ends the program with 130 (143,
 * 129). Only for work that lets the event loop run; elsewhere the signal's own effect, an end at once, is the better one.
 */
export function abortOnSignal(terminal: Terminal, abort: () => void): () => void {
  const onSignal = (signal: NodeJS.Signals): void => {
    abort();
    terminal.err('vgic-replay: interrupted; nothing was written');
    process.exit(SIGNAL_EXIT + constants.signals[signal]);
  };
  for (const signal of SIGNALS) process.on(signal, onSignal);
  return () => {
    for (const signal of SIGNALS) process.off(signal, onSignal);
  };
}
