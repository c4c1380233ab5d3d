/** The list of workloads: command line, benchmarks and tests iterate it. */
import { UsageError } from '../base/errors.js';
import type { EventBlock } from '../trace/events.js';
import { noImportCounts, type TraceHeader } from '../trace/header.js';
import { createColumnSink } from './column-sink.js';
import { deep, flood } from './deep.js';
import { lpi } from './lpi.js';
import { periodic } from './periodic.js';
import { standing } from './standing.js';
import { typical } from './typical.js';
import { resolveParams, type Workload, type WorkloadParams } from './workload.js';

export const workloads: readonly Workload[] = [typical, periodic, standing, deep, flood, lpi];

/** The workload of that id. Throws UsageError and names the others. */
export function workloadNamed(id: string): Workload {
  const found = workloads.find((workload) => workload.id === id);
  if (found) return found;
  throw new UsageError(`unknown workload '${id}'; one of: ${workloads.map((workload) => workload.id).join(', ')}`);
}

/** The header of a trace that `workload` generates; `params` complete (resolveParams). */
export function workloadHeader(workload: Workload, params: WorkloadParams, version: string): TraceHeader {
  const given = workload.params.map(({ name }) => `${name}=${params[name]}`).join(' ');
  return {
    machine: workload.machine(params),
    fidelity: 0,
    name: workload.id,
    title: `Synthetic: ${workload.summary}`,
    tickNs: 1000,
    clock: 'none',
    provenance: {
      tool: 'vgic-replay workload',
      kernel: '',
      when: '',
      how: `${workload.id} ${given}`,
      licence: 'Apache-2.0',
      sourceSha256: '',
    },
    importer: { name: 'workload', version },
    guestAccesses: 'events',
    counts: noImportCounts(),
    gaps: [],
  };
}

/** The whole workload as one block in memory (12 bytes an event). */
export function generateColumns(workload: Workload, given: WorkloadParams): EventBlock {
  const sink = createColumnSink();
  workload.generate(resolveParams(workload, given), sink);
  return sink.block;
}
