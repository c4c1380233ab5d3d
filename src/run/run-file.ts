/**
 * The stored results of a run, JSON lines: a header with the plan, then a line a finished unit, appended as each is done.
 * A line that a crash cut off is told from a damaged one by its missing line feed. JSON schema: reports/run.schema.json.
 */
import { InputError } from '../base/errors.js';
import type { CellResult } from '../replay/result.js';
import { canonicalJson } from '../report/json.js';
import type { MachineFacts } from '../stats/fitness.js';
import { hashPlan, hashResult, type Plan, type Shard, unitsOf } from './plan.js';
import type { Unit, UnitKind, UnitResult, UnitResults } from './unit.js';

export const RUN_SCHEMA = 'vgic-replay/run/1';

/** What it ran on: of what doctor says, the part that stays as it is while the machine runs. Outside of everything that is hashed. */
export type RunMachine = Pick<MachineFacts, 'fingerprint' | 'node' | 'os' | 'arch' | 'cpu' | 'cores'>;

export interface RunHeader {
  readonly schema: typeof RUN_SCHEMA;
  readonly shard: Shard;
  /** Those that its shards ran on, each once. */
  readonly machines: readonly RunMachine[];
  readonly plan: Plan;
  readonly planSha256: string;
}

export interface FinishedUnit {
  /** `id` of a unit of the plan. */
  readonly unit: string;
  readonly result: UnitResult;
  /** hashResult. */
  readonly sha256: string;
}

export interface Run {
  readonly header: RunHeader;
  /** In the order of the file: as they were finished, or that of the plan. */
  readonly units: readonly FinishedUnit[];
  /** The line that a crash cut off, which is left out; null: there is none. */
  readonly torn: number | null;
  /** Bytes up to the last whole line. */
  readonly bytes: number;
}

export const createHeader = (plan: Plan, shard: Shard, machines: readonly RunMachine[]): RunHeader => ({
  schema: RUN_SCHEMA,
  shard,
  machines,
  plan,
  planSha256: hashPlan(plan),
});

export const finish = (unit: string, result: UnitResult): FinishedUnit => ({
  unit,
  result,
  sha256: hashResult(unit, result),
});

/** The schema stands first, so that a few bytes tell what the file is. Ends in a line feed. */
export const headerLine = ({ schema, shard, machines, plan, planSha256 }: RunHeader): string =>
  `{"schema":"${schema}","shard":${canonicalJson(shard)},"machines":${canonicalJson(machines)},"planSha256":"${planSha256}","plan":${canonicalJson(plan)}}\n`;

/** Ends in a line feed. What a result lists by name stays in its order, which its hash does not know. */
export const unitLine = ({ unit, result, sha256 }: FinishedUnit): string =>
  `{"unit":${JSON.stringify(unit)},"sha256":"${sha256}","result":${JSON.stringify(result)}}\n`;

/** Do these first bytes begin the stored results of a run, of this version or another? */
export const isRunFile = (head: string): boolean => head.startsWith('{"schema":"vgic-replay/run/');

const DAMAGED = 'the file was changed or damaged: copy it again, or run the command again';

/** Reads what a run or `merge` wrote. `name`: of the file, for errors. Throws InputError. */
export function readRunFile(text: string, name = 'run file'): Run {
  const lines = text.split('\n');
  // What stands behind the last line feed was cut off.
  const rest = lines.pop() ?? '';
  if (lines.length === 0)
    throw new InputError(name, 'line 1', 'no whole header', 'the run was ended before it began: run the command again');
  const header = readHeader(lines[0], name);
  const { plan } = header;
  const owed = new Map(unitsOf(plan, header.shard).map((unit) => [unit.id, unit]));
  const units = lines.slice(1).map((line, at): FinishedUnit => {
    const place = `line ${at + 2}`;
    const finished = parseLine<FinishedUnit>(line, name, place);
    const unit = owed.get(finished.unit);
    if (unit === undefined)
      throw new InputError(
        name,
        place,
        `${JSON.stringify(finished.unit)} is given twice, or is no unit of it`,
        DAMAGED,
      );
    owed.delete(finished.unit);
    if (!isResult(unit.kind, finished.result) || hashResult(unit.id, finished.result) !== finished.sha256)
      throw new InputError(name, place, `the result of "${unit.id}" is not what was stored`, DAMAGED);
    return finished;
  });
  return {
    header,
    units,
    torn: rest === '' ? null : lines.length + 1,
    bytes: Buffer.byteLength(text) - Buffer.byteLength(rest),
  };
}

