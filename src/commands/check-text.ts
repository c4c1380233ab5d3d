/** What `check` prints: the verdict of each layer in words, then what changed, then what was not looked at. */
import type { GrowthCurve } from '../attack/growth.js';
import { formatInteger, plural } from '../base/number-format.js';
import type { BudgetResult } from '../compare/budgets.js';
import { describeCounter } from '../compare/change-words.js';
import { byWeight, type ComparedCell } from '../compare/with-baseline.js';
import { wrapHanging } from '../report/wrap-text.js';

const SHOWN_CELLS = 12;
const SHOWN_CHANGES = 4;

export function describeExact(cells: readonly ComparedCell[], baseline: string, width: number): string[] {
  const counters = cells.reduce((sum, cell) => sum + cell.counters, 0);
  const changed = cells.reduce((sum, { changes, standing }) => sum + (standing === 'changed' ? changes.length : 0), 0);
  const of = (standing: ComparedCell['standing']): ComparedCell[] => cells.filter((cell) => cell.standing === standing);
  const head = `exact: ${formatInteger(counters - changed)} of ${formatInteger(counters)} counters of ${plural(cells.length, 'cell')} are as in ${baseline}`;
  return [
    ...wrapHanging('', head, width),
    ...listFaults(cells, width),
    ...list('changed', of('changed'), width, describeCell),
    ...list('other content', of('other trace'), width, ({ reason }) => [reason]),
    ...list('not in the baseline', of('new'), width, ({ cell }) => [cell]),
    ...list('in the baseline, not run', of('missing'), width, ({ cell }) => [cell]),
  ];
}

function listFaults(cells: readonly ComparedCell[], width: number): string[] {
  const faulty = cells.filter(({ faults }) => faults.length > 0);
  return list('wrong, and never to be accepted', faulty, width, ({ cell, faults }) => [
    `${cell}: ${faults.join('; ')}`,
  ]);
}

function describeCell({ cell, changes, command }: ComparedCell): string[] {
  const shown = byWeight(changes).slice(0, SHOWN_CHANGES);
  const hidden = changes.length - shown.length;
  return [
    `${nameCell(cell)}: ${describeCounter(shown[0])}`,
    ...shown.slice(1).map((change) => `  ${describeCounter(change)}`),
    ...(hidden > 0 ? [`  and ${formatInteger(hidden)} more`] : []),
    `  again: ${command}`,
  ];
}

/** "sort-on-insert on net-4vcpu (kvm-6.1)". */
export function nameCell(cell: string): string {
  const parts = cell.split('/');
  return `${parts.at(-1)} on ${parts.slice(0, -2).join('/')} (${parts.at(-2)})`;
}

function list(
  title: string,
  cells: readonly ComparedCell[],
  width: number,
  describe: (cell: ComparedCell) => string[],
): string[] {
  if (cells.length === 0) return [];
  const hidden = cells.length - SHOWN_CELLS;
  return [
    `  ${title} (${formatInteger(cells.length)} ${cells.length === 1 ? 'cell' : 'cells'}):`,
    ...cells
      .slice(0, SHOWN_CELLS)
      .flatMap(describe)
      .flatMap((line) => wrapHanging(line.startsWith('  ') ? '      ' : '    ', line.trim(), width)),
    ...(hidden > 0 ? [`    and ${formatInteger(hidden)} more`] : []),
  ];
}

export function describeGrowthGate(curves: readonly GrowthCurve[], width: number): string[] {
  const faults = curves.filter(({ fault }) => fault !== null);
  const head = `growth: ${formatInteger(curves.length - faults.length)} of ${formatInteger(curves.length)} paths grow as their strategies declare`;
  return [
    ...wrapHanging('', head, width),
    ...faults
      .slice(0, SHOWN_CELLS)
      .flatMap(({ strategy, flavour, subject, fault }) =>
        wrapHanging('    ', `${subject} of ${strategy} as ${flavour}: ${fault}`, width),
      ),
    ...(faults.length > SHOWN_CELLS ? [`    and ${formatInteger(faults.length - SHOWN_CELLS)} more`] : []),
  ];
}

export function describeBudgets({ breaches, checked }: BudgetResult, width: number): string[] {
  if (checked === 0) return [];
  return [
    `budgets: ${formatInteger(checked - breaches.length)} of ${formatInteger(checked)} counters are within`,
    ...breaches
      .slice(0, SHOWN_CELLS)
      .flatMap(({ cell, counter, value, limit, pattern }) =>
        wrapHanging(
          '    ',
          `${nameCell(cell)}: ${counter} is ${formatInteger(value)}, ${formatInteger(value - limit)} over its budget of ${formatInteger(limit)} (${pattern})`,
          width,
        ),
      ),
    ...(breaches.length > SHOWN_CELLS ? [`    and ${formatInteger(breaches.length - SHOWN_CELLS)} more`] : []),
  ];
}
