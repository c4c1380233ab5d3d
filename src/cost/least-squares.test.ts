import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { solveNonNegative } from './least-squares.js';

test('two unknowns by hand: the one that would be negative stays at zero', () => {
  assert.deepEqual(
    solveNonNegative(
      [
        [1, 0],
        [0, 1],
      ],
      [3, -2],
    ),
    [3, 0],
  );
});

const small = fc.integer({ min: 0, max: 20 });
const systems = fc.integer({ min: 1, max: 6 }).chain((size) =>
  fc.record({
    rows: fc.array(fc.array(small, { minLength: size, maxLength: size }), { minLength: size, maxLength: 12 }),
    truth: fc.array(small, { minLength: size, maxLength: size }),
    noise: fc.array(fc.integer({ min: -30, max: 30 }), { minLength: 12, maxLength: 12 }),
  }),
);

test('no direction lessens the error: gradients vanish at what is positive and point up at what is zero', () => {
  fc.assert(
    fc.property(systems, ({ rows, truth, noise }) => {
      const values = rows.map((row, at) => row.reduce((sum, value, i) => sum + value * truth[i], noise[at]));
      const x = solveNonNegative(rows, values);
      const errors = rows.map((row, at) => row.reduce((sum, value, i) => sum + value * x[i], -values[at]));
      const scale = 1 + Math.max(...values.map(Math.abs));
      for (const [i, weight] of x.entries()) {
        assert.ok(weight >= 0);
        const gradient = rows.reduce((sum, row, at) => sum + row[i] * errors[at], 0) / scale;
        assert.ok(gradient > -1e-4, `unknown ${i} should grow`);
        if (weight > 1e-6) assert.ok(gradient < 1e-4, `unknown ${i} should shrink`);
      }
    }),
    { seed: 20240611, numRuns: 500 },
  );
});
