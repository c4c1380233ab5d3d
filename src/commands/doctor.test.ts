/** `doctor` on this machine: its JSON as its schema has it, and an end in time, which is said. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { Ajv2020 } from 'ajv/dist/2020.js';
import type { Diagnosis } from './doctor.js';
import { run } from './test-run.js';

const isDiagnosis = new Ajv2020({ allErrors: true }).compile(
  JSON.parse(readFileSync(new URL('../../../reports/doctor.schema.json', import.meta.url), 'utf8')),
);

test('a limit ends it with fewer processes than it takes; it says so, and that nothing is known', async () => {
  const { code, out, err } = await run(['doctor', '--limit', '0.001', '--json', '--strict']);
  assert.equal(code, 7);
  assert.match(
    err,
    /^vgic-replay: this machine is unfit for times: only 1 process of 10 ended within 0\.001 s \(--limit\)/,
  );
  const diagnosis = JSON.parse(out) as Diagnosis;
  assert.ok(isDiagnosis(diagnosis), JSON.stringify(isDiagnosis.errors));
  assert.deepEqual([diagnosis.times.length, diagnosis.leastProcesses, diagnosis.limitSeconds], [1, 10, 0.001]);
  assert.equal(diagnosis.fitness.verdict, 'unfit');
  // The schema refuses what is no diagnosis.
  for (const damaged of [
    { ...diagnosis, times: [] },
    { ...diagnosis, extra: 1 },
    { ...diagnosis, fitness: { ...diagnosis.fitness, reasons: [] } },
    { ...diagnosis, disturbance: { steal: 'some', throttled: 0 } },
  ])
    assert.ok(!isDiagnosis(damaged));
  const few = { ...diagnosis, fitness: { verdict: 'fit', reasons: [], advice: [] } };
  assert.ok(isDiagnosis(few), JSON.stringify(isDiagnosis.errors));
  for (const limit of ['0', '-1', 'x', '']) assert.equal((await run(['doctor', '--limit', limit])).code, 2, limit);
});
