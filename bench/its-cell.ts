/**
 * One cell of the ITS experiments, alone in its process: `node --conditions=plain its-cell.js --flavour ID --lpis N --case CASE`.
 *   msi    KVM_SIGNAL_MSI, answered by the translation cache where it holds the event
 *   int    INT commands: every one is translated by the lists
 * Events of N mapped LPIs in turn; the LPIs are disabled, so that only the translation is timed. Prints one line of JSON: a
 * Sample, an "event" of which is one MSI or command.
 */
import '../src/commands/jit-flags.js';
import { parseArgs } from 'node:util';
import { COUNTED } from '#counting';
import { FULL_EFFORT, QUICK_EFFORT, type Sample, timePasses } from '../src/stats/sample.js';
import { EVENTS_A_DEVICE, mapLpis } from '../src/study/its-costs.js';
import { createItsMachine } from '../src/study/its-machine.js';

const NR_VCPUS = 4;
/** Operations of one run. */
const OPERATIONS = 20_000;

const { values } = parseArgs({
  options: {
    flavour: { type: 'string', default: 'kvm-7.2' },
    lpis: { type: 'string', default: '1024' },
    case: { type: 'string', default: 'msi' },
    quick: { type: 'boolean', default: false },
  },
});
if (COUNTED) throw new Error('run with --conditions=plain: the counted build is not what a cell measures');
const nrLpis = Number(values.lpis);
const machine = createItsMachine(values.flavour, NR_VCPUS);
mapLpis(machine, nrLpis);
const { signalMsi } = machine.its;
const operate = values.case === 'msi' ? signalMsi : machine.interrupt;

let at = 0;
const run = (): void => {
  for (let done = 0; done < OPERATIONS; done++) {
    operate(Math.floor(at / EVENTS_A_DEVICE), at % EVENTS_A_DEVICE);
    at = at + 1 < nrLpis ? at + 1 : 0;
  }
};
const msPerRun = timePasses({ reset: () => {}, run }, values.quick ? QUICK_EFFORT : FULL_EFFORT, () =>
  performance.now(),
);
const sample: Sample = {
  events: OPERATIONS,
  nsPerEvent: msPerRun.map((ms) => (ms * 1e6) / OPERATIONS),
  digest: '',
};
console.log(JSON.stringify(sample));
