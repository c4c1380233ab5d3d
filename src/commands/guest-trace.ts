/** The trace of a workload or hostile guest, from its first event to its last. */
import { guestNamed } from '../hostile/index.js';
import type { ByteTarget } from '../trace/source.js';
import { createTraceWriter } from '../trace/writer.js';
import { workloadHeader } from '../workload/index.js';
import type { WorkloadParams } from '../workload/workload.js';

export interface Guest {
  readonly workload: string;
  /** Complete. */
  readonly params: WorkloadParams;
  /** Of the program. */
  readonly version: string;
}

/** Returns the number of events. */
export function writeGuest({ workload: id, params, version }: Guest, target: ByteTarget): number {
  const workload = guestNamed(id);
  // Nothing is added to the header at the end, so no room is kept for it.
  const writer = createTraceWriter(target, workloadHeader(workload, params, version), { reserve: 0 });
  workload.generate(params, writer);
  writer.finish();
  return writer.events;
}
