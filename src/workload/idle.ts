import type { EventSink } from '../trace/events.js';
import { linuxMachine, linuxParams, runLinuxGuest } from './linux-guest.js';
import type { Workload, WorkloadParams } from './workload.js';

/**
 * A tickless guest with nothing to do: a timer wakes a vCPU a few times a second, which handles it and waits again. No
 * recording shows one alone; the steps of a wake-up are those of the waiting vCPUs of traces/recorded/timer-2.vgt.
 */
export const idle: Workload = {
  id: 'idle',
  summary: 'tickless Linux guest: a timer wakes a vCPU now and then, which handles it and waits again',
  params: [
    ...linuxParams(100_000, 2),
    { name: 'tick', summary: 'mean time between wake-ups in us', default: 250_000, min: 100, max: 10_000_000 },
  ],
  machine: (params) => linuxMachine(params),
  generate(params: WorkloadParams, sink: EventSink): void {
    const profile = {
      tick: params.tick,
      run: 150,
      host: 100,
      user: 300,
      waits: 90,
      users: 1,
      sgis: 1,
      split: 1,
      masked: 10,
    };
    runLinuxGuest(idle.machine(params), params, profile, { start: () => {} }, sink);
  },
};
