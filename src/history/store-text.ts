/** The history file as text: whole lines in, whole lines out. What a crash cut off is its last line, which has no line feed. */
import { InputError } from '../base/errors.js';
import { HISTORY_SCHEMA, type HistoryCell, type HistoryRun, type HistoryTime, shortCommit } from './record.js';

export interface HistoryStore {
  /** In the order of the file. */
  readonly runs: readonly HistoryRun[];
  /** Number of the last line, if a crash cut it off: it is left out. */
  readonly torn: number | null;
  /** Bytes of the whole lines: what is appended goes there. */
  readonly bytes: number;
  /** Bytes that were read. */
  readonly size: number;
  /** Is the last line whole but for its line feed, as some editors leave it? */
  readonly isOpen: boolean;
}

/** Ends in a line feed. */
export const historyLine = (run: HistoryRun): string => `${JSON.stringify(run)}\n`;

const DAMAGED = 'lines are only ever appended to it: take it back from a copy, or remove the line';

/** `name`: of the file, for errors. Throws InputError for a whole line that is no run. */
export function readHistory(text: string, name: string): HistoryStore {
  const lines = text.split('\n');
  const rest = lines.pop() ?? '';
  const size = Buffer.byteLength(text);
  const isOpen = rest !== '' && isJson(rest);
  if (isOpen) lines.push(rest);
  const isTorn = rest !== '' && !isOpen;
  return {
    runs: lines.map((line, at) => readRun(line, name, `line ${at + 1}`)),
    torn: isTorn ? lines.length + 1 : null,
    bytes: isTorn ? size - Buffer.byteLength(rest) : size,
    size,
    isOpen,
  };
}

/** No beginning of a record is one itself. */
function isJson(line: string): boolean {
  try {
    JSON.parse(line);
    return true;
  } catch {
    return false;
  }
}

function readRun(line: string, name: string, place: string): HistoryRun {
  let run: Partial<HistoryRun> | null;
  try {
    run = JSON.parse(line) as Partial<HistoryRun> | null;
  } catch {
    throw new InputError(name, place, 'is no JSON', DAMAGED);
  }
  if (run?.schema !== HISTORY_SCHEMA)
    throw new InputError(
      name,
      place,
      `schema ${JSON.stringify(run?.schema ?? null)} is not ${HISTORY_SCHEMA}`,
      "it must be a file that 'vgic-replay history add' of this version wrote",
    );
  if (!isRun(run)) throw new InputError(name, place, 'is not a whole record of a run', DAMAGED);
  return run;
}

const isText = (value: unknown): value is string => typeof value === 'string';
const isTextOrNull = (value: unknown): boolean => value === null || isText(value);

function isRun(run: Partial<HistoryRun>): run is HistoryRun {
  const { when, commit, ref, tool, machine, cells } = run;
  return (
    isText(when) &&
    isTextOrNull(commit) &&
    isTextOrNull(ref) &&
    isText(tool?.name) &&
    isText(tool.version) &&
    isText(machine?.fingerprint) &&
    isText(machine.cpu) &&
    isText(machine.os) &&
    isText(machine.node) &&
    Array.isArray(cells) &&
    cells.every(isCell)
  );
}

const isFiniteOrNull = (value: unknown): boolean => value === null || Number.isFinite(value);

function isTime(time: Partial<HistoryTime>): boolean {
  const { estimate, low = null, high = null } = time;
  return typeof estimate === 'number' && Number.isFinite(estimate) && estimate > 0 && [low, high].every(isFiniteOrNull);
}

/** Are its figures numbers? A file with another cell in it could not be read any more. */
export function isCell(cell: Partial<HistoryCell> | null): boolean {
  const { counters, time } = cell ?? {};
  return (
    isText(cell?.cell) &&
    isTextOrNull(cell.traceSha256) &&
    typeof counters === 'object' &&
    counters !== null &&
    Object.values(counters).every(Number.isFinite) &&
    (time === null || (time !== undefined && isTime(time)))
  );
}

/**
 * Why a run may not be added, or null: counters, or a time, of one of its cells stand there already for the same commit and
 * machine. Without a commit nothing can be said.
 */
export function findDouble(store: HistoryStore, run: HistoryRun): string | null {
  if (run.commit === null) return null;
  const { commit } = run;
  const own = new Map(run.cells.map((cell) => [cell.cell, cell]));
  for (const [at, { commit: known, machine, cells }] of store.runs.entries()) {
    if (known !== commit || machine.fingerprint !== run.machine.fingerprint) continue;
    const double = cells.find((cell) => sayTheSame(cell, own.get(cell.cell)));
    if (double !== undefined)
      return `line ${at + 1} has ${double.cell} of commit ${shortCommit(commit)} on machine ${machine.fingerprint} already`;
  }
  return null;
}

/** Counters of one run and times of another belong together. */
const sayTheSame = (known: HistoryCell, added: HistoryCell | undefined): boolean =>
  added !== undefined &&
  ((known.time !== null && added.time !== null) ||
    (Object.keys(known.counters).length > 0 && Object.keys(added.counters).length > 0));
