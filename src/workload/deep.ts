import { createGenerator, type Generator } from '../base/rng.js';
import { MAX_SPIS, SPI_BASE } from '../gic/intid.js';
import { ENABLE, type EventSink, FLUSH, INJECT, PENDING_QUERY, PMR, PRIORITY, SYNC } from '../trace/events.js';
import { commonParams, synthesizeMachine, type Workload, type WorkloadParams } from './workload.js';

const depthParam = {
  name: 'depth',
  summary: 'entries that stay on the list',
  default: MAX_SPIS,
  min: 4,
  max: MAX_SPIS,
};
const lrsParam = { name: 'lrs', summary: 'number of list registers', default: 4, min: 1, max: 16 };
const commonDeepParams = [...commonParams(100_000), depthParam, lrsParam];

const deepMachine = (params: WorkloadParams) => synthesizeMachine(1, params.depth, params.lrs, 0);

/** `depth` SPIs of one vCPU: random priorities, enabled and pending. Returns the number of events written. */
function fillList(params: WorkloadParams, sink: EventSink, rng: Generator): number {
  const end = SPI_BASE + params.depth;
  for (let intid = SPI_BASE; intid < end; intid++) {
    sink.event(PRIORITY, 0, intid, rng.nextBelow(31) << 3, 1);
    sink.event(ENABLE, 0, intid, 1, 1);
    sink.event(INJECT, 0, intid, 1, 1);
  }
  return 3 * params.depth;
}

/** The guest of vgic-spec 8.2 numbers 1 and 2: it never reads IAR and rewrites priorities before every entry. */
export const deep: Workload = {
  id: 'deep',
  summary: 'one vCPU leaves a list of SPIs pending for ever and rewrites priorities before every entry',
  params: [
    ...commonDeepParams,
    { name: 'churn', summary: 'priorities rewritten before each entry', default: 1, min: 0, max: MAX_SPIS },
  ],
  machine: deepMachine,
  generate(params: WorkloadParams, sink: EventSink): void {
    const rng = createGenerator(params.seed);
    let events = fillList(params, sink, rng);
    while (events < params.events) {
      for (let write = 0; write < params.churn; write++) {
        sink.event(PRIORITY, 0, SPI_BASE + rng.nextBelow(params.depth), rng.nextBelow(31) << 3, 1);
      }
      sink.event(FLUSH, 0, 0, 0, 1);
      sink.event(SYNC, 0, 0, 0, 1);
      events += params.churn + 2;
    }
  },
};

/** The same guest standing still (vgic-spec 7.10 w2): nothing changes, everything is walked all the same. */
export const flood: Workload = {
  id: 'flood',
  summary: 'one vCPU with a list of SPIs pending below its PMR; nothing changes between its entries',
  params: commonDeepParams,
  machine: deepMachine,
  generate(params: WorkloadParams, sink: EventSink): void {
    const rng = createGenerator(params.seed);
    let events = 1 + fillList(params, sink, rng);
    sink.event(PMR, 0, 0, 0, 1);
    while (events < params.events) {
      sink.event(FLUSH, 0, 0, 0, 1);
      sink.event(SYNC, 0, 0, 0, 1);
      sink.event(PENDING_QUERY, 0, 0, 0, 1);
      events += 3;
    }
  },
};
