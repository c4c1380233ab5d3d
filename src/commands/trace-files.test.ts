import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { HEADER, makeEvents, readTrace, writeTrace } from '../trace/fixtures.test.support.js';
import { createMemorySource } from '../trace/source.js';
import { createTraceWriter } from '../trace/writer.js';
import { createFileTarget, hashSource, openFileSource } from './trace-files.js';

const folder = mkdtempSync(join(tmpdir(), 'vgic-replay-'));
after(() => rmSync(folder, { recursive: true }));

const EVENTS = makeEvents(3000);
const BYTES = writeTrace(EVENTS, { blockEvents: 1000 });
const EXPECTED = readTrace(createMemorySource(BYTES));

test('a target keeps its name free until commit', () => {
  const path = join(folder, 'a.vgt');
  const target = createFileTarget(path);
  const writer = createTraceWriter(target, HEADER, { blockEvents: 1000 });
  for (const { kind, vcpu, intid, value, dt } of EVENTS) writer.event(kind, vcpu, intid, value, dt);
  writer.finish({ title: 'Said at the end.' });
  assert.equal(existsSync(path), false);
  target.commit();
  target.abort();
  assert.equal(existsSync(`${path}.partial`), false);
  const source = openFileSource(path);
  assert.deepEqual(readTrace(source), { ...EXPECTED, header: { ...HEADER, title: 'Said at the end.' } });
  assert.equal(hashSource(source), hashSource(createMemorySource(readFileSync(path))));
  source.close();
});

test('an aborted target leaves nothing', () => {
  const before = readdirSync(folder);
  const target = createFileTarget(join(folder, 'b.vgt'));
  target.write(BYTES);
  target.abort();
  assert.deepEqual(readdirSync(folder), before);
});

test('a gzip file is read like the file in it', () => {
  const path = join(folder, 'c.vgt.gz');
  writeFileSync(path, gzipSync(BYTES));
  assert.deepEqual(readTrace(openFileSource(path)), EXPECTED);
  writeFileSync(path, gzipSync(BYTES).subarray(0, 500));
  assert.throws(() => openFileSource(path), { exitCode: 4, message: /damaged gzip data/ });
});

test('gzip data that unpacks to too much is refused', () => {
  const path = join(folder, 'bomb.gz');
  // 16 MiB of zeros, as often as it takes to pass 256 MiB: gzip members may follow one another.
  const member = gzipSync(new Uint8Array(16 << 20));
  writeFileSync(path, Buffer.concat(Array.from({ length: 17 }, () => member)));
  assert.throws(() => openFileSource(path), { exitCode: 4, message: /unpacks to more than 256 MiB; unpack it/ });
});

test('standard input may be a pipe, plain or gzip', () => {
  const module = (name: string): string => fileURLToPath(new URL(name, import.meta.url));
  const script = `
    import { openFileSource } from ${JSON.stringify(module('./trace-files.js'))};
    import { readTrace } from ${JSON.stringify(module('../trace/fixtures.test.support.js'))};
    console.log(JSON.stringify(readTrace(openFileSource('-'))));`;
  for (const input of [BYTES, gzipSync(BYTES)]) {
    const run = spawnSync(process.execPath, ['--input-type=module', '-e', script], { input, maxBuffer: 1 << 26 });
    assert.equal(String(run.stderr), '');
    assert.deepEqual(JSON.parse(String(run.stdout)), EXPECTED);
  }
});

test('what cannot be opened or made is said in one line', () => {
  const missing = join(folder, 'missing.vgt');
  assert.throws(() => openFileSource(missing), {
    exitCode: 4,
    message: /missing\.vgt: byte 0: cannot be opened \(ENOENT\)/,
  });
  assert.throws(() => openFileSource(folder), { exitCode: 4, message: /is a directory/ });
  const onFolder = createFileTarget(mkdtempSync(join(folder, 'd-')));
  assert.throws(() => onFolder.commit(), { exitCode: 2, message: /name a file, not a folder/ });
  assert.deepEqual(
    readdirSync(folder).filter((name) => name.endsWith('.partial')),
    [],
  );
  assert.throws(() => createFileTarget(join(folder, 'no', 'such.vgt')), {
    exitCode: 2,
    message: /cannot be written \(ENOENT\)/,
  });
});
