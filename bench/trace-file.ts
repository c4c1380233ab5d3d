/** Writes events in memory as a trace file, and says how long it got. */
import { closeSync, openSync, writeSync } from 'node:fs';
import { gzipSync } from 'node:zlib';
import { wordIntid, wordKind, wordVcpu } from '../src/trace/events.js';
import { type ByteTarget, createMemoryTarget } from '../src/trace/source.js';
import { createTraceWriter, type TraceWriterOptions } from '../src/trace/writer.js';
import { workloadHeader } from '../src/workload/index.js';
import type { Workload, WorkloadParams } from '../src/workload/workload.js';
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

function writeInput(target: ByteTarget, { header, block }: Input, options: TraceWriterOptions): void {
  const writer = createTraceWriter(target, header, options);
  const { word, value, dt, count } = block;
  for (let event = 0; event < count; event++) {
    const packed = word[event];
    writer.event(wordKind(packed), wordVcpu(packed), wordIntid(packed), value[event], dt[event] >>> 0);
  }
  writer.finish();
}

function withFile<T>(path: string, use: (target: ByteTarget) => T): T {
  const fd = openSync(path, 'w');
  try {
    return use(fileTarget(path, fd));
  } finally {
    closeSync(fd);
  }
}

export function writeTraceFile(path: string, input: Input, options: TraceWriterOptions): void {
  withFile(path, (target) => writeInput(target, input, options));
}

/** Writes a workload as it is generated, in constant memory; returns the size in bytes. */
export function writeWorkloadFile(path: string, workload: Workload, params: WorkloadParams): number {
  return withFile(path, (target) => {
    const writer = createTraceWriter(target, workloadHeader(workload, params, '0'));
    workload.generate(params, writer);
    return writer.finish();
  });
}

/** The trace file in memory. */
export function encodeTrace(input: Input, options: TraceWriterOptions): Uint8Array {
  const target = createMemoryTarget();
  writeInput(target, input, options);
  return target.bytes();
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
  const events = input.block.count;
  const smallest = encodeTrace(input, { form: 'smallest' });
  return {
    events,
    plain: encodeTrace(input, { form: 'plain' }).length / events,
    smallest: smallest.length / events,
    gzip: gzipSync(smallest, { level: 6 }).length / events,
  };
}
