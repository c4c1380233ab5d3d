import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { createGenerator } from '../base/rng.js';
import { type ChangePointPlan, findChangePoints } from './change-points.js';
import { TIGERBEETLE } from './test-tigerbeetle.js';

/** Normal noise of 2 % around 100, and from `at` on `factor` times as much. */
function makeSeries(seed: number, n: number, factor = 1, at = n): number[] {
  const generator = createGenerator(seed);
  const uniform = (): number => (generator.nextUint32() + 0.5) / 2 ** 32;
  const normal = (): number => Math.sqrt(-2 * Math.log(uniform())) * Math.cos(2 * Math.PI * uniform());
  return Array.from({ length: n }, (_, point) => 100 * (1 + 0.02 * normal()) * (point >= at ? factor : 1));
}

const indexesOf = (values: readonly number[], plan: Partial<ChangePointPlan> = {}): number[] =>
  findChangePoints(values, plan).map(({ index }) => index);

test('TigerBeetle: p <= 0.01 and at least 5 % are the points 15 and 71, as in the tests of Apache Otava', () => {
  assert.equal(TIGERBEETLE.length, 365);
  assert.deepEqual(indexesOf(TIGERBEETLE, { alpha: 0.01, draws: 999 }), [15, 71]);
  assert.deepEqual(indexesOf(TIGERBEETLE, { alpha: 0.01, draws: 999, seed: 2 }), [15, 71]);
  assert.deepEqual(indexesOf(TIGERBEETLE, { alpha: 0.001, draws: 999 }), [15, 71]);
});

test('TigerBeetle: whatever its size, a change is one of those that Otava finds', () => {
  // Otava with p <= 0.01 and no least size, window 30; its threshold is of another test (see change-points.ts).
  const otava = [15, 26, 61, 71, 95, 117, 131, 142, 148, 165, 169, 192, 212, 260];
  const ours = indexesOf(TIGERBEETLE, { alpha: 0.01, leastSize: 0, draws: 999 });
  assert.ok(ours.length >= 7, `found ${ours}`);
  assert.deepEqual(
    ours.filter((index) => !otava.includes(index)),
    [],
  );
});

test('A/A: at most the share alpha of windows without a change has a point', () => {
  const plan = { alpha: 0.05, leastSize: 0, draws: 199 };
  const nrSeries = 200;
  const oneWindow = Array.from({ length: nrSeries }, (_, seed) => indexesOf(makeSeries(seed, 50), plan).length);
  assert.ok(oneWindow.filter((found) => found > 0).length <= plan.alpha * nrSeries, `${oneWindow}`);
  const nrLong = 60;
  const windowsOfLong = 7;
  const long = Array.from({ length: nrLong }, (_, seed) => indexesOf(makeSeries(1000 + seed, 200), plan).length);
  assert.ok(long.filter((found) => found > 0).length <= plan.alpha * nrLong * windowsOfLong, `${long}`);
});

test('A/A with the usual plan: no point in 60 series of 300', () => {
  for (let seed = 0; seed < 60; seed++) assert.deepEqual(indexesOf(makeSeries(2000 + seed, 300)), []);
});

test('a step of 5 % in noise of 2 % is found, nearly always at the point or next to it', () => {
  const nrSeries = 40;
  const at = 57;
  let near = 0;
  for (let seed = 0; seed < nrSeries; seed++) {
    const found = findChangePoints(makeSeries(3000 + seed, 100, 1.05, at), { leastSize: 0.03, draws: 999 });
    assert.equal(found.length, 1, `seed ${seed}`);
    const [{ index, size, p }] = found;
    if (Math.abs(index - at) <= 1) near++;
    assert.ok(Math.abs(index - at) <= 5 && size > 0.03 && size < 0.07 && p <= 0.001, `seed ${seed}: ${index} ${size}`);
  }
  assert.ok(near >= 0.9 * nrSeries, `${near} of ${nrSeries}`);
});

test('a change is seen when five points stand after it, and two wild ones at the end are none', () => {
  const values = [...makeSeries(1, 30), ...makeSeries(2, 5, 1.2, 0)];
  assert.deepEqual(indexesOf(values), [30]);
  assert.deepEqual(indexesOf(values.slice(0, -3)), []);
});

test('too few points, equal points, one wild value: nothing', () => {
  assert.deepEqual(indexesOf([]), []);
  assert.deepEqual(indexesOf(makeSeries(1, 14, 2, 7)), []);
  assert.deepEqual(indexesOf(new Array<number>(120).fill(7)), []);
  assert.deepEqual(indexesOf(makeSeries(4, 100).with(50, 1000)), []);
});

test('the unit does not matter, and the same seed gives the same answer', () => {
  fc.assert(
    fc.property(fc.nat(1000), fc.integer({ min: 20, max: 70 }), fc.constantFrom(1e-6, 8, 1e6), (seed, at, unit) => {
      const values = makeSeries(seed, 90, 1.1, at);
      const found = findChangePoints(values, { draws: 999, seed });
      assert.deepEqual(findChangePoints(values, { draws: 999, seed }), found);
      assert.deepEqual(
        indexesOf(
          values.map((value) => value * unit),
          { draws: 999, seed },
        ),
        found.map(({ index }) => index),
      );
    }),
    { seed: 1, numRuns: 6 },
  );
});

test('what has no logarithm, and an alpha that cannot be shown, are refused', () => {
  assert.throws(() => findChangePoints([1, 0, 2]), /value 1 is 0/);
  assert.throws(() => findChangePoints([1, Number.NaN]), /value 1 is NaN/);
  assert.throws(() => findChangePoints([1], { alpha: 0.001, draws: 99 }), /alpha 0.001 with 99 draws/);
  assert.throws(() => findChangePoints([1], { window: 15 }), /window 15/);
});
