/** A histogram in the height of a line: one block character a power-of-two bucket. */
import { formatInteger } from '../base/number-format.js';
import { bucketLabel } from '../stats/log2-histogram.js';

const BLOCKS = '▁▂▃▄▅▆▇█';
const EMPTY = '·';

/** Heights go with the logarithm of the counts, so that a single long call shows beside thousands of short ones. */
export function drawBars(hist: readonly number[]): string {
  const most = Math.log2(1 + Math.max(0, ...hist));
  return hist
    .map((count) => (count === 0 ? EMPTY : BLOCKS[Math.round((Math.log2(1 + count) / most) * (BLOCKS.length - 1))]))
    .join('');
}

/** "0: 12, 4–7: 1": the same in words. */
export const describeBars = (hist: readonly number[]): string =>
  hist.flatMap((count, bucket) => (count === 0 ? [] : [`${bucketLabel(bucket)}: ${formatInteger(count)}`])).join(', ');
