/**
 * Where the guests of scenarios and studies keep the tables of an ITS (schema.itsMemoryMap of traces/conformance), and the
 * register writes by which their driver says so. The command queue, which the schema leaves open, is a page between them.
 */
import {
  GICR_CTLR,
  GICR_PENDBASER,
  GICR_PROPBASER,
  GITS_BASER_COLLECTIONS,
  GITS_BASER_DEVICES,
  GITS_CBASER,
  GITS_CTLR,
} from './its-registers.js';

export const DEVICE_TABLE = 0x40000000;
export const COLLECTION_TABLE = 0x40010000;
export const COMMAND_QUEUE = 0x40020000;
export const CONFIG_TABLE = 0x40080000;
export const PENDING_TABLE = 0x40100000;
export const PENDING_TABLE_BYTES = 0x10000;
/** 2^16 INTIDs. */
const ID_BITS_FIELD = 15;
/** High word of a valid CBASER or BASER; a size field of 0 is one page. */
export const VALID_HI = 1 << 31;

/** 32-bit writes to the redistributor of each vCPU: tables, then EnableLPIs. */
export function writeRedists(nrVcpus: number, write: (vcpu: number, offset: number, value: number) => void): void {
  for (let vcpu = 0; vcpu < nrVcpus; vcpu++) {
    write(vcpu, GICR_PROPBASER, CONFIG_TABLE | ID_BITS_FIELD);
    write(vcpu, GICR_PENDBASER, PENDING_TABLE + vcpu * PENDING_TABLE_BYTES);
    write(vcpu, GICR_CTLR, 1);
  }
}

/** 32-bit writes to the ITS: flat tables, queue, enable. */
export function writeIts(write: (offset: number, value: number) => void): void {
  for (const [offset, base] of [
    [GITS_BASER_DEVICES, DEVICE_TABLE],
    [GITS_BASER_COLLECTIONS, COLLECTION_TABLE],
    [GITS_CBASER, COMMAND_QUEUE],
  ]) {
    write(offset, base);
    write(offset + 4, VALID_HI);
  }
  write(GITS_CTLR, 1);
}
