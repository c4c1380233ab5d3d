import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { parseCalibration } from './calibration.js';
import { FITTED } from './fitted.js';
import { measuredCalibration } from './measured-calibration.js';
import { parseNativeRows } from './native.js';
import { fitModel, renderFitted } from './render-fitted.js';
import { isStandIn, nativeSamples, readNative, variantSamples } from './test-native.js';

const root = new URL('../../../', import.meta.url);

test('fitted.ts is what the streams of native-costs give', () => {
  const model = fitModel({ samples: nativeSamples, variants: variantSamples, isStandIn });
  assert.equal(readFileSync(new URL('src/cost/fitted.ts', root), 'utf8'), renderFitted(model));
});

test('the fit meets every figure within 3 %, the total within 1 %', () => {
  for (const { workload, locks, figure, fitted } of FITTED.residuals) {
    const bound = figure === 'total' ? 0.01 : 0.03;
    assert.ok(Math.abs(fitted) <= bound, `${workload} ${locks} ${figure}: ${(100 * fitted).toFixed(1)} %`);
  }
});

test('a workload that was left out of the fit is predicted within 10 % in total and 20 % in each figure', () => {
  assert.equal(FITTED.residuals.length, 6 * 2 * 13);
  for (const { workload, locks, figure, leftOut } of FITTED.residuals) {
    const bound = figure === 'total' ? 0.1 : 0.2;
    assert.ok(Math.abs(leftOut) <= bound, `${workload} ${locks} ${figure}: ${(100 * leftOut).toFixed(1)} %`);
  }
});

test('no weight is negative, and a lock never makes an operation cheaper by more than the fit is off', () => {
  const { noop, lock } = FITTED.weights;
  for (const [id, weight] of Object.entries(noop)) {
    assert.ok(weight >= 0, id);
    assert.ok(
      Object.entries(lock).some(([other, locked]) => other === id && locked >= 0.9 * weight),
      id,
    );
  }
});

test('the shipped calibration is what times and instructions of native-costs give', () => {
  const made = measuredCalibration(
    parseNativeRows(readNative('native-costs.tsv')),
    parseNativeRows(readNative('native-times.tsv')),
  );
  assert.deepEqual(parseCalibration(readFileSync(new URL('calibration/x86-64-epyc.json', root), 'utf8')), made);
});
