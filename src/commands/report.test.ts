/** The report of named traces: what it leaves out, and the command that makes it again. */
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, mock, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { tracesFolder } from '../replay/test-traces.js';
import { studies, studyNamed } from '../study/index.js';
import { run } from './test-run.js';

const folder = mkdtempSync(join(tmpdir(), 'vgic-report-'));
after(() => rmSync(folder, { recursive: true }));
const TRACE = fileURLToPath(new URL('recorded/bare-no-eoi.vgt', tracesFolder));

async function report(...flags: string[]): Promise<{ command: string; studies: { id: string }[] }> {
  const { code, err } = await run(['report', TRACE, '-s', 'fifo', '-o', folder, ...flags]);
  assert.equal(code, 0, err);
  return JSON.parse(readFileSync(join(folder, 'report.json'), 'utf8')).exact;
}

test('a report of a named trace is about that trace alone, and says how to make it again', async () => {
  const exact = await report('--kind', 'attack', '--seed', '3');
  assert.deepEqual(exact.studies, []);
  assert.equal(exact.command, `vgic-replay report ${TRACE} --strategy fifo --kind attack --seed 3`);
});

test('--studies adds the threads, asked with the seed', async () => {
  // Each is run whole in study/*.test.ts; here the shortest of them answers for all.
  const answer = studyNamed('doorbell').run({ seed: 3 });
  const asked: [string, number][] = [];
  for (const { id } of studies) {
    mock.method(studyNamed(id), 'run', ({ seed }: { seed: number }) => {
      asked.push([id, seed]);
      return { ...answer, id };
    });
  }
  const exact = await report('--studies', '--seed', '3');
  const ids = studies.map(({ id }) => id);
  assert.deepEqual(
    exact.studies.map(({ id }) => id),
    ids,
  );
  assert.deepEqual(
    asked,
    ids.map((id) => [id, 3]),
  );
  assert.match(exact.command, / --studies --seed 3$/);
});
