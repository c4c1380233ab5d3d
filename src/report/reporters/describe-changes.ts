/** Differences between two sides in words: for messages, which have no tables. */
import { formatChange, formatDecimal, formatInteger } from '../../base/number-format.js';
import type { CallPlace, CellComparison, CounterChange, TimeComparison } from '../../compare/comparison.js';

/** A figure of one side; a digest is itself. */
export const describeValue = (value: number | string | null): string =>
  value === null ? 'none' : typeof value === 'number' ? formatInteger(value) : value;

export const describePlace = (at: CallPlace | null): string =>
  at === null ? '' : `event ${formatInteger(at.event)}, vCPU ${at.vcpu}`;

/** "flush/steps/max: 12 to 15 (+25 %), at event 3,100, vCPU 0". */
export function describeChange({ counter, before, after, afterAt }: CounterChange): string {
  const size = typeof before === 'number' && typeof after === 'number' ? ` (${formatChange(before, after)})` : '';
  const place = afterAt === null ? '' : `, at ${describePlace(afterAt)}`;
  return `${counter}: ${describeValue(before)} to ${describeValue(after)}${size}${place}`;
}

/** "1.05 times as long, 90 % interval 1.03 to 1.07". */
export const describeTime = ({ ratio, low, high }: TimeComparison): string =>
  `time: ${formatDecimal(ratio)} times as long, 90\u00a0% interval ${formatDecimal(low)} to ${formatDecimal(high)}`;

export const describeChanges = ({ changes, time }: CellComparison): string[] => [
  ...changes.map(describeChange),
  ...(time === null ? [] : [describeTime(time)]),
];
