import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, test } from 'node:test';
import { findNewerSource, warnIfStale } from './stale-build.js';
import { createTestTerminal, run } from './test-run.js';

const folder = mkdtempSync(join(tmpdir(), 'vgic-stale-'));
after(() => rmSync(folder, { recursive: true, force: true }));

/** Written so many seconds after 2026. */
function write(path: string, second: number): void {
  const file = join(folder, path);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, '');
  utimesSync(file, 1767225600 + second, 1767225600 + second);
}

test('a source that is newer than all that was built is said by name, in a checkout alone', () => {
  write('src/a.ts', 1);
  write('src/deep/b.ts', 2);
  write('src/README.md', 9);
  write('dist/src/a.js', 5);
  write('dist/src/deep/b.js', 5);
  mkdirSync(join(folder, '.git'));
  assert.equal(findNewerSource(folder), null);
  write('src/deep/b.ts', 6);
  assert.equal(findNewerSource(folder), join('src', 'deep', 'b.ts'));
  const { terminal, printed } = createTestTerminal();
  warnIfStale(folder, terminal);
  assert.match(
    printed().err,
    /^warning: src\/deep\/b\.ts is newer than the build in \S+, which is what is judged;.*\n$/,
  );
  rmSync(join(folder, '.git'), { recursive: true });
  assert.equal(findNewerSource(folder), null);
});

test('compare of builds says it of the folders it is given, and goes on', async () => {
  mkdirSync(join(folder, '.git'), { recursive: true });
  const { code, err } = await run(['compare', folder, folder, 'traces/golden/churn16-s01.bin.gz', '--as', 'build']);
  assert.equal(code, 4);
  assert.match(err, /^warning: src\/deep\/b\.ts is newer/);
  assert.match(err, /there is no build in this folder/);
});
