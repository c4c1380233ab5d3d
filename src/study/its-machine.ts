/**
 * A machine with an ITS as a guest's driver sets it up, and commands to it by their operands: what the ITS study, its tests
 * and the run over mutated images stand on.
 */
import { NR_LPIS } from '../gic/intid.js';
import * as Command from '../gic/its-command.js';
import { DEVICE_TABLE, VALID_HI, writeIts, writeRedists } from '../gic/its-layout.js';
import { GITS_BASER_DEVICES, GITS_CTLR } from '../gic/its-registers.js';
import { reference } from '../strategy/index.js';
import type { Its } from '../vgic/its/its.js';
import { createVgic, type Vgic } from '../vgic/vgic.js';
import { studyMachine } from './study-machine.js';

/** Behind the tables of its-layout: pages of a two-level device table, and room for ITTs. */
export const SECOND_LEVEL = 0x40600000;
export const ITT_AREA = 0x40800000;
export const MEMORY_END = 0x42000000;

const INDIRECT_HI = 1 << 30;

export interface ItsMachine {
  readonly vgic: Vgic;
  readonly its: Its;
  mapDevice(device: number, itt: number, bits: number, valid: boolean): number;
  mapCollection(collection: number, target: number, valid: boolean): number;
  mapEvent(device: number, event: number, lpi: number, collection: number): number;
  discard(device: number, event: number): number;
  interrupt(device: number, event: number): number;
  invalidateAll(collection: number): number;
  moveAll(from: number, to: number): number;
  /** Devices, collections and what is queued go; the guest's memory stays. */
  drop(): void;
  /** One or two levels of device table; the ITS is off meanwhile and must be empty. */
  setDeviceTable(isIndirect: boolean): void;
}

export function createItsMachine(flavour: string, nrVcpus: number): ItsMachine {
  const vgic = createVgic(studyMachine(flavour, nrVcpus, 64, 4, NR_LPIS), reference.create({}));
  const its = vgic.its();
  if (its === undefined) throw new RangeError(`${flavour} has no ITS`);
  writeRedists(nrVcpus, (vcpu, offset, value) => vgic.mmioWrite(vcpu, true, offset, 4, value, 0));
  writeIts((offset, value) => its.write(offset, value));

  const words = new Int32Array(Command.ITS_COMMAND_WORDS);
  const command = (opcode: number, device: number, word2: number, lpi: number, low: number, high: number): number => {
    words[0] = opcode;
    words[1] = device;
    words[2] = word2;
    words[3] = lpi;
    words[4] = low;
    words[5] = high;
    words[6] = 0;
    words[7] = 0;
    return its.command(words);
  };
  return {
    vgic,
    its,
    mapDevice: (device, itt, bits, valid) =>
      command(Command.ITS_MAPD, device, bits - 1, 0, itt, Math.floor(itt / 2 ** 32) | (valid ? VALID_HI : 0)),
    mapCollection: (collection, target, valid) =>
      command(Command.ITS_MAPC, 0, 0, 0, collection | (target << 16), valid ? VALID_HI : 0),
    mapEvent: (device, event, lpi, collection) => command(Command.ITS_MAPTI, device, event, lpi, collection, 0),
    discard: (device, event) => command(Command.ITS_DISCARD, device, event, 0, 0, 0),
    interrupt: (device, event) => command(Command.ITS_INT, device, event, 0, 0, 0),
    invalidateAll: (collection) => command(Command.ITS_INVALL, 0, 0, 0, collection, 0),
    moveAll(from, to) {
      words.fill(0);
      words[0] = Command.ITS_MOVALL;
      words[4] = from << 16;
      words[6] = to << 16;
      return its.command(words);
    },
    drop() {
      its.dropAll();
      for (let vcpu = 0; vcpu < nrVcpus; vcpu++) if (vgic.list.length(vcpu) > 0) vgic.dropLpis(vcpu);
    },
    setDeviceTable(isIndirect) {
      its.write(GITS_CTLR, 0);
      its.write(GITS_BASER_DEVICES, DEVICE_TABLE);
      its.write(GITS_BASER_DEVICES + 4, VALID_HI | (isIndirect ? INDIRECT_HI : 0));
      its.write(GITS_CTLR, 1);
    },
  };
}
