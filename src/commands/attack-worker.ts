/** A worker process of `attack`: runs jobs, one after another. */
import { createJobRunner, type Job } from '../attack/job.js';
import type { WorkerAnswer } from './attack-pool.js';
import { startCpuClock } from './cpu-time.js';
import { loadTargets } from './strategy-files.js';

// Ctrl-C reaches all processes of a terminal; the main one saves the search and ends.
process.on('SIGINT', () => {});

const runJob = createJobRunner();

export default async function answer(job: Job): Promise<WorkerAnswer> {
  await loadTargets(job.targets);
  const cpuSeconds = startCpuClock();
  const result = runJob(job);
  return { result, cpuSeconds: cpuSeconds() };
}
