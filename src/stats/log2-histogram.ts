/**
 * Histograms with power-of-two buckets: bucket 0 holds the value 0, bucket b holds [2^(b-1), 2^b).
 * The same layout as Metric.hist of a result record.
 */

const TWO_32 = 0x1_0000_0000;

/** Bucket of a non-negative integer below 2^53. */
export function bucketOf(value: number): number {
  if (!Number.isSafeInteger(value) || value < 0) throw new RangeError(`bucketOf: ${value}`);
  if (value < TWO_32) return 32 - Math.clz32(value);
  return 64 - Math.clz32(Math.floor(value / TWO_32));
}

/** Smallest value of a bucket. */
export const bucketStart = (bucket: number): number => (bucket === 0 ? 0 : 2 ** (bucket - 1));

/** Largest value of a bucket. */
export const bucketEnd = (bucket: number): number => (bucket === 0 ? 0 : 2 ** bucket - 1);

/** "0", "1", "2–3", "4–7" … */
export function bucketLabel(bucket: number): string {
  const start = bucketStart(bucket);
  const end = bucketEnd(bucket);
  return start === end ? String(start) : `${start}–${end}`;
}

/** Sum of histograms of any lengths, bucket by bucket. */
export function addHistograms(histograms: readonly (readonly number[])[]): number[] {
  const length = histograms.reduce((longest, hist) => Math.max(longest, hist.length), 0);
  const total = new Array<number>(length).fill(0);
  for (const hist of histograms) {
    for (let bucket = 0; bucket < hist.length; bucket++) total[bucket] += hist[bucket];
  }
  return total;
}

/** Histogram of [value, count] pairs. Trailing zeros do not arise. */
export function histogramOfCounts(pairs: Iterable<readonly [number, number]>): number[] {
  const hist: number[] = [];
  for (const [value, count] of pairs) {
    const bucket = bucketOf(value);
    while (hist.length <= bucket) hist.push(0);
    hist[bucket] += count;
  }
  return hist;
}

/**
 * Upper bound of the p-quantile: the largest value of the first bucket at which at least the share p of the counts is
 * reached. null for an empty histogram.
 */
export function quantileBound(hist: readonly number[], p: number): number | null {
  const total = hist.reduce((sum, count) => sum + count, 0);
  if (total === 0) return null;
  let seen = 0;
  for (let bucket = 0; bucket < hist.length; bucket++) {
    seen += hist[bucket];
    if (seen > 0 && seen >= p * total) return bucketEnd(bucket);
  }
  return bucketEnd(hist.length - 1);
}
