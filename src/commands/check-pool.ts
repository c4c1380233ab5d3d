/** Where the cells of `check` run: in this process, or in several others. For counters only, which no neighbour changes. */
import { type CheckAnswer, type CheckJob, runCheckJob } from './check-jobs.js';
import { createWorkerPool } from './worker-pool.js';

/** Answers in the order of the jobs, whichever process was done first. `onDone` is told how many are. */
export async function runCheckJobs(
  jobs: readonly CheckJob[],
  processes: number,
  onDone: (done: number) => void,
): Promise<CheckAnswer[]> {
  const answers = new Array<CheckAnswer>(jobs.length);
  const order = jobs.map((_, at) => at).sort((a, b) => jobs[b].weight - jobs[a].weight);
  let done = 0;
  if (processes === 1 || jobs.length < 2) {
    for (const at of order) {
      answers[at] = await runCheckJob(jobs[at]);
      onDone(++done);
    }
    return answers;
  }
  const script = new URL('./check-worker.js', import.meta.url);
  const pool = createWorkerPool<CheckJob, CheckAnswer>(script, Math.min(processes, jobs.length));
  try {
    const sorted = order.map((at) => jobs[at]);
    await pool.run(sorted, (_job, outcome, place) => {
      answers[order[place]] = 'lost' in outcome ? lostAnswer(outcome.lost) : outcome.answer;
      onDone(++done);
    });
  } finally {
    pool.close();
  }
  return answers;
}

/** A process that dies twice takes its job with it, and no other. */
const lostAnswer = (why: string): CheckAnswer => ({
  cells: [],
  curves: [],
  broken: [],
  failure: { message: `its process died twice before it answered (${why})`, exitCode: null },
});
