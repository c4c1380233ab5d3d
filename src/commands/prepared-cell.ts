/** A trace under one strategy, ready to be replayed from memory again and again: what cells that are timed or profiled run. */
import { createReplays, type Replays } from '../replay/replays.js';
import { gatherColumns } from './arm-columns.js';
import { openInput } from './inputs.js';
import { loadStrategy } from './strategy-files.js';

export interface PreparedCell {
  readonly replays: Replays;
  readonly events: number;
}

/** `strategy`: as --strategy takes it, one; `flavour`: "-" for that of the trace. */
export async function prepareCell(path: string, strategy: string, flavour: string): Promise<PreparedCell> {
  const input = await openInput(path, { flavour: flavour === '-' ? undefined : flavour });
  const { machine, block } = gatherColumns(input.open());
  const replays = createReplays(machine, await loadStrategy(strategy, { guarded: false }), block);
  return { replays, events: block.count };
}
