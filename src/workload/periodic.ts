import { MAX_VCPUS } from '../gic/intid.js';
import type { EventSink } from '../trace/events.js';
import { createScript, handlePending } from './script.js';
import { commonParams, synthesizeMachine, type Workload, type WorkloadParams } from './workload.js';

const TIMER_PPI = 27;
const RESCHEDULE_SGI = 1;
const TIMER_PRIORITY = 0xa0;
/** Every so many timer ticks a vCPU sends an IPI to its neighbour. */
const TICKS_PER_IPI = 4;

/** Timer ticks and IPIs in a fixed rhythm: the same branches over and over, the floor of what an event can cost. */
export const periodic: Workload = {
  id: 'periodic',
  summary: 'timer tick and every fourth time an IPI, round robin over the vCPUs; branch-predictable',
  params: [
    ...commonParams(1_000_000),
    { name: 'vcpus', summary: 'number of vCPUs', default: 4, min: 1, max: MAX_VCPUS },
    { name: 'lrs', summary: 'number of list registers', default: 4, min: 1, max: 16 },
  ],
  machine: (params) => synthesizeMachine(params.vcpus, 32, params.lrs, 0),
  generate(params: WorkloadParams, sink: EventSink): void {
    const nrVcpus = params.vcpus;
    // The seed shifts only the rhythm of the clock: the pattern itself has no chance in it.
    const dt = 1 + (params.seed % 7);
    const script = createScript(periodic.machine(params), sink, () => dt);
    for (let vcpu = 0; vcpu < nrVcpus; vcpu++) {
      script.prioritize(vcpu, TIMER_PPI, TIMER_PRIORITY);
      script.enable(vcpu, TIMER_PPI, true);
    }
    for (let round = 0; script.events() < params.events; round++) {
      for (let vcpu = 0; vcpu < nrVcpus; vcpu++) {
        script.inject(vcpu, TIMER_PPI, 1);
        if (round % TICKS_PER_IPI === 0) {
          const neighbour = (vcpu + 1) % nrVcpus;
          script.sendSgi(vcpu, RESCHEDULE_SGI, neighbour & ~15, 1 << (neighbour & 15));
        }
        script.flush(vcpu);
        handlePending(script, vcpu, 2);
        script.sync(vcpu);
      }
    }
  },
};
