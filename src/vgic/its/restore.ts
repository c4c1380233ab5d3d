/** Restore of the ITS tables from guest memory, which the guest may have written: every check and its error. vgic-spec 6.10. */
import { LPI_BASE, NO_VCPU } from '../../gic/intid.js';
import type { ItsCosts } from './costs.js';
import { createEmptySlots } from './empty-slots.js';
import { type GuestMemory, PAGE_BYTES } from './guest-memory.js';
import type { Lpis } from './lpis.js';
import { type Device, ID_BITS, type ItsObjects } from './objects.js';
import { EEXIST, EFAULT, EINVAL, ENOMEM, OK } from './result.js';
import {
  cteCollection,
  cteTarget,
  dteBits,
  dteItt,
  dteNext,
  ENTRY_BYTES,
  ITE_LPI_MASK,
  isValid,
  iteCollection,
  iteLpi,
  iteNext,
  pageAddress,
  UNMAPPED,
  VALID_MASK,
} from './table-entries.js';
import { ENTRIES_A_PAGE, reach, reachEvent, scanTable, type Table } from './tables.js';

/** What a callback of a scan says of an invalid entry: look at the next slot. */
const NEXT_SLOT = 1;

export interface RestoreParts {
  readonly nrVcpus: number;
  readonly memory: GuestMemory;
  readonly costs: ItsCosts;
  readonly lpis: Lpis;
  readonly objects: ItsObjects;
  /** Without the test of CVE-2026-64106 a device may have up to 32 event-id bits. */
  readonly checksEventBits: boolean;
  deviceTable(): Table;
  collectionTable(): Table;
  /** Devices go: their translations too. */
  freeDevices(): void;
  freeDevice(device: Device): void;
}

/**
 * Collections, then devices with their entries. OK, -EINVAL, -EEXIST, -EFAULT, -ENOMEM. After an error that the devices
 * caused both lists are empty; after one of the collections there are none, and devices are as they were, without them.
 */
export function createRestore(parts: RestoreParts): () => number {
  const { nrVcpus, memory, costs, lpis, objects } = parts;
  const withoutLpi = createEmptySlots(memory, ITE_LPI_MASK);
  const notValid = createEmptySlots(memory, VALID_MASK);

  /** Distance to the next entry, 0 = the last one, or an error. */
  function restoreEntry(device: Device, event: number, lo: number, hi: number): number {
    const lpi = iteLpi(lo, hi);
    if (lpi === 0) return NEXT_SLOT;
    if (lpi < LPI_BASE) return EINVAL;
    const next = iteNext(hi);
    if (event + next >= 2 ** device.bits) return EINVAL;
    const collection = objects.findCollection(iteCollection(lo));
    if (collection === undefined) return EINVAL;
    if (reachEvent(device, event, memory) < 0) return EINVAL;
    if (!objects.hasRoomForEntry()) return ENOMEM;
    // No upper check of the number here: one above the advertised range makes a descriptor all the same.
    const slot = lpis.add(lpi, collection.target);
    if (slot < 0) return slot;
    objects.addEntry(device, event, slot, collection);
    return next;
  }

  function restoreDevice(table: Table, id: number, lo: number, hi: number): number {
    if (!isValid(hi)) return NEXT_SLOT;
    const bits = dteBits(lo);
    if (bits > ID_BITS && parts.checksEventBits) return EINVAL;
    if (reach(table, id, memory) < 0) return EINVAL;
    const device = objects.addDevice(id, bits, dteItt(lo, hi));
    if (device === undefined) return ENOMEM;
    const result = scanTable(
      memory,
      costs,
      withoutLpi,
      device.itt,
      ENTRY_BYTES * 2 ** bits,
      0,
      (event, entryLo, entryHi) => restoreEntry(device, event, entryLo, entryHi),
    );
    if (result < 0) {
      parts.freeDevice(device);
      return result;
    }
    return dteNext(hi);
  }

  function restoreDevices(): number {
    const table = parts.deviceTable();
    if (!table.isValid) return OK;
    const visitDevice = (id: number, lo: number, hi: number): number => restoreDevice(table, id, lo, hi);
    const visitPage = (slot: number, lo: number, hi: number): number =>
      isValid(hi)
        ? scanTable(memory, costs, notValid, pageAddress(lo, hi), PAGE_BYTES, slot * ENTRIES_A_PAGE, visitDevice)
        : NEXT_SLOT;
    const visit = table.isIndirect ? visitPage : visitDevice;
    const result = scanTable(memory, costs, notValid, table.base, table.bytes, 0, visit);
    // A table whose end was not announced is a valid one.
    return Math.min(result, OK);
  }

  /** 1 = go on, 0 = the entry that ends the table, or an error. */
  function restoreCollection(table: Table, address: number): number {
    if (!memory.readDouble(address)) return EFAULT;
    costs.slots += 1;
    const { lo, hi } = memory;
    if (!isValid(hi)) return 0;
    const target = cteTarget(lo, hi);
    if (target !== UNMAPPED && target >= nrVcpus) return EINVAL;
    const id = cteCollection(lo);
    if (objects.findCollection(id) !== undefined) return EEXIST;
    if (reach(table, id, memory) < 0) return EINVAL;
    objects.addCollection(id, target === UNMAPPED ? NO_VCPU : target);
    return 1;
  }

  function restoreCollections(): number {
    const table = parts.collectionTable();
    if (!table.isValid) return OK;
    for (let read = 0; read < table.bytes; read += ENTRY_BYTES) {
      const result = restoreCollection(table, table.base + read);
      if (result < 0) objects.freeCollections();
      if (result <= 0) return result;
    }
    return OK;
  }

  return () => {
    let result = restoreCollections();
    if (result !== OK) return result;
    result = restoreDevices();
    if (result !== OK) {
      parts.freeDevices();
      objects.freeCollections();
    }
    return result;
  };
}
