import type { EventBlock, EventSink } from '../trace/events.js';
import { createEventBlock, packWord } from '../trace/events.js';

/** An EventSink that keeps everything in memory as one block; `firstTick` stays 0 and dt[0] is as given. */
export interface ColumnSink extends EventSink {
  /** What was written so far; the columns grow by replacement, so read them when writing is over. */
  readonly block: EventBlock;
  /** Takes an event whose word is packed already. */
  word(word: number, value: number, dt: number): void;
}

const FIRST_LENGTH = 1 << 16;

const grown = (column: Int32Array): Int32Array => {
  const longer = new Int32Array(column.length * 2);
  longer.set(column);
  return longer;
};

export function createColumnSink(): ColumnSink {
  const block = createEventBlock(FIRST_LENGTH);
  const word = (packed: number, value: number, dt: number): void => {
    const at = block.count;
    if (at === block.word.length) {
      block.word = grown(block.word);
      block.value = grown(block.value);
      block.dt = grown(block.dt);
    }
    block.word[at] = packed;
    block.value[at] = value;
    block.dt[at] = dt;
    block.count = at + 1;
  };
  return {
    block,
    word,
    event: (kind, vcpu, intid, value, dt) => word(packWord(kind, vcpu, intid), value, dt),
  };
}
