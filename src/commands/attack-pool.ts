/** Where the jobs of `attack` run: in this process, or in several others. */
import { setImmediate } from 'node:timers/promises';
import { Tinypool } from 'tinypool';
import { createJobRunner, type Job, type JobResult } from '../attack/job.js';
import { startCpuClock } from './cpu-time.js';

export interface JobPool {
  /** Results in the order of the jobs. */
  run(jobs: readonly Job[]): Promise<JobResult[]>;
  /** CPU time of all jobs so far, in all threads of their processes. */
  cpuSeconds(): number;
  close(): Promise<void>;
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
    async close() {},
  };
}

/** What a worker process answers. */
export interface WorkerAnswer {
  readonly result: JobResult;
  readonly cpuSeconds: number;
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
  let cpuSeconds = 0;
  return {
    async run(jobs) {
      const answers = await Promise.all(jobs.map((job): Promise<WorkerAnswer> => pool.run(job)));
      for (const answer of answers) cpuSeconds += answer.cpuSeconds;
      return answers.map(({ result }) => result);
    },
    cpuSeconds: () => cpuSeconds,
    close: () => pool.destroy(),
  };
}
