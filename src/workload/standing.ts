import { createGenerator } from '../base/rng.js';
import { MAX_SPIS, SPI_BASE } from '../gic/intid.js';
import {
  CONFIG,
  ENABLE,
  type EventSink,
  FLUSH,
  INJECT,
  PENDING,
  PENDING_QUERY,
  PMR,
  PRIORITY,
  SYNC,
} from '../trace/events.js';
import { commonParams, synthesizeMachine, type Workload, type WorkloadParams } from './workload.js';

/** Events before the first round: three a standing SPI, two a newcomer, one PMR. */
export const standingSetUp = (depth: number, arrivals: number): number => 3 * depth + 2 * arrivals + 1;
/** Events a round: a newcomer's priority, arrival and withdrawal; entry, exit, one pending check. */
export const standingRound = (arrivals: number): number => 3 * arrivals + 3;

/**
 * The depth sweep's guest (anchors 2.2): `depth` entries of random priority stay for ever, `arrivals` more of random
 * priority come before each entry and are withdrawn after it, and each exit is followed by a pending check that finds
 * nothing because the guest masks everything. Every path works at a known depth.
 */
export const standing: Workload = {
  id: 'standing',
  summary:
    'a list of SPIs stands pending below the PMR; a few more arrive before each entry and are withdrawn after it',
  params: [
    ...commonParams(100_000),
    { name: 'depth', summary: 'entries that stay on the list', default: 64, min: 0, max: MAX_SPIS - 16 },
    { name: 'arrivals', summary: 'interrupts that arrive before each entry', default: 1, min: 1, max: 16 },
    { name: 'lrs', summary: 'number of list registers', default: 4, min: 1, max: 16 },
  ],
  machine: (params: WorkloadParams) => synthesizeMachine(1, params.depth + params.arrivals, params.lrs, 0),
  generate({ events: wanted, seed, depth, arrivals }: WorkloadParams, sink: EventSink): void {
    const rng = createGenerator(seed);
    const randomPriority = (): number => rng.nextBelow(32) << 3;
    sink.event(PMR, 0, 0, 0, 1);
    for (let intid = SPI_BASE; intid < SPI_BASE + depth; intid++) {
      sink.event(PRIORITY, 0, intid, randomPriority(), 1);
      sink.event(ENABLE, 0, intid, 1, 1);
      sink.event(INJECT, 0, intid, 1, 1);
    }
    const first = SPI_BASE + depth;
    for (let intid = first; intid < first + arrivals; intid++) {
      sink.event(CONFIG, 0, intid, 0, 1);
      sink.event(ENABLE, 0, intid, 1, 1);
    }
    for (let events = standingSetUp(depth, arrivals); events < wanted; events += standingRound(arrivals)) {
      for (let intid = first; intid < first + arrivals; intid++) {
        sink.event(PRIORITY, 0, intid, randomPriority(), 1);
        sink.event(INJECT, 0, intid, 1, 1);
      }
      sink.event(FLUSH, 0, 0, 0, 1);
      sink.event(SYNC, 0, 0, 0, 1);
      sink.event(PENDING_QUERY, 0, 0, 0, 1);
      for (let intid = first; intid < first + arrivals; intid++) sink.event(PENDING, 0, intid, 0, 1);
    }
  },
};
