/** Where the units of a run are done: in this process, or side by side in several others that may be killed. */
import { setImmediate } from 'node:timers/promises';
import { Tinypool } from 'tinypool';
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

/** One worker process, replaced when it has died. */
interface Slot {
  /** Rejects when the process dies. */
  run(job: Job): Promise<Answer>;
  close(): void;
}

/**
 * Each slot is a pool of one with one unit at a time: who dies takes that unit along and no other, and a process that died
 * before it was ready leaves nothing waiting for it.
 */
function createSlot(): Slot {
  let pool: Tinypool | undefined;
  function close(): void {
    // It may wait for the end of a process that has ended before.
    pool?.destroy().catch(() => {});
    pool = undefined;
  }
  function start(): Tinypool {
    const started = new Tinypool({
      filename: new URL('./unit-worker.js', import.meta.url).href,
      runtime: 'child_process',
      minThreads: 1,
      maxThreads: 1,
      // Structured clones: no detour over JSON.
      serialization: 'advanced',
    });
    started.on('error', () => {
      if (pool === started) close();
    });
    return started;
  }
  return {
    close,
    async run(job) {
      pool ??= start();
      const used = pool;
      let fail: ((error: Error) => void) | undefined;
      const died = new Promise<never>((_resolve, reject) => {
        fail = reject;
        used.once('error', reject);
      });
      try {
        return await Promise.race([used.run(job) as Promise<Answer>, died]);
      } catch (error) {
        if (pool === used) close();
        throw error;
      } finally {
        used.off('error', fail!);
      }
    },
  };
}

const ATTEMPTS = 2;

/** `onDeath`: a process died; its unit is tried once more or is lost. */
export function createUnitPool(processes: number, onDeath: (job: Job, willRetry: boolean) => void): UnitPool {
  const slots = Array.from({ length: processes }, createSlot);
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
