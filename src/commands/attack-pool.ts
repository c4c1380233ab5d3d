/** Where the jobs of `attack` run: in this process, or in several others. */
import { setImmediate } from 'node:timers/promises';
import { Tinypool } from 'tinypool';
import { createJobRunner, type Job, type JobResult } from '../attack/job.js';

export interface JobPool {
  /** Results in the order of the jobs. */
  run(jobs: readonly Job[]): Promise<JobResult[]>;
  close(): Promise<void>;
}

/** One process: this one, which answers Ctrl-C between two jobs. */
function createOwnPool(): JobPool {
  const runJob = createJobRunner();
  return {
    async run(jobs) {
      const results: JobResult[] = [];
      for (const job of jobs) {
        results.push(runJob(job));
        await setImmediate();
      }
      return results;
    },
    async close() {},
  };
}

export function createJobPool(processes: number): JobPool {
  if (processes === 1) return createOwnPool();
  const pool = new Tinypool({
    filename: new URL('./attack-worker.js', import.meta.url).href,
    runtime: 'child_process',
    minThreads: processes,
    maxThreads: processes,
    // Structured clones: no detour over JSON.
    serialization: 'advanced',
  });
  return {
    run: (jobs) => Promise.all(jobs.map((job): Promise<JobResult> => pool.run(job))),
    close: () => pool.destroy(),
  };
}
