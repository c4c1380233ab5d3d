/**
 * A baseline: the exact figures of every cell as they were when somebody last accepted them, one a line, so that a diff of
 * the file reads as the change. Only integers and texts: equality is all there is to compare (anchors 3.1).
 */
import { InputError } from '../base/errors.js';
import type { Figure, Figures } from './exact-figures.js';

export const BASELINE_SCHEMA = 'vgic-replay/baseline/1';

/** A cell that was run: its figures and what stands beside them. */
export interface CellFigures {
  /** "trace/flavour/strategy". */
  readonly cell: string;
  readonly figures: Figures;
  /** The command that repeats it. */
  readonly command: string;
}

export interface Baseline {
  /** Version of the tool that wrote it. */
  readonly tool: string;
  /** Trace → sha256 of its content; '' for events made on the spot. */
  readonly traces: Readonly<Record<string, string>>;
  readonly cells: Readonly<Record<string, Figures>>;
}

/** The trace of a cell: all but its last two parts. */
export const traceOf = (cell: string): string => cell.split('/').slice(0, -2).join('/');

export function renderBaseline({ tool, traces, cells }: Baseline): string {
  const line = ([name, value]: [string, Figure]): string => `${JSON.stringify(name)}:${JSON.stringify(value)}`;
  const block = (entries: readonly [string, Figure][]): string => `{\n${entries.map(line).join(',\n')}}`;
  const blocks = Object.entries(cells).map(
    ([cell, figures]) => `${JSON.stringify(cell)}:${block(Object.entries(figures))}`,
  );
  return `{"schema":${JSON.stringify(BASELINE_SCHEMA)},\n"tool":${JSON.stringify(tool)},\n"traces":${block(Object.entries(traces))},\n"cells":{\n${blocks.join(',\n')}}}\n`;
}

const REMEDY = 'take it from version control again, or remove it and begin one with "check --baseline-missing create"';

/** Throws InputError with the place of what is wrong. */
export function parseBaseline(file: string, text: string): Baseline {
  const wrong = (place: string, what: string, remedy = REMEDY): InputError => new InputError(file, place, what, remedy);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw wrong('byte 0', `is no JSON (${(error as Error).message})`);
  }
  if (!isRecord(value)) throw wrong('byte 0', 'is no baseline');
  const { schema, tool, traces, cells } = value;
  if (schema !== BASELINE_SCHEMA)
    throw wrong(
      'schema',
      `is ${JSON.stringify(schema) ?? 'missing'}, which this version does not read`,
      `give a baseline of ${BASELINE_SCHEMA}`,
    );
  if (typeof tool !== 'string') throw wrong('tool', 'names no version');
  if (!isRecord(traces) || !Object.values(traces).every((hash) => typeof hash === 'string'))
    throw wrong('traces', 'holds no hashes');
  if (!isRecord(cells)) throw wrong('cells', 'is missing');
  for (const [cell, figures] of Object.entries(cells)) {
    if (cell.split('/').length < 3) throw wrong(`cells/${cell}`, 'is no trace/flavour/strategy');
    if (!isRecord(figures)) throw wrong(`cells/${cell}`, 'holds no figures');
    const strange = Object.entries(figures).find(([, figure]) => !isFigure(figure));
    if (strange !== undefined)
      throw wrong(`cells/${cell}/${strange[0]}`, `is ${JSON.stringify(strange[1])}, neither a count nor a text`);
  }
  return { tool, traces: traces as Baseline['traces'], cells: cells as Baseline['cells'] };
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
const isFigure = (value: unknown): value is Figure => typeof value === 'string' || Number.isSafeInteger(value);
