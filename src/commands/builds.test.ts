/** The plain build of the core (`--conditions=plain`) fills the same list registers as the counted one. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { tracesFolder } from '../replay/test-traces.js';
import type { Sample } from '../stats/sample.js';
import { type Digests, digestsOfThisBuild } from './test-digests.js';

const runPlain = (...args: string[]): string =>
  execFileSync(process.execPath, ['--conditions=plain', ...args], { encoding: 'utf8' });

const DIGESTS = new URL('test-digests.js', import.meta.url).href;
const PRINT = `import { digestsOfThisBuild } from '${DIGESTS}'; console.log(JSON.stringify(digestsOfThisBuild()));`;
const counted = digestsOfThisBuild();
const plain = JSON.parse(runPlain('--input-type=module', '--eval', PRINT)) as Digests;

test('this process runs the counted build, the other the plain one', () =>
  assert.deepEqual([counted.counted, plain.counted], [true, false]));

counted.cells.forEach((cell, i) => {
  test(`${cell.strategy} on ${cell.file}: plain and counted build have one LR digest`, () => {
    assert.match(cell.digest, /^[0-9a-f]{8}$/);
    assert.deepEqual(plain.cells[i], cell);
  });
});

test('a measured cell, a process of its own, replays the same', () => {
  const { strategy, file, digest } = counted.cells[0];
  const path = fileURLToPath(new URL(file, tracesFolder));
  const sample = JSON.parse(
    runPlain(fileURLToPath(new URL('timed-cell.js', import.meta.url)), path, strategy, '-', '--quick'),
  ) as Sample;
  assert.equal(sample.digest, digest);
});
