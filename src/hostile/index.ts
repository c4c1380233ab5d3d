/** Workloads and attacks under one name space: what the command line and the benchmarks choose from. */
import { chooseWorkload, workloadNamed } from '../workload/index.js';
import { ATTACK_FAMILY, type ChosenWorkload, findWorkload, parseWorkload } from '../workload/spec.js';
import type { Workload } from '../workload/workload.js';
import { hostileWorkloads } from './catalogue/index.js';

export { hostileWorkloads, type Unmodelled, unmodelled } from './catalogue/index.js';
export { type HostileProgram, type HostileWorkload, isProgram } from './hostile-workload.js';
export { HOSTILE_RECORDINGS, type HostileRecording } from './recordings.js';

const isAttack = (spec: string): boolean => spec.startsWith(ATTACK_FAMILY);

/** As workloadNamed, attacks included. */
export const guestNamed = (id: string): Workload =>
  isAttack(id) ? findWorkload(id, hostileWorkloads) : workloadNamed(id);

/** As chooseWorkload, attacks included: `attack:never-ack:n=960,rounds=8`. */
export const chooseGuest = (
  spec: string,
  options?: readonly (readonly [name: string, text: string])[],
): ChosenWorkload => (isAttack(spec) ? parseWorkload(spec, hostileWorkloads, options) : chooseWorkload(spec, options));
