/** What a synthetic workload is: a seeded generator of events for one machine. One file each, listed in index.ts. */
import { UsageError } from '../base/errors.js';
import { findSimilar } from '../base/similar.js';
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
  /** The shipped recording (traces/recorded/*.vgt) whose rates it has; workload.test.ts compares. */
  readonly imitates?: string;
  /**
   * Systems beside the GIC core that its events are for (replay/systems.ts). They raise interrupts themselves, so the
   * generated guest takes whatever is there (GUEST_DRAIN) instead of acknowledging by number.
   */
  readonly systems?: readonly ('timer' | 'doorbell' | 'its')[];
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

/** The value of one parameter. Throws UsageError for an unknown name or anything but a whole number in its range. */
export function parseParam(workload: Workload, name: string, text: string): number {
  const param = workload.params.find((candidate) => candidate.name === name);
  if (!param) {
    const names = workload.params.map((candidate) => candidate.name);
    const similar = findSimilar(name, names);
    const guess = similar === undefined ? '' : ` (Did you mean ${similar}?)`;
    throw new UsageError(`workload '${workload.id}' has no parameter '${name}'${guess}; it has: ${names.join(', ')}`);
  }
  const value = /^-?\d+$/.test(text) ? Number(text) : Number.NaN;
  if (value >= param.min && value <= param.max) return value;
  throw new UsageError(
    `workload '${workload.id}': ${name} must be a whole number from ${param.min} to ${param.max}, not '${text}'`,
  );
}

/** The given values over the defaults. Throws UsageError for an unknown name or a value out of range. */
export function resolveParams(workload: Workload, given: WorkloadParams): WorkloadParams {
  const resolved: Record<string, number> = {};
  for (const param of workload.params) resolved[param.name] = param.default;
  for (const [name, value] of Object.entries(given)) resolved[name] = parseParam(workload, name, String(value));
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