/** Objects alone: whatever else JSON may hold is refused. */
function parseLine<T extends object>(line: string, name: string, place: string): Partial<T> & T {
  try {
    const parsed = JSON.parse(line) as T | null;
    if (typeof parsed === 'object' && parsed !== null) return parsed;
  } catch {}
  throw new InputError(name, place, 'is no JSON object', DAMAGED);
}

function readHeader(line: string, name: string): RunHeader {
  const header = parseLine<RunHeader>(line, name, 'line 1');
  const { schema, plan, planSha256, shard, machines } = header;
  if (schema !== RUN_SCHEMA)
    throw new InputError(
      name,
      'line 1',
      `schema ${JSON.stringify(schema)} is not ${RUN_SCHEMA}`,
      'read it with the version that wrote it',
    );
  if (!isPlan(plan) || hashPlan(plan) !== planSha256 || !isShard(shard) || !Array.isArray(machines))
    throw new InputError(name, 'line 1', 'the plan is not what was stored', DAMAGED);
  return { schema, shard, machines, plan, planSha256 };
}

const isPlan = (plan: Partial<Plan> | null | undefined): boolean =>
  [plan?.units, plan?.traces, plan?.strategies].every(Array.isArray) &&
  [plan?.tool, plan?.options].every((part) => typeof part === 'object' && part !== null) &&
  plan!.units!.every((unit: Partial<Unit> | null) => typeof unit?.id === 'string' && Number.isFinite(unit.cost));

const isShard = (shard: Partial<Shard> | null | undefined): boolean =>
  Number.isInteger(shard?.index) &&
  Number.isInteger(shard?.count) &&
  shard!.index! >= 1 &&
  shard!.index! <= shard!.count!;

/** What a result of each kind has at least. */
const RESULT_KEYS: Readonly<Record<UnitKind, string>> = {
  replay: 'cell',
  verify: 'entries',
  sweep: 'depths',
  study: 'answer',
  evidence: 'scenarios',
  growth: 'curves',
  rank: 'worst',
  check: 'broken',
  bench: 'times',
};

const isResult = (kind: UnitKind, result: UnitResult | null | undefined): boolean =>
  typeof result === 'object' && result !== null && Object.hasOwn(result, RESULT_KEYS[kind]);

/** Results of one kind, in the order of the plan. */
export function resultsOf<Kind extends UnitKind>(
  { header, units }: Pick<Run, 'header' | 'units'>,
  kind: Kind,
): UnitResults[Kind][] {
  const byId = new Map(units.map(({ unit, result }) => [unit, result]));
  return header.plan.units
    .filter((unit) => unit.kind === kind && byId.has(unit.id))
    .map(({ id }) => byId.get(id) as UnitResults[Kind]);
}

/** The cells that are finished, in the order of the plan. */
export const cellsOf = (run: Pick<Run, 'header' | 'units'>): CellResult[] =>
  resultsOf(run, 'replay').map(({ cell }) => cell);

/** The same, a list a trace. */
export function cellsByTrace({ header: { plan }, units }: Pick<Run, 'header' | 'units'>): CellResult[][] {
  const byTrace = plan.traces.map((): CellResult[] => []);
  const indexOf = new Map(plan.units.map((unit) => [unit.id, unit.kind === 'replay' ? unit.trace : -1]));
  for (const { unit, result } of units) if ('cell' in result) byTrace[indexOf.get(unit)!].push(result.cell);
  return byTrace;
}

/** Units that the run's shard still owes, in the order of the plan. */
export function unfinished({ header, units }: Pick<Run, 'header' | 'units'>): string[] {
  const done = new Set(units.map(({ unit }) => unit));
  const own = new Set(unitsOf(header.plan, header.shard).map(({ id }) => id));
  return header.plan.units.map(({ id }) => id).filter((id) => own.has(id) && !done.has(id));
}
