/**
 * Exponent of growth: slope of the least-squares line through (log2 x, log2 y). 0 = flat, 1 = linear, about 1.1 to 1.2
 * for n log n in the range of list depths. Pairs with a value of 0 or less are left out; null with fewer than two
 * different x.
 */
export function fitGrowth(xs: readonly number[], ys: readonly number[]): number | null {
  if (xs.length !== ys.length) throw new RangeError(`fitGrowth: ${xs.length} and ${ys.length} values`);
  const points = xs.map((x, index) => [x, ys[index]]).filter(([x, y]) => x > 0 && y > 0);
  const logX = points.map(([x]) => Math.log2(x));
  const logY = points.map(([, y]) => Math.log2(y));
  const meanX = mean(logX);
  const meanY = mean(logY);
  let covariance = 0;
  let variance = 0;
  for (let point = 0; point < points.length; point++) {
    covariance += (logX[point] - meanX) * (logY[point] - meanY);
    variance += (logX[point] - meanX) ** 2;
  }
  return variance === 0 ? null : covariance / variance;
}

const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;
