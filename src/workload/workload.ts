/** What a synthetic workload is: a seeded generator of events for one machine. One file each, listed in index.ts. */
import { UsageError } from '../base/errors.js';
import type { Machine } from '../gic/intid.js';
import type { EventSink } from '../trace/events.js';

export interface WorkloadParam {
  readonly name: string;
  readonly summary: string;
  readonly default: number;
  readonly min: number;
  readonly max: number;
}

/** Values by parameter name, complete and in range: made by resolveParams. */
export type WorkloadParams = Readonly<Record<string, number>>;

export interface Workload {
  readonly id: string;
  /** One sentence: what it shows. */
  readonly summary: string;
  readonly params: readonly WorkloadParam[];
  machine(params: WorkloadParams): Machine;
  /**
   * Writes about `params.events` events: generation stops at the first moment after that number when no vCPU is in
   * the guest. The same parameters give the same events everywhere.
   */
  generate(params: WorkloadParams, sink: EventSink): void;
}

/** The parameters every workload has. */
export function commonParams(events: number): WorkloadParam[] {
  return [
    { name: 'events', summary: 'number of events, about', default: events, min: 1, max: 2_000_000_000 },
    { name: 'seed', summary: 'seed of the generator', default: 1, min: 0, max: 0xffff_ffff },
  ];
}

/** The given values over the defaults. Throws UsageError for an unknown name or a value out of range. */
export function resolveParams(workload: Workload, given: WorkloadParams): WorkloadParams {
  const resolved: Record<string, number> = {};
  for (const param of workload.params) resolved[param.name] = param.default;
  for (const [name, value] of Object.entries(given)) {
    const param = workload.params.find((candidate) => candidate.name === name);
    if (!param) {
      const known = workload.params.map((candidate) => candidate.name).join(', ');
      throw new UsageError(`workload ${workload.id} has no parameter '${name}'; it has: ${known}`);
    }
    if (!Number.isInteger(value) || value < param.min || value > param.max) {
      throw new UsageError(
        `workload ${workload.id}: ${name} = ${value} is not an integer in ${param.min}..${param.max}`,
      );
    }
    resolved[name] = value;
  }
  return resolved;
}

/** A GICv3 machine whose distributor is on from the start and whose guest masks nothing. */
export function synthesizeMachine(nrVcpus: number, nrSpis: number, nrLr: number, nrLpis: number): Machine {
  return {
    flavour: 'kvm-6.1',
    model: 'gicv3',
    nrVcpus,
    nrSpis,
    nrLpis,
    nrLr,
    distEnabledAtStart: true,
    pmrAtStart: 0xf8,
  };
}
