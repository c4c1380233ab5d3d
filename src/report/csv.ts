/** Tidy CSV (RFC 4180): one row per cell and path. Exact figures only; `renderMeasuredCsv` has the times. */
import { METRIC_NAMES, PATH_NAMES } from '../replay/result.js';
import { gatherFacts } from './facts.js';
import { listMeasured } from './measured.js';
import type { ReportModel } from './model.js';

type CsvValue = string | number | null;

/**
 * Text that a spreadsheet would run as a formula gets an apostrophe in front; quotes, commas and line ends are quoted.
 */
export function csvField(value: CsvValue): string {
  if (value === null) return '';
  if (typeof value === 'number') return String(value);
  const safe = /^[=+\-@\t\r]/.test(value) ? `'${value}` : value;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}

const csvLines = (rows: readonly (readonly CsvValue[])[]): string =>
  rows.map((row) => `${row.map(csvField).join(',')}\r\n`).join('');

export function renderCsv(model: ReportModel): string {
  const facts = gatherFacts(model);
  const head = [
    'trace',
    'sha256',
    'kind',
    'origin',
    'fidelity',
    'events',
    'nr_lr',
    'flavour',
    'made_for',
    'strategy',
    'equivalence',
    'holds',
    'path',
    'calls',
    ...METRIC_NAMES.flatMap((metric) => [`${metric}_sum`, `${metric}_max`]),
    'stopped_at_event',
    'command',
  ];
  const rows = facts.traces.flatMap(({ trace, kind, all }) =>
    all.flatMap(({ label, exact }) =>
      PATH_NAMES.map((path): CsvValue[] => [
        trace.name,
        trace.sha256,
        kind,
        trace.origin,
        `L${trace.fidelity}`,
        trace.events,
        trace.machine.nrLr,
        trace.machine.flavour,
        trace.madeFor,
        label,
        exact.equivalence.declared,
        exact.equivalence.holds ? 'yes' : 'no',
        path,
        exact.paths[path].calls,
        ...METRIC_NAMES.flatMap((metric) => [exact.paths[path][metric].sum, exact.paths[path][metric].max]),
        exact.stopped?.event ?? null,
        exact.command,
      ]),
    ),
  );
  return csvLines([head, ...rows]);
}

/** One row a measured cell; null if nothing was measured. */
export function renderMeasuredCsv(model: ReportModel): string | null {
  const rows = listMeasured(model);
  if (rows.length === 0) return null;
  const head = ['trace', 'strategy', 'ns_per_event', 'low', 'high', 'ratio', 'blocks', 'seed', 'node', 'cpu'];
  return csvLines([
    head,
    ...rows.map(({ trace, strategy, measured }): CsvValue[] => [
      trace,
      strategy,
      measured.estimate,
      measured.low,
      measured.high,
      measured.ratio,
      measured.blocks,
      measured.seed,
      measured.node,
      measured.cpu,
    ]),
  ]);
}
