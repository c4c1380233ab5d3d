import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { createGenerator } from '../base/rng.js';
import { bootstrapInterval } from './bootstrap.js';
import { findCrossovers } from './crossover.js';
import { fitGrowth } from './growth.js';
import {
  addHistograms,
  bucketEnd,
  bucketLabel,
  bucketOf,
  bucketStart,
  histogramOfCounts,
  quantileBound,
} from './log2-histogram.js';
import { quantile } from './quantile.js';
import { adjustHolm, estimateRatio, testPairs } from './randomisation.js';

fc.configureGlobal({ seed: 1 });

describe('quantile, type 7', () => {
  it('gives the values R gives', () => {
    assert.equal(quantile([4, 1, 3, 2], 0.25), 1.75);
    assert.equal(quantile([4, 1, 3, 2], 0.5), 2.5);
    assert.equal(quantile([10], 0.9), 10);
    assert.ok(Math.abs(quantile([1, 2, 3, 4, 5, 6, 7, 8, 9, 11], 0.9) - 9.2) < 1e-12);
  });
  it('refuses no values, NaN and p outside [0, 1]', () => {
    assert.throws(() => quantile([], 0.5), RangeError);
    assert.throws(() => quantile([1, Number.NaN], 0.5), RangeError);
    assert.throws(() => quantile([1], 1.1), RangeError);
  });
  it('lies between the extremes and grows with p', () => {
    const value = fc.double({ noNaN: true, min: -1e9, max: 1e9 });
    fc.assert(
      fc.property(fc.array(value, { minLength: 1, maxLength: 30 }), (values) => {
        const quarters = [0, 0.25, 0.5, 0.75, 1].map((p) => quantile(values, p));
        assert.equal(quarters[0], Math.min(...values));
        assert.equal(quarters[4], Math.max(...values));
        for (let step = 1; step < 5; step++) assert.ok(quarters[step] >= quarters[step - 1] - 1e-6);
      }),
    );
  });
});

describe('bootstrap over blocks', () => {
  const values = Array.from({ length: 30 }, (_, index) => 100 + ((index * 7) % 30));
  const mean = (picked: Int32Array): number => picked.reduce((sum, block) => sum + values[block], 0) / picked.length;
  it('repeats for a seed and covers the mean with about the width theory gives', () => {
    const plan = { blocks: 30, draws: 4000, level: 0.9, statistic: mean };
    const interval = bootstrapInterval({ ...plan, generator: createGenerator(1) });
    assert.deepEqual(bootstrapInterval({ ...plan, generator: createGenerator(1) }), interval);
    const centre = values.reduce((sum, value) => sum + value, 0) / 30;
    const deviation = Math.sqrt(values.reduce((sum, value) => sum + (value - centre) ** 2, 0) / 30 / 30);
    assert.ok(Math.abs(interval.low - (centre - 1.645 * deviation)) < 0.15 * deviation);
    assert.ok(Math.abs(interval.high - (centre + 1.645 * deviation)) < 0.15 * deviation);
  });
});

describe('randomisation test', () => {
  it('is exhaustive for few blocks: all B slower by 10 % gives 1 of 2^n', () => {
    const a = [100, 101, 102, 103, 104, 105];
    const b = a.map((value) => value * 1.1);
    const result = testPairs(a, b, createGenerator(1));
    assert.equal(result.draws, 64);
    assert.ok(Math.abs(result.ratio - 1.1) < 1e-9);
    assert.ok(result.pSlower <= 6 / 64, `p ${result.pSlower}`);
    assert.ok(result.pFaster > 0.9);
  });
  it('finds nothing where the arms are the same', () => {
    const a = Array.from({ length: 20 }, (_, index) => 100 + (index % 5));
    const result = testPairs(a, [...a], createGenerator(3));
    assert.equal(result.ratio, 1);
    assert.equal(result.pSlower, 1);
    assert.equal(result.pFaster, 1);
  });
  it('keeps its size: false alarms at 5 % stay near 5 %', () => {
    const generator = createGenerator(11);
    let alarms = 0;
    const noise = (): number => 100 + generator.nextBelow(1000) / 50;
    for (let run = 0; run < 200; run++) {
      const a = Array.from({ length: 8 }, noise);
      const b = Array.from({ length: 8 }, noise);
      if (testPairs(a, b, generator).pSlower <= 0.05) alarms++;
    }
    assert.ok(alarms <= 20, `${alarms} alarms in 200`);
  });
  it('uses the 25th percentile', () => assert.equal(estimateRatio([1, 2, 3, 4, 5], [2, 4, 6, 8, 10]), 2));
  it('adjusts by Holm in the order given', () => {
    const adjusted = adjustHolm([0.04, 0.01, 0.03]).map((p) => Math.round(p * 1e6) / 1e6);
    assert.deepEqual(adjusted, [0.06, 0.03, 0.06]);
    assert.deepEqual(adjustHolm([]), []);
  });
});

