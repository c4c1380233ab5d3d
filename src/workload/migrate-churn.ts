import { createGenerator, type Generator } from '../base/rng.js';
import { MAX_SPIS, MAX_VCPUS, SPI_BASE } from '../gic/intid.js';
import type { EventSink } from '../trace/events.js';
import { createScript, handlePending, type Script } from './script.js';
import { commonParams, synthesizeMachine, type Workload, type WorkloadParams } from './workload.js';

/** Of 100 runs of a vCPU: those in which it handles interrupts, which then come again somewhere. */
const HANDLES = 25;

/** vgic-spec 8.2 number 6: pending SPIs get another target, and move when the vCPU that queues them exits. */
export const migrateChurn: Workload = {
  id: 'migrate-churn',
  summary: 'pending SPIs are sent from vCPU to vCPU by affinity writes; each exit migrates what was retargeted',
  params: [
    ...commonParams(1_000_000),
    { name: 'vcpus', summary: 'number of vCPUs', default: 4, min: 2, max: MAX_VCPUS },
    { name: 'spis', summary: 'SPIs that are pending', default: 128, min: 1, max: MAX_SPIS },
    { name: 'moves', summary: 'affinity writes before each entry', default: 8, min: 1, max: MAX_SPIS },
    { name: 'lrs', summary: 'number of list registers', default: 4, min: 1, max: 16 },
  ],
  machine: (params) => synthesizeMachine(params.vcpus, params.spis, params.lrs, 0),
  generate(params: WorkloadParams, sink: EventSink): void {
    const rng = createGenerator(params.seed);
    const script = createScript(migrateChurn.machine(params), sink, () => 1 + rng.nextBelow(8));
    for (let intid = SPI_BASE; intid < SPI_BASE + params.spis; intid++) {
      script.prioritize(0, intid, rng.nextBelow(31) << 3);
      script.retarget(0, intid, rng.nextBelow(params.vcpus));
      script.enable(0, intid, true);
      script.inject(0, intid, 1);
    }
    while (script.events() < params.events) churn(script, rng, params);
  },
};

function churn(script: Script, rng: Generator, { vcpus, spis, moves, lrs }: WorkloadParams): void {
  const vcpu = rng.nextBelow(vcpus);
  for (let move = 0; move < moves; move++) script.retarget(vcpu, SPI_BASE + rng.nextBelow(spis), rng.nextBelow(vcpus));
  script.flush(vcpu);
  if (rng.nextBelow(100) < HANDLES) {
    handlePending(script, vcpu, lrs);
    for (let lr = 0; lr < lrs; lr++) script.inject(0, SPI_BASE + rng.nextBelow(spis), 1);
  }
  script.sync(vcpu);
}
