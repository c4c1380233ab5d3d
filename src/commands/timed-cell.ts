/**
 * One measured cell, alone in its process: `node --conditions=plain timed-cell.js TRACE STRATEGY FLAVOUR [--quick]` (- for the
 * trace's own). Replays the trace from memory, ground truth left out, and prints one line of JSON: a Sample.
 */
import './jit-flags.js';
import { COUNTED } from '#counting';
import { FULL_EFFORT, QUICK_EFFORT, type Sample, timePasses } from '../stats/sample.js';
import { prepareCell } from './prepared-cell.js';

if (COUNTED) throw new Error('run with --conditions=plain: the counted build is not what a cell measures');
const [path, strategy, flavour] = process.argv.slice(2);
const { replays, events } = await prepareCell(path, strategy, flavour);
replays.reset();
replays.run();
const digest = replays.digest();
const effort = process.argv.includes('--quick') ? QUICK_EFFORT : FULL_EFFORT;
const msPerRun = timePasses(replays, effort, () => performance.now());
const sample: Sample = { events, nsPerEvent: msPerRun.map((ms) => (ms * 1e6) / events), digest };
process.stdout.write(`${JSON.stringify(sample)}\n`);
