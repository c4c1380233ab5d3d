/** The file that says what a team's gate runs and allows. JSON schema: reports/check-config.schema.json. */
import { existsSync, readFileSync } from 'node:fs';
import { dirname, isAbsolute, join, relative } from 'node:path';
import { InputError } from '../base/errors.js';
import { findSimilar } from '../base/similar.js';

export const CONFIG_FILE = 'vgic-check.json';

/** Paths are as seen from the working directory. What a file leaves out is undefined. */
export interface CheckConfig {
  readonly traces?: readonly string[];
  readonly workloads?: readonly string[];
  readonly strategies?: readonly string[];
  readonly flavours?: readonly string[];
  readonly baseline?: string;
  /** Pattern of cell and counter → most that is allowed (compare/budgets.ts). */
  readonly budgets?: Readonly<Record<string, number>>;
  /** Cells whose instructions and times are compared. */
  readonly keyCells?: readonly string[];
  readonly limits?: {
    /** Percent more instructions that are said, and that fail. */
    readonly instructionsWarn?: number;
    readonly instructionsFail?: number;
  };
}

/** More are not decided well in the time a gate has (anchors 3.5). */
export const MAX_KEY_CELLS = 10;

type Reader = (value: unknown, place: string) => unknown;

export interface Settings {
  readonly config: CheckConfig;
  /** Null: there is none. */
  readonly file: string | null;
}

/** `file`: undefined for vgic-check.json here, if there is one. */
export function readConfig(file: string | undefined): Settings {
  if (file === undefined && !existsSync(CONFIG_FILE)) return { config: {}, file: null };
  const path = file ?? CONFIG_FILE;
  return { config: parseConfig(path, readBytes(path)), file: path };
}

function readBytes(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new InputError(path, 'byte 0', `cannot be read (${code})`, 'check the path');
  }
}

/** Throws InputError with the place of what is wrong, "budgets/flush/steps/max". */
export function parseConfig(file: string, text: string): CheckConfig {
  const fail = (place: string, what: string, remedy: string): never => {
    throw new InputError(file, place, what, remedy);
  };
  const isRecord = (value: unknown): value is Record<string, unknown> =>
    typeof value === 'object' && value !== null && !Array.isArray(value);
  const record = (value: unknown, place: string): Record<string, unknown> =>
    isRecord(value) ? value : fail(place, `is ${JSON.stringify(value)}`, 'give an object');
  const phrase = (value: unknown, place: string): string =>
    typeof value === 'string' && value !== ''
      ? value
      : fail(place, `is ${JSON.stringify(value)}`, 'give a text that is not empty');
  const number = (value: unknown, place: string): number =>
    typeof value === 'number' && value >= 0
      ? value
      : fail(place, `is ${JSON.stringify(value)}`, 'give a number from 0');
  const whole = (value: unknown, place: string): number =>
    Number.isSafeInteger(value)
      ? number(value, place)
      : fail(place, `is ${JSON.stringify(value)}`, 'give a whole number from 0');
  const list =
    (most: number): Reader =>
    (value, place) => {
      if (!Array.isArray(value) || value.length === 0) return fail(place, `is ${JSON.stringify(value)}`, 'give a list');
      if (value.length > most) return fail(place, `has ${value.length} entries`, `give at most ${most}`);
      return value.map((entry, at) => phrase(entry, `${place}/${at}`));
    };
  const known = (readers: Readonly<Record<string, Reader>>): Reader => {
    return (value, place) => {
      const within = place === '' ? '' : `${place}/`;
      const entries = Object.entries(record(value, place === '' ? 'byte 0' : place)).map(([key, entry]) => {
        const reader = Object.hasOwn(readers, key) ? readers[key] : undefined;
        if (reader !== undefined) return [key, reader(entry, `${within}${key}`)];
        const similar = findSimilar(key, Object.keys(readers));
        const names = Object.keys(readers).join(', ');
        return fail(
          `${within}${key}`,
          'is no setting',
          similar === undefined ? `the settings here are ${names}` : `did you mean ${similar}?`,
        );
      });
      return Object.fromEntries(entries);
    };
  };
  const any = Number.POSITIVE_INFINITY;
  const readAll = known({
    $schema: phrase,
    traces: list(any),
    workloads: list(any),
    strategies: list(any),
    flavours: list(any),
    baseline: phrase,
    budgets: (value, place) =>
      Object.fromEntries(
        Object.entries(record(value, place)).map(([pattern, limit]) => [pattern, whole(limit, `${place}/${pattern}`)]),
      ),
    keyCells: list(MAX_KEY_CELLS),
    limits: known({ instructionsWarn: number, instructionsFail: number }),
  });
  const config = readAll(parseJson(file, text), '') as CheckConfig;
  const here = (path: string): string =>
    path.startsWith('traces/') && !existsSync(join(dirname(file), path)) ? path : fromFile(file, path);
  return {
    ...config,
    ...(config.traces === undefined ? {} : { traces: config.traces.map(here) }),
    ...(config.strategies === undefined
      ? {}
      : {
          strategies: config.strategies.map((spec) => (/^\.{1,2}\//.test(spec) ? `./${fromFile(file, spec)}` : spec)),
        }),
    ...(config.baseline === undefined ? {} : { baseline: fromFile(file, config.baseline) }),
  };
}

/** A path in the file is as seen from the file. */
function fromFile(file: string, path: string): string {
  if (isAbsolute(path)) return path;
  return relative('.', join(dirname(file), path)) || '.';
}

function parseJson(file: string, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new InputError(file, 'byte 0', `is no JSON (${(error as Error).message})`, 'correct it');
  }
}
