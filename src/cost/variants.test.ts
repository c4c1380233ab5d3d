import assert from 'node:assert/strict';
import { test } from 'node:test';
import { predictFigure } from './fit.js';
import { optimisedPerEvent, VARIANT_IDS, type VariantSample } from './fit-variants.js';
import { FITTED } from './fitted.js';
import { LOCK_MODES } from './native.js';
import { isStandIn, variantSamples } from './test-native.js';

/** Variants that the table puts closer than this are a tie: its numbers are rounded, and the error of the model is larger. */
const TIE = 0.01;

const predicted = ({ counts, locks }: VariantSample): number =>
  optimisedPerEvent(counts, FITTED.weights[locks], FITTED.factors[locks]);

for (const locks of LOCK_MODES) {
  const samples = variantSamples(locks);
  for (const workload of new Set(samples.map((sample) => sample.workload))) {
    const own = samples.filter((sample) => sample.workload === workload);

    test(`${workload}, ${locks}: predicted instructions rank the variants as native-reference 3.5 does`, () => {
      assert.equal(own.length, VARIANT_IDS.length);
      for (const [at, one] of own.entries()) {
        for (const other of own.slice(at + 1)) {
          const measuredGap = one.perEvent / other.perEvent - 1;
          const gap = predicted(one) / predicted(other) - 1;
          const pair = `${one.variant} ${predicted(one).toFixed(1)}, ${other.variant} ${predicted(other).toFixed(1)}`;
          if (Math.abs(measuredGap) >= TIE) {
            assert.ok(
              Math.sign(gap) === Math.sign(measuredGap),
              `${pair}; measured ${one.perEvent}, ${other.perEvent}`,
            );
            // The build that the weights were counted on ranks them alike.
            const [a, b] = [one, other].map(
              ({ counts }) => predictFigure('total', counts, FITTED.weights[locks]) / counts.events,
            );
            assert.ok(Math.sign(a / b - 1) === Math.sign(measuredGap), pair);
          } else assert.ok(Math.abs(gap) < 2 * TIE, `${pair} is no tie`);
        }
      }
    });

    test(`${workload}, ${locks}: instructions per event within ${isStandIn(workload) ? '10 (not fitted)' : '2'} %`, () => {
      for (const sample of own) {
        const error = predicted(sample) / sample.perEvent - 1;
        assert.ok(
          Math.abs(error) < (isStandIn(workload) ? 0.1 : 0.02),
          `${sample.variant}: ${(100 * error).toFixed(1)} %`,
        );
      }
    });
  }
}
