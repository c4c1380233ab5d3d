/** What `growth` prints: a row a strategy and path, the most steps of one call at a few depths, slope and verdict. */
import type { GrowthCurve, GrowthResult } from '../attack/growth.js';
import { formatInteger } from '../base/number-format.js';
import { wrapText } from '../report/wrap-text.js';

interface Column {
  readonly head: string;
  readonly isNumber: boolean;
  /** Columns with a higher rank are left out first when the terminal is narrow. */
  readonly rank: number;
  readonly cells: readonly string[];
}

const GUTTER = '  ';
/** Depths that are shown, those of them that a strategy was run at. */
const SHOWN_DEPTHS: readonly (readonly [depth: number, rank: number])[] = [
  [8, 1],
  [64, 4],
  [960, 2],
  [4096, 3],
  [57344, 0],
];

export const GROWTH_LEGEND =
  'Each number: the most steps of one call with that many interrupts in use, under whichever program makes it longest; - where it was not run. slope: the exponent of the program that grows fastest, over the upper half of its depths. reached: how much of the declared worst case a program came to, at the largest depth.';

/** No line of text is longer than `width`. */
export function describeGrowth({ flavour, nrLr, curves, stops, cut }: GrowthResult, width: number): string {
  const ends = new Map<string, string[]>();
  for (const { strategy, program, deepest } of cut)
    ends.set(strategy, [...(ends.get(strategy) ?? []), `${program} after ${formatInteger(deepest)}`]);
  const stopped = new Map<string, string[]>();
  for (const { strategy, program, depth } of stops)
    stopped.set(strategy, [...(stopped.get(strategy) ?? []), `${program} at ${formatInteger(depth)}`]);
  const faults = curves.filter(({ fault }) => fault !== null);
  return [
    `${flavour}, ${nrLr} ${nrLr === 1 ? 'list register' : 'list registers'}`,
    ...alignColumns(columnsOf(curves), width),
    ...faults.flatMap(({ strategy, subject, fault }) => wrapText(`!! ${strategy}, ${subject}: ${fault}`, width)),
    ...[...ends].flatMap(([strategy, programs]) =>
      wrapText(
        `${strategy}: larger lists take more work than a quick run does (--full): ${programs.join(', ')}`,
        width,
      ),
    ),
    ...[...stopped].flatMap(([strategy, programs]) =>
      wrapText(
        `${strategy}: the host stops for good from there on (${reasonsOf(strategy)}): ${programs.join(', ')}`,
        width,
      ),
    ),
  ].join('\n');

  function reasonsOf(strategy: string): string {
    return [...new Set(stops.filter((stop) => stop.strategy === strategy).map(({ reason }) => reason))].join('; ');
  }
}

function columnsOf(curves: readonly GrowthCurve[]): Column[] {
  const column = (head: string, rank: number, cell: (curve: GrowthCurve) => string, isNumber = true): Column => ({
    head,
    rank,
    isNumber,
    cells: curves.map(cell),
  });
  const depths = SHOWN_DEPTHS.filter(([depth]) => curves.some((curve) => curve.depths.includes(depth)));
  return [
    column('strategy', 0, ({ strategy }) => strategy, false),
    column('path', 0, ({ subject }) => subject, false),
    ...depths.map(([depth, rank]) => column(formatInteger(depth), rank, (curve) => stepsAt(curve, depth))),
    column('slope', 0, ({ slope }) => (slope === null ? '-' : slope.toFixed(2))),
    column('declared', 0, ({ declared }) => declared, false),
    column('reached', 5, describeReached),
    column('verdict', 0, ({ fault }) => (fault === null ? 'ok' : 'NOT AS DECLARED'), false),
  ];
}

function stepsAt({ depths, steps, worstBy }: GrowthCurve, depth: number): string {
  const at = depths.indexOf(depth);
  return at < 0 || worstBy[at] === null ? '-' : formatInteger(steps[at]);
}

function describeReached({ steps, bounds }: GrowthCurve): string {
  const bound = bounds?.at(-1) ?? 0;
  const most = steps.at(-1) ?? 0;
  return bound === 0 ? '-' : `${Math.floor((100 * most) / bound)}\u00a0%`;
}

function alignColumns(columns: readonly Column[], width: number): string[] {
  const widths = columns.map(({ head, cells }) => Math.max(...[head, ...cells].map(({ length }) => length)));
  let shown = columns.map((_, at) => at);
  const total = (): number => shown.reduce((sum, at) => sum + widths[at] + GUTTER.length, -GUTTER.length);
  for (let rank = Math.max(...columns.map((column) => column.rank)); rank > 0 && total() > width; rank--)
    shown = shown.filter((at) => columns[at].rank < rank);
  const line = (texts: (column: Column) => string): string =>
    shown
      .map((at) => {
        const text = texts(columns[at]);
        return columns[at].isNumber ? text.padStart(widths[at]) : text.padEnd(widths[at]);
      })
      .join(GUTTER)
      .trimEnd();
  return [line(({ head }) => head), ...columns[0].cells.map((_, row) => line(({ cells }) => cells[row]))];
}
