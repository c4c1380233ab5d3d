/** Tidy CSV (RFC 4180): one row per cell and path. Exact figures only; `renderMeasuredCsv` has the times. */
import { METRIC_NAMES, PATH_NAMES } from '../replay/result.js';
import { quantileAtMost, sectionNamed } from '../replay/sections.js';
import { gatherFacts } from './facts.js';
import { listMeasured } from './measured.js';
import type { ReportModel } from './model.js';

export type CsvValue = string | number | null;

/**
 * Text that a spreadsheet would run as a formula gets an apostrophe in front; quotes, commas and line ends are quoted.
 */
export function csvField(value: CsvValue): string {
  if (value === null) return '';
  if (typeof value === 'number') return String(value);
  const safe = /^[=+\-@\t\r]/.test(value) ? `'${value}` : value;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}

export const csvLines = (rows: readonly (readonly CsvValue[])[]): string =>
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

/** One row a critical section, payer and cell. */
export function renderSectionsCsv(model: ReportModel): string {
  const head = ['trace', 'sha256', 'kind', 'nr_lr', 'flavour', 'strategy', 'section', 'payer', 'interrupts', 'calls'];
  const metrics = ['steps', 'locks'].flatMap((metric) => [`${metric}_sum`, `${metric}_max`, `${metric}_p9999`]);
  const rows = gatherFacts(model).traces.flatMap(({ trace, kind, all }) =>
    all.flatMap(({ label, exact }) =>
      exact.sections.map(({ id, payer, calls, steps, locks }): CsvValue[] => [
        trace.name,
        trace.sha256,
        kind,
        trace.machine.nrLr,
        trace.machine.flavour,
        label,
        id,
        payer,
        sectionNamed(id).interrupts,
        calls,
        ...[steps, locks].flatMap((metric) => [metric.sum, metric.max, quantileAtMost(metric, 0.9999)]),
      ]),
    ),
  );
  return csvLines([[...head, ...metrics], ...rows]);
}

/** One row a cell: what an instruction is worth, and what the strategy does to the guest. */
export function renderHarmCsv(model: ReportModel): string {
  const head = [
    ...[
      'trace',
      'sha256',
      'kind',
      'nr_lr',
      'flavour',
      'strategy',
      'steps',
      'guest_instructions',
      'dearest_instruction',
    ],
    ...['inverted_entries', 'inverted_interrupts', 'deliveries', 'delay_sum', 'delay_max', 'delay_p9999'],
    ...['longest_wait', 'longest_passed_over', 'waiting_at_end', 'lost'],
  ];
  const rows = gatherFacts(model).traces.flatMap(({ trace, kind, all }) =>
    all.map(({ label, exact: { amplification, harm } }): CsvValue[] => [
      trace.name,
      trace.sha256,
      kind,
      trace.machine.nrLr,
      trace.machine.flavour,
      label,
      amplification.steps,
      amplification.guestInstructions,
      amplification.worstWindow?.steps ?? null,
      harm.inversions.entries,
      harm.inversions.interrupts,
      harm.delay.calls,
      harm.delay.sum,
      harm.delay.max,
      quantileAtMost(harm.delay, 0.9999),
      harm.waiting.longest,
      harm.waiting.longestPassed,
      harm.waiting.atEnd,
      harm.lost,
    ]),
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
