/** A worker process of `attack`: runs jobs, one after another. */
import { createJobRunner, type Job } from '../attack/job.js';
import type { WorkerAnswer } from './attack-pool.js';
import { startCpuClock } from './cpu-time.js';

// Ctrl-C reaches all processes of a terminal; the main one saves the search and ends.
process.on('SIGINT', () => {});

const runJob = createJobRunner();

export default function answer(job: Job): WorkerAnswer {
  const cpuSeconds = startCpuClock();
  const result = runJob(job);
  return { result, cpuSeconds: cpuSeconds() };
}
