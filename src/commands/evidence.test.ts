/** The records that stand in the evidence of a report; what is run for it is tested in bench/fidelity.test.ts, where it is compared. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { readFuzzRecord } from './evidence.js';

const folder = mkdtempSync(join(tmpdir(), 'vgic-replay-'));
after(() => rmSync(folder, { recursive: true }));
const file = join(folder, 'fuzz.json');
const record = (text: string): string => {
  writeFileSync(file, text);
  return file;
};
const run = { machines: 2, events: 3, differences: 0, seed: 4, version: '1', date: '2026-11-26' };

test('a random run that is not recorded is not there', () => {
  assert.equal(readFuzzRecord(join(folder, 'none.json')), null);
});

test('the record of random runs goes by flavour', () => {
  assert.deepEqual(readFuzzRecord(record(JSON.stringify({ 'xen-new': run, 'kvm-6.1': run }))), [
    { flavour: 'kvm-6.1', ...run },
    { flavour: 'xen-new', ...run },
  ]);
});

test('a broken record is refused in one line', () => {
  assert.throws(() => readFuzzRecord(record('{')), /fuzz\.json: byte 0: is not JSON .*; record it again/);
  const { seed: _, ...without } = run;
  assert.throws(() => readFuzzRecord(record(JSON.stringify({ 'kvm-6.1': without }))), /kvm-6\.1: lacks a figure/);
});
