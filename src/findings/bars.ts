/** Shares of a whole as one bar a row. */
import { box, drawing, INK, label, line, SOFT } from './svg.js';

export interface ShareBars {
  readonly title: string;
  /** Names of the parts, and their colours. */
  readonly parts: readonly { readonly name: string; readonly colour: string }[];
  readonly rows: readonly {
    readonly name: string;
    /** Counts of the parts. */
    readonly counts: readonly number[];
    /** Printed at the end. */
    readonly note: string;
    /** Head of a group that begins here, or none. */
    readonly head: string | null;
  }[];
  readonly noteHead: string;
}

const WIDTH = 760;
const LEFT = 130;
const RIGHT = 96;
const ROW = 17;
const APART = 8;
const TOP = 62;

export function drawShareBars({ title, parts, rows, noteHead }: ShareBars): string {
  const drawn: string[] = [label(8, 20, title, { fill: INK, size: 14, isBold: true })];
  let x = 8;
  for (const { name, colour } of parts) {
    drawn.push(box(x, 32, 12, 12, colour), label(x + 17, 43, name));
    x += 30 + name.length * 6.6;
  }
  drawn.push(label(WIDTH - 8, 43, noteHead, { anchor: 'end' }));
  const scale = WIDTH - LEFT - RIGHT;
  let y = TOP;
  for (const { name, counts, note, head } of rows) {
    if (head !== null) {
      y += APART;
      drawn.push(label(8, y + 8, head, { isBold: true }));
      y += ROW;
    }
    const total = counts.reduce((sum, count) => sum + count, 0);
    let from = LEFT;
    drawn.push(label(LEFT - 8, y + 10, name, { anchor: 'end', fill: INK }));
    counts.forEach((count, at) => {
      if (count === 0) return;
      const width = (scale * count) / total;
      drawn.push(box(from, y, width, 12, parts[at].colour));
      from += width;
    });
    drawn.push(label(WIDTH - 8, y + 10, note, { anchor: 'end' }));
    y += ROW;
  }
  for (const percent of [0, 25, 50, 75, 100]) {
    const place = LEFT + (scale * percent) / 100;
    drawn.push(line(place, y, place, y + 4, SOFT), label(place, y + 17, `${percent} %`, { anchor: 'middle' }));
  }
  return drawing(WIDTH, y + 26, title, drawn);
}
