/** Test support: the bytes of a workload's trace. */
import { createHash } from 'node:crypto';
import { createMemoryTarget } from '../trace/source.js';
import { createTraceWriter } from '../trace/writer.js';
import { workloadHeader } from './index.js';
import { resolveParams, type Workload, type WorkloadParams } from './workload.js';

/** `version`: of the tool that the header names. */
export function writeTrace(workload: Workload, given: WorkloadParams, version = '0'): Uint8Array {
  const params = resolveParams(workload, given);
  const target = createMemoryTarget(`${workload.id}.vgt`);
  const writer = createTraceWriter(target, workloadHeader(workload, params, version), { reserve: 0 });
  workload.generate(params, writer);
  writer.finish();
  return target.bytes();
}

export const digest = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex').slice(0, 16);
