/** The block of `replay` under its cost table: what the systems beside the core counted on one trace. */
import { formatInteger } from '../base/number-format.js';
import type { ExactPart } from '../replay/result.js';
import { describeOthers, readSystems, type SystemReading } from '../report/system-counts.js';
import { wrapText } from '../report/wrap-text.js';

const INDENT = '  ';
const CALLS = ' calls';
const MAX = ' max';

/** Nothing for a trace without events of such a system. `cells`: the strategies replayed on it. */
export function describeSystems(cells: readonly ExactPart[], width: number): string[] {
  const runs = cells.map(({ strategy, systems }) => ({ label: strategy.id, systems }));
  return readSystems(runs).flatMap((reading) => [
    ...wrapText(`${reading.system} (${describeOthers(reading, runs.length)})`, width),
    ...operationTable(reading),
    ...wrapText(plainCounts(reading), width - INDENT.length).map((line) => INDENT + line),
    '',
  ]);
}

/** Operations, those with a count "… calls". */
const operationsOf = ({ counts }: SystemReading): string[] =>
  counts.flatMap(([name]) => (name.endsWith(CALLS) ? [name.slice(0, -CALLS.length)] : []));

/** A row an operation: the results of its calls, and the most that one call did. */
function operationTable(reading: SystemReading): string[] {
  const operations = operationsOf(reading);
  if (operations.length === 0) return [];
  const all = Object.fromEntries(reading.counts);
  const rows = operations.map((operation) => {
    const calls = all[operation + CALLS];
    return [
      operation,
      formatInteger(calls),
      formatInteger(calls - (all[`${operation} OK`] ?? 0)),
      mostOfOneCall(reading, operation),
    ];
  });
  const table = [['', 'calls', 'refused', 'most in one call'], ...rows];
  const widths = [0, 1, 2].map((column) => Math.max(...table.map((row) => row[column].length)));
  return table.map(([operation, calls, refused, most]) =>
    [INDENT + operation.padEnd(widths[0]), calls.padStart(widths[1]), refused.padStart(widths[2]), most]
      .join(INDENT)
      .trimEnd(),
  );
}

/** The largest of its maxima: "1,160 LPI nodes", or "-". */
function mostOfOneCall({ counts }: SystemReading, operation: string): string {
  let most = 0;
  let what = '';
  for (const [name, count] of counts) {
    if (!name.startsWith(`${operation} `) || !name.endsWith(MAX) || count <= most) continue;
    most = count;
    what = name.slice(operation.length + 1, -MAX.length);
  }
  return most === 0 ? '-' : `${formatInteger(most)} ${what}`;
}

/** "204 doorbells, 749 vLPIs taken": what belongs to no operation. */
function plainCounts(reading: SystemReading): string {
  const operations = operationsOf(reading);
  const plain = reading.counts.filter(([name]) => !operations.some((operation) => name.startsWith(`${operation} `)));
  if (plain.length > 0) return plain.map(([name, count]) => `${formatInteger(count)} ${name}`).join(', ');
  return operations.length > 0 ? '' : 'nothing';
}
