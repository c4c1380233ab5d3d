/** Where the units of a run are done: in this process, or side by side in several others that may be killed. */
import { setImmediate } from 'node:timers/promises';
import type { OpenInput } from './inputs.js';
import { type Answer, createUnitRunner, type Job } from './unit-runner.js';

/** What became of a unit; `lost`: the process that ran it died, twice. */
export type Outcome = Answer | { readonly lost: string };

export interface UnitPool {
  /** Begins the jobs in their order and tells of each when it is done. Rejects if `onDone` throws. */
  run(jobs: readonly Job[], onDone: (job: Job, outcome: Outcome) => void): Promise<void>;
  close(): void;
}

/** One process: this one, which answers signals between two units. */
export function createOwnPool(kept: ReadonlyMap<string, OpenInput>, say?: (text: string) => void): UnitPool {
  const runner = createUnitRunner(kept, say);
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
