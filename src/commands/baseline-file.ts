/** The baseline as a file, and beside it the log of who accepted what, when and why. */
import { execFileSync } from 'node:child_process';
import { closeSync, existsSync, fsyncSync, mkdirSync, openSync, readFileSync, writeSync } from 'node:fs';
import { userInfo } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { InputError } from '../base/errors.js';
import { type Baseline, parseBaseline, renderBaseline } from '../compare/baseline.js';
import { cannotWrite, openOutput } from './outputs.js';

/** That of the shipped traces. */
export const SHIPPED_BASELINE = fileURLToPath(new URL('../../../reports/baseline/exact.json', import.meta.url));
/** A team's own. */
export const TEAM_BASELINE = 'vgic-baseline.json';
const LOG = 'accepted.jsonl';

export const ACCEPTED_SCHEMA = 'vgic-replay/accepted/1';

/** One line of the log. */
export interface Acceptance {
  readonly schema: typeof ACCEPTED_SCHEMA;
  /** ISO 8601, UTC. */
  readonly date: string;
  /** As git names the user. */
  readonly author: string;
  readonly reason: string;
  /** Version of the tool, and the commit it was accepted on; null without git. */
  readonly tool: string;
  readonly commit: string | null;
  readonly baseline: string;
  /** Cell → counters of it that changed. */
  readonly changed: Readonly<Record<string, number>>;
  readonly added: readonly string[];
  readonly removed: readonly string[];
}

export const hasBaseline = (file: string): boolean => existsSync(file);

/** Throws InputError if it cannot be read or is none. */
export function readBaseline(file: string): Baseline {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    throw new InputError(
      file,
      'byte 0',
      `cannot be read (${(error as NodeJS.ErrnoException).code})`,
      'check the path and its permissions',
    );
  }
  return parseBaseline(file, text);
}

/**
 * The baseline, and its line of the log. The line is on the disk first: if this ends in between, the log explains a baseline
 * that is not there, which the next run of the gate finds; the other way round nothing would ever explain what is there.
 * Returns the log's name.
 */
export function writeAccepted(
  file: string,
  baseline: Baseline,
  entry: Omit<Acceptance, 'schema' | 'date' | 'author' | 'commit'>,
): string {
  makeFolder(file);
  const target = openOutput(file);
  try {
    // All that can fail for want of space or rights has not failed when the log is written.
    target.write(Buffer.from(renderBaseline(baseline)));
    const log = logAcceptance(file, entry);
    target.commit();
    return log;
  } finally {
    target.abort();
  }
}

/** Appends; a log is never rewritten. Returns its name. */
function logAcceptance(baselineFile: string, entry: Omit<Acceptance, 'schema' | 'date' | 'author' | 'commit'>): string {
  const file = join(dirname(baselineFile), LOG);
  const line: Acceptance = {
    schema: ACCEPTED_SCHEMA,
    date: new Date().toISOString(),
    author: gitUser(),
    commit: git('rev-parse', 'HEAD') ?? null,
    ...entry,
  };
  try {
    const log = openSync(file, 'a');
    try {
      writeSync(log, `${JSON.stringify(line)}\n`);
      fsyncSync(log);
    } finally {
      closeSync(log);
    }
  } catch (error) {
    throw cannotWrite(file, `cannot be written (${(error as NodeJS.ErrnoException).code})`, 'check its permissions');
  }
  return file;
}

function makeFolder(file: string): void {
  try {
    mkdirSync(dirname(file), { recursive: true });
  } catch (error) {
    throw cannotWrite(file, `no folder for it (${(error as NodeJS.ErrnoException).code})`, 'name another file');
  }
}

/** "Name <address>"; of the system's user where git knows none. */
function gitUser(): string {
  const name = git('config', 'user.name');
  const address = git('config', 'user.email');
  if (name === undefined) return userInfo().username;
  return address === undefined ? name : `${name} <${address}>`;
}

function git(...args: readonly string[]): string | undefined {
  try {
    const out = execFileSync('git', args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim();
    return out === '' ? undefined : out;
  } catch {
    return undefined;
  }
}
