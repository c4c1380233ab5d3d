/** Sum, largest value and log2 histogram of a quantity that is counted call by call. */
const NR_BUCKETS = 33;

export class Tally {
  calls = 0;
  sum = 0;
  max = 0;
  /** Bucket 0 = zero, bucket b = [2^(b-1), 2^b). */
  readonly #hist = new Float64Array(NR_BUCKETS);

  add(value: number): void {
    this.calls += 1;
    this.sum += value;
    if (value > this.max) this.max = value;
    // A quantity beyond 32 bits is in the last bucket.
    this.#hist[32 - Math.clz32(Math.min(value, 0xffffffff))] += 1;
  }

  /** As a metric of a result; trailing zeros of the histogram cut. */
  read(): { sum: number; max: number; hist: number[] } {
    let length = NR_BUCKETS;
    while (length > 0 && this.#hist[length - 1] === 0) length--;
    return { sum: this.sum, max: this.max, hist: Array.from(this.#hist.subarray(0, length)) };
  }
}
