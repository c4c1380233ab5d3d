/** The typed-array core against the plain reference model: the same state after every event, the same modelled cost. */
import { test } from 'node:test';
import fc from 'fast-check';
import { AP_LIST_FLAVOURS, scenarios } from '../reference/arbitrary.js';
import { compareScenario } from './test-differential.js';

const NR_RUNS = Number(process.env.FUZZ_RUNS ?? 40);

for (const flavour of AP_LIST_FLAVOURS) {
  test(`${flavour}: the core and the reference model agree after every event, on random machines and events`, () => {
    const property = fc.property(scenarios({ flavours: [flavour], hostStops: true }), (scenario) => {
      compareScenario(scenario);
    });
    fc.assert(property, { numRuns: NR_RUNS, seed: 1, includeErrorInReport: true });
  });
}
