/** Points on two axes, with names beside them: the trade between an honest guest and the worst one. */
import { formatInteger } from '../base/number-format.js';
import {
  decadesAround,
  drawing,
  INK,
  label,
  line,
  logPlace,
  MARKS,
  type Mark,
  mark,
  path,
  powersOfTen,
  RULE,
  SOFT,
} from './svg.js';

export interface ScatterPoint {
  readonly name: string;
  readonly x: number;
  readonly y: number;
  /** On the Pareto front. */
  readonly isBest: boolean;
}

export interface Scatter {
  readonly title: string;
  readonly xAxis: string;
  readonly yAxis: string;
  readonly points: readonly ScatterPoint[];
  /** Drawn as a line through small points: one parameter swept. */
  readonly sweep: {
    readonly name: string;
    readonly points: readonly { readonly name: string; readonly x: number; readonly y: number }[];
  };
}

const WIDTH = 760;
const HEIGHT = 460;
const LEFT = 70;
const RIGHT = 20;
const TOP = 54;
const BOTTOM = 52;
const BEST = '#1a4f8b';
const OTHER = '#b3590a';
const SWEEP = '#6b7785';
const LABEL_HEIGHT = 12;
const KEY_COLUMNS = 4;
const KEY_HEIGHT = 17;
/** Pixels between points that are drawn as one. */
const CLOSE = 4;

/** About the width of a word in the figure's font. */
const widthOf = (words: string): number => words.length * 6.4;

interface Placed {
  readonly left: number;
  readonly right: number;
  readonly y: number;
}

/** Where a label stands free of the others: right of its point, left of it, then lower and lower. */
function placeLabel(
  words: string,
  x: number,
  y: number,
  taken: Placed[],
): { x: number; y: number; anchor: 'start' | 'end' } {
  for (let step = 0; step < 16; step++) {
    const dy = (step % 2 === 0 ? 1 : -1) * Math.ceil(step / 2) * LABEL_HEIGHT;
    for (const anchor of ['start', 'end'] as const) {
      const left = anchor === 'start' ? x + 9 : x - 9 - widthOf(words);
      const spot = { left, right: left + widthOf(words), y: y + 4 + dy };
      const isInside = spot.left > LEFT + 2 && spot.right < WIDTH - 4 && spot.y > TOP && spot.y < HEIGHT - BOTTOM;
      const isFree = taken.every(
        (other) => spot.right < other.left || spot.left > other.right || Math.abs(spot.y - other.y) >= LABEL_HEIGHT,
      );
      if (!isInside || !isFree) continue;
      taken.push(spot);
      return { x: anchor === 'start' ? x + 9 : x - 9, y: spot.y, anchor };
    }
  }
  return { x: x + 9, y: y + 4, anchor: 'start' };
}

/** Round numbers between two others. */
function ticksBetween(low: number, high: number): number[] {
  const rough = (high - low) / 6;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((factor) => factor * power).find((size) => size >= rough)!;
  const ticks: number[] = [];
  for (let tick = Math.ceil(low / step) * step; tick <= high; tick += step) ticks.push(tick);
  return ticks;
}

export function drawScatter({ title, xAxis, yAxis, points, sweep }: Scatter): string {
  const all = [...points, ...sweep.points];
  const xs = all.map(({ x }) => x);
  const room = (Math.max(...xs) - Math.min(...xs)) * 0.12 || 1;
  const [minX, maxX] = [Math.min(...xs) - room, Math.max(...xs) + room];
  const { low, high } = decadesAround(all.map(({ y }) => y));
  const xOf = (x: number): number => LEFT + ((WIDTH - LEFT - RIGHT) * (x - minX)) / (maxX - minX);
  const yOf = (y: number): number => HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * logPlace(y, low, high);
  const parts = [
    label(8, 20, title, { fill: INK, size: 14, isBold: true }),
    label(8, 40, yAxis),
    label((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 12, xAxis, { anchor: 'middle' }),
    ...powersOfTen(low, high).flatMap((power) => [
      line(LEFT, yOf(power), WIDTH - RIGHT, yOf(power), RULE),
      label(LEFT - 6, yOf(power) + 4, formatInteger(power), { anchor: 'end' }),
    ]),
    ...ticksBetween(minX, maxX).flatMap((tick) => [
      line(xOf(tick), HEIGHT - BOTTOM, xOf(tick), HEIGHT - BOTTOM + 5, SOFT),
      label(xOf(tick), HEIGHT - BOTTOM + 19, String(Math.round(tick * 100) / 100), { anchor: 'middle' }),
    ]),
    line(LEFT, HEIGHT - BOTTOM, WIDTH - RIGHT, HEIGHT - BOTTOM, SOFT),
  ];
  const taken: Placed[] = all.map(({ x, y }) => ({ left: xOf(x) - 6, right: xOf(x) + 6, y: yOf(y) + 4 }));
  const names: string[] = [];
  const key: { readonly words: string; readonly fill: string }[] = [];
  /** Its number beside the point, and its name in the key. */
  const name = (words: string, x: number, y: number, fill: string): void => {
    const number = String(key.push({ words, fill }));
    const spot = placeLabel(number, xOf(x), yOf(y), taken);
    names.push(label(spot.x, spot.y, number, { anchor: spot.anchor, fill, size: 11 }));
  };
  const line1 = sweep.points.map(({ x, y }): [number, number] => [xOf(x), yOf(y)]);
  if (line1.length > 1) parts.push(path(line1, SWEEP, ' stroke-dasharray="4 3"'));
  const best = points.filter(({ isBest }) => isBest).sort((a, b) => a.x - b.x);
  parts.push(
    path(
      best.map(({ x, y }): [number, number] => [xOf(x), yOf(y)]),
      BEST,
      ' stroke-width="1.5"',
    ),
  );
  sweep.points.forEach(({ x, y }) => {
    parts.push(mark('circle', xOf(x), yOf(y), 3, SWEEP));
  });
  points.forEach((point, at) => {
    const kind: Mark = MARKS[at % MARKS.length];
    parts.push(mark(kind, xOf(point.x), yOf(point.y), 5, point.isBest ? BEST : OTHER));
    name(point.name, point.x, point.y, point.isBest ? BEST : OTHER);
  });
  // Neighbours of the sweep that lie on each other have one name together.
  for (let from = 0; from < sweep.points.length; ) {
    const first = sweep.points[from];
    let to = from + 1;
    while (
      to < sweep.points.length &&
      Math.abs(xOf(sweep.points[to].x) - xOf(first.x)) < CLOSE &&
      Math.abs(yOf(sweep.points[to].y) - yOf(first.y)) < CLOSE
    )
      to++;
    const last = sweep.points[to - 1];
    const words = to - from === 1 ? first.name : `${first.name} to ${last.name}`;
    name(`${sweep.name} ${words}`, first.x, first.y, SWEEP);
    from = to;
  }
  const rows = Math.ceil(key.length / KEY_COLUMNS);
  key.forEach(({ words, fill }, at) => {
    const x = 8 + Math.floor(at / rows) * ((WIDTH - 16) / KEY_COLUMNS);
    names.push(label(x, HEIGHT + 8 + (at % rows) * KEY_HEIGHT, `${at + 1}  ${words}`, { fill }));
  });
  return drawing(WIDTH, HEIGHT + 8 + rows * KEY_HEIGHT, title, [...parts, ...names]);
}
