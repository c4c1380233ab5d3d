/** SVG text for figures that stand alone: own background and ink, no scripts, no styles, the same bytes everywhere. */

export const INK = '#1f2933';
export const SOFT = '#52606d';
export const RULE = '#d9dee4';
export const FONT = 12;

const escapeXml = (text: string): string =>
  text.replace(/&/g, '&amp;').replace(/</g, '&lt;').replace(/>/g, '&gt;').replace(/"/g, '&quot;');

/** A coordinate: tenths of a pixel are enough. */
export const at = (value: number): string => String(Math.round(value * 10) / 10);

export interface TextStyle {
  readonly anchor?: 'start' | 'middle' | 'end';
  readonly size?: number;
  readonly fill?: string;
  readonly isBold?: boolean;
}

export function label(x: number, y: number, words: string, style: TextStyle = {}): string {
  const { anchor = 'start', size = FONT, fill = SOFT, isBold = false } = style;
  const weight = isBold ? ' font-weight="600"' : '';
  const place = anchor === 'start' ? '' : ` text-anchor="${anchor}"`;
  const height = size === FONT ? '' : ` font-size="${size}"`;
  return `<text x="${at(x)}" y="${at(y)}" fill="${fill}"${place}${height}${weight}>${escapeXml(words)}</text>`;
}

export const line = (x1: number, y1: number, x2: number, y2: number, stroke = RULE, more = ''): string =>
  `<line x1="${at(x1)}" y1="${at(y1)}" x2="${at(x2)}" y2="${at(y2)}" stroke="${stroke}"${more}/>`;

export const box = (x: number, y: number, width: number, height: number, fill: string, more = ''): string =>
  `<rect x="${at(x)}" y="${at(y)}" width="${at(width)}" height="${at(height)}" fill="${fill}"${more}/>`;

export const path = (points: readonly (readonly [number, number])[], stroke: string, more = ''): string =>
  `<polyline points="${points.map(([x, y]) => `${at(x)},${at(y)}`).join(' ')}" fill="none" stroke="${stroke}"${more}/>`;

export const MARKS = ['circle', 'square', 'diamond', 'triangle', 'plus', 'ring'] as const;
export type Mark = (typeof MARKS)[number];

export function mark(kind: Mark, x: number, y: number, size: number, colour: string): string {
  const points = (...pairs: (readonly [number, number])[]): string =>
    `<polygon points="${pairs.map(([dx, dy]) => `${at(x + dx * size)},${at(y + dy * size)}`).join(' ')}" fill="${colour}"/>`;
  switch (kind) {
    case 'circle':
      return `<circle cx="${at(x)}" cy="${at(y)}" r="${at(size)}" fill="${colour}"/>`;
    case 'ring':
      return `<circle cx="${at(x)}" cy="${at(y)}" r="${at(size)}" fill="none" stroke="${colour}" stroke-width="2"/>`;
    case 'square':
      return box(x - size, y - size, 2 * size, 2 * size, colour);
    case 'diamond':
      return points([0, -1.3], [1.3, 0], [0, 1.3], [-1.3, 0]);
    case 'triangle':
      return points([0, -1.2], [1.2, 1], [-1.2, 1]);
    case 'plus':
      return `${line(x - size, y, x + size, y, colour, ' stroke-width="2.5"')}${line(x, y - size, x, y + size, colour, ' stroke-width="2.5"')}`;
  }
}

/** A whole drawing; one part a line, so that a change is a short difference. */
export function drawing(width: number, height: number, title: string, parts: readonly string[]): string {
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" font-family="system-ui,sans-serif" font-size="${FONT}">`,
    `<title>${escapeXml(title)}</title>`,
    box(0, 0, width, height, '#fff'),
    ...parts,
    '</svg>',
    '',
  ].join('\n');
}

/** Place on a logarithmic scale from `low` to `high`, 0 to 1. */
export const logPlace = (value: number, low: number, high: number): number =>
  Math.log(value / low) / Math.log(high / low);

/** Whole decades around values above 0. */
export function decadesAround(values: readonly number[]): { readonly low: number; readonly high: number } {
  const low = 10 ** Math.floor(Math.log10(Math.min(...values)) + 1e-9);
  const high = 10 ** Math.ceil(Math.log10(Math.max(...values)) - 1e-9);
  return { low, high: Math.max(high, 10 * low) };
}

/** 1, 10, 100 …, and nothing between. */
export function powersOfTen(low: number, high: number): number[] {
  const powers: number[] = [];
  for (let power = low; power <= high * 1.0001; power *= 10) powers.push(power);
  return powers;
}
