/**
 * Quantile of type 7 (Hyndman and Fan 1996; the default of R and NumPy): linear between the order statistics around
 * (n - 1) p. `values` in any order, left as they are. Throws RangeError for no values, NaN, or p outside [0, 1].
 */
export function quantile(values: ArrayLike<number>, p: number): number {
  return quantileOfSorted(Float64Array.from(values).sort(), p);
}

/** As `quantile`, for values already in ascending order. */
export function quantileOfSorted(sorted: ArrayLike<number>, p: number): number {
  const n = sorted.length;
  if (n === 0) throw new RangeError('quantile: no values');
  if (!(p >= 0 && p <= 1)) throw new RangeError(`quantile: p = ${p} is not in [0, 1]`);
  // Typed-array sort puts NaN last, so one look is enough.
  if (Number.isNaN(sorted[n - 1])) throw new RangeError('quantile: a value is NaN');
  const place = (n - 1) * p;
  const below = Math.floor(place);
  const low = sorted[below];
  if (below + 1 >= n) return low;
  const fraction = place - below;
  return fraction === 0 ? low : low + fraction * (sorted[below + 1] - low);
}
