/** One worker process that runs jobs, replaced when it has died: by itself a pool waits forever for the answer of a dead one. */
import { Tinypool } from 'tinypool';

export interface WorkerSlot<Job, Answer> {
  /** Rejects when the process dies. */
  run(job: Job): Promise<Answer>;
  close(): void;
}

/**
 * A pool of one with one job at a time: who dies takes that job along and no other, and a process that died before it was
 * ready leaves nothing waiting for it. `worker`: the module whose default export answers a job.
 */
export function createWorkerSlot<Job, Answer>(worker: URL): WorkerSlot<Job, Answer> {
  let pool: Tinypool | undefined;
  function close(): void {
    // It may wait for the end of a process that has ended before.
    pool?.destroy().catch(() => {});
    pool = undefined;
  }
  function start(): Tinypool {
    const started = new Tinypool({
      filename: worker.href,
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
