/** The cells of a stored result, from its text: what `report`, `replay --reporter json` or one cell alone wrote. */
import { InputError } from '../base/errors.js';
import { CELL_SCHEMA, type CellResult, type ExactPart } from '../replay/result.js';
import { flattenExact } from './counters.js';

type Json = Readonly<Record<string, unknown>>;

const isObject = (value: unknown): value is Json => typeof value === 'object' && value !== null;
const isCell = (value: unknown): value is CellResult =>
  isObject(value) && value.schema === CELL_SCHEMA && isObject(value.exact);

/** What a reader does who was given another file. */
const REMEDY = 'name a report.json, or what "replay --reporter json" printed';

/** `file`: its name in errors. Throws InputError if it is no result, or has no cells. */
export function readResults(file: string, text: string): ExactPart[] {
  const document = parse(file, text);
  const cells = isCell(document) ? [document] : cellsOf(document);
  if (cells === null) throw new InputError(file, 'schema', 'is JSON, but no result of this tool', REMEDY);
  const strange = cells.findIndex((cell) => !isCell(cell));
  if (strange >= 0)
    throw new InputError(file, `cell ${strange + 1}`, `is not of the form ${CELL_SCHEMA}`, 'make the result again');
  if (cells.length === 0) throw new InputError(file, 'cells', 'holds no cell', REMEDY);
  return cells.filter(isCell).map(({ exact }, at) => {
    const wrong = findUncounted(exact);
    if (wrong === null) return exact;
    throw new InputError(file, `cell ${at + 1}`, wrong, 'make the result again');
  });
}

/** A figure that is none (a hole would read as 0, and so as an improvement), in words, or null. */
function findUncounted(exact: ExactPart): string | null {
  try {
    const strange = Object.entries(flattenExact(exact)).find(
      ([, figure]) => typeof figure !== 'string' && !(Number.isSafeInteger(figure) && figure >= 0),
    );
    return strange === undefined ? null : `${strange[0]} is ${JSON.stringify(strange[1]) ?? 'missing'}, no count`;
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    return `is not whole (${error.message})`;
  }
}

function parse(file: string, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new InputError(file, 'byte 0', `is not JSON (${(error as Error).message})`, REMEDY);
  }
}

function cellsOf(document: unknown): readonly unknown[] | null {
  if (!isObject(document) || !isObject(document.exact)) return null;
  return Array.isArray(document.exact.cells) ? document.exact.cells : null;
}
