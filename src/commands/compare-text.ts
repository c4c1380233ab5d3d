/** What `compare` prints: a verdict in words, then which counters moved and where, then the times. */
import { formatChange, formatInteger, joinWords, plural } from '../base/number-format.js';
import {
  type CallPlace,
  type CellComparison,
  type Comparison,
  type CounterChange,
  type Side,
  VERDICTS,
} from '../compare/comparison.js';
import { isCost } from '../compare/counters.js';
import { wrapHanging, wrapText } from '../report/wrap-text.js';
import { describeRange } from '../stats/time-verdict.js';
import { alignColumns, type Column } from './cost-table.js';

/** Counters that are shown of a cell without --all. */
const SHOWN = 8;
const INDENT = '  ';

const TIME_LEGEND =
  'B against A: time of B over that of A, from fresh processes of both in random order, and its 90 % interval. limit: what is less is no difference here. finds: the smallest slowdown that such a run finds in 80 % of cases.';

/** No line of text is longer than `width`; a table may be. */
export function describeComparison(comparison: Comparison, width: number, showAll: boolean): string {
  const { a, b, cells, seed } = comparison;
  const lines = [
    ...wrapText(`A ${nameSide(a)}`, width),
    ...wrapText(`B ${nameSide(b)}`, width),
    '',
    ...wrapText(summarise(cells), width),
    '',
  ];
  const isTimed = cells.some(({ time }) => time !== null);
  for (const cell of cells) lines.push(...describeCell(cell, width, showAll));
  if (isTimed) {
    if (lines.at(-1) !== '') lines.push('');
    lines.push(...alignColumns(fitColumns(timeColumns(cells), width), width), '');
    lines.push(...wrapText(`${TIME_LEGEND} Seed ${seed}.`, width));
  }
  return lines.join('\n');
}

const SHOWN_COMMIT = 12;

function nameSide({ name, kind, commit, isDirty }: Side): string {
  const at = commit === null ? '' : ` at ${commit.slice(0, SHOWN_COMMIT)}${isDirty === true ? ' with changes' : ''}`;
  return `${kind} ${name}${at}`;
}

/** "B is worse: 1 of 6 cells regressed, 5 unchanged." */
function summarise(cells: readonly CellComparison[]): string {
  const counts = VERDICTS.map((verdict) => [verdict, cells.filter((cell) => cell.verdict === verdict).length] as const);
  const parts = counts.filter(([, count]) => count > 0).map(([verdict, count]) => `${count} ${verdict}`);
  const has = (verdict: string): boolean => counts.some(([name, count]) => name === verdict && count > 0);
  const words = has('error')
    ? 'B or A is wrong'
    : has('incomparable')
      ? 'Not all of it can be compared'
      : has('regressed')
        ? 'B is worse'
        : has('unfit') || has('inconclusive')
          ? 'Not all of it could be decided'
          : has('improved')
            ? 'B is better'
            : 'B is as good as A';
  return `${words}: of ${plural(cells.length, 'cell')} ${joinWords(parts)}.`;
}

function describeCell(
  { cell, verdict, reason, changes, command }: CellComparison,
  width: number,
  all: boolean,
): string[] {
  const lines = wrapHanging(`${verdict.toUpperCase()} `, `${cell}: ${reason}`, width);
  if (changes.length === 0) return lines;
  const ranked = all ? changes : [...changes].sort((x, y) => rankOf(x) - rankOf(y)).slice(0, SHOWN);
  lines.push(...alignColumns(changeColumns(ranked), width - INDENT.length).map((line) => INDENT + line));
  const left = changes.length - ranked.length;
  if (left > 0) lines.push(`${INDENT}and ${plural(left, 'other counter')} (--all)`);
  lines.push(...wrapText(`again: ${command}`, width - INDENT.length).map((line) => INDENT + line), '');
  return lines;
}

/** Costs in steps first, then other costs, then what happened, then histograms. */
function rankOf({ counter }: CounterChange): number {
  if (counter === 'lrDigest') return 0;
  if (/^[a-z]+\/steps\/(max|sum)$/.test(counter)) return 1;
  if (counter.endsWith('/hist')) return 4;
  return isCost(counter) ? 2 : 3;
}

const nameValue = (value: number | string | null): string =>
  value === null ? '-' : typeof value === 'number' ? formatInteger(value) : value;

const changeOf = ({ before, after }: CounterChange): string =>
  typeof (before ?? after) === 'string' ? '' : formatChange(Number(before ?? 0), Number(after ?? 0));

const nameCall = (place: CallPlace): string => `event ${formatInteger(place.event)}, vCPU ${place.vcpu}`;

function nameCalls({ beforeAt, afterAt }: CounterChange): string {
  if (afterAt === null) return beforeAt === null ? '' : `was at ${nameCall(beforeAt)}`;
  return `at ${nameCall(afterAt)}`;
}

function changeColumns(changes: readonly CounterChange[]): Column[] {
  const column = (head: string, cell: (change: CounterChange) => string, isNumber = true): Column => ({
    head,
    isNumber,
    cells: changes.map(cell),
  });
  return [
    column('counter', ({ counter }) => counter, false),
    column('A', ({ before }) => nameValue(before)),
    column('B', ({ after }) => nameValue(after)),
    column('change', changeOf),
    ...(changes.some((change) => nameCalls(change) !== '') ? [column('longest call of B', nameCalls, false)] : []),
  ];
}

/** Columns from the left, as many as there is room for. */
function fitColumns(columns: readonly Column[], width: number): readonly Column[] {
  const widths = columns.map(({ head, cells }) => GUTTER + Math.max(...[head, ...cells].map(({ length }) => length)));
  let room = width + GUTTER;
  const fitting = widths.findIndex((each) => {
    room -= each;
    return room < 0;
  });
  return fitting < 0 ? columns : columns.slice(0, Math.max(LEAST_COLUMNS, fitting));
}

const GUTTER = 2;
/** Name, ratio and interval. */
const LEAST_COLUMNS = 3;

const percent = (share: number): string => `${(100 * share).toFixed(1)}\u00a0%`;

function timeColumns(cells: readonly CellComparison[]): Column[] {
  const timed = cells.flatMap(({ cell, time }) => (time === null ? [] : [{ cell, time }]));
  const column = (head: string, value: (of: (typeof timed)[number]) => string, isNumber = true): Column => ({
    head,
    isNumber,
    cells: timed.map(value),
  });
  return [
    column('time of', ({ cell }) => cell, false),
    column('B against A', ({ time }) => describeRange(time.ratio, time.ratio).replace(/ to .*/, '\u00a0%')),
    column('90 % interval', ({ time }) => describeRange(time.low, time.high)),
    column('limit', ({ time }) => percent(time.delta)),
    column('finds', ({ time }) => percent(time.smallestDetectable)),
    column('blocks', ({ time }) => `${time.confirmBlocks > 0 ? time.confirmBlocks : time.screenBlocks}`),
  ];
}
