/** The core's ITS against every recorded MSI. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { openTrace } from '../trace/reader.js';
import { createMemorySource } from '../trace/source.js';
import { createCoreTranslator } from './core-translator.js';
import type { BlockSource } from './replay.js';
import { tracesFolder } from './test-traces.js';
import { type ItsRecord, verifyIts } from './verify-its.js';

const open = (name: string): BlockSource =>
  openTrace(createMemorySource(readFileSync(new URL(`recorded/${name}.vgt`, tracesFolder)), name));

const verifyAs = (name: string, flavour: string): ItsRecord =>
  verifyIts(open(name), (machine) => createCoreTranslator({ ...machine, flavour }));

test('bare-lpi: the core of kvm-6.1 predicts every hit, every miss and every LPI', () => {
  const { asked, hits, misses, commands, prediction } = verifyAs('bare-lpi', 'kvm-6.1');
  assert.deepEqual(
    { asked, hits, misses, commands, prediction },
    {
      asked: 6000,
      hits: 1366,
      misses: 4634,
      commands: 1113,
      prediction: { outcomesAgree: 6000, lpis: 6235, lpisAgree: 6235, differences: 0, mismatches: [] },
    },
  );
});

test('control: the cache of kvm-7.2, which has no limit, is found out; its tables are not', () => {
  const { prediction } = verifyAs('bare-lpi', 'kvm-7.2');
  assert.ok(prediction !== null && prediction.outcomesAgree < 6000);
  assert.equal(prediction.lpisAgree, 6235);
  assert.ok(prediction.mismatches.every(({ recorded, predicted }) => recorded === null && predicted !== null));
});

test('a flavour without an ITS predicts nothing', () => {
  assert.equal(verifyAs('bare-lpi', 'xen-old').prediction, null);
});
