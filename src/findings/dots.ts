/** One row a name, one mark a series, on a logarithmic scale: longest stretches of each section. */
import { formatInteger } from '../base/number-format.js';
import { drawing, INK, label, line, logPlace, MARKS, mark, powersOfTen, RULE } from './svg.js';

export interface Dots {
  readonly title: string;
  readonly axis: string;
  readonly rows: readonly string[];
  readonly series: readonly { readonly name: string; readonly values: readonly (number | null)[] }[];
}

const WIDTH = 760;
const LEFT = 150;
const RIGHT = 44;
const ROW = 22;
const TOP = 66;
const COLOURS = ['#1a4f8b', '#d97a1b', '#2f7d4f', '#8a2f62', '#5b5b8c', '#1f2933', '#8c6d1f'];

export function drawDots({ title, axis, rows, series }: Dots): string {
  const drawn = series.flatMap(({ values }) => values).filter((value): value is number => value !== null && value > 0);
  const high = 10 ** Math.ceil(Math.log10(Math.max(...drawn, 10)));
  const height = TOP + ROW * rows.length;
  const xOf = (value: number): number => LEFT + (WIDTH - LEFT - RIGHT) * logPlace(value, 1, high);
  const parts: string[] = [label(8, 20, title, { fill: INK, size: 14, isBold: true })];
  let x = 8;
  series.forEach(({ name }, at) => {
    parts.push(mark(MARKS[at % MARKS.length], x + 6, 38, 4, COLOURS[at % COLOURS.length]), label(x + 16, 42, name));
    x += 32 + name.length * 6.6;
  });
  for (const power of powersOfTen(1, high))
    parts.push(
      line(xOf(power), TOP - 8, xOf(power), height),
      label(xOf(power), height + 16, formatInteger(power), { anchor: 'middle' }),
    );
  rows.forEach((name, row) => {
    const y = TOP + ROW * row + ROW / 2;
    parts.push(
      label(LEFT - 8, y + 4, name, { anchor: 'end', fill: INK }),
      line(LEFT, y, WIDTH - RIGHT, y, RULE, ' stroke-dasharray="2 3"'),
    );
    series.forEach(({ values }, at) => {
      const value = values[row];
      if (value === null || value <= 0) return;
      parts.push(mark(MARKS[at % MARKS.length], xOf(value), y, 4, COLOURS[at % COLOURS.length]));
    });
  });
  parts.push(label((LEFT + WIDTH - RIGHT) / 2, height + 36, axis, { anchor: 'middle' }));
  return drawing(WIDTH, height + 48, title, parts);
}
