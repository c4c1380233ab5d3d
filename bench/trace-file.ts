/** Writes events in memory as a trace file, and says how long it got. */
import { closeSync, openSync, writeSync } from 'node:fs';
import { gzipSync } from 'node:zlib';
import { type EventBlock, wordIntid, wordKind, wordVcpu } from '../src/trace/events.js';
import { type ByteTarget, createMemoryTarget } from '../src/trace/source.js';
import { createTraceWriter, type TraceWriterOptions } from '../src/trace/writer.js';
import type { Input } from './inputs.js';

function fileTarget(path: string, fd: number): ByteTarget {
  return {
    name: path,
    write(bytes) {
      for (let done = 0; done < bytes.length; ) done += writeSync(fd, bytes, done, bytes.length - done);
    },
    writeAt(position, bytes) {
      for (let done = 0; done < bytes.length; ) {
        done += writeSync(fd, bytes, done, bytes.length - done, position + done);
      }
    },
  };
}

function writeBlock(target: ByteTarget, { header, block }: Input, copies: number, options: TraceWriterOptions): number {
  const writer = createTraceWriter(target, header, options);
  for (let copy = 0; copy < copies; copy++) writeEvents(writer, block);
  return writer.finish();
}

function writeEvents(writer: ReturnType<typeof createTraceWriter>, block: EventBlock): void {
  const { word, value, dt, count } = block;
  for (let event = 0; event < count; event++) {
    const packed = word[event];
    writer.event(wordKind(packed), wordVcpu(packed), wordIntid(packed), value[event], dt[event] >>> 0);
  }
}

/** Writes the events `copies` times one after another; returns the size in bytes. */
export function writeTraceFile(path: string, input: Input, options: TraceWriterOptions = {}, copies = 1): number {
  const fd = openSync(path, 'w');
  try {
    return writeBlock(fileTarget(path, fd), input, copies, options);
  } finally {
    closeSync(fd);
  }
}

export interface TraceSizes {
  readonly events: number;
  /** Bytes an event. */
  readonly plain: number;
  readonly smallest: number;
  readonly gzip: number;
}

/** Exact sizes: the same on every machine (gzip: with the same zlib). */
export function measureSizes(input: Input): TraceSizes {
  const bytesOf = (form: 'plain' | 'smallest'): Uint8Array => {
    const target = createMemoryTarget();
    writeBlock(target, input, 1, { form });
    return target.bytes();
  };
  const events = input.block.count;
  const smallest = bytesOf('smallest');
  return {
    events,
    plain: bytesOf('plain').length / events,
    smallest: smallest.length / events,
    gzip: gzipSync(smallest, { level: 6 }).length / events,
  };
}
