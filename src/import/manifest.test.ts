/**
 * traces/manifest.json says what traces/recorded holds. After importing recordings again:
 * UPDATE_MANIFEST=1 node --test dist/src/import/manifest.test.js
 */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { createEventBlock, wordIntid, wordKind } from '../trace/events.js';
import { openTrace } from '../trace/reader.js';
import { createMemorySource } from '../trace/source.js';
import { MAX_BLOCK_EVENTS } from '../trace/wire.js';
import { type ManifestEntry, makeManifestEntry, TraceTally } from './manifest.js';

const TRACES = new URL('../../../traces/', import.meta.url);
const MANIFEST = new URL('manifest.json', TRACES);
const MAX_FILE_BYTES = 5_000_000;
const MAX_TOTAL_BYTES = 40_000_000;

const readManifest = (): ManifestEntry[] =>
  (JSON.parse(readFileSync(MANIFEST, 'utf8')) as { traces: ManifestEntry[] }).traces;

function describe(file: string, kind: ManifestEntry['kind']): ManifestEntry {
  const bytes = readFileSync(new URL(file, TRACES));
  const reader = openTrace(createMemorySource(bytes, file));
  const tally = new TraceTally();
  const block = createEventBlock(MAX_BLOCK_EVENTS);
  while (reader.next(block)) {
    for (let i = 0; i < block.count; i++) {
      tally.event(wordKind(block.word[i]), wordIntid(block.word[i]), block.value[i]);
    }
  }
  const sha256 = createHash('sha256').update(bytes).digest('hex');
  return makeManifestEntry(reader.header, tally, { file, sha256, kind });
}

const recordedFiles = (): string[] =>
  readdirSync(new URL('recorded/', TRACES))
    .filter((name) => name.endsWith('.vgt'))
    .sort()
    .map((name) => `recorded/${name}`);

if (process.env.UPDATE_MANIFEST === '1') {
  const kinds = new Map(readManifest().map((entry) => [entry.file, entry.kind]));
  const traces = recordedFiles().map((file) => describe(file, kinds.get(file) ?? 'other'));
  writeFileSync(MANIFEST, `${JSON.stringify({ traces }, null, 2)}\n`);
}

test('every shipped recording has an entry, and no entry lacks its file', () => {
  assert.deepEqual(
    readManifest().map((entry) => entry.file),
    recordedFiles(),
  );
});

for (const entry of readManifest()) {
  test(`${entry.name}: the entry says what the file holds`, () => {
    assert.deepEqual(describe(entry.file, entry.kind), entry);
    assert.ok(['linux-guest', 'attack', 'other'].includes(entry.kind));
    assert.equal(entry.fidelity, 3);
    assert.notEqual(entry.shows, '');
  });
}

test('the recordings stay small', () => {
  const sizes = recordedFiles().map((file) => readFileSync(new URL(file, TRACES)).length);
  assert.ok(Math.max(...sizes) < MAX_FILE_BYTES);
  assert.ok(sizes.reduce((sum, size) => sum + size, 0) < MAX_TOTAL_BYTES);
});
