/** Folders that exist while something is done. */
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { abortOnSignal } from './outputs.js';
import type { Terminal } from './terminal.js';

/**
 * A new folder for the time of `work`: it is gone afterwards, also after a failure or Ctrl-C, which aborts `signal` first, so
 * that the processes it was given to end.
 */
export async function withScratch<T>(
  name: string,
  terminal: Terminal,
  work: (folder: string, signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const folder = mkdtempSync(join(tmpdir(), `${name}-`));
  const abort = new AbortController();
  const disarm = abortOnSignal(terminal, () => {
    abort.abort();
    removeFromUnder(folder);
  });
  try {
    return await work(folder, abort.signal);
  } finally {
    disarm();
    rmSync(folder, { recursive: true, force: true });
  }
}

const REMOVALS = 10;
const PAUSE_MS = 50;

/** Removes the folder of processes that were just killed and may still end a write. */
function removeFromUnder(folder: string): void {
  for (let round = 0; round < REMOVALS; round++) {
    try {
      rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
    } catch (error) {
      // Something was written while it was emptied; it is tried again, and the last time let be: the program ends now.
      if ((error as NodeJS.ErrnoException).code !== 'ENOTEMPTY') throw error;
    }
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, PAUSE_MS);
    if (!existsSync(folder)) return;
  }
}
