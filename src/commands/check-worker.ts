/** A worker process of `check`: runs jobs, one after another. */
import { type CheckAnswer, type CheckJob, runCheckJob } from './check-jobs.js';

// Ctrl-C reaches all processes of a terminal; the main one ends them.
process.on('SIGINT', () => {});
// Without the main process nobody wants the answers.
process.on('disconnect', () => process.exit());

export default function answer(job: CheckJob): Promise<CheckAnswer> {
  return runCheckJob(job);
}
