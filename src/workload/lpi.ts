import { createGenerator } from '../base/rng.js';
import { LPI_BASE, MAX_VCPUS, NR_LPIS } from '../gic/intid.js';
import type { EventSink } from '../trace/events.js';
import { createScript, handlePending } from './script.js';
import { commonParams, synthesizeMachine, type Workload, type WorkloadParams } from './workload.js';

/** MSIs of many queues: the tables are larger than the caches near the core. */
export const lpi: Workload = {
  id: 'lpi',
  summary: 'random MSIs over many LPIs, with priority changes and moves between vCPUs',
  params: [
    ...commonParams(1_000_000),
    { name: 'vcpus', summary: 'number of vCPUs', default: 4, min: 1, max: MAX_VCPUS },
    { name: 'lpis', summary: 'number of mapped LPIs', default: NR_LPIS, min: 1, max: NR_LPIS },
    { name: 'lrs', summary: 'number of list registers', default: 4, min: 1, max: 16 },
  ],
  machine: (params) => synthesizeMachine(params.vcpus, 32, params.lrs, NR_LPIS),
  generate(params: WorkloadParams, sink: EventSink): void {
    const rng = createGenerator(params.seed);
    const nrVcpus = params.vcpus;
    const nrLpis = params.lpis;
    const script = createScript(lpi.machine(params), sink, () => 1 + rng.nextBelow(8));
    for (let n = 0; n < nrLpis; n++) script.mapLpi(rng.nextBelow(nrVcpus), LPI_BASE + n, rng.nextBelow(64) << 2);
    while (script.events() < params.events) {
      const vcpu = rng.nextBelow(nrVcpus);
      const intid = LPI_BASE + rng.nextBelow(nrLpis);
      const dice = rng.nextBelow(100);
      if (dice < 48) {
        script.inject(0, intid, 1);
      } else if (dice < 50) {
        script.configureLpi(intid, rng.nextBelow(64) << 2);
      } else if (dice < 52) {
        script.moveLpi(intid, vcpu);
      } else if (script.isInGuest(vcpu)) {
        handlePending(script, vcpu, params.lrs);
        script.sync(vcpu);
      } else {
        script.flush(vcpu);
      }
    }
    for (let vcpu = 0; vcpu < nrVcpus; vcpu++) if (script.isInGuest(vcpu)) script.sync(vcpu);
  },
};
