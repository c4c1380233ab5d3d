/**
 * One measured cell, alone in its process: `node --conditions=plain cell.js --mode MODE --input INPUT`.
 *   core    replay of columns in memory            file    decode and replay of a trace file
 *   frame   framing of a trace file, columns not touched     decode  the same, every word of the columns summed
 * Prints one line of JSON: a Sample.
 */
import '../src/commands/jit-flags.js';
import { parseArgs } from 'node:util';
import { COUNTED } from '#counting';
import { openFileSource } from '../src/commands/trace-files.js';
import { createModel } from '../src/replay/create-model.js';
import { createEngine } from '../src/replay/engine.js';
import { createReplays } from '../src/replay/replays.js';
import { FULL_EFFORT, QUICK_EFFORT, type Sample, type TimedCode, timePasses } from '../src/stats/sample.js';
import { strategyNamed } from '../src/strategy/index.js';
import { createEventBlock } from '../src/trace/events.js';
import { openTrace } from '../src/trace/reader.js';
import { digestHex } from '../src/vgic/digest.js';
import { loadInput } from './inputs.js';

interface Prepared extends TimedCode {
  readonly events: number;
  digest(): string;
}

function prepareCore(input: string, strategy: string): Prepared {
  const { machine, block } = loadInput(input);
  const replays = createReplays(machine, strategyNamed(strategy), block);
  return { ...replays, events: block.count };
}

/** Each run opens the file anew: that is part of reading it. */
function prepareFile(path: string, strategy: string): Prepared {
  const source = openFileSource(path);
  const { machine } = openTrace(source).header;
  const vgic = createModel(machine, strategyNamed(strategy));
  const engine = createEngine(vgic);
  const block = createEventBlock();
  return {
    events: countEvents(path),
    reset() {
      vgic.reset();
      engine.resetSystems();
    },
    run() {
      const reader = openTrace(source, { times: false });
      while (reader.next(block)) engine.run(block.word, block.value, block.count);
    },
    digest: () => digestHex(engine.digest()),
  };
}

function prepareReading(path: string, touch: boolean): Prepared {
  const source = openFileSource(path);
  const block = createEventBlock();
  let sum = 0;
  return {
    events: countEvents(path),
    reset: () => {},
    run() {
      const reader = openTrace(source, touch ? {} : { times: false, verifyChecksums: false });
      let total = sum;
      while (reader.next(block)) {
        if (!touch) continue;
        const { word, value, dt, count } = block;
        for (let event = 0; event < count; event++) total = (total + word[event] + value[event] + dt[event]) | 0;
      }
      sum = total;
    },
    digest: () => (touch ? digestHex(sum) : ''),
  };
}

function countEvents(path: string): number {
  const source = openFileSource(path);
  const reader = openTrace(source);
  const block = createEventBlock();
  while (reader.next(block));
  source.close();
  return reader.events;
}

const { values } = parseArgs({
  options: {
    mode: { type: 'string', default: 'core' },
    input: { type: 'string', default: 'typical' },
    strategy: { type: 'string', default: 'sort-on-flush' },
    quick: { type: 'boolean', default: false },
    /** Keeps replaying for so long: for profilers. */
    seconds: { type: 'string' },
  },
});
const prepare: Record<string, () => Prepared> = {
  core: () => prepareCore(values.input, values.strategy),
  file: () => prepareFile(values.input, values.strategy),
  frame: () => prepareReading(values.input, false),
  decode: () => prepareReading(values.input, true),
};
if (COUNTED) throw new Error('run with --conditions=plain: the counted build is not what a cell measures');
const code = prepare[values.mode]();
code.reset();
code.run();
const digest = code.digest();
const now = (): number => performance.now();
const effort = values.quick ? QUICK_EFFORT : FULL_EFFORT;
const msPerRun = timePasses(
  code,
  values.seconds ? { ...effort, warmupMs: 1000 * Number(values.seconds) } : effort,
  now,
);
const sample: Sample = {
  events: code.events,
  nsPerEvent: msPerRun.map((ms) => (ms * 1e6) / code.events),
  digest,
};
console.log(JSON.stringify(sample));
