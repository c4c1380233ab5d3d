/**
 * `npm run cost-fit`: fits the cost model to traces/native-costs and writes src/cost/fitted.ts and calibration/x86-64-epyc.json,
 * the times of native-reference 3.1 over the instructions of the same streams. Build again afterwards.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { measuredCalibration } from '../src/cost/measured-calibration.js';
import { parseNativeRows } from '../src/cost/native.js';
import { fitModel, renderFitted } from '../src/cost/render-fitted.js';
import { isStandIn, nativeSamples, readNative, variantSamples } from '../src/cost/test-native.js';

const root = new URL('../../', import.meta.url);
const model = fitModel({ samples: nativeSamples, variants: variantSamples, isStandIn });
writeFileSync(new URL('src/cost/fitted.ts', root), renderFitted(model));
mkdirSync(new URL('calibration/', root), { recursive: true });
const calibration = measuredCalibration(
  parseNativeRows(readNative('native-costs.tsv')),
  parseNativeRows(readNative('native-times.tsv')),
);
writeFileSync(new URL('calibration/x86-64-epyc.json', root), `${JSON.stringify(calibration, null, 2)}\n`);
const worst = Math.max(...model.residuals.map(({ leftOut }) => Math.abs(leftOut)));
console.log(`worst error of a figure with its workload left out: ${(100 * worst).toFixed(1)} %`);
