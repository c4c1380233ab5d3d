import { createGenerator } from '../base/rng.js';
import { LPI_BASE, NR_LPIS } from '../gic/intid.js';
import type { EventSink } from '../trace/events.js';
import { createScript, handlePending, type Script } from './script.js';
import { commonParams, synthesizeMachine, type Workload, type WorkloadParams } from './workload.js';

/** While a list grows its vCPU comes by this often: an exit for every so many MSIs. */
const MSIS_PER_EXIT = 64;
/** Of 100 drained batches: those during which one more MSI arrives. */
const LATE = 20;

/** vgic-spec 8.2 number 7, by devices: MSIs pile up on one vCPU that masks interrupts, then it handles them all. */
export const lpiStorm: Workload = {
  id: 'lpi-storm',
  summary: 'MSIs of many LPIs pile up on one vCPU that masks interrupts, then it drains them; again and again',
  params: [
    ...commonParams(1_000_000),
    { name: 'depth', summary: 'LPIs pending when the draining begins', default: 4096, min: 1, max: NR_LPIS },
    { name: 'lrs', summary: 'number of list registers', default: 4, min: 1, max: 16 },
  ],
  machine: (params) => synthesizeMachine(1, 32, params.lrs, NR_LPIS),
  generate(params: WorkloadParams, sink: EventSink): void {
    const rng = createGenerator(params.seed);
    const script = createScript(lpiStorm.machine(params), sink, () => 1 + rng.nextBelow(8));
    for (let n = 0; n < params.depth; n++) script.mapLpi(0, LPI_BASE + n, rng.nextBelow(64) << 2);
    const isOver = (): boolean => script.events() >= params.events;
    while (!isOver()) {
      pileUp(script, params.depth, rng.nextBelow(params.depth), isOver);
      while (script.depth(0) > 0 && !isOver()) {
        script.flush(0);
        handlePending(script, 0, params.lrs);
        if (rng.nextBelow(100) < LATE) script.inject(0, LPI_BASE + rng.nextBelow(params.depth), 1);
        script.sync(0);
      }
    }
  },
};

/** One MSI of each LPI, in the order of their numbers from `first` on, round the end. */
function pileUp(script: Script, depth: number, first: number, isOver: () => boolean): void {
  for (let n = 0; n < depth && !isOver(); n++) {
    script.inject(0, LPI_BASE + ((first + n) % depth), 1);
    if (n % MSIS_PER_EXIT !== MSIS_PER_EXIT - 1) continue;
    script.flush(0);
    script.sync(0);
  }
}
