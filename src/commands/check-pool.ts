/** Where the cells of `check` run: in this process, or in several others. For counters only, which no neighbour changes. */
import { Tinypool } from 'tinypool';
import { type CheckAnswer, type CheckJob, runCheckJob } from './check-jobs.js';

/** Answers in the order of the jobs, whichever process was done first. `onDone` is told how many are. */
export async function runCheckJobs(
  jobs: readonly CheckJob[],
  processes: number,
  onDone: (done: number) => void,
): Promise<CheckAnswer[]> {
  const answers = new Array<CheckAnswer>(jobs.length);
  let done = 0;
  const order = jobs.map((_, at) => at).sort((a, b) => jobs[b].weight - jobs[a].weight);
  const keep = async (at: number, running: Promise<CheckAnswer>): Promise<void> => {
    answers[at] = await running;
    onDone(++done);
  };
  if (processes === 1 || jobs.length < 2) {
    for (const at of order) await keep(at, runCheckJob(jobs[at]));
    return answers;
  }
  const pool = new Tinypool({
    filename: new URL('./check-worker.js', import.meta.url).href,
    runtime: 'child_process',
    minThreads: Math.min(processes, jobs.length),
    maxThreads: Math.min(processes, jobs.length),
    // Structured clones: no detour over JSON.
    serialization: 'advanced',
  });
  try {
    await Promise.all(order.map((at) => keep(at, answerOf(pool, jobs[at]))));
  } finally {
    await pool.destroy();
  }
  return answers;
}

/** A process that dies takes its job with it, and no other. */
async function answerOf(pool: Tinypool, job: CheckJob): Promise<CheckAnswer> {
  try {
    return (await pool.run(job)) as CheckAnswer;
  } catch (error) {
    const message = `the process ended before it answered (${error instanceof Error ? error.message : String(error)})`;
    return { cells: [], curves: [], broken: [], failure: { message, exitCode: null } };
  }
}
