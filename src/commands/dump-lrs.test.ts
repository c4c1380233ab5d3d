/** `replay --dump-lrs` prints the F lines of the compiled C code's dumps, byte for byte. */
import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { readGzip, tracesFolder } from '../replay/test-traces.js';
import { run } from './test-run.js';

const folder = mkdtempSync(join(tmpdir(), 'vgic-replay-'));
after(() => rmSync(folder, { recursive: true }));

const files = readdirSync(new URL('golden/', tracesFolder)).filter((name) => name.endsWith('.bin.gz'));
const pathOf = (file: string): string => fileURLToPath(new URL(`golden/${file}`, tracesFolder));

function expectedDump(file: string): string {
  const dump = readGzip(`golden/${file.replace('.bin.', '.dump.')}`).toString('latin1');
  return dump
    .split('\n')
    .filter((line) => line.startsWith('F '))
    .map((line) => `${line}\n`)
    .join('');
}

test('all golden event files are here', () => assert.equal(files.length, 110));

/** All 110 are compared line by line in replay/golden.test.ts and evidence.test.ts; as command lines one of each kind. */
test('a golden event file of every kind, named as it is, gives its dump', async () => {
  const firsts = files.filter((file) => file.includes('-s01.'));
  assert.ok(firsts.length >= files.length / 6);
  for (const file of firsts) {
    const expected = expectedDump(file);
    assert.ok(expected.length > 0);
    const { code, out, err } = await run(['replay', pathOf(file), '--dump-lrs', '-']);
    assert.equal(err, '', file);
    assert.equal(code, 0, file);
    assert.ok(out === expected, `${file}: the dump differs`);
  }
});

test('so do the unpacked event file, its trace, and a dump into a file', async () => {
  for (const file of ['typical-s01.bin.gz', 'sgi_v2-s01.bin.gz', 'lpi-s01.bin.gz']) {
    const expected = expectedDump(file);
    const plain = join(folder, 'events.bin');
    const trace = join(folder, 'events.vgt');
    const dump = join(folder, 'dump.txt');
    writeFileSync(plain, readGzip(`golden/${file}`));
    assert.equal((await run(['import', plain, '-o', trace])).code, 0);
    for (const source of [plain, trace]) {
      assert.ok((await run(['replay', source, '--dump-lrs', '-'])).out === expected, `${source} of ${file}`);
      assert.deepEqual(await run(['replay', source, '--dump-lrs', dump]), { code: 0, out: '', err: '' });
      assert.ok(readFileSync(dump, 'utf8') === expected, `${file} into a file`);
    }
  }
});

test('another strategy dumps other registers', async () => {
  const path = pathOf('deep100-s01.bin.gz');
  const { code, out } = await run(['replay', path, '--dump-lrs', '-', '-s', 'fifo']);
  assert.equal(code, 0);
  assert.match(out, /^(F \d+ \d+ \d+( [0-9a-f]{16})*\n)+$/);
  assert.ok(out !== expectedDump('deep100-s01.bin.gz'));
});

test('a dump that fails half-way leaves no file and no part of one', async () => {
  const whole = readFileSync(pathOf('typical-s01.bin.gz'));
  const trace = join(folder, 'damaged.vgt');
  const events = join(folder, 'damaged.bin.gz');
  writeFileSync(events, whole);
  assert.equal((await run(['import', events, '-o', trace])).code, 0);
  const bytes = readFileSync(trace);
  bytes[bytes.length >> 1] ^= 0x10;
  writeFileSync(trace, bytes);
  const before = readdirSync(folder);
  const { code, err } = await run(['replay', trace, '--dump-lrs', join(folder, 'half.txt')]);
  assert.equal(code, 4);
  assert.match(err, /^vgic-replay: \S+damaged\.vgt: [^\n]+\n$/);
  assert.deepEqual(readdirSync(folder), before);
});
