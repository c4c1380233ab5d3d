/** The ITS's own registers, and the command queue that they name (vgic-spec 6.2; layout: IHI 0069). */
import type { MachineState } from '../machine-state.js';
import { bitsOf, fieldOf, updateRegister } from './bits.js';
import { runCommand } from './commands.js';
import { type ItsState, isValid } from './its-state.js';
import { dropCache, freeCollections, freeDevices } from './tables.js';

const GITS_CTLR = 0x000;
const GITS_CBASER = 0x080;
const GITS_CWRITER = 0x088;
const GITS_BASER_DEVICES = 0x100;
const GITS_BASER_COLLECTIONS = 0x108;

const COMMAND_SIZE = 32;
const QUEUE_PAGE_SIZE = 0x1000;

/** What of a GITS_BASER is not as written. */
interface TableFields {
  readonly cleared: bigint;
  readonly fixed: bigint;
}

/** Type in 58:56, entry size - 1 in 52:48, page size in 9:8. */
const FIXED_FIELDS = (7n << 56n) | (0x1fn << 48n) | (3n << 8n);
const ENTRIES_OF_8_BYTES = 7n << 48n;
const PAGES_OF_64K = 2n << 8n;
const INDIRECT = 1n << 62n;

const DEVICE_TABLE: TableFields = { cleared: FIXED_FIELDS, fixed: (1n << 56n) | ENTRIES_OF_8_BYTES | PAGES_OF_64K };
/** Flat only. */
const COLLECTION_TABLE: TableFields = {
  cleared: FIXED_FIELDS | INDIRECT,
  fixed: (4n << 56n) | ENTRIES_OF_8_BYTES | PAGES_OF_64K,
};

/** The queue begins at a multiple of 64 KiB. */
const UNALIGNED_QUEUE = 0xf000n;

const queueSize = (cbaser: bigint): number => (bitsOf(cbaser, 0, 8) + 1) * QUEUE_PAGE_SIZE;

/** From CREADR to CWRITER. A slot that cannot be read is passed over; what a command answers is seen by nobody. */
function processQueue(state: MachineState, its: ItsState): void {
  if (!its.enabled) return;
  const base = fieldOf(its.cbaser, 51, 12);
  while (its.creadr !== its.cwriter) {
    const words = [0, 8, 16, 24].map((offset) => its.memory.read(base + its.creadr + offset, 8));
    if (words.every((word) => word !== undefined)) runCommand(state, its, words);
    its.creadr = (its.creadr + COMMAND_SIZE) % queueSize(its.cbaser);
  }
}

function writeCtlr(state: MachineState, its: ItsState, value: number): void {
  const isWanted = (value & 1) === 1;
  const isComplete = [its.deviceBaser, its.collectionBaser, its.cbaser].every(isValid);
  if (isWanted && !its.enabled && !isComplete) return;
  its.enabled = isWanted;
  if (!its.enabled) dropCache(its);
  processQueue(state, its);
}

function writeCbaser(its: ItsState, at: number, value: number): void {
  if (its.enabled) return;
  its.cbaser = updateRegister(its.cbaser, at, 4, value, 0) & ~UNALIGNED_QUEUE;
  its.creadr = 0;
  its.cwriter = 0;
}

function writeCwriter(state: MachineState, its: ItsState, at: number, value: number): void {
  const offset = fieldOf(updateRegister(BigInt(its.cwriter), at, 4, value, 0), 19, 5);
  if (offset >= queueSize(its.cbaser)) return;
  its.cwriter = offset;
  processQueue(state, its);
}

/** The register after a write, and whether what its table stood for is gone. */
function writeBaser(its: ItsState, old: bigint, ofTable: TableFields, at: number, value: number): [bigint, boolean] {
  const written = updateRegister(old, at, 4, value, 0);
  const register = (written & ~ofTable.cleared) | ofTable.fixed;
  const frees = its.switches.baserWriteFrees === 'changed' ? register !== old : !isValid(register);
  return [register, frees];
}

function writeDeviceBaser(state: MachineState, its: ItsState, at: number, value: number): void {
  const [register, frees] = writeBaser(its, its.deviceBaser, DEVICE_TABLE, at, value);
  its.deviceBaser = register;
  if (frees) freeDevices(state, its);
}

function writeCollectionBaser(its: ItsState, at: number, value: number): void {
  const [register, frees] = writeBaser(its, its.collectionBaser, COLLECTION_TABLE, at, value);
  its.collectionBaser = register;
  if (frees) freeCollections(its);
}

/** A 32-bit write at byte `offset`. GITS_TRANSLATER is not among them: a vCPU that writes there names no device. */
export function writeItsRegister(state: MachineState, its: ItsState, offset: number, value: number): void {
  const at = offset % 8;
  switch (offset - at) {
    case GITS_CTLR:
      if (at === 0) writeCtlr(state, its, value);
      break;
    case GITS_CBASER:
      writeCbaser(its, at, value);
      break;
    case GITS_CWRITER:
      writeCwriter(state, its, at, value);
      break;
    case GITS_BASER_DEVICES:
      if (!its.enabled) writeDeviceBaser(state, its, at, value);
      break;
    case GITS_BASER_COLLECTIONS:
      if (!its.enabled) writeCollectionBaser(its, at, value);
      break;
  }
}
