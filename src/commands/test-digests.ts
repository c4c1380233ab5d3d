/** Test support: the LR digests that the build of this process comes to, counted or plain. */
import { COUNTED } from '#counting';
import { createReplays } from '../replay/replays.js';
import { readVgr1 } from '../replay/test-traces.js';
import { strategies, strategyNamed } from '../strategy/index.js';
import { createEventBlock } from '../trace/events.js';

const files = [
  'golden/deep100-s01.bin.gz',
  'golden/sgi_v2-s01.bin.gz',
  'golden/lpi-s01.bin.gz',
  'golden/hw-s01.bin.gz',
  'golden/mmio-s01.bin.gz',
];

export interface Digests {
  readonly counted: boolean;
  /** A cell each: every strategy meets one file, every file several strategies. */
  readonly cells: readonly { readonly strategy: string; readonly file: string; readonly digest: string }[];
}

export const digestsOfThisBuild = (): Digests => ({
  counted: COUNTED,
  cells: strategies.map(({ id }, i) => {
    const file = files[i % files.length];
    return { strategy: id, file, digest: digestOf(file, id) };
  }),
});

function digestOf(file: string, strategy: string): string {
  const { header, word, value } = readVgr1(file);
  const block = { ...createEventBlock(), word, value, count: word.length };
  const replays = createReplays(header.machine, strategyNamed(strategy), block);
  replays.run();
  return replays.digest();
}
