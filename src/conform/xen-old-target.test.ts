/** The typed-array model of xen-old against the scenarios of its flavour, and against the plain one on random events. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { createCoreTarget } from './core-target.js';
import { runScenario } from './run.js';
import { readShipped } from './test-scenarios.js';
import { compareXenOld, xenOldRuns } from './test-xen-old.js';

const NR_RUNS = Number(process.env.FUZZ_RUNS ?? 60);

test('every shipped scenario of xen-old holds', () => {
  const shipped = readShipped().filter(({ flavours }) => flavours.includes('xen-old'));
  assert.ok(shipped.length >= 9);
  for (const scenario of shipped) {
    const { notRun, differences } = runScenario(scenario, 'xen-old', createCoreTarget);
    assert.equal(notRun, undefined, scenario.id);
    assert.deepEqual(differences, [], scenario.id);
  }
});

test('the typed-array model and the plain one agree after every event, on random machines and events', () => {
  const property = fc.property(xenOldRuns(), (run) => {
    compareXenOld(run);
  });
  fc.assert(property, { numRuns: NR_RUNS, seed: 1, includeErrorInReport: true });
});
