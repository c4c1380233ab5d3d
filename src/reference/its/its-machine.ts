/** The memory map and start state of the ITS scenarios (traces/conformance), and commands as words. */
import type { ConformTarget, ItsTarget } from '../../conform/target.js';
import { type Machine, NR_LPIS } from '../../gic/intid.js';
import * as ev from '../../trace/events.js';

export const DEVICE_TABLE = 0x4000_0000;
export const COLLECTION_TABLE = 0x4001_0000;
export const CONFIG_TABLE = 0x4008_0000;
export const PENDING_TABLES = 0x4010_0000;
export const PENDING_TABLE_SIZE = 0x1_0000;
export const QUEUE = 0x4018_0000;

export const GITS_CTLR = 0x000;
export const GITS_CBASER = 0x080;
export const GITS_CWRITER = 0x088;
export const GITS_BASER_DEVICES = 0x100;
export const GITS_BASER_COLLECTIONS = 0x108;
export const GICR_CTLR = 0x000;
export const GICR_PROPBASER = 0x070;
export const GICR_PENDBASER = 0x078;
export const GICR_INVLPIR = 0x0a0;
export const GICR_INVALLR = 0x0b0;
/** Bits 63 and 62 of a GITS_BASER, in its high word. */
export const VALID = 2 ** 31;
export const INDIRECT = 2 ** 30;
export const ID_BITS = 15;

export const createItsMachine = (flavour: string, nrVcpus: number, nrLr = 4): Machine => ({
  flavour,
  model: 'gicv3',
  nrVcpus,
  nrSpis: 64,
  nrLpis: NR_LPIS,
  nrLr,
  distEnabledAtStart: true,
  pmrAtStart: 0xf8,
});

export function itsOf(target: ConformTarget): ItsTarget {
  const its = target.its();
  if (its === undefined) throw new Error('the machine has no ITS');
  return its;
}

export const pendingAddress = (vcpu: number, lpi: number): number =>
  PENDING_TABLES + vcpu * PENDING_TABLE_SIZE + Math.floor(lpi / 8);

export const configAddress = (lpi: number): number => CONFIG_TABLE + lpi - 8192;

export function writeBytes(target: ConformTarget, address: number, nrBytes: number, value: number): void {
  target.apply(ev.MEM_AT, 0, Math.floor(address / 2 ** 32), address | 0);
  target.apply(ev.MEM_WRITE, 0, nrBytes, value);
}

export function writeIts(target: ConformTarget, offset: number, value: number): void {
  target.apply(ev.ITS_MMIO, 0, offset, value | 0);
}

export function writeRedist(target: ConformTarget, vcpu: number, offset: number, value: number): void {
  target.apply(ev.MMIO_REDIST, vcpu, offset, value | 0);
}

/** All tables named, LPIs and the ITS on. */
export function startIts(target: ConformTarget): void {
  for (let vcpu = 0; vcpu < target.machine.nrVcpus; vcpu++) {
    writeRedist(target, vcpu, GICR_PROPBASER, CONFIG_TABLE | ID_BITS);
    writeRedist(target, vcpu, GICR_PENDBASER, PENDING_TABLES + vcpu * PENDING_TABLE_SIZE);
    writeRedist(target, vcpu, GICR_CTLR, 1);
  }
  for (const [register, table] of [
    [GITS_BASER_DEVICES, DEVICE_TABLE],
    [GITS_BASER_COLLECTIONS, COLLECTION_TABLE],
    [GITS_CBASER, QUEUE],
  ]) {
    writeIts(target, register, table);
    writeIts(target, register + 4, VALID);
  }
  writeIts(target, GITS_CTLR, 1);
}

export const OPCODES = {
  MOVI: 0x01,
  INT: 0x03,
  CLEAR: 0x04,
  SYNC: 0x05,
  MAPD: 0x08,
  MAPC: 0x09,
  MAPTI: 0x0a,
  MAPI: 0x0b,
  INV: 0x0c,
  INVALL: 0x0d,
  MOVALL: 0x0e,
  DISCARD: 0x0f,
} as const;

export interface CommandFields {
  readonly opcode: number;
  readonly device?: number;
  readonly event?: number;
  readonly lpi?: number;
  readonly collection?: number;
  readonly bits?: number;
  readonly itt?: number;
  readonly target?: number;
  readonly otherTarget?: number;
  readonly valid?: boolean;
}

/** The eight 32-bit words of a command (IHI 0069). */
export function encodeCommand(fields: CommandFields): number[] {
  const { opcode, device = 0, event = 0, lpi = 0, collection = 0, bits = 1, itt = 0 } = fields;
  const { target = 0, otherTarget = 0, valid = false } = fields;
  const isMapd = opcode === OPCODES.MAPD;
  const third = isMapd ? BigInt(itt) : (BigInt(target) << 16n) | BigInt(collection);
  const words = [
    (BigInt(device) << 32n) | BigInt(opcode),
    isMapd ? BigInt(bits - 1) : (BigInt(lpi) << 32n) | BigInt(event),
    third | (BigInt(valid) << 63n),
    BigInt(otherTarget) << 16n,
  ];
  return words.flatMap((word) => [Number(word & 0xffff_ffffn), Number(word >> 32n)]);
}
