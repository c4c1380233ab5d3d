import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { gatherColumns, writeColumns } from './arm-columns.js';
import { ARM_FLAGS } from './arm-process.js';
import { ownBuild } from './injected-build.js';
import { openInput } from './inputs.js';

const folder = mkdtempSync(join(tmpdir(), 'vgic-arm-'));
after(() => rmSync(folder, { recursive: true, force: true }));

test('the hot loop is compiled before the first pass that counts, however few passes the CPU time allows', async () => {
  const columns = join(folder, 'columns');
  // Long windows: what is called once a window is called seldom.
  const input = await openInput('traces/recorded/linux-boot.vgt');
  writeColumns(gatherColumns(input.open()), columns);
  input.close();
  const arm = fileURLToPath(new URL('timed-arm.js', import.meta.url));
  const effort = JSON.stringify({ cpuMs: 0, leastPasses: 1 });
  const said = execFileSync(
    process.execPath,
    [...ARM_FLAGS, '--trace-opt', arm, ownBuild, columns, 'sort-on-flush', effort],
    { encoding: 'utf8', maxBuffer: 1 << 26 },
  );
  const compiled = [...said.matchAll(/^\[completed compiling \S+ <JSFunction (\S+) .*TURBOFAN\) -/gm)].map((m) => m[1]);
  // The loop over the windows, which takes in the loop over the events.
  assert.ok(compiled.includes('run'), `${compiled}`);
});
