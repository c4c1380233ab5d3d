/** Absolute limits: a counter of a cell that may not be larger than so much, whatever the baseline says. */
import type { CellFigures } from './baseline.js';

export interface Breach {
  readonly cell: string;
  readonly counter: string;
  readonly value: number;
  readonly limit: number;
  /** The budget's own words. */
  readonly pattern: string;
}

export interface BudgetResult {
  readonly breaches: readonly Breach[];
  /** Patterns that no counter has: a budget that can never be exceeded is a mistake. */
  readonly unused: readonly string[];
  readonly checked: number;
}

const literally = (text: string): string => text.replace(/[.+?^${}()|[\]\\]/g, '\\$&');

/** `*` stands for anything between two slashes, `**` for anything; a pattern matches the end of "cell/counter". */
export function matcherOf(pattern: string): (name: string) => boolean {
  const source = pattern
    .split('**')
    .map((part) => part.split('*').map(literally).join('[^/]*'))
    .join('.*');
  const expression = new RegExp(`^(.*/)?${source}$`);
  return (name) => expression.test(name);
}

/** `budgets`: pattern → most that is allowed. */
export function checkBudgets(budgets: Readonly<Record<string, number>>, run: readonly CellFigures[]): BudgetResult {
  const breaches: Breach[] = [];
  const unused: string[] = [];
  let checked = 0;
  for (const [pattern, limit] of Object.entries(budgets)) {
    const matches = matcherOf(pattern);
    const before = checked;
    for (const { cell, figures } of run) {
      for (const [counter, value] of Object.entries(figures)) {
        if (typeof value !== 'number' || !matches(`${cell}/${counter}`)) continue;
        checked++;
        if (value > limit) breaches.push({ cell, counter, value, limit, pattern });
      }
    }
    if (checked === before) unused.push(pattern);
  }
  return { breaches, unused, checked };
}
