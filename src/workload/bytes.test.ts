/** The bytes of each workload: the same on every machine and Node version, so a digest of a small instance is pinned. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { createMemorySource } from '../trace/source.js';
import { validateTrace } from '../trace/validate.js';
import { workloads } from './index.js';
import { digest, writeTrace } from './test-trace-bytes.js';
import type { Workload } from './workload.js';

/** Beginning of the sha256 of 3000 events, seed 7, other parameters at their defaults where these are small enough. */
const PINNED: Readonly<Record<string, string>> = {
  typical: '7f1eeb517aee26bd',
  periodic: '99b4b8b8a3655e0f',
  standing: '457cb9781b127b1a',
  backlog: '1f822ebfdea92c8e',
  deep: '5d26975ad5683f6c',
  flood: 'c122cccd8e67a959',
  lpi: 'a8a9e73b609221e6',
  idle: '8b1ce6e260067c07',
  net: '834edbff463324c6',
  disk: '3dfe57bc66fce8fb',
  ipi: '1e8dedcb7b63ef05',
  'lpi-storm': '69565e874b583de4',
  'migrate-churn': 'b401e83faef4b98f',
  'mapped-level': 'f5a67b99693d14d3',
  timer: 'bdf7adfe5fdc8775',
  'timer-userspace': 'b9e71c997dc82633',
  doorbell: '142f88652e9b9245',
  'its-churn': '8c6668ad0616f2c3',
};

const SMALL: Readonly<Record<string, number>> = { events: 3000, seed: 7, depth: 100, lpis: 100, spis: 64, saves: 50 };

function writeSmall(workload: Workload, seed: number): Uint8Array {
  const given = Object.entries({ ...SMALL, seed }).filter(([name]) =>
    workload.params.some((param) => param.name === name),
  );
  return writeTrace(workload, Object.fromEntries(given));
}

test('every workload is pinned', () => {
  assert.deepEqual(
    Object.keys(PINNED),
    workloads.map(({ id }) => id),
  );
});

test('README.md has a row for each workload', () => {
  const text = readFileSync(new URL('../../../src/workload/README.md', import.meta.url), 'utf8');
  const rows = text.split('\n').filter((line) => line.startsWith('| `'));
  const named = rows.flatMap((row) => [...row.split('|')[1].matchAll(/`([^`]+)`/g)].map((match) => match[1]));
  assert.deepEqual(
    named,
    workloads.map(({ id }) => id),
  );
});

for (const workload of workloads) {
  test(`${workload.id}: its bytes are what they were, the trace is sound, another seed is another trace`, () => {
    const bytes = writeSmall(workload, SMALL.seed);
    assert.deepEqual(validateTrace(createMemorySource(bytes)).problems, []);
    assert.notEqual(digest(writeSmall(workload, SMALL.seed + 1)), digest(bytes));
    assert.equal(digest(bytes), PINNED[workload.id]);
  });
}

for (const workload of workloads) {
  test(`${workload.id}: sound with each parameter at its ends`, () => {
    for (const { name, min, max } of workload.params.filter((param) => param.name !== 'events')) {
      for (const value of [min, max]) {
        const bytes = writeTrace(workload, { events: 300, [name]: value });
        assert.deepEqual(validateTrace(createMemorySource(bytes)).problems, [], `${name}=${value}`);
      }
    }
  });
}
