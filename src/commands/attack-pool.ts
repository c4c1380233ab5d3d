/** Where the jobs of `attack` run: in this process, or in several others. */
import { setImmediate } from 'node:timers/promises';
import { createJobRunner, type Job, type JobResult } from '../attack/job.js';
import { EXIT_INTERNAL, UserError } from '../base/errors.js';
import { startCpuClock } from './cpu-time.js';
import { createWorkerPool } from './worker-pool.js';

export interface JobPool {
  /** Results in the order of the jobs. */
  run(jobs: readonly Job[]): Promise<JobResult[]>;
  /** CPU time of all jobs so far, in all threads of their processes. */
  cpuSeconds(): number;
  close(): void;
}

/** One process: this one, which answers Ctrl-C between two jobs. */
function createOwnPool(): JobPool {
  const runJob = createJobRunner();
  return {
    cpuSeconds: startCpuClock(),
    async run(jobs) {
      const results: JobResult[] = [];
      for (const job of jobs) {
        results.push(runJob(job));
        await setImmediate();
      }
      return results;
    },
    close() {},
  };
}

/** What a worker process answers. */
export interface WorkerAnswer {
  readonly result: JobResult;
  readonly cpuSeconds: number;
}

export function createJobPool(processes: number): JobPool {
  if (processes === 1) return createOwnPool();
  const pool = createWorkerPool<Job, WorkerAnswer>(new URL('./attack-worker.js', import.meta.url), processes);
  let cpuSeconds = 0;
  return {
    async run(jobs) {
      const results = new Array<JobResult>(jobs.length);
      await pool.run(jobs, (_job, outcome, at) => {
        if ('lost' in outcome)
          throw new UserError(
            `a worker process of the search ended before it answered, twice (${outcome.lost}); give fewer --jobs`,
            EXIT_INTERNAL,
          );
        cpuSeconds += outcome.answer.cpuSeconds;
        results[at] = outcome.answer.result;
      });
      return results;
    },
    cpuSeconds: () => cpuSeconds,
    close: pool.close,
  };
}
