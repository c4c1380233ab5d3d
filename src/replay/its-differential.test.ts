/** The ITS of the core against the plain one: random traces, and the rules that no scenario pins. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createCoreTarget } from '../conform/core-target.js';
import { ITS_FLAVOURS, runItsDifferential } from '../reference/its/its-differential.js';
import { ReferenceTarget } from '../reference/reference-target.js';

/** Runs of each flavour; `ITS_RUNS` asks for more. */
const RUNS = Number(process.env.ITS_RUNS ?? 12);
const STEPS = 300;

for (const flavour of ITS_FLAVOURS) {
  test(`${flavour}: two models of the ITS agree after every step`, () => {
    for (let seed = 1; seed <= RUNS; seed++) {
      const { difference } = runItsDifferential(
        createCoreTarget,
        (machine) => new ReferenceTarget(machine),
        seed,
        STEPS,
        [flavour],
      );
      assert.equal(difference, undefined, JSON.stringify(difference, null, 1));
    }
  });
}
