/** Where the units of a run are done: in this process, or side by side in several others that may be killed. */
import { setImmediate } from 'node:timers/promises';
import type { OpenInput } from './inputs.js';
import { type Answer, createUnitRunner, type Job } from './unit-runner.js';
import { createWorkerSlot, type WorkerSlot } from './worker-slot.js';

/** What became of a unit; `lost`: the process that ran it died, twice. */
export type Outcome = Answer | { readonly lost: string };

export interface UnitPool {
  /** Begins the jobs in their order and tells of each when it is done. Rejects if `onDone` throws. */
  run(jobs: readonly Job[], onDone: (job: Job, outcome: Outcome) => void): Promise<void>;
  close(): void;
}

/** One process: this one, which answers signals between two units. */
export function createOwnPool(kept: ReadonlyMap<string, OpenInput>): UnitPool {
  const runner = createUnitRunner(kept);
  return {
    close: runner.close,
    async run(jobs, onDone) {
      for (const job of jobs) {
        onDone(job, await runner.run(job));
        await setImmediate();
      }
    },
  };
}

type Slot = WorkerSlot<Job, Answer>;

const WORKER = new URL('./unit-worker.js', import.meta.url);
const ATTEMPTS = 2;

/** `onDeath`: a process died; its unit is tried once more or is lost. */
export function createUnitPool(processes: number, onDeath: (job: Job, willRetry: boolean) => void): UnitPool {
  const slots = Array.from({ length: processes }, (): Slot => createWorkerSlot(WORKER));
  let isClosed = false;
  const close = (): void => {
    isClosed = true;
    for (const slot of slots) slot.close();
  };
  async function attempt(slot: Slot, job: Job): Promise<Outcome> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await slot.run(job);
      } catch (error) {
        const { message } = error as Error;
        if (isClosed) return { lost: message };
        onDeath(job, attempt < ATTEMPTS);
        if (attempt === ATTEMPTS) return { lost: message };
      }
    }
  }
  return {
    close,
    async run(jobs, onDone) {
      const waiting = [...jobs];
      const work = async (slot: Slot): Promise<void> => {
        for (let job = waiting.shift(); job !== undefined; job = waiting.shift()) {
          const outcome = await attempt(slot, job);
          if (isClosed) return;
          onDone(job, outcome);
        }
      };
      try {
        await Promise.all(slots.map(work));
      } finally {
        close();
      }
    },
  };
}
