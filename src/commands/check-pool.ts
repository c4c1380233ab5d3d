/** Where the cells of `check` run: in this process, or in several others. For counters only, which no neighbour changes. */
import { type CheckAnswer, type CheckJob, runCheckJob } from './check-jobs.js';
import { createWorkerSlot, type WorkerSlot } from './worker-slot.js';

type Slot = WorkerSlot<CheckJob, CheckAnswer>;

const WORKER = new URL('./check-worker.js', import.meta.url);

/** Answers in the order of the jobs, whichever process was done first. `onDone` is told how many are. */
export async function runCheckJobs(
  jobs: readonly CheckJob[],
  processes: number,
  onDone: (done: number) => void,
): Promise<CheckAnswer[]> {
  const answers = new Array<CheckAnswer>(jobs.length);
  let done = 0;
  const waiting = jobs.map((_, at) => at).sort((a, b) => jobs[b].weight - jobs[a].weight);
  const work = async (run: (job: CheckJob) => Promise<CheckAnswer>): Promise<void> => {
    for (let at = waiting.shift(); at !== undefined; at = waiting.shift()) {
      answers[at] = await run(jobs[at]);
      onDone(++done);
    }
  };
  if (processes === 1 || jobs.length < 2) {
    await work(runCheckJob);
    return answers;
  }
  const slots = Array.from({ length: Math.min(processes, jobs.length) }, (): Slot => createWorkerSlot(WORKER));
  try {
    await Promise.all(slots.map((slot) => work((job) => answerOf(slot, job))));
  } finally {
    for (const slot of slots) slot.close();
  }
  return answers;
}

const ATTEMPTS = 2;

/** A process that dies, twice, takes its job with it, and no other: it may have been killed for want of memory. */
async function answerOf(slot: Slot, job: CheckJob): Promise<CheckAnswer> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await slot.run(job);
    } catch (error) {
      if (attempt < ATTEMPTS) continue;
      const why = error instanceof Error ? error.message : String(error);
      const message = `its process died twice before it answered (${why})`;
      return { cells: [], curves: [], broken: [], failure: { message, exitCode: null } };
    }
  }
}
