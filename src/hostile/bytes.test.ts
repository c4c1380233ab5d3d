/** The bytes of each row: the same on every machine and Node version, so a digest of a small instance is pinned. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { createMemorySource } from '../trace/source.js';
import { validateTrace } from '../trace/validate.js';
import { digest, writeTrace } from '../workload/test-trace-bytes.js';
import { HOSTILE_RECORDINGS, type HostileWorkload, hostileWorkloads, unmodelled } from './index.js';

/** Beginning of the sha256 with n = 40 (as many as it may be) and 3 rounds. */
const PINNED: Readonly<Record<string, string>> = {
  'attack:never-ack': 'c89c0febf6a46281',
  'attack:priority-churn': '11a85b024bad3939',
  'attack:enable-toggle': '1dddb4c173e77852',
  'attack:pend-storm': 'f7ed6f3f328ba864',
  'attack:sgi-broadcast': 'c45fc5e4df838dc9',
  'attack:affinity-ping-pong': 'fe5f220eb3691d98',
  'attack:lpi-flood': '2c557904fe7dd0f6',
  'attack:int-walks': '480a34067f9a80bb',
  'attack:invall-storm': '29c6101579312177',
  'attack:movall-storm': 'dcfd53c7a29bbe86',
  'attack:discard-storm': '6574b35817a760f6',
  'attack:mapd-loop': 'd3fb9ada5079ff14',
  'attack:mapti-growth': '6e84021c1bee8563',
  'attack:never-eoi': 'dc0eb641f12e9837',
  'attack:active-for-ever': '97764e8e5bcef027',
  'attack:active-access': 'b63496cfcd9100c3',
  'attack:level-held': '1de6d05ff002d861',
  'attack:timer-in-past': '48f453c979a804ad',
  'attack:dist-toggle': 'f1ee60c7d9a65436',
  'attack:park-below-pmr': '0270082d88bd0a4f',
  'attack:maintenance-exits': '416d171baf149a31',
  'attack:lpis-toggle': 'c4391d91ed3bf783',
  'attack:shuffled-eoi': '42ccc1e13b09e104',
  'attack:dir-elsewhere': '75a98f911da21c6d',
  'attack:multi-sgi': 'feb7899edc673636',
  'attack:device-insert': '3b423730b7e6de3c',
  'attack:equal-interrupts': '0faca93344c6aa08',
  'attack:pend-sgi': 'd35d337dfadf0844',
};

const SMALL: Readonly<Record<string, number>> = { n: 40, rounds: 3 };

function writeSmall(workload: HostileWorkload): Uint8Array {
  const given = workload.params
    .filter(({ name }) => name in SMALL)
    .map(({ name, max }) => [name, Math.min(SMALL[name], max)]);
  return writeTrace(workload, Object.fromEntries(given));
}

test('every row is pinned', () => {
  assert.deepEqual(
    Object.keys(PINNED),
    hostileWorkloads.map(({ id }) => id),
  );
});

test('every row of vgic-spec 8.2 is there, in its order', () => {
  const rows = hostileWorkloads.map(({ row }) => row);
  assert.deepEqual(
    [...new Set(rows)].sort((a, b) => a - b),
    Array.from({ length: 25 }, (_, at) => at + 1),
  );
  assert.deepEqual(
    [...rows].sort((a, b) => a - b),
    rows,
  );
  assert.ok(unmodelled.every(({ row }) => rows.includes(row)));
});

test('README.md has a row for each', () => {
  const text = readFileSync(new URL('../../../src/hostile/README.md', import.meta.url), 'utf8');
  const named = [...text.matchAll(/^\| (\d+) \| `([^`]+)` \|/gm)].map(([, row, name]) => [
    Number(row),
    `attack:${name}`,
  ]);
  assert.deepEqual(
    named,
    hostileWorkloads.map(({ row, id }) => [row, id]),
  );
});

test('the hostile recordings are those that the manifest calls attacks', () => {
  const manifest = JSON.parse(readFileSync(new URL('../../../traces/manifest.json', import.meta.url), 'utf8'));
  const recordings: readonly { name: string; kind: string }[] = manifest.traces;
  assert.deepEqual(
    recordings
      .filter(({ kind }) => kind === 'attack')
      .map(({ name }) => name)
      .sort(),
    HOSTILE_RECORDINGS.map(({ name }) => name).sort(),
  );
});

for (const workload of hostileWorkloads) {
  test(`${workload.id}: its bytes are what they were, the trace is sound`, () => {
    const bytes = writeSmall(workload);
    assert.deepEqual(validateTrace(createMemorySource(bytes)).problems, []);
    assert.equal(digest(bytes), PINNED[workload.id]);
  });

  test(`${workload.id}: sound with each parameter at its least`, () => {
    for (const { name, min } of workload.params) {
      const small = workload.params.filter((param) => param.name === 'n' || param.name === 'rounds');
      const bytes = writeTrace(workload, { ...Object.fromEntries(small.map((param) => [param.name, 2])), [name]: min });
      assert.deepEqual(validateTrace(createMemorySource(bytes)).problems, [], `${name}=${min}`);
    }
  });
}
