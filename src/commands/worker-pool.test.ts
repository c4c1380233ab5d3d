import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import type { MortalJob } from './test-mortal-worker.js';
import { createWorkerPool, type Outcome } from './worker-pool.js';

const folder = mkdtempSync(join(tmpdir(), 'vgic-replay-'));
after(() => rmSync(folder, { recursive: true }));

const script = new URL('./test-mortal-worker.js', import.meta.url);

test('a process that is killed costs one try of its job; one that kills each time loses its own alone', async () => {
  const deaths: [number, boolean][] = [];
  const pool = createWorkerPool<MortalJob, number>(script, 2, ({ value }, willRetry) =>
    deaths.push([value, willRetry]),
  );
  const jobs: MortalJob[] = [
    { value: 1 },
    { value: 2, dies: join(folder, 'once') },
    { value: 3, dies: 'always' },
    { value: 4 },
    { value: 5 },
  ];
  const outcomes: Outcome<number>[] = [];
  await pool.run(jobs, (_job, outcome, at) => {
    outcomes[at] = outcome;
  });
  const answers = outcomes.map((outcome) => ('lost' in outcome ? 'lost' : outcome.answer));
  assert.deepEqual(answers, [1, 4, 'lost', 16, 25]);
  assert.deepEqual(
    deaths.sort(([a], [b]) => a - b),
    [
      [2, true],
      [3, true],
      [3, false],
    ],
  );
  // The same processes, or new ones in their place, take the next jobs.
  const more: number[] = [];
  await pool.run([{ value: 7 }], (_job, outcome) => more.push('lost' in outcome ? -1 : outcome.answer));
  assert.deepEqual(more, [49]);
  pool.close();
});

test('no jobs are done at once', async () => {
  const pool = createWorkerPool<MortalJob, number>(script, 3);
  await pool.run([], () => assert.fail('there was none'));
  pool.close();
});
