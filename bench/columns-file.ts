/** The file the native yardstick reads: machine, column of event words, column of values (bench/native/main.c). */
import { GIC_MODELS, type Machine } from '../src/gic/intid.js';
import type { EventBlock } from '../src/trace/events.js';

const MAGIC = 0x31434756; // "VGC1"
const HEADER_WORDS = 10;

/** The first `block.count` events. */
export function encodeColumnsFile(machine: Machine, block: EventBlock): Uint8Array {
  const { count } = block;
  const words = new Int32Array(HEADER_WORDS + 2 * count);
  words.set([
    MAGIC,
    GIC_MODELS.indexOf(machine.model),
    machine.nrVcpus,
    machine.nrSpis,
    machine.nrLpis,
    machine.nrLr,
    machine.distEnabledAtStart ? 1 : 0,
    machine.pmrAtStart,
    count,
    0,
  ]);
  words.set(block.word.subarray(0, count), HEADER_WORDS);
  words.set(block.value.subarray(0, count), HEADER_WORDS + count);
  return new Uint8Array(words.buffer);
}
