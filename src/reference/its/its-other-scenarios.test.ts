/** ITS scenarios beyond the shipped ones, put to the reference. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { runScenario } from '../../conform/run.js';
import { ITS_SCENARIOS } from '../../conform/test-its-scenarios.js';
import { parseWritten } from '../../conform/test-scenarios.js';
import { ReferenceTarget } from '../reference-target.js';

for (const written of ITS_SCENARIOS) {
  test(`${written.id}`, () => {
    const scenario = parseWritten(written);
    for (const flavour of scenario.flavours) {
      const { notRun, differences } = runScenario(scenario, flavour, (machine) => new ReferenceTarget(machine));
      assert.deepEqual({ notRun, differences }, { notRun: undefined, differences: [] });
    }
  });
}
