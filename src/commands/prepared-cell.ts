/** A trace under one strategy, ready to be replayed from memory again and again: what cells that are timed or profiled run. */
import { createReplays, type Replays } from '../replay/replays.js';
import { createEventBlock, FIRST_FACT, wordKind } from '../trace/events.js';
import { createColumnSink } from '../workload/column-sink.js';
import { openInput } from './inputs.js';
import { loadStrategy } from './strategy-files.js';

export interface PreparedCell {
  readonly replays: Replays;
  readonly events: number;
}

/**
 * Decodes the trace and leaves the ground truth of recordings out, which nothing replays. `strategy`: as --strategy takes it,
 * one; `flavour`: "-" for that of the trace.
 */
export async function prepareCell(path: string, strategy: string, flavour: string): Promise<PreparedCell> {
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
  return { replays, events: block.count };
}
