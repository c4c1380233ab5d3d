/** ITS scenarios beyond the shipped ones, put to the core. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createCoreTarget } from './core-target.js';
import { runScenario } from './run.js';
import { ITS_SCENARIOS } from './test-its-scenarios.js';
import { parseWritten } from './test-scenarios.js';

for (const written of ITS_SCENARIOS) {
  test(`${written.id}`, () => {
    const scenario = parseWritten(written);
    for (const flavour of scenario.flavours) {
      const { notRun, differences } = runScenario(scenario, flavour, createCoreTarget);
      assert.deepEqual({ notRun, differences }, { notRun: undefined, differences: [] });
    }
  });
}
