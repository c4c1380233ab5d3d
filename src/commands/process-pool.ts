/** Units side by side in worker processes that may be killed. */
import type { UnitPool } from './unit-pool.js';
import type { Answer, Job } from './unit-runner.js';
import { createWorkerPool } from './worker-pool.js';

/** `onDeath`: a process died; its unit is tried once more or is lost. */
export function createUnitPool(processes: number, onDeath: (job: Job, willRetry: boolean) => void): UnitPool {
  const pool = createWorkerPool<Job, Answer>(new URL('./unit-worker.js', import.meta.url), processes, onDeath);
  return {
    close: pool.close,
    async run(jobs, onDone) {
      try {
        await pool.run(jobs, (job, outcome) => onDone(job, 'lost' in outcome ? outcome : outcome.answer));
      } finally {
        pool.close();
      }
    },
  };
}
