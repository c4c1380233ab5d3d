/** Changes of the history as sentences: the word first, then how much, then where to look. */
import { formatChange, formatDecimal, formatInteger, plural } from '../base/number-format.js';
import { shortCommit } from './record.js';
import { type CounterStep, type HistoryChanges, isWorse, type SeriesPoint, type TimeChange } from './series.js';

const day = ({ when }: SeriesPoint): string => when.slice(0, 10);

/** "after 1a2b, at the latest with 3c4d (2026-11-26)". */
export function describeRange(last: SeriesPoint, first: SeriesPoint): string {
  if (last.commit !== null && last.commit === first.commit)
    return `between two runs of one commit, ${shortCommit(first.commit)} (${day(first)})`;
  return `after ${shortCommit(last.commit)}, at the latest with ${shortCommit(first.commit)} (${day(first)})`;
}

export function describeTimeChange(change: TimeChange): string {
  const { cell, machine, before, after, last, first, p } = change;
  return (
    `${isWorse(change) ? 'slower' : 'faster'}: ${cell} on machine ${machine.fingerprint}, ${formatChange(before, after)} ` +
    `(${formatDecimal(before)} to ${formatDecimal(after)} ns per event), ${describeRange(last, first)}; p = ${p.toPrecision(1)}`
  );
}

/** Steps of counters of one cell that came with one run. */
export function describeSteps(steps: readonly CounterStep[]): string {
  const [{ cell, last, first }] = steps;
  const grown = steps.filter(isWorse).length;
  const word = grown === steps.length ? 'more steps' : grown === 0 ? 'fewer steps' : 'other steps';
  const figures = steps.map(
    ({ counter, before, after }) =>
      `${counter} ${formatInteger(before)} to ${formatInteger(after)} (${formatChange(before, after)})`,
  );
  const cause =
    last.commit !== null && last.commit === first.commit ? '; the same code must count the same: this is a fault' : '';
  return `${word}: ${cell}, ${describeRange(last, first)}: ${figures.join(', ')}${cause}`;
}

/** Steps of one cell and run together, in the order of the runs. */
export function groupSteps(steps: readonly CounterStep[]): CounterStep[][] {
  const groups = new Map<string, CounterStep[]>();
  for (const step of steps) {
    const key = `${step.first.run} ${step.last.run} ${step.cell}`;
    groups.set(key, [...(groups.get(key) ?? []), step]);
  }
  return [...groups.values()].sort(([a], [b]) => a.first.run - b.first.run);
}

/** One line a change, oldest first; exact ones before times. */
export const describeChanges = ({ times, counters }: HistoryChanges): string[] => [
  ...groupSteps(counters).map(describeSteps),
  ...[...times].sort((a, b) => a.first.run - b.first.run).map(describeTimeChange),
];

export const summarise = (runs: number, { times, counters }: HistoryChanges): string =>
  `${plural(runs, 'run')}: ${plural(groupSteps(counters).length, 'change')} of exact counters, ${plural(times.length, 'change')} of times`;

const BARS = '▁▂▃▄▅▆▇█';

/** Values as bars, at most `width`: the mean of each share of them. Equal values are a flat line. */
export function sparkline(values: readonly number[], width = 24): string {
  const nrBins = Math.min(width, values.length);
  const bins = Array.from({ length: nrBins }, (_, bin) => {
    const share = values.slice(
      Math.floor((bin * values.length) / nrBins),
      Math.floor(((bin + 1) * values.length) / nrBins),
    );
    return share.reduce((sum, value) => sum + value, 0) / share.length;
  });
  const low = Math.min(...bins);
  const span = Math.max(...bins) - low;
  return bins
    .map((value) => BARS[span === 0 ? 0 : Math.min(BARS.length - 1, Math.floor(((value - low) / span) * BARS.length))])
    .join('');
}
