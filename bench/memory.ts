/**
 * Memory of a long replay: the events stream from a file through one block, so neither the heap nor the resident set may
 * depend on their number, and the collector has no reason to run between the first event and the last.
 */
import { spawnSync } from 'node:child_process';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { workloadNamed } from '../src/workload/index.js';
import { resolveParams } from '../src/workload/workload.js';
import { writeWorkloadFile } from './trace-file.js';

const CELL = fileURLToPath(new URL('./memory-cell.js', import.meta.url));

export interface MemoryResult {
  readonly events: number;
  readonly fileBytes: number;
  /** Resident set of the process after the last event, in bytes. */
  readonly rss: number;
  /** Growth of the JavaScript heap over the loop, in bytes. */
  readonly heapGrowth: number;
  readonly nsPerEvent: number;
  /** Collections of any kind that --trace-gc printed for the time of the loop, and for the whole process. */
  readonly collectionsInLoop: number;
  readonly collections: number;
  readonly traceGc: readonly string[];
}

/** What memory-cell.ts prints. Times in milliseconds since the process began. */
export interface MemoryReport {
  readonly events: number;
  readonly loopStart: number;
  readonly loopEnd: number;
  readonly rss: number;
  readonly heapGrowth: number;
}

const GC_LINE = /^\[\d+:0x[0-9a-f]+\]\s+(\d+) ms: /;

/** Writes a trace of about `events` typical events into `dir`, replays it once in a fresh process, removes it. */
export function measureMemory(events: number, dir: string): MemoryResult {
  const file = join(dir, 'memory.vgt');
  const workload = workloadNamed('typical');
  const fileBytes = writeWorkloadFile(file, workload, resolveParams(workload, { events }));
  const run = spawnSync(process.execPath, ['--conditions=plain', '--trace-gc', CELL, file], { encoding: 'utf8' });
  rmSync(file);
  if (run.status !== 0) throw new Error(`memory cell failed: ${run.stderr}`);
  const lines = run.stdout.trimEnd().split('\n');
  const report = JSON.parse(lines.find((line) => line.startsWith('{')) ?? '') as MemoryReport;
  const traceGc = lines.filter((line) => GC_LINE.test(line));
  const isInLoop = (line: string): boolean => {
    const ms = Number(GC_LINE.exec(line)?.[1]);
    return ms >= report.loopStart && ms <= report.loopEnd;
  };
  return {
    events: report.events,
    fileBytes,
    rss: report.rss,
    heapGrowth: report.heapGrowth,
    nsPerEvent: ((report.loopEnd - report.loopStart) * 1e6) / report.events,
    collectionsInLoop: traceGc.filter(isInLoop).length,
    collections: traceGc.length,
    traceGc,
  };
}
