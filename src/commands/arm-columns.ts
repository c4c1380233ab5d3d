/**
 * A trace as the columns that timed processes replay: read and checked once, since that takes longer than a replay. Words
 * are those of the file format, which are the same in every build (trace/events.ts).
 */
import { writeFileSync } from 'node:fs';
import type { Machine } from '../gic/intid.js';
import type { BlockSource } from '../replay/replay.js';
import { createEventBlock, type EventBlock, FIRST_FACT, wordKind } from '../trace/events.js';
import { createColumnSink } from '../workload/column-sink.js';

export interface ArmColumns {
  readonly machine: Machine;
  readonly block: EventBlock;
}

/** All events but those of the recorded truth. */
export function gatherColumns(source: BlockSource): ArmColumns {
  const sink = createColumnSink();
  const part = createEventBlock();
  while (source.next(part)) {
    for (let event = 0; event < part.count; event++) {
      const word = part.word[event];
      if (wordKind(word) < FIRST_FACT) sink.word(word, part.value[event], 0);
    }
  }
  return { machine: source.header.machine, block: sink.block };
}

/** `file` gets all words, then all values; `file`.json the machine. */
export function writeColumns({ machine, block }: ArmColumns, file: string): void {
  const { count } = block;
  const columns = new Int32Array(2 * count);
  columns.set(block.word.subarray(0, count));
  columns.set(block.value.subarray(0, count), count);
  writeFileSync(file, new Uint8Array(columns.buffer));
  writeFileSync(`${file}.json`, JSON.stringify(machine));
}
