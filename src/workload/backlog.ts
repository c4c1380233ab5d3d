import { createGenerator } from '../base/rng.js';
import { SPI_BASE } from '../gic/intid.js';
import { ACK, CONFIG, ENABLE, EOI, type EventSink, FLUSH, INJECT, PRIORITY, SYNC } from '../trace/events.js';
import { commonParams, synthesizeMachine, type Workload, type WorkloadParams } from './workload.js';

/** Levels of priority that a guest has (five bits). */
const LEVELS = 32;
/** SPIs that KVM and Xen give a guest (vgic-spec 8.1). */
const MAX_BACKLOG = 960;

interface Waiting {
  readonly intid: number;
  readonly priority: number;
}

/** Events before the first batch: two an SPI of the pool, two of the backlog. */
export const backlogSetUp = (depth: number, arrivals: number): number => 2 * (depth + arrivals) + 2 * depth;
/** Guest entries that a batch needs: an entry presents no more than the list registers hold. */
export const entriesPerBatch = (arrivals: number, nrLr: number): number => Math.ceil(arrivals / nrLr);
/** Events a batch: priority and arrival, acknowledge and EOI of each, entries and exits. */
export const backlogBatch = (arrivals: number, nrLr: number): number =>
  4 * arrivals + 2 * entriesPerBatch(arrivals, nrLr);

/**
 * A guest that is `depth` interrupts behind: before each batch `arrivals` more come, with priorities drawn from `spread`
 * levels, and the guest takes as many of the most urgent, a list register's worth an entry. Equal priorities are taken
 * in the order of arrival, which is what every strategy presents that keeps it, so that the same events are right for
 * all of them.
 */
export const backlog: Workload = {
  id: 'backlog',
  summary: 'one vCPU is a number of SPIs behind; a batch arrives and as many of the most urgent are taken',
  params: [
    ...commonParams(100_000),
    { name: 'depth', summary: 'entries that wait on the list', default: 64, min: 0, max: MAX_BACKLOG },
    { name: 'arrivals', summary: 'interrupts of a batch', default: 1, min: 1, max: 28 },
    { name: 'spread', summary: 'levels of priority in use', default: 8, min: 1, max: LEVELS },
    { name: 'lrs', summary: 'number of list registers', default: 4, min: 1, max: 16 },
  ],
  machine: ({ depth, arrivals, lrs }: WorkloadParams) => synthesizeMachine(1, depth + arrivals, lrs, 0),
  generate({ events: wanted, seed, depth, arrivals, spread, lrs }: WorkloadParams, sink: EventSink): void {
    const rng = createGenerator(seed);
    /** Evenly over the range, so that two levels lie apart as two of many do. */
    const draw = (): number => Math.floor((rng.nextBelow(spread) * LEVELS) / spread) << 3;
    const idle: number[] = [];
    for (let intid = SPI_BASE; intid < SPI_BASE + depth + arrivals; intid++) {
      sink.event(CONFIG, 0, intid, 0, 1);
      sink.event(ENABLE, 0, intid, 1, 1);
      idle.push(intid);
    }
    /** By priority, and by arrival among equals. */
    const waiting: Waiting[] = [];
    const arrive = (): void => {
      // An index from the front: the pool is taken in turn.
      const intid = idle.shift()!;
      const priority = draw();
      sink.event(PRIORITY, 0, intid, priority, 1);
      sink.event(INJECT, 0, intid, 1, 1);
      let at = waiting.length;
      while (at > 0 && waiting[at - 1].priority > priority) at--;
      waiting.splice(at, 0, { intid, priority });
    };
    for (let stand = 0; stand < depth; stand++) arrive();
    const batch = backlogBatch(arrivals, lrs);
    for (let events = backlogSetUp(depth, arrivals); events < wanted; events += batch) {
      for (let arrival = 0; arrival < arrivals; arrival++) arrive();
      for (let left = arrivals; left > 0; left -= lrs) {
        sink.event(FLUSH, 0, 0, 0, 1);
        const taken = waiting.splice(0, Math.min(left, lrs));
        for (const { intid } of taken) {
          sink.event(ACK, 0, intid, 0, 1);
          sink.event(EOI, 0, intid, 0, 1);
          idle.push(intid);
        }
        sink.event(SYNC, 0, 0, 0, 1);
      }
    }
  },
};
