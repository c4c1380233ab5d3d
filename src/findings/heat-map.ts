/** Small multiples of a heat map: which of two costs is the lower one, cell by cell. */
import { box, drawing, INK, label, RULE } from './svg.js';

export interface HeatPanel {
  /** [row][column]: logarithm to base 2 of the ratio; below 0 the second is cheaper. */
  readonly values: readonly (readonly number[])[];
  /** The same shape: a cell that is hatched. */
  readonly isMarked: readonly (readonly boolean[])[];
}

export interface HeatMap {
  readonly title: string;
  readonly panels: readonly (readonly HeatPanel[])[];
  /** Heads of the columns and rows of panels. */
  readonly across: readonly string[];
  readonly down: readonly string[];
  /** Names of the cells' columns and rows, and of their axes. */
  readonly columns: readonly string[];
  readonly rows: readonly string[];
  readonly columnAxis: string;
  readonly rowAxis: string;
  /** What the two ends of the scale and the mark mean. */
  readonly first: string;
  readonly second: string;
  readonly marked: string;
}

const CELL = 15;
const GAP = 22;
const LEFT = 96;
const TOP = 64;
const BOTTOM = 92;
/** From the first being the cheaper by half to the second. Colours that a reader who sees no red or green tells apart. */
const COLOURS: readonly (readonly [limit: number, colour: string, words: string])[] = [
  [-3, '#1a4f8b', '8 times or more'],
  [-1.585, '#4a85c0', '3 to 8 times'],
  [-0.322, '#9dc3e6', '1.25 to 3 times'],
  [0.322, '#eef0f2', 'within 1.25 times'],
  [1.585, '#f5c98b', '1.25 to 3 times'],
  [Number.POSITIVE_INFINITY, '#d97a1b', '3 times or more'],
];

const colourOf = (value: number): string => COLOURS.find(([limit]) => value <= limit)![1];

export function drawHeatMap(map: HeatMap): string {
  const width = map.columns.length * CELL;
  const height = map.rows.length * CELL;
  const total = {
    width: Math.max(760, LEFT + map.across.length * (width + GAP) + 10),
    height: TOP + map.down.length * (height + GAP) + BOTTOM,
  };
  const parts: string[] = [label(8, 20, map.title, { fill: INK, size: 14, isBold: true })];
  map.across.forEach((words, column) => {
    parts.push(label(LEFT + column * (width + GAP) + width / 2, TOP - 12, words, { anchor: 'middle', fill: INK }));
  });
  map.panels.forEach((row, down) => {
    const y = TOP + down * (height + GAP);
    parts.push(label(8, y + height / 2 - 4, map.down[down], { fill: INK }));
    map.rows.forEach((words, cell) => {
      parts.push(label(LEFT - 5, y + cell * CELL + CELL - 4, words, { anchor: 'end', size: 10 }));
    });
    row.forEach((panel, across) => {
      parts.push(drawPanel(panel, LEFT + across * (width + GAP), y, map));
    });
  });
  const foot = TOP + map.down.length * (height + GAP);
  parts.push(label(LEFT, foot + 6, map.columnAxis), label(8, TOP - 12, map.rowAxis, { size: 10 }));
  let x = 8;
  for (const [at, [limit, colour, words]] of COLOURS.entries()) {
    const winner = limit < 0 ? map.second : at === 3 ? '' : map.first;
    const legend = `${winner === '' ? '' : `${winner}: `}${words}`;
    if (at === 3) x = 8;
    const y = foot + 22 + (at < 3 ? 0 : 22);
    parts.push(box(x, y, 14, 14, colour, ` stroke="${RULE}"`), label(x + 20, y + 11, legend));
    x += 28 + legend.length * 6.6;
  }
  parts.push(`<circle cx="${x + 7}" cy="${foot + 51}" r="2" fill="${INK}"/>`, label(x + 18, foot + 55, map.marked));
  return drawing(total.width, total.height, map.title, parts);
}

function drawPanel({ values, isMarked }: HeatPanel, left: number, top: number, { columns, rows }: HeatMap): string {
  const cells = values.flatMap((row, y) => {
    // Neighbours of one colour are one rectangle.
    const runs: string[] = [];
    for (let from = 0; from < row.length; ) {
      let to = from + 1;
      while (to < row.length && colourOf(row[to]) === colourOf(row[from])) to++;
      runs.push(box(left + from * CELL, top + y * CELL, (to - from) * CELL, CELL, colourOf(row[from])));
      from = to;
    }
    const dots = row.flatMap((_, x) =>
      isMarked[y][x]
        ? [`<circle cx="${left + x * CELL + CELL / 2}" cy="${top + y * CELL + CELL / 2}" r="2" fill="${INK}"/>`]
        : [],
    );
    return [...runs, ...dots];
  });
  const bottom = top + rows.length * CELL;
  const ticks = columns.flatMap((words, x) =>
    x % 3 === 0 || x === columns.length - 1
      ? [label(left + x * CELL + CELL / 2, bottom + 11, words, { anchor: 'middle', size: 9 })]
      : [],
  );
  return [...cells, ...ticks].join('');
}
