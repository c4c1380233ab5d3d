/** Shipped traces have one name wherever the package lies, so that results do not depend on the folder. */
import assert from 'node:assert/strict';
import { relative } from 'node:path';
import { test } from 'node:test';
import { openInput } from './inputs.js';
import { readManifest, resolveShipped, shippedName, shippedPath } from './shipped.js';

const [entry] = readManifest();

test('a shipped trace is called by its place in the package, however it was named', async () => {
  for (const path of [shippedPath(entry), relative(process.cwd(), shippedPath(entry))]) {
    const input = await openInput(path);
    input.close();
    assert.equal(input.identity.path, `traces/${entry.file}`);
  }
});

test('that name finds the file from any folder', () => {
  const before = process.cwd();
  process.chdir('/');
  try {
    assert.equal(resolveShipped(`traces/${entry.file}`), shippedPath(entry));
    assert.equal(resolveShipped('traces/none.vgt'), 'traces/none.vgt');
  } finally {
    process.chdir(before);
  }
});

test('other traces keep the name the user gave them', () => assert.equal(shippedName('0'.repeat(64)), undefined));
