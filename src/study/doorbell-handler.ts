/** The handler by itself: how long it is by what it asks first, and what each of its versions leaves asleep. */
import { LPI_BASE } from '../gic/intid.js';
import type { Doorbell, DoorbellOptions } from '../vgic/doorbell/doorbell.js';
import type { Vgic } from '../vgic/vgic.js';
import { addDoorbell, CLOSED_PMR, startAnew } from './doorbell-machine.js';

/** The virtual LPI of these examples; the list holds the ones behind it. */
const VIRTUAL = LPI_BASE;

/** Steps of one handler of a vCPU that waits with `depth` interrupts on its list, none of which it may take. */
export function countHandlerSteps(vgic: Vgic, handler: DoorbellOptions['handler'], depth: number): number {
  startAnew(vgic, depth + 1);
  const doorbell = addDoorbell(vgic, { version: 41, handler, notify: 'kick' });
  for (let lpi = LPI_BASE + 1; lpi <= LPI_BASE + depth; lpi++) vgic.inject(0, lpi, 1);
  vgic.state.pmr[0] = CLOSED_PMR;
  doorbell.load(0);
  vgic.flush(0);
  vgic.sync(0);
  doorbell.put(0, true);
  doorbell.halt(0);
  doorbell.deliver(0, VIRTUAL);
  return doorbell.counts.maxHandlerSteps;
}

/** Where the doorbell falls on the way from the guest to sleep; steps are atomic, and in the order of the program. */
export const MOMENTS = [
  { id: 'resident', name: 'before the put: the vPE is resident' },
  { id: 'read-back', name: 'PendingLast is read back and not stored' },
  { id: 'put', name: 'after the put, before the question whether to sleep' },
  { id: 'asleep', name: 'asleep' },
] as const;
export type Moment = (typeof MOMENTS)[number]['id'];

export interface Fate {
  readonly isAsleep: boolean;
  /** What kept it awake or woke it. */
  readonly by: string;
}

/** One virtual LPI at that moment of a wait. */
export function fateOf(vgic: Vgic, options: DoorbellOptions, moment: Moment): Fate {
  startAnew(vgic, 1);
  const doorbell = addDoorbell(vgic, options);
  doorbell.load(0);
  const arriveAt = (here: Moment): void => {
    if (here === moment) doorbell.deliver(0, VIRTUAL);
  };
  arriveAt('resident');
  doorbell.beginPut(0, true);
  arriveAt('read-back');
  doorbell.finishPut(0);
  arriveAt('put');
  const by = reasonNotToSleep(vgic);
  doorbell.halt(0);
  const slept = vgic.kicks.isBlocked(0);
  arriveAt('asleep');
  return fateAfter(doorbell, slept ? 'the wake-up' : by);
}

const reasonNotToSleep = ({ state, kicks }: Vgic): string =>
  state.pendingLast[0] === 1 ? 'pending_last' : kicks.requestSet[0] === 1 ? 'the request' : 'nothing';

function fateAfter(doorbell: Doorbell, by: string): Fate {
  const isAsleep = doorbell.countAsleep() > 0;
  return { isAsleep, by: isAsleep ? 'nothing' : by };
}
