import type { EventSink } from '../trace/events.js';
import { type GuestProfile, linuxMachine, linuxParams, runLinuxGuest } from './linux-guest.js';
import type { Workload, WorkloadParams } from './workload.js';

/**
 * Fitted to traces/recorded/ipi-4.vgt while cyclictest and ipistress run on its four vCPUs: entries by used LRs; events,
 * acknowledges, SGIs and waits an entry.
 */
const PROFILE: GuestProfile = {
  tick: 1960,
  run: 970,
  host: 4460,
  user: 2980,
  waits: 32,
  users: 18,
  sgis: 48,
  split: 0,
  masked: 35,
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
