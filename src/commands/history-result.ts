/** Reads a stored result of any kind for the history, told by its schema. */
import { readFileSync } from 'node:fs';
import { InputError } from '../base/errors.js';
import { COMPARISON_SCHEMA, type Comparison } from '../compare/comparison.js';
import {
  fromBench,
  fromCells,
  fromComparison,
  fromReport,
  type ResultFacts,
  type StoredBench,
  type StoredReport,
} from '../history/from-result.js';
import { isCell } from '../history/store-text.js';
import type { CellResult } from '../replay/result.js';
import { REPORT_SCHEMA } from '../report/model.js';
import { CELL_VERBS, type Plan } from '../run/plan.js';
import { CONTROL } from '../stats/experiment.js';
import { BENCH_SCHEMA, type BenchRecord } from './bench-record.js';
import { requireExactHash } from './stored-result.js';

const STDIN = 0;
const REMEDY =
  "give report.json, what 'replay --reporter json', 'bench --json' or 'compare --json' printed, or a stored run";

/** "vgic-replay/run/": a header line, then a line a unit, of which those of a replay have a cell. */
const RUN_PREFIX = 'vgic-replay/run/';
interface RunHead {
  readonly machines?: readonly NonNullable<ResultFacts['machine']>[];
  readonly plan?: Pick<Plan, 'verb'>;
}
interface UnitLine {
  readonly result?: { readonly cell?: CellResult };
}

/** `path`: a file, or "-" for standard input. Throws InputError for what is no result. */
export function readResult(path: string): ResultFacts {
  const name = path === '-' ? 'standard input' : path;
  let text: string;
  try {
    text = readFileSync(path === '-' ? STDIN : path, 'utf8');
  } catch (error) {
    throw new InputError(name, 'byte 0', `cannot be read (${(error as NodeJS.ErrnoException).code})`, REMEDY);
  }
  const schema = /^\s*\{\s*"schema":\s*"(vgic-replay\/run\/[^"]*)"/.exec(text)?.[1];
  try {
    const facts = schema?.startsWith(RUN_PREFIX) ? fromRun(text, name) : fromDocument(JSON.parse(text), name);
    const wrong = facts.cells.find((cell) => !isCell(cell));
    if (wrong !== undefined)
      throw new InputError(name, `cell ${wrong.cell}`, 'has a figure that is no number, or a time of none', REMEDY);
    if (!isMachine(facts.machine)) throw new InputError(name, 'machine', 'is not described in words', REMEDY);
    return facts;
  } catch (error) {
    if (error instanceof InputError) throw error;
    const what = error instanceof SyntaxError ? 'cannot be read as JSON' : 'is not whole';
    throw new InputError(name, 'byte 0', `${what} (${(error as Error).message})`, REMEDY);
  }
}

function isMachine(machine: ResultFacts['machine']): boolean {
  const { cpu = '', os = '', node = '', fingerprint = '', cores = null } = machine ?? {};
  return (
    [cpu, os, node, fingerprint].every((text) => typeof text === 'string') && (cores === null || Number.isFinite(cores))
  );
}

function fromRun(text: string, name: string): ResultFacts {
  // A line that a crash cut off has no line feed.
  const [head, ...units] = text.split('\n').slice(0, -1);
  if (head === undefined) throw new InputError(name, 'line 1', 'was cut off', 'run the command again');
  const { machines, plan } = JSON.parse(head) as RunHead;
  const verb = plan?.verb;
  if (verb !== undefined && !CELL_VERBS.includes(verb))
    throw new InputError(name, 'line 1', `holds the results of '${verb}', which are no cells`, REMEDY);
  const cells = units.map((line) => (JSON.parse(line) as UnitLine).result?.cell).filter((cell) => cell !== undefined);
  const [machine] = machines ?? [];
  // Times of several machines are no series of one.
  return { ...fromCells(cells), ...(machines?.length === 1 ? { machine } : {}) };
}

function fromDocument(record: { readonly schema?: unknown } | null, name: string): ResultFacts {
  switch (record?.schema) {
    case REPORT_SCHEMA:
      requireExactHash(name, record);
      return fromReport(record as StoredReport & { schema: unknown });
    case BENCH_SCHEMA:
      if ((record as BenchRecord).results.some(({ machine }) => machine !== undefined))
        throw new InputError(
          name,
          'results',
          'are of several machines',
          'add the results of each machine by themselves',
        );
      return fromBench(record as StoredBench & { schema: unknown }, CONTROL);
    case COMPARISON_SCHEMA:
      return fromComparison(record as Comparison);
    default:
      throw new InputError(name, 'schema', `is ${JSON.stringify(record?.schema ?? null)}`, REMEDY);
  }
}
