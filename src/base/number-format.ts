/** Numbers as readers see them. The same on every machine: no locale is asked. The blank before % does not break. */

/** 1234567 → "1,234,567". Integers, negative too. */
export function formatInteger(value: number): string {
  const digits = String(Math.abs(value)).replace(/\B(?=(\d{3})+$)/g, ',');
  return value < 0 ? `−${digits}` : digits;
}

/** Three significant digits, groups in the integer part: 0.0123, 4.56, 45.6, 456, 4,560. */
export function formatDecimal(value: number): string {
  if (Number.isInteger(value)) return formatInteger(value);
  const size = Math.abs(value);
  if (size >= 100) return formatInteger(Math.round(value));
  const digits = size >= 10 ? 1 : size >= 1 ? 2 : Math.min(20, 2 - Math.floor(Math.log10(size)));
  const text = size.toFixed(digits);
  return value < 0 ? `−${text}` : text;
}

/** part / whole in per cent. "0 %" and "100 %" are said only where they are exact. */
export function formatShare(part: number, whole: number): string {
  if (whole === 0) return 'none to count';
  if (part === 0) return '0\u00a0%';
  if (part === whole) return '100\u00a0%';
  const percent = (100 * part) / whole;
  if (percent < 0.01) return 'under 0.01\u00a0%';
  if (percent > 99.99) return 'over 99.99\u00a0%';
  if (percent < 1 || percent > 99) return `${percent.toFixed(2)}\u00a0%`;
  return `${percent.toFixed(1)}\u00a0%`;
}

/** A change as a table shows it: "=", "+12 %", "−45 %", "×3.1", "÷8.2", "from 0". */
export function formatChange(from: number, to: number): string {
  if (from === to) return '=';
  if (from === 0) return 'from 0';
  if (to === 0) return 'to 0';
  const ratio = to / from;
  if (ratio >= 2) return `×${formatDecimal(ratio)}`;
  if (ratio <= 0.5) return `÷${formatDecimal(1 / ratio)}`;
  return ratio > 1 ? `+${formatPercent(ratio - 1)}` : `−${formatPercent(1 - ratio)}`;
}

/** A change as a sentence says it: "the same", "12 % more", "3.1 times as many", "8.2 times fewer". */
export function describeChange(from: number, to: number, words: { more: string; fewer: string; many: string }): string {
  if (from === to) return 'the same';
  if (from === 0) return `${words.more}, from none`;
  if (to === 0) return 'none at all';
  const ratio = to / from;
  if (ratio >= 2) return `${formatDecimal(ratio)} times as ${words.many}`;
  if (ratio <= 0.5) return `${formatDecimal(1 / ratio)} times ${words.fewer}`;
  return ratio > 1 ? `${formatPercent(ratio - 1)} ${words.more}` : `${formatPercent(1 - ratio)} ${words.fewer}`;
}

const formatPercent = (share: number): string => {
  const percent = 100 * share;
  return `${percent < 0.01 ? 'under 0.01' : percent < 1 ? percent.toFixed(2) : percent < 10 ? percent.toFixed(1) : percent.toFixed(0)}\u00a0%`;
};

/** "1 recording", "2 recordings"; the plural is given where it is not the noun with an s. */
export const plural = (count: number, noun: string, nouns = `${noun}s`): string =>
  `${formatInteger(count)} ${count === 1 ? noun : nouns}`;

/** "a", "a and b", "a, b and c". */
export function joinWords(words: readonly string[], last = 'and'): string {
  if (words.length <= 1) return words.join('');
  return `${words.slice(0, -1).join(', ')} ${last} ${words[words.length - 1]}`;
}

/** Order by code unit: the same everywhere, unlike a locale's. */
export const compareText = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);
