/** Least squares with weights that are not negative (Lawson and Hanson's active sets), for a few dozen unknowns. */

/** Smallest gradient that lets an unknown leave zero, and smallest pivot of a system that still has one solution. */
const TOLERANCE = 1e-11;
const MAX_ROUNDS = 1000;

/** The x >= 0 for which the sum of (rows[i] . x - values[i])^2 is least. Every row has the same length. */
export function solveNonNegative(rows: readonly (readonly number[])[], values: readonly number[]): number[] {
  const size = rows[0].length;
  // Columns of length 1, so that the tolerances mean the same to each.
  const scale = Array.from({ length: size }, (_, at) => Math.hypot(...rows.map((row) => row[at])) || 1);
  const { matrix, right } = normalEquations(
    rows.map((row) => row.map((value, at) => value / scale[at])),
    values,
    size,
  );
  return solveScaled(matrix, right).map((value, at) => value / scale[at]);
}

function solveScaled(matrix: readonly (readonly number[])[], right: readonly number[]): number[] {
  const size = right.length;
  let x = new Array<number>(size).fill(0);
  const free: number[] = [];
  for (let round = 0; round < MAX_ROUNDS; round++) {
    const entering = steepest(matrix, right, x, free);
    if (entering < 0) return x;
    free.push(entering);
    for (;;) {
      const trial = solveFor(matrix, right, free);
      const blocked = free.filter((at) => trial[at] <= 0 && x[at] !== trial[at]);
      if (blocked.length === 0) {
        x = trial;
        break;
      }
      const step = Math.min(...blocked.map((at) => x[at] / (x[at] - trial[at])));
      x = x.map((value, at) => value + step * (trial[at] - value));
      for (let i = free.length - 1; i >= 0; i--) {
        if (x[free[i]] > TOLERANCE) continue;
        x[free[i]] = 0;
        free.splice(i, 1);
      }
    }
  }
  throw new Error(`no solution after ${MAX_ROUNDS} rounds`);
}

function normalEquations(
  rows: readonly (readonly number[])[],
  values: readonly number[],
  size: number,
): { matrix: number[][]; right: number[] } {
  const matrix = Array.from({ length: size }, () => new Array<number>(size).fill(0));
  const right = new Array<number>(size).fill(0);
  rows.forEach((row, at) => {
    for (let i = 0; i < size; i++) {
      if (row[i] === 0) continue;
      right[i] += row[i] * values[at];
      for (let j = 0; j < size; j++) matrix[i][j] += row[i] * row[j];
    }
  });
  return { matrix, right };
}

/** The unknown at zero whose growth lessens the error most, or -1. */
function steepest(
  matrix: readonly (readonly number[])[],
  right: readonly number[],
  x: readonly number[],
  free: readonly number[],
): number {
  let best = -1;
  let gain = TOLERANCE;
  for (let i = 0; i < x.length; i++) {
    if (free.includes(i) || matrix[i][i] < TOLERANCE) continue;
    const gradient = right[i] - matrix[i].reduce((sum, value, j) => sum + value * x[j], 0);
    const scaled = gradient / Math.sqrt(matrix[i][i]);
    if (scaled <= gain) continue;
    gain = scaled;
    best = i;
  }
  return best;
}

/** Solves for the free unknowns, the others zero: Gauss with partial pivoting; an unknown without a pivot of its own stays zero. */
function solveFor(matrix: readonly (readonly number[])[], right: readonly number[], free: readonly number[]): number[] {
  const n = free.length;
  const a = free.map((i) => [...free.map((j) => matrix[i][j]), right[i]]);
  for (let column = 0; column < n; column++) {
    let pivot = column;
    for (let row = column + 1; row < n; row++) if (Math.abs(a[row][column]) > Math.abs(a[pivot][column])) pivot = row;
    [a[column], a[pivot]] = [a[pivot], a[column]];
    if (Math.abs(a[column][column]) < TOLERANCE) continue;
    for (let row = column + 1; row < n; row++) {
      const factor = a[row][column] / a[column][column];
      if (factor === 0) continue;
      for (let k = column; k <= n; k++) a[row][k] -= factor * a[column][k];
    }
  }
  const solution = new Array<number>(right.length).fill(0);
  const part = new Array<number>(n).fill(0);
  for (let row = n - 1; row >= 0; row--) {
    if (Math.abs(a[row][row]) < TOLERANCE) continue;
    let value = a[row][n];
    for (let k = row + 1; k < n; k++) value -= a[row][k] * part[k];
    part[row] = value / a[row][row];
    solution[free[row]] = part[row];
  }
  return solution;
}
