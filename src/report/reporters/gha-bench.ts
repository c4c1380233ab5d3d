/**
 * The array that github-action-benchmark takes with `tool: customSmallerIsBetter`: name, value and unit, and as text a range and
 * an extra that its chart shows on hovering. It refuses an empty array.
 */
import type { CellComparison } from '../../compare/comparison.js';
import type { CellResult } from '../../replay/result.js';
import { quantile } from '../../stats/quantile.js';
import { figuresOf, nameCells } from './cell-figures.js';
import type { Reporter } from './reporter.js';

interface Bench {
  readonly name: string;
  readonly unit: string;
  readonly value: number;
  readonly range?: string;
  readonly extra?: string;
}

function benchesOf(name: string, cell: CellResult): Bench[] {
  const { measured, exact } = cell;
  const extra = exact.command;
  const counted = figuresOf(cell).map(({ id, unit, value }): Bench => ({ name: `${name}: ${id}`, unit, value, extra }));
  if (measured === null) return counted;
  const { estimate, low, high, blocks, node, cpu } = measured;
  const range = `${low} - ${high}`;
  const timed: Bench = {
    name: `${name}: time`,
    unit: 'ns/event',
    value: estimate,
    range,
    extra: `${blocks} processes, Node ${node}, ${cpu}\n${extra}`,
  };
  return [timed, ...counted];
}

/** The newer side. A cell without a change still has its count of changes. */
function benchesOfComparison({ cell, changes, time, command, reason }: CellComparison): Bench[] {
  const changed: Bench = {
    name: `${cell}: changed counters`,
    unit: 'counters',
    value: changes.length,
    extra: `${reason}\n${command}`,
  };
  const counted = changes.flatMap(({ counter, before, after }): Bench[] =>
    typeof after === 'number'
      ? [{ name: `${cell}: ${counter}`, unit: 'count', value: after, extra: `before: ${before ?? 'none'}\n${command}` }]
      : [],
  );
  const timed: Bench[] =
    time === null || time.samples.b.length === 0
      ? []
      : [
          {
            name: `${cell}: time`,
            unit: 'ns/event',
            value: quantile(time.samples.b, 0.25),
            extra: `ratio ${time.ratio} (${time.low} - ${time.high})\n${command}`,
          },
        ];
  return [...timed, changed, ...counted];
}

const document = (benches: readonly Bench[]): string => `${JSON.stringify(benches, null, 1)}\n`;

export const ghaBench: Reporter = {
  id: 'gha-bench',
  summary: 'for github-action-benchmark, tool customSmallerIsBetter',
  cells: ({ cells }) => document([...nameCells(cells)].flatMap(([cell, name]) => benchesOf(name, cell))),
  comparison: ({ cells }) => document(cells.flatMap(benchesOfComparison)),
};
