/**
 * One way to deliver a timer, alone in its process: `node --conditions=plain timer-cell.js --variant ID`. Prints one line of
 * JSON: a Sample whose event is one tick, from the expiry to the guest that has handled it and runs on.
 */
import '../src/commands/jit-flags.js';
import { parseArgs } from 'node:util';
import { COUNTED } from '#counting';
import { FULL_EFFORT, QUICK_EFFORT, type Sample, timePasses } from '../src/stats/sample.js';
import { timerVariants } from '../src/study/timer-cost.js';

const TICKS = 10_000;

const { values } = parseArgs({
  options: { variant: { type: 'string', default: 'vgic' }, quick: { type: 'boolean', default: false } },
});
if (COUNTED) throw new Error('run with --conditions=plain: the counted build is not what a cell measures');
const variant = timerVariants.find(({ id }) => id === values.variant);
if (variant === undefined) throw new Error(`no variant '${values.variant}'`);
const run = variant.create();
let ticks = 0;
const msPerRun = timePasses(
  {
    // The tick ends where it began.
    reset: () => {},
    run() {
      for (let tick = 0; tick < TICKS; tick++) run.tick();
      ticks += TICKS;
    },
  },
  values.quick ? QUICK_EFFORT : FULL_EFFORT,
  () => performance.now(),
);
if (run.cost().handled !== ticks) throw new Error(`${values.variant}: ${run.cost().handled} of ${ticks} ticks handled`);
const sample: Sample = { events: TICKS, nsPerEvent: msPerRun.map((ms) => (ms * 1e6) / TICKS), digest: '' };
console.log(JSON.stringify(sample));
