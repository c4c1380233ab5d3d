/** The tables that a GITS_BASER describes: what they reach, where an entry lies, and how restore scans them. vgic-spec 6.3, 6.10. */
import type { ItsCosts } from './costs.js';
import type { EmptySlots } from './empty-slots.js';
import { type GuestMemory, PAGE_BYTES } from './guest-memory.js';
import { type Device, NR_IDS } from './objects.js';
import { EFAULT } from './result.js';
import { ENTRY_BYTES, isValid, pageAddress } from './table-entries.js';

/** What a GITS_BASER says. */
export interface Table {
  readonly isValid: boolean;
  /** Two levels: entries of `base` are addresses of pages of entries. */
  readonly isIndirect: boolean;
  readonly base: number;
  readonly bytes: number;
}

/** Entries in one page, first-level entries too. */
export const ENTRIES_A_PAGE = PAGE_BYTES / ENTRY_BYTES;
const INDIRECT_HI = 1 << 30;
const NO_ADDRESS = -1;

/** Pages are always 64 KiB; address bits 51:48 are then bits 15:12 of the register. */
export const tableOf = (lo: number, hi: number): Table => ({
  isValid: isValid(hi),
  isIndirect: (hi & INDIRECT_HI) !== 0,
  base: ((lo >>> 12) & 0xf) * 2 ** 48 + (hi & 0xffff) * 2 ** 32 + ((lo & 0xffff0000) >>> 0),
  bytes: ((lo & 0xff) + 1) * PAGE_BYTES,
});

/** Address of the entry of an id, or -1: out of reach (`vgic_its_check_id`). */
export function reach(table: Table, id: number, memory: GuestMemory): number {
  if (id >= NR_IDS) return NO_ADDRESS;
  if (!table.isIndirect) {
    if (id >= table.bytes / ENTRY_BYTES) return NO_ADDRESS;
    const address = table.base + ENTRY_BYTES * id;
    return memory.holds(address) ? address : NO_ADDRESS;
  }
  const first = Math.floor(id / ENTRIES_A_PAGE);
  if (first >= table.bytes / ENTRY_BYTES) return NO_ADDRESS;
  if (!memory.readDouble(table.base + ENTRY_BYTES * first) || !isValid(memory.hi)) return NO_ADDRESS;
  const address = pageAddress(memory.lo, memory.hi) + ENTRY_BYTES * (id % ENTRIES_A_PAGE);
  return memory.holds(address) ? address : NO_ADDRESS;
}

/** Address of an event's slot, or -1: out of reach (`vgic_its_check_event_id`). */
export function reachEvent({ bits, itt }: Device, event: number, memory: GuestMemory): number {
  if (event >= 2 ** bits) return NO_ADDRESS;
  const address = itt + ENTRY_BYTES * event;
  return memory.holds(address) ? address : NO_ADDRESS;
}

/**
 * `scan_its_table`: 1 = the end of the table was not announced, 0 = it was, negative = an error. `visit` is given the entry
 * and says how many slots to go on, 0 = this is the last one, negative = an error; for a slot that is empty it must say 1.
 */
export function scanTable(
  memory: GuestMemory,
  costs: ItsCosts,
  emptySlots: EmptySlots,
  base: number,
  bytes: number,
  firstId: number,
  visit: (id: number, lo: number, hi: number) => number,
): number {
  let address = base;
  let left = bytes;
  let id = firstId;
  for (;;) {
    let step: number;
    const empty = emptySlots.count(address, left / ENTRY_BYTES);
    if (empty > 0) {
      // The hypervisor reads slot after slot; the model counts them.
      costs.slots += empty;
      memory.countReads(empty);
      step = empty;
    } else {
      if (!memory.readDouble(address)) return EFAULT;
      costs.slots += 1;
      step = visit(id, memory.lo, memory.hi);
      if (step <= 0) return step;
    }
    if (ENTRY_BYTES * step >= left) return 1;
    id += step;
    address += ENTRY_BYTES * step;
    left -= ENTRY_BYTES * step;
  }
}
