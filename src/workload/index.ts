/** The list of workloads: command line, benchmarks and tests iterate it. */
import type { EventBlock } from '../trace/events.js';
import { noImportCounts, type TraceHeader } from '../trace/header.js';
import { backlog } from './backlog.js';
import { createColumnSink } from './column-sink.js';
import { deep, flood } from './deep.js';
import { disk } from './disk.js';
import { doorbell } from './doorbell.js';
import { idle } from './idle.js';
import { ipi } from './ipi.js';
import { itsChurn } from './its-churn.js';
import { lpi } from './lpi.js';
import { lpiStorm } from './lpi-storm.js';
import { mappedLevel } from './mapped-level.js';
import { migrateChurn } from './migrate-churn.js';
import { net } from './net.js';
import { periodic } from './periodic.js';
import { type ChosenWorkload, commandFor, findWorkload, parseWorkload } from './spec.js';
import { standing } from './standing.js';
import { timer } from './timer.js';
import { timerUserspace } from './timer-userspace.js';
import { typical } from './typical.js';
import { resolveParams, type Workload, type WorkloadParams } from './workload.js';

export const workloads: readonly Workload[] = [
  typical,
  periodic,
  standing,
  backlog,
  deep,
  flood,
  lpi,
  idle,
  net,
  disk,
  ipi,
  lpiStorm,
  migrateChurn,
  mappedLevel,
  timer,
  timerUserspace,
  doorbell,
  itsChurn,
];

/** The workload of that id. Throws UsageError and names the others. */
export const workloadNamed = (id: string): Workload => findWorkload(id, workloads);

/** As `parseWorkload` of spec.ts, among all workloads. */
export const chooseWorkload = (
  spec: string,
  options?: readonly (readonly [name: string, text: string])[],
): ChosenWorkload => parseWorkload(spec, workloads, options);

/** The header of a trace that `workload` generates; `params` complete (resolveParams). */
export function workloadHeader(workload: Workload, params: WorkloadParams, version: string): TraceHeader {
  return {
    machine: workload.machine(params),
    fidelity: 0,
    name: workload.id,
    title: `Synthetic: ${workload.summary}`,
    tickNs: 1000,
    clock: 'none',
    provenance: {
      tool: 'vgic-replay gen',
      kernel: '',
      when: '',
      how: commandFor(workload, params),
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
