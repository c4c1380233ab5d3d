/** What the fuzzer found once (traces/fuzz) does not come back. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { flavourNamed } from '../gic/flavour/index.js';
import { shrinkScenario } from '../workload/random/shrink.js';
import { checkStrategies, compareModels, scenarioFromJson, scenarioToJson } from './test-fuzz-case.js';
import { tracesFolder } from './test-traces.js';

const folder = new URL('fuzz/', tracesFolder);

for (const file of readdirSync(folder).filter((name) => name.endsWith('.jsonl'))) {
  test(`${file}: the models agree, and every strategy keeps its word`, () => {
    const scenario = scenarioFromJson(readFileSync(new URL(file, folder), 'utf8'), file);
    compareModels(scenario);
    if (flavourNamed(scenario.machine.flavour).structure === 'ap-list') checkStrategies(scenario);
  });
}

const CASE = 'kvm-7.2-lpi-off-list.jsonl';

test('a case is the same after it was written and read', () => {
  const scenario = scenarioFromJson(readFileSync(new URL(CASE, folder), 'utf8'), CASE);
  assert.deepEqual(scenarioFromJson(scenarioToJson(scenario, 'name', 'title'), 'name'), scenario);
});

test('shrinking keeps what fails and leaves a well-formed stream', () => {
  const scenario = scenarioFromJson(readFileSync(new URL(CASE, folder), 'utf8'), CASE);
  const isAck = ({ kind }: { kind: number }): boolean => kind === 5;
  const small = shrinkScenario(scenario, ({ events }) => events.some(isAck));
  assert.deepEqual(
    small.events.map(({ kind }) => kind),
    [3, 5],
  );
});
