/** The core's ITS, set up as the recorded guest sets up the real one, for comparison with recorded MSIs (verify-its.ts). */
import { assert } from '../base/errors.js';
import { flavourNamed } from '../gic/flavour/index.js';
import type { Machine } from '../gic/intid.js';
import { ITS_COMMAND_WORDS } from '../gic/its-command.js';
import { createModel, referenceFor } from './create-model.js';
import type { Translator } from './verify-its.js';

const WORD_BYTES = 4;
const DOUBLE_BYTES = 8;

/**
 * The registers that the guest of traces/record writes, as the text of its recordings shows them (offsets and words, low
 * half first). A trace has no event for these writes; guests that copy their commands into a trace are of this kind.
 */
const PROPBASER = { offset: 0x70, lo: 0x4100000d };
const PENDBASER = { offset: 0x78, lo: 0x41100000, bytesPerVcpu: 0x10000 };
const LPIS_ON = { offset: 0x00, lo: 1 };
const ITS_TABLES = [
  { offset: 0x080, lo: 0x4080000f },
  { offset: 0x100, lo: 0x4090000f },
  { offset: 0x108, lo: 0x40a00000 },
];
const VALID_HI = 0x80000000 | 0;
const ITS_ON = { offset: 0x000, lo: 1 };

/** Undefined: the machine has no ITS. */
export function createCoreTranslator(machine: Machine): Translator | undefined {
  if (machine.model !== 'gicv3' || machine.nrLpis === 0 || flavourNamed(machine.flavour).its === undefined)
    return undefined;
  const vgic = createModel(machine, referenceFor(machine));
  const its = vgic.its();
  assert(its !== undefined, 'a GICv3 machine with LPIs of a flavour with an ITS has one');
  for (let vcpu = 0; vcpu < machine.nrVcpus; vcpu++) {
    vgic.mmioWrite(vcpu, true, PROPBASER.offset, DOUBLE_BYTES, PROPBASER.lo, 0);
    vgic.mmioWrite(vcpu, true, PENDBASER.offset, DOUBLE_BYTES, PENDBASER.lo + vcpu * PENDBASER.bytesPerVcpu, 0);
    vgic.mmioWrite(vcpu, true, LPIS_ON.offset, WORD_BYTES, LPIS_ON.lo, 0);
  }
  for (const { offset, lo } of ITS_TABLES) {
    its.write(offset, lo);
    its.write(offset + WORD_BYTES, VALID_HI);
  }
  its.write(ITS_ON.offset, ITS_ON.lo);

  const lpiOf = (slot: number): number | null => (slot < 0 ? null : vgic.state.intidOfSlot[slot]);
  const command = new Int32Array(ITS_COMMAND_WORDS);
  return {
    command(words) {
      command.fill(0);
      command.set(words);
      its.command(command);
    },
    lookUp: (device, event) => lpiOf(its.lookUp(device, event)),
    // A translation that succeeds is one of a mapped event.
    translate: (device, event) => (its.trigger(device, event) === 0 ? lpiOf(its.translate(device, event)) : null),
  };
}
