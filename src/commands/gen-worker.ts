/**
 * The thread of `gen` that makes the trace. It hands the bytes to the main thread, which writes them and is free to answer
 * Ctrl-C: a generator runs from its first event to its last without a pause for signals.
 */
import assert from 'node:assert/strict';
import { parentPort, workerData } from 'node:worker_threads';
import { type Guest, writeGuest } from './guest-trace.js';

export interface GenWork extends Guest {
  /** Name of the target in errors. */
  readonly name: string;
  /** One shared number: parts that the main thread has written. */
  readonly written: Int32Array;
}

/** `position` null: append. Without bytes: the end, with the number of events. */
export type GenPart =
  | { readonly bytes: Uint8Array<ArrayBuffer>; readonly position: number | null }
  | { readonly events: number };

/** Parts on their way, at most. */
const MAX_PARTS = 16;

function generate(work: GenWork, post: (part: GenPart) => void): void {
  const { name, written } = work;
  let sent = 0;
  function hand(bytes: Uint8Array, position: number | null): void {
    for (let done = Atomics.load(written, 0); sent - done >= MAX_PARTS; done = Atomics.load(written, 0))
      Atomics.wait(written, 0, done);
    post({ bytes: Uint8Array.from(bytes), position });
    sent += 1;
  }
  const target = {
    name,
    write: (bytes: Uint8Array) => hand(bytes, null),
    writeAt: (position: number, bytes: Uint8Array) => hand(bytes, position),
  };
  post({ events: writeGuest(work, target) });
}

assert(parentPort !== null, 'a thread of gen');
const port = parentPort;
generate(workerData as GenWork, (part) => port.postMessage(part, 'bytes' in part ? [part.bytes.buffer] : []));
