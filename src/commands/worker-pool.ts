/**
 * Jobs side by side in worker processes that may be killed: who dies takes one job along, which another process tries once
 * more. Each process is a Tinypool of one with one job at a time: a larger pool waits for ever for a process that was killed
 * before it was ready.
 */
import { Tinypool } from 'tinypool';

/** What became of a job; `lost`: the process that ran it died, twice. */
export type Outcome<Answer> = { readonly answer: Answer } | { readonly lost: string };

export interface WorkerPool<Job, Answer> {
  /**
   * Begins the jobs in their order and tells of each when it is done; may be called again when it has ended. Rejects if `onDone`
   * throws; the processes then stay until `close`.
   */
  run(jobs: readonly Job[], onDone: (job: Job, outcome: Outcome<Answer>, at: number) => void): Promise<void>;
  /** Ends the processes; of what they are at nothing is told any more. */
  close(): void;
}

/** One worker process, replaced when it has died. */
interface Slot<Job, Answer> {
  /** Rejects when the process dies. */
  run(job: Job): Promise<Answer>;
  close(): void;
}

function createSlot<Job, Answer>(script: URL): Slot<Job, Answer> {
  let pool: Tinypool | undefined;
  function close(): void {
    // It may wait for the end of a process that has ended before.
    pool?.destroy().catch(() => {});
    pool = undefined;
  }
  function start(): Tinypool {
    const started = new Tinypool({
      filename: script.href,
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

/** `script` exports the function of a job as its default; `onDeath`: a process died, its job is tried once more or is lost. */
export function createWorkerPool<Job, Answer>(
  script: URL,
  processes: number,
  onDeath: (job: Job, willRetry: boolean) => void = () => {},
): WorkerPool<Job, Answer> {
  const slots = Array.from({ length: processes }, () => createSlot<Job, Answer>(script));
  let isClosed = false;
  async function attempt(slot: Slot<Job, Answer>, job: Job): Promise<Outcome<Answer>> {
    for (let attempt = 1; ; attempt++) {
      try {
        return { answer: await slot.run(job) };
      } catch (error) {
        const { message } = error as Error;
        if (isClosed) return { lost: message };
        onDeath(job, attempt < ATTEMPTS);
        if (attempt === ATTEMPTS) return { lost: message };
      }
    }
  }
  return {
    close() {
      isClosed = true;
      for (const slot of slots) slot.close();
    },
    async run(jobs, onDone) {
      let next = 0;
      const work = async (slot: Slot<Job, Answer>): Promise<void> => {
        while (next < jobs.length) {
          const at = next++;
          const outcome = await attempt(slot, jobs[at]);
          if (isClosed) return;
          onDone(jobs[at], outcome, at);
        }
      };
      await Promise.all(slots.slice(0, jobs.length).map(work));
    },
  };
}
