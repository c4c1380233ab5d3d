/** The measured section: what a clock said, apart from everything exact. */

import { formatDecimal, joinWords, plural } from '../base/number-format.js';
import type { MeasuredPart } from '../replay/result.js';
import type { ChartSpec } from './chart-spec.js';
import { seriesStyle } from './chart-spec.js';
import type { Block, Section } from './document.js';
import { numberColumn, textColumn } from './document.js';
import type { Facts } from './facts.js';
import { gatherFacts } from './facts.js';
import type { ReportModel } from './model.js';

export interface MeasuredRow {
  readonly trace: string;
  readonly strategy: string;
  readonly measured: MeasuredPart;
}

/** Measured cells in the order of the exact tables. */
export function listMeasured(model: ReportModel, facts: Facts = gatherFacts(model)): MeasuredRow[] {
  const byExact = new Map(model.cells.map((cell) => [cell.exact, cell.measured]));
  return facts.traces.flatMap((trace) =>
    trace.all.flatMap(({ exact }) => {
      const measured = byExact.get(exact) ?? null;
      return measured ? [{ trace: trace.label, strategy: exact.strategy.id, measured }] : [];
    }),
  );
}

export function measuredSection(model: ReportModel, facts: Facts): Section | null {
  const rows = listMeasured(model, facts);
  if (rows.length === 0) return null;
  const machine = model.measuredOn;
  const machineWords = machine
    ? `Measured on ${machine.cpu}, ${machine.os}, Node ${machine.node}.`
    : `Measured on ${joinWords([...new Set(rows.map(({ measured }) => `${measured.cpu}, Node ${measured.node}`))])}.`;
  const paired = rows.filter(({ measured }) => measured.ratio !== null);
  const blocks: Block[] = [
    {
      kind: 'text',
      text:
        `${machineWords} These times are of the replay on that machine, not of a hypervisor, and are not repeatable to the digit; ` +
        'everything outside this section is. One value is the 25th percentile of the fastest passes of fresh processes, with a 90 % bootstrap interval.',
    },
    ...(machine?.notes ?? []).map((text): Block => ({ kind: 'text', text })),
  ];
  if (paired.length > 0) blocks.push(ratioChart(paired, facts));
  blocks.push({
    kind: 'table',
    table: {
      caption: 'Replay time per event',
      columns: [
        textColumn('trace'),
        textColumn('strategy'),
        numberColumn('ns per event'),
        numberColumn('low'),
        numberColumn('high'),
        numberColumn(`ratio to ${facts.referenceLabel}`),
        numberColumn('blocks'),
        numberColumn('seed'),
      ],
      rowHeads: 2,
      rows: rows.map(({ trace, strategy, measured }) => [
        trace,
        strategy,
        formatDecimal(measured.estimate),
        formatDecimal(measured.low),
        formatDecimal(measured.high),
        measured.ratio === null ? null : formatDecimal(measured.ratio),
        measured.blocks,
        String(measured.seed),
      ]),
    },
  });
  return { id: 'measured', title: 'Measured on this machine', blocks };
}

function ratioChart(rows: readonly MeasuredRow[], facts: Facts): Block {
  const reference = facts.referenceLabel;
  const categories = [...new Set(rows.map(({ trace }) => trace))];
  const strategies = [...new Set(rows.map(({ strategy }) => strategy))];
  const find = (trace: string, strategy: string): number | null =>
    rows.find((row) => row.trace === trace && row.strategy === strategy)?.measured.ratio ?? null;
  const spec: ChartSpec = {
    form: 'dots',
    categories,
    scale: 'ratio',
    axis: `time against ${reference} (left is faster)`,
    series: strategies.map((name) => ({
      name,
      style: seriesStyle(facts.strategies.indexOf(name)),
      values: categories.map((trace) => find(trace, name)),
    })),
    hasRowMaximum: false,
  };
  const sorted = [...rows].sort((a, b) => a.measured.ratio! - b.measured.ratio!);
  const fastest = sorted[0];
  const slowest = sorted[sorted.length - 1];
  return {
    kind: 'chart',
    id: 'measured-ratio',
    title: `Replay time against ${reference}`,
    finding:
      `Of ${plural(rows.length, 'measured cell')} the fastest is ${fastest.strategy} on ${fastest.trace} at ${formatDecimal(fastest.measured.ratio!)} ` +
      `times the reference, the slowest ${slowest.strategy} on ${slowest.trace} at ${formatDecimal(slowest.measured.ratio!)} times.`,
    spec,
    table: {
      caption: `Replay time divided by that of ${reference}`,
      columns: [textColumn('trace'), ...strategies.map((name) => numberColumn(name))],
      rowHeads: 1,
      rows: categories.map((trace) => [
        trace,
        ...strategies.map((name) => {
          const ratio = find(trace, name);
          return ratio === null ? null : formatDecimal(ratio);
        }),
      ]),
    },
  };
}
