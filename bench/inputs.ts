/** What a cell replays: a workload (`deep:depth=988,events=40000`) or a trace file (`traces/x.vgt`), in memory. */
import { openFileSource } from '../src/commands/trace-files.js';
import type { Machine } from '../src/gic/intid.js';
import { chooseGuest } from '../src/hostile/index.js';
import { createEventBlock, type EventBlock, FIRST_EXPECT, wordKind } from '../src/trace/events.js';
import type { TraceHeader } from '../src/trace/header.js';
import { openTrace } from '../src/trace/reader.js';
import { createColumnSink } from '../src/workload/column-sink.js';
import { workloadHeader } from '../src/workload/index.js';

export interface Input {
  readonly header: TraceHeader;
  readonly machine: Machine;
  readonly block: EventBlock;
}

export const isTraceFile = (spec: string): boolean => spec.endsWith('.vgt') || spec.endsWith('.vgt.gz');

/** Throws UsageError for an unknown workload or parameter, InputError for a file that is no trace. */
export function loadInput(spec: string): Input {
  return isTraceFile(spec) ? loadTrace(spec) : generateInput(spec);
}

function generateInput(spec: string): Input {
  const { workload, params } = chooseGuest(spec);
  const sink = createColumnSink();
  workload.generate(params, sink);
  return { header: workloadHeader(workload, params, '0'), machine: workload.machine(params), block: sink.block };
}

/** Ground truth is left out: a timed replay does not compare, and the yardstick does not read it. */
function loadTrace(path: string): Input {
  const source = openFileSource(path);
  const reader = openTrace(source);
  const sink = createColumnSink();
  const part = createEventBlock();
  while (reader.next(part)) {
    for (let event = 0; event < part.count; event++) {
      const word = part.word[event];
      if (wordKind(word) < FIRST_EXPECT) sink.word(word, part.value[event], part.dt[event]);
    }
  }
  source.close();
  return { header: reader.header, machine: reader.header.machine, block: sink.block };
}
