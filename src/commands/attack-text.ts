/** What `attack` prints: per strategy the share of each declared worst case that was reached, and the worst of the rest. */
import { dimensionOf, targetOf } from '../attack/archive.js';
import { boundOf, mostOf } from '../attack/bounds.js';
import { dimensions } from '../attack/dimensions.js';
import { isBounded, type SearchState, shareOf } from '../attack/search.js';
import { formatInteger } from '../base/number-format.js';
import type { GuestProgram } from '../hostile/program.js';

/** The champion of one cell at the size that counts. */
export interface Row {
  readonly flavour: string;
  readonly strategy: string;
  readonly dimension: string;
  readonly title: string;
  readonly figure: number;
  /** Declared for its machine; and for the worst interrupt controller. */
  readonly bound: number | null;
  readonly most: number | null;
  readonly program: GuestProgram;
}

export function rowsOf(state: SearchState): Row[] {
  const { targets, large } = state.settings;
  return state.large.flatMap((champion, cell) => {
    if (champion === null) return [];
    const { id, title } = dimensions[dimensionOf(cell)];
    const target = targets[targetOf(cell)];
    const bound = boundOf(target, dimensionOf(cell), champion.program, large) ?? null;
    const most = mostOf(target, dimensionOf(cell), champion.program, large) ?? null;
    return [{ ...target, dimension: id, title, ...champion, bound, most }];
  });
}

/** Rows whose figure is above what is declared. */
export const exceeding = (rows: readonly Row[]): Row[] =>
  rows.filter(({ figure, bound }) => bound !== null && figure > bound);

const formatFigure = (figure: number): string =>
  Number.isInteger(figure) ? formatInteger(figure) : formatInteger(Math.round(figure));

const percent = (share: number): string => `${(Math.floor(share * 1000) / 10).toFixed(1)} %`;

export function describeRows(rows: readonly Row[]): string {
  const lines: string[] = [];
  for (const row of rows) {
    if (row !== rows[0] && isOther(row, rows[rows.indexOf(row) - 1])) lines.push('');
    if (row === rows[0] || isOther(row, rows[rows.indexOf(row) - 1])) lines.push(`${row.strategy} on ${row.flavour}`);
    const { title, figure, bound, most } = row;
    const own = most === bound || bound === null ? '' : `; ${formatFigure(bound)} with its own interrupt controller`;
    const of = most === null ? '' : `  ${percent(figure / most)} of ${formatFigure(most)}${own}`;
    lines.push(`  ${title.padEnd(TITLE_WIDTH)} ${formatFigure(figure).padStart(10)}${of}`);
  }
  return lines.join('\n');
}

const TITLE_WIDTH = 48;

const isOther = (a: Row, b: Row): boolean => a.strategy !== b.strategy || a.flavour !== b.flavour;

/** The least share of a declared worst case that each strategy has come to, in one line. A cell without a champion has none. */
export function describeShares(state: SearchState): string {
  const { settings, large } = state;
  const { targets } = settings;
  return targets
    .map(({ strategy, flavour }, target) => {
      const shares = large.flatMap((_champion, cell) =>
        targetOf(cell) === target && isBounded(settings, cell) ? [shareOf(state, 'large', cell)] : [],
      );
      const of = targets.some((other) => other.flavour !== flavour) ? `${flavour}/${strategy}` : strategy;
      return `${of} ${shares.length === 0 ? '-' : percent(Math.min(...shares))}`;
    })
    .join(', ');
}
