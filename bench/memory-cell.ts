/** `node --conditions=plain --trace-gc memory-cell.js FILE`: streams one trace file through the core (memory.ts). */
import '../src/commands/jit-flags.js';
import { openFileSource } from '../src/commands/trace-files.js';
import { createEngine } from '../src/replay/engine.js';
import { reference } from '../src/strategy/index.js';
import { createEventBlock } from '../src/trace/events.js';
import { openTrace } from '../src/trace/reader.js';
import { createVgic } from '../src/vgic/vgic.js';
import type { MemoryReport } from './memory.js';

/** The JIT compiles during the first blocks, and compiling allocates: the loop that is watched begins after them. */
const WARM_BLOCKS = 32;

const source = openFileSource(process.argv[2]);
const reader = openTrace(source);
const { run } = createEngine(createVgic(reader.header.machine, reference.create({})));
const block = createEventBlock();

for (let n = 0; n < WARM_BLOCKS && reader.next(block); n++) run(block.word, block.value, block.count);
const heapBefore = process.memoryUsage().heapUsed;
const eventsBefore = reader.events;
const loopStart = performance.now();
while (reader.next(block)) run(block.word, block.value, block.count);
const loopEnd = performance.now();
const report: MemoryReport = {
  events: reader.events - eventsBefore,
  loopStart,
  loopEnd,
  // Not resourceUsage().maxRSS: Linux lets it start at the resident set of the process that started this one.
  rss: process.memoryUsage.rss(),
  heapGrowth: process.memoryUsage().heapUsed - heapBefore,
};
console.log(JSON.stringify(report));
