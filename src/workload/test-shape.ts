/** Test support: what a guest looks like from the host, in figures that a recording and a workload can share. */
import { createModel } from '../replay/create-model.js';
import { createEngine } from '../replay/engine.js';
import type { BlockSource } from '../replay/replay.js';
import { reference, strategyNamed } from '../strategy/index.js';
import * as ev from '../trace/events.js';

export interface Shape {
  /** Share of entries in percent by number of used LRs: 0, 1, 2, 3 and more. */
  readonly usedLrs: readonly number[];
  /** A guest entry: input events, acknowledges, raised device interrupts, SGIs sent, times that a vCPU waits. */
  readonly eventsPerEntry: number;
  readonly acksPerEntry: number;
  readonly raisesPerEntry: number;
  readonly sgisPerEntry: number;
  readonly waitsPerEntry: number;
}

/** `isInside`: told of each event in turn, may end the part that counts and begin it again. */
export function measureShape(source: BlockSource, isInside: (event: number, word: number) => boolean): Shape {
  const vgic = createModel(source.header.machine, strategyNamed(reference.id));
  const engine = createEngine(vgic);
  const entries = [0, 0, 0, 0];
  let inputs = 0;
  let acks = 0;
  let raises = 0;
  let sgis = 0;
  let waits = 0;
  const block = ev.createEventBlock();
  while (source.next(block)) {
    for (let at = 0; at < block.count; at++) {
      const word = block.word[at];
      const kind = ev.wordKind(word);
      if (kind >= ev.FIRST_EXPECT) continue;
      engine.step(word, block.value[at]);
      if (!isInside(block.firstEvent + at, word)) continue;
      if (kind < ev.FIRST_FACT) inputs++;
      if (kind === ev.FLUSH) entries[Math.min(3, vgic.state.usedLrs[ev.wordVcpu(word)])]++;
      if (kind === ev.ACK) acks++;
      if (kind === ev.SGI) sgis++;
      if (kind === ev.WFI) waits++;
      if (kind === ev.INJECT && isDeviceRaise(word, block.value[at])) raises++;
    }
  }
  const all = entries.reduce((sum, count) => sum + count, 0);
  return {
    usedLrs: entries.map((count) => (100 * count) / all),
    eventsPerEntry: inputs / all,
    acksPerEntry: acks / all,
    raisesPerEntry: raises / all,
    sgisPerEntry: sgis / all,
    waitsPerEntry: waits / all,
  };
}

/** QEMU's console on SPI 33 belongs to the boot, not to the device that a recording is about. */
const CONSOLE_SPI = 33;

export function isDeviceRaise(word: number, value: number): boolean {
  const intid = ev.wordIntid(word);
  return intid >= 32 && intid !== CONSOLE_SPI && (value & 1) === 1;
}
