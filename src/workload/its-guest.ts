/**
 * The guest's driver of an ITS: where its tables lie, registers, configuration bytes, and commands, given outright or put
 * into the queue. Register layouts: GIC architecture IHI 0069; vgic-spec 2.5, 6.2 to 6.4. Guest memory is
 * 0x40000000 to 0x41ffffff.
 */

import { LPI_BASE } from '../gic/intid.js';
import { ITS_COMMAND_BYTES, type ItsCommand } from '../gic/its-command.js';
import {
  GICR_CTLR,
  GICR_PENDBASER,
  GICR_PROPBASER,
  GITS_BASER_COLLECTIONS,
  GITS_BASER_DEVICES,
  GITS_CBASER,
  GITS_CTLR,
  GITS_CWRITER,
} from '../gic/its-registers.js';
import { ITS_COMMAND, ITS_MMIO, ITS_WORD, MEM_AT, MEM_WRITE, MMIO_REDIST } from '../trace/events.js';
import type { Pen } from './stage.js';

const DEVICE_TABLE = 0x4001_0000;
const COLLECTION_TABLE = 0x4002_0000;
const COMMAND_QUEUE = 0x4003_0000;
const QUEUE_BYTES = 0x1_0000;
const CONFIG_TABLE = 0x4004_0000;
/** One of 64 KiB a vCPU, for up to MAX_VCPUS. */
const PENDING_TABLES = 0x4010_0000;
const PENDING_TABLE_BYTES = 0x1_0000;
const TRANSLATION_TABLES = 0x4100_0000;
const BYTES_PER_ENTRY = 8;

const HIGH_WORD = 4;

const VALID_HIGH = 0x8000_0000;
/** Tables have pages of 64 KiB, the queue has pages of 4 KiB; the size is given in pages - 1. */
const PAGE_64K = 2 << 8;
const QUEUE_PAGES = QUEUE_BYTES / 4096;
/** 16 bits of INTIDs. */
const ID_BITS = 15;
/** PENDBASER.PTZ: the table is zero, nothing need be read. */
const PENDING_ZERO_HIGH = 1 << 30;

export const MAX_DEVICES = 64;
export const MAX_EVENT_BITS = 9;

export interface ItsGuest {
  /** Tables of the redistributors, LPIs on; tables and queue of the ITS, ITS on. */
  start(nrVcpus: number): void;
  /** `vcpu` gives the command without a queue. */
  give(vcpu: number, command: ItsCommand): void;
  /** `vcpu` puts the commands into the queue and moves CWRITER once. */
  queue(vcpu: number, commands: readonly ItsCommand[]): void;
  /** The configuration byte of an LPI; takes effect with an INV or INVALL. */
  configure(vcpu: number, lpi: number, priority: number, enabled: boolean): void;
  setLpis(vcpu: number, on: boolean): void;
  setIts(vcpu: number, on: boolean): void;
  /** Translation table of the nth device. */
  tableOf(device: number): number;
}

export function createItsGuest({ write }: Pen): ItsGuest {
  let writer = 0;

  function poke(vcpu: number, address: number, bytes: number, values: readonly number[]): void {
    write(MEM_AT, vcpu, 0, address);
    for (const value of values) write(MEM_WRITE, vcpu, bytes, value | 0);
  }
  function writeRegister(vcpu: number, offset: number, low: number, high: number): void {
    write(ITS_MMIO, vcpu, offset, low | 0);
    write(ITS_MMIO, vcpu, offset + HIGH_WORD, high | 0);
  }
  const setLpis = (vcpu: number, on: boolean): void => write(MMIO_REDIST, vcpu, GICR_CTLR, on ? 1 : 0);
  const setIts = (vcpu: number, on: boolean): void => write(ITS_MMIO, vcpu, GITS_CTLR, on ? 1 : 0);

  return {
    start(nrVcpus) {
      for (let vcpu = 0; vcpu < nrVcpus; vcpu++) {
        write(MMIO_REDIST, vcpu, GICR_PROPBASER, CONFIG_TABLE | ID_BITS);
        write(MMIO_REDIST, vcpu, GICR_PENDBASER + HIGH_WORD, PENDING_ZERO_HIGH);
        write(MMIO_REDIST, vcpu, GICR_PENDBASER, PENDING_TABLES + vcpu * PENDING_TABLE_BYTES);
        setLpis(vcpu, true);
      }
      writeRegister(0, GITS_BASER_DEVICES, DEVICE_TABLE | PAGE_64K, VALID_HIGH);
      writeRegister(0, GITS_BASER_COLLECTIONS, COLLECTION_TABLE | PAGE_64K, VALID_HIGH);
      writeRegister(0, GITS_CBASER, COMMAND_QUEUE | (QUEUE_PAGES - 1), VALID_HIGH);
      setIts(0, true);
    },
    give(vcpu, command) {
      command.forEach((word, at) => {
        if (word !== 0) write(ITS_WORD, vcpu, at, word | 0);
      });
      write(ITS_COMMAND, vcpu, 0, 0);
    },
    queue(vcpu, commands) {
      for (const command of commands) {
        poke(vcpu, COMMAND_QUEUE + writer, 4, command);
        writer = (writer + ITS_COMMAND_BYTES) % QUEUE_BYTES;
      }
      write(ITS_MMIO, vcpu, GITS_CWRITER, writer);
    },
    configure: (vcpu, lpi, priority, enabled) =>
      poke(vcpu, CONFIG_TABLE + lpi - LPI_BASE, 1, [(priority & 0xfc) | (enabled ? 1 : 0)]),
    setLpis,
    setIts,
    tableOf: (device) => TRANSLATION_TABLES + device * (BYTES_PER_ENTRY << MAX_EVENT_BITS),
  };
}
