/**
 * One measured cell, alone in its process: `node --conditions=plain timed-cell.js TRACE STRATEGY FLAVOUR [--quick]` (- for the trace's own). Replays the
 * trace from memory, ground truth left out, and prints one line of JSON: a Sample.
 */
import './jit-flags.js';
import { COUNTED } from '#counting';
import { createReplays } from '../replay/replays.js';
import { FULL_EFFORT, QUICK_EFFORT, type Sample, timePasses } from '../stats/sample.js';
import { createEventBlock, FIRST_FACT, wordKind } from '../trace/events.js';
import { createColumnSink } from '../workload/column-sink.js';
import { openInput } from './inputs.js';
import { loadStrategy } from './strategy-files.js';

if (COUNTED) throw new Error('run with --conditions=plain: the counted build is not what a cell measures');
const [path, strategy, flavour] = process.argv.slice(2);
const input = await openInput(path, { flavour: flavour === '-' ? undefined : flavour });
const source = input.open();
const sink = createColumnSink();
const part = createEventBlock();
while (source.next(part)) {
  for (let event = 0; event < part.count; event++) {
    const word = part.word[event];
    if (wordKind(word) < FIRST_FACT) sink.word(word, part.value[event], 0);
  }
}
const { block } = sink;
const replays = createReplays(source.header.machine, await loadStrategy(strategy, { guarded: false }), block);
replays.reset();
replays.run();
const digest = replays.digest();
const effort = process.argv.includes('--quick') ? QUICK_EFFORT : FULL_EFFORT;
const msPerRun = timePasses(replays, effort, () => performance.now());
const sample: Sample = { events: block.count, nsPerEvent: msPerRun.map((ms) => (ms * 1e6) / block.count), digest };
process.stdout.write(`${JSON.stringify(sample)}\n`);
