/** The report of named traces: what it leaves out, and the command that makes it again. */
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, mock, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { historyLine } from '../history/store-text.js';
import { makeRun } from '../history/test-runs.js';
import { tracesFolder } from '../replay/test-traces.js';
import { inOrder } from '../run/merge.js';
import { WHOLE } from '../run/plan.js';
import { createHeader, headerLine, readRunFile, type Run as StoredRun, unitLine } from '../run/run-file.js';
import { studies, studyNamed } from '../study/index.js';
import { run } from './test-run.js';

const folder = mkdtempSync(join(tmpdir(), 'vgic-report-'));
after(() => rmSync(folder, { recursive: true }));
const TRACE = fileURLToPath(new URL('recorded/bare-no-eoi.vgt', tracesFolder));

const readExact = (): { command: string; studies: { id: string }[] } =>
  JSON.parse(readFileSync(join(folder, 'report.json'), 'utf8')).exact;

test('a report of a named trace is about that trace alone, says how to make it again, and shows a history beside it', async () => {
  const history = join(folder, 'history.jsonl');
  writeFileSync(history, [30, 31].map((max, at) => historyLine(makeRun({ at, counters: { x: max } }))).join(''));
  const flags = ['--kind', 'attack', '--seed', '3', '--history', history];
  const { code, err } = await run(['report', TRACE, '-s', 'fifo', '-o', folder, ...flags]);
  assert.equal(code, 0, err);
  const exact = readExact();
  const page = readFileSync(join(folder, 'report.html'), 'utf8');
  assert.match(page, /<section id="trend"[\s\S]*2 runs: 1 change of exact counters/);
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
  const stored = (name: string): StoredRun => readRunFile(readFileSync(join(folder, name), 'utf8'));
  // A shard that is a study alone is little enough for this process, where the answers are; the evidence is dealt before them.
  const { units } = stored('run.jsonl');
  const count = units.length + studies.length;
  const flags = ['report', TRACE, '-s', 'fifo', '-o', folder, '--studies', '--seed', '3', '--shard'];
  const shards: StoredRun[] = [];
  for (const index of studies.keys()) {
    const { code, err } = await run([...flags, `${index + 2}/${count}`]);
    assert.equal(code, 0, err);
    shards.push(stored(`run-${index + 2}-of-${count}.jsonl`));
  }
  const ids = studies.map(({ id }) => id);
  assert.deepEqual(asked.sort(), ids.map((id): [string, number] => [id, 3]).sort());
  // What else such a report has is what the one above has.
  const [{ header }] = shards;
  const finished = inOrder(header.plan, [...units, ...shards.flatMap((shard) => shard.units)]);
  assert.equal(finished.length, header.plan.units.length);
  const whole = join(folder, 'with-studies.jsonl');
  writeFileSync(
    whole,
    headerLine(createHeader(header.plan, WHOLE, header.machines)) + finished.map((unit) => unitLine(unit)).join(''),
  );
  const { code, err } = await run(['report', whole, '-o', folder]);
  assert.equal(code, 0, err);
  const exact = readExact();
  assert.deepEqual(
    exact.studies.map(({ id }) => id),
    ids,
  );
  assert.match(exact.command, / --studies --seed 3$/);
});
