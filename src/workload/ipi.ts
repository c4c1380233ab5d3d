import type { EventSink } from '../trace/events.js';
import { type GuestProfile, linuxMachine, linuxParams, runLinuxGuest } from './linux-guest.js';
import type { Workload, WorkloadParams } from './workload.js';

/** Rates of traces/recorded/ipi-4.vgt between its first and last third, cyclictest and ipistress on four vCPUs. */
const PROFILE: GuestProfile = {
  tick: 2200,
  run: 1500,
  host: 900,
  user: 1500,
  waits: 27,
  users: 6,
  sgis: 36,
  split: 15,
};

/** Threads on different vCPUs wake each other. */
export const ipi: Workload = {
  id: 'ipi',
  summary: 'Linux guest whose vCPUs wake each other: an SGI at every third exit, timer ticks beside them',
  imitates: 'ipi-4',
  params: linuxParams(1_000_000, 4),
  machine: (params) => linuxMachine(params),
  generate(params: WorkloadParams, sink: EventSink): void {
    runLinuxGuest(ipi.machine(params), params, PROFILE, { start: () => {} }, sink);
  },
};
