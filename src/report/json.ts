/** The report as JSON. Exact and measured parts stand apart, and the exact one carries its own hash. */
import { createHash } from 'node:crypto';
import { compareText } from '../base/number-format.js';
import { mergeBins } from './charts.js';
import { gatherFacts } from './facts.js';
import { listMeasured } from './measured.js';
import type { ReportModel } from './model.js';
import { REPORT_SCHEMA } from './model.js';
import { summariseVerdict, writeVerdicts } from './verdict.js';

type Json = string | number | boolean | null | readonly Json[] | { readonly [key: string]: Json };

/** Keys sorted by code unit, lists in order; `indent` as JSON.stringify takes it. Throws on what JSON cannot hold. */
export function canonicalJson(value: unknown, indent?: number): string {
  return JSON.stringify(sortKeys(value), null, indent);
}

function sortKeys(value: unknown): Json {
  if (value === null || typeof value === 'string' || typeof value === 'boolean') return value;
  if (typeof value === 'number') {
    if (!Number.isFinite(value)) throw new RangeError(`canonical JSON: ${value} is not a JSON number`);
    return value;
  }
  if (Array.isArray(value)) return value.map(sortKeys);
  if (typeof value === 'object') {
    // A null prototype, so that a key "__proto__" of a hostile file is a key like any other.
    const sorted: Record<string, Json> = Object.create(null);
    for (const key of Object.keys(value).sort()) {
      const entry: unknown = Reflect.get(value, key);
      if (entry !== undefined) sorted[key] = sortKeys(entry);
    }
    return sorted;
  }
  throw new TypeError(`canonical JSON: a ${typeof value} has no JSON form`);
}

/** Everything that is the same on every machine. Cells in the order of the report, whatever the order given. */
function exactPart(model: ReportModel): object {
  const facts = gatherFacts(model);
  const cellOf = new Map(model.cells.map((cell) => [cell.exact, cell]));
  return {
    title: model.title,
    command: model.command,
    seed: model.seed,
    reference: model.reference,
    challenger: model.challenger,
    strategyNotes: [...model.strategyNotes].sort((a, b) => compareText(a.id, b.id)),
    kinds: model.kinds,
    summary: summariseVerdict(facts),
    verdicts: writeVerdicts(model, facts),
    cells: facts.traces.flatMap(({ all }) =>
      all.map(({ exact }) => {
        const { schema, tool } = cellOf.get(exact)!;
        return { schema, tool, exact };
      }),
    ),
    sweeps: model.sweeps,
    timelines: model.timelines.map((timeline) => ({
      ...timeline,
      bins: mergeBins(timeline.bins, timeline.bins.length).bins,
    })),
    verify: model.verify,
    evidence: model.evidence,
    studies: model.studies,
  };
}

/** sha256 of the exact part in its canonical form, 64 hex digits. */
export const hashExactPart = (model: ReportModel): string =>
  createHash('sha256')
    .update(canonicalJson(exactPart(model)))
    .digest('hex');

/** JSON schema: reports/report.schema.json. Ends in a line feed. */
export function renderJson(model: ReportModel): string {
  const measured = listMeasured(model);
  const report = {
    schema: REPORT_SCHEMA,
    tool: model.tool,
    exact: exactPart(model),
    exactSha256: hashExactPart(model),
    measured: measured.length === 0 ? null : { on: model.measuredOn, cells: measured },
  };
  return `${canonicalJson(report, 1)}\n`;
}
