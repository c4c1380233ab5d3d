/**
 * Test support: what vgic-spec 6.10 says the restore of an image must come to, read off the text once more: entries are taken
 * apart by division, tables are walked slot by slot, and nothing of the model but its memory is used.
 */
import {
  COLLECTION_TABLE,
  CONFIG_TABLE,
  DEVICE_TABLE,
  PENDING_TABLE,
  PENDING_TABLE_BYTES,
} from '../../gic/its-layout.js';
import type { GuestMemory } from './guest-memory.js';

const EFAULT = -14;
const EEXIST = -17;
const EINVAL = -22;
const PAGE = 65536;

export interface Prediction {
  readonly result: number;
  /** Slots of all tables that are read. */
  readonly slots: number;
  /** Most slots that tables of these sizes have: none is read twice but where several entries name one table. */
  readonly bound: number;
  /** LPIs that gained a reference before the walk ended. */
  readonly lpis: ReadonlySet<number>;
  readonly devices: readonly {
    readonly id: number;
    readonly bits: number;
    readonly itt: number;
    readonly entries: readonly { readonly event: number; readonly lpi: number; readonly collection: number }[];
  }[];
  readonly collections: readonly { readonly id: number; readonly target: number | null }[];
}

/** What ends a walk with an error. */
class Refusal {
  readonly code: number;

  constructor(code: number) {
    this.code = code;
  }
}

export function predictRestore(memory: GuestMemory, isIndirect: boolean, nrVcpus: number): Prediction {
  let slots = 0;
  let bound = 0;
  const collections: { id: number; target: number | null }[] = [];
  const devices: {
    id: number;
    bits: number;
    itt: number;
    entries: { event: number; lpi: number; collection: number }[];
  }[] = [];
  const knownLpis = new Set<number>();
  /** Bytes of the pending tables whose bits were imported, and thereby cleared: an ITT may lie on them. */
  const imported = new Map<number, number>();
  let low = 0;
  let high = 0;

  function readSlot(address: number): void {
    if (!memory.peekDouble(address)) throw new Refusal(EFAULT);
    slots += 1;
    low = memory.lo >>> 0;
    high = memory.hi >>> 0;
    if (imported.size === 0) return;
    for (let byte = 0; byte < 8; byte++) {
      const now = imported.get(address + byte);
      if (now === undefined) continue;
      const before = memory.peekByte(address + byte);
      if (byte < 4) low -= (before - now) * 2 ** (8 * byte);
      else high -= (before - now) * 2 ** (8 * (byte - 4));
    }
  }
  /** `width` bits from bit `from` of a half. */
  const bits = (half: number, from: number, width: number): number => Math.floor(half / 2 ** from) % 2 ** width;
  const isInMemory = (address: number): boolean => memory.peekByte(address) >= 0;

  /** From an address on, within its page. */
  function countZeroSlots(address: number, most: number): number {
    const index = memory.pageOf(address);
    if (index < 0) return 0;
    const from = (address % PAGE) / 8;
    const limit = Math.min(most, PAGE / 8 - from);
    const page = memory.page(index);
    if (page === undefined) return limit;
    let slots = 0;
    while (slots < limit && page.getBigUint64(8 * (from + slots)) === 0n) slots += 1;
    return slots;
  }

  /** False: the walk came to the end of the table; true: an entry said it was the last. */
  function walk(base: number, size: number, firstId: number, visit: (id: number) => number): boolean {
    bound += size / 8;
    for (let at = 0; at < size; ) {
      // Slots of zeroes at once, or the tests would take minutes.
      const zeroes = countZeroSlots(base + at, (size - at) / 8);
      slots += zeroes;
      at += 8 * zeroes;
      if (zeroes > 0) continue;
      readSlot(base + at);
      const distance = visit(firstId + at / 8);
      if (distance === 0) return true;
      at += 8 * distance;
    }
    return false;
  }

  function readCollections(): void {
    bound += PAGE / 8;
    for (let at = 0; at < PAGE; at += 8) {
      readSlot(COLLECTION_TABLE + at);
      if (bits(high, 31, 1) === 0) return;
      const target = bits(high, 0, 20) * 65536 + bits(low, 16, 16);
      const isUnmapped = target === 0xffffffff;
      if (!isUnmapped && target >= nrVcpus) throw new Refusal(EINVAL);
      const id = bits(low, 0, 16);
      if (collections.some((collection) => collection.id === id)) throw new Refusal(EEXIST);
      if (id >= PAGE / 8) throw new Refusal(EINVAL);
      collections.push({ id, target: isUnmapped ? null : target });
    }
  }

  function importPending(address: number, bit: number): void {
    if (!isInMemory(address)) throw new Refusal(EFAULT);
    const byte = imported.get(address) ?? memory.peekByte(address);
    if (Math.floor(byte / 2 ** bit) % 2 === 1) imported.set(address, byte - 2 ** bit);
  }

  function checkLpi(lpi: number, target: number | null): void {
    if (knownLpis.has(lpi)) return;
    if (!isInMemory(CONFIG_TABLE + lpi - 8192)) throw new Refusal(EFAULT);
    if (target !== null) importPending(PENDING_TABLE + target * PENDING_TABLE_BYTES + Math.floor(lpi / 8), lpi % 8);
    knownLpis.add(lpi);
  }

  function readDevice(id: number, isReached: boolean): number {
    if (bits(high, 31, 1) === 0) return 1;
    const next = bits(high, 17, 14);
    const eventBits = bits(low, 0, 5) + 1;
    const itt = (bits(high, 0, 17) * 2 ** 27 + bits(low, 5, 27)) * 256;
    if (eventBits > 16) throw new Refusal(EINVAL);
    if (!isReached) throw new Refusal(EINVAL);
    const entries: { event: number; lpi: number; collection: number }[] = [];
    devices.push({ id, bits: eventBits, itt, entries });
    walk(itt, 8 * 2 ** eventBits, 0, (event) => {
      const lpi = bits(high, 0, 16) * 65536 + bits(low, 16, 16);
      if (lpi === 0) return 1;
      const distance = bits(high, 16, 16);
      const collectionId = bits(low, 0, 16);
      if (lpi < 8192 || event + distance >= 2 ** eventBits) throw new Refusal(EINVAL);
      const collection = collections.find((known) => known.id === collectionId);
      if (collection === undefined) throw new Refusal(EINVAL);
      checkLpi(lpi, collection.target);
      entries.push({ event, lpi, collection: collectionId });
      return distance;
    });
    return next;
  }

  function readDevices(): void {
    if (!isIndirect) {
      walk(DEVICE_TABLE, PAGE, 0, (id) => readDevice(id, id < PAGE / 8));
      return;
    }
    walk(DEVICE_TABLE, PAGE, 0, (slot) => {
      if (bits(high, 31, 1) === 0) return 1;
      const page = bits(high, 0, 20) * 2 ** 32 + bits(low, 16, 16) * 65536;
      return walk(page, PAGE, (slot * PAGE) / 8, (id) => readDevice(id, id < 65536)) ? 0 : 1;
    });
  }

  try {
    readCollections();
    readDevices();
    return { result: 0, slots, bound, lpis: knownLpis, devices, collections };
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    return { result: error.code, slots, bound, lpis: knownLpis, devices: [], collections: [] };
  }
}