describe('log2 histogram', () => {
  it('puts every value into the bucket that holds it', () => {
    fc.assert(
      fc.property(fc.maxSafeNat(), (value) => {
        const bucket = bucketOf(value);
        assert.ok(bucketStart(bucket) <= value && value <= bucketEnd(bucket), `${value} in ${bucket}`);
      }),
    );
    for (const value of [0, 1, 2 ** 31 - 1, 2 ** 31, 2 ** 32 - 1, 2 ** 32, 2 ** 52]) {
      assert.ok(bucketStart(bucketOf(value)) <= value && value <= bucketEnd(bucketOf(value)));
    }
    assert.throws(() => bucketOf(-1), RangeError);
    assert.throws(() => bucketOf(0.5), RangeError);
  });
  it('adds, labels and bounds quantiles', () => {
    assert.deepEqual(addHistograms([[1, 2], [0, 1, 5], []]), [1, 3, 5]);
    assert.deepEqual(
      histogramOfCounts([
        [0, 3],
        [5, 2],
        [7, 1],
      ]),
      [3, 0, 0, 3],
    );
    assert.equal(bucketLabel(0), '0');
    assert.equal(bucketLabel(1), '1');
    assert.equal(bucketLabel(3), '4–7');
    assert.equal(quantileBound([3, 0, 0, 3], 0.5), 0);
    assert.equal(quantileBound([3, 0, 0, 3], 0.51), 7);
    assert.equal(quantileBound([0, 4], 0), 1);
    assert.equal(quantileBound([], 0.5), null);
  });
});

describe('crossover', () => {
  it('finds the meeting point of two power laws', () => {
    const xs = [1, 2, 4, 8, 16, 32];
    const [found, ...more] = findCrossovers(
      xs,
      xs.map((x) => x * x),
      xs.map((x) => 10 * x),
    );
    assert.equal(more.length, 0);
    assert.ok(Math.abs(found.x - 10) < 1e-9);
    assert.equal(found.firstX, 16);
    assert.equal(found.lowerAfter, 'b');
  });
  it('is not misled by touching, by equality at an end, or by equal stretches', () => {
    assert.deepEqual(findCrossovers([1, 2, 3], [1, 2, 1], [2, 2, 2]), []);
    assert.deepEqual(findCrossovers([1, 2, 3], [2, 1, 1], [2, 2, 2]), []);
    assert.deepEqual(findCrossovers([1, 2, 3, 4], [1, 2, 2, 3], [2, 2, 2, 2]), [{ x: 2, firstX: 4, lowerAfter: 'b' }]);
  });
  it('interpolates linearly where a value is 0 and refuses bad input', () => {
    assert.deepEqual(findCrossovers([0, 10], [0, 2], [1, 1]), [{ x: 5, firstX: 10, lowerAfter: 'b' }]);
    assert.throws(() => findCrossovers([2, 1], [1, 2], [1, 2]), RangeError);
    assert.throws(() => findCrossovers([1], [], [1]), RangeError);
  });
  it('changes sides with the arguments', () => {
    const curve = fc.array(fc.integer({ min: 1, max: 50 }), { minLength: 6, maxLength: 6 });
    fc.assert(
      fc.property(curve, curve, (a, b) => {
        const xs = [1, 2, 3, 5, 8, 13];
        const forward = findCrossovers(xs, a, b);
        const backward = findCrossovers(xs, b, a);
        assert.deepEqual(
          forward.map(({ firstX, lowerAfter }) => [firstX, lowerAfter]),
          backward.map(({ firstX, lowerAfter }) => [firstX, lowerAfter === 'a' ? 'b' : 'a']),
        );
      }),
    );
  });
});

describe('growth', () => {
  it('fits exponents', () => {
    const xs = [8, 16, 32, 64, 128];
    assert.ok(
      Math.abs(
        fitGrowth(
          xs,
          xs.map((x) => 3 * x ** 2),
        )! - 2,
      ) < 1e-9,
    );
    assert.ok(
      Math.abs(
        fitGrowth(
          xs,
          xs.map(() => 7),
        )!,
      ) < 1e-9,
    );
    assert.equal(fitGrowth([4, 4], [1, 2]), null);
    assert.equal(fitGrowth([1, 2], [0, 5]), null);
  });
});
