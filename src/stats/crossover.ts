/** Where one cost curve passes another. */
export interface Crossover {
  /** Place on the x axis, interpolated between two points; the point itself where the curves meet in it. */
  readonly x: number;
  /** First given x at which the other curve is the lower one. */
  readonly firstX: number;
  /** Which curve is the lower one beyond: 'a' or 'b'. */
  readonly lowerAfter: 'a' | 'b';
}

/**
 * Points at which curves a and b change places, ascending. Curves that meet without changing places do not cross.
 * Interpolates on log-log scales where all four values are positive (power laws are straight there), else linearly.
 * `xs` ascending, `a` and `b` of the same length. Throws RangeError otherwise.
 */
export function findCrossovers(xs: readonly number[], a: readonly number[], b: readonly number[]): Crossover[] {
  if (a.length !== xs.length || b.length !== xs.length) {
    throw new RangeError(`findCrossovers: lengths ${xs.length}, ${a.length}, ${b.length}`);
  }
  const found: Crossover[] = [];
  // Last point at which the curves differed; points where they are equal lie between it and the current one.
  let previous = -1;
  for (let point = 0; point < xs.length; point++) {
    if (point > 0 && !(xs[point] > xs[point - 1])) throw new RangeError('findCrossovers: xs must ascend');
    const sign = Math.sign(a[point] - b[point]);
    if (sign === 0) continue;
    if (previous >= 0 && Math.sign(a[previous] - b[previous]) !== sign) {
      const x = point - previous > 1 ? xs[previous + 1] : interpolate(xs, a, b, previous, point);
      found.push({ x, firstX: xs[point], lowerAfter: sign < 0 ? 'a' : 'b' });
    }
    previous = point;
  }
  return found;
}

function interpolate(
  xs: readonly number[],
  a: readonly number[],
  b: readonly number[],
  left: number,
  right: number,
): number {
  const isLog = Math.min(xs[left], a[left], a[right], b[left], b[right]) > 0;
  const scale = isLog ? Math.log : (value: number): number => value;
  const gapLeft = scale(a[left]) - scale(b[left]);
  const gapRight = scale(a[right]) - scale(b[right]);
  const place = scale(xs[left]) + (gapLeft / (gapLeft - gapRight)) * (scale(xs[right]) - scale(xs[left]));
  return isLog ? Math.exp(place) : place;
}
