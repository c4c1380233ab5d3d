/** KVM_DEV_ARM_ITS_RESTORE_TABLES (vgic-spec 6.10). */
import { LPI_BASE, NO_VCPU } from '../../gic/intid.js';
import type { MachineState } from '../machine-state.js';
import { type Device, type ItsState, isMapped, isValid } from './its-state.js';
import { addLpi } from './lpi-tables.js';
import { decodeCollection, decodeDevice, decodeIte } from './table-entries.js';
import {
  EBUSY,
  EEXIST,
  EFAULT,
  EINVAL,
  ENTRIES_PER_PAGE,
  ENTRY_SIZE,
  findCollection,
  findDeviceSlot,
  freeCollections,
  freeDevice,
  freeDevices,
  isCollectionInReach,
  isEventInReach,
  isTwoLevel,
  OK,
  secondLevelPage,
  tableAddress,
  tableSize,
} from './tables.js';

const MAX_EVENT_BITS = 16;

/** What a scan does with one slot: how many slots to move on, 0 = the table ends here, negative = an error. */
type RestoreSlot = (id: number, word: bigint) => number;

const NEXT_SLOT = 1;
/** The scan reached the end of the table without having been told that it would. */
const END_NOT_ANNOUNCED = 1;

/** Goes through a table from distance to distance. */
function scanTable(its: ItsState, base: number, size: number, firstId: number, restoreSlot: RestoreSlot): number {
  let id = firstId;
  let address = base;
  let remaining = size;
  for (;;) {
    const word = its.memory.read(address, ENTRY_SIZE);
    if (word === undefined) return EFAULT;
    // A word of zeros is no entry of any table.
    const next = word === 0n ? NEXT_SLOT : restoreSlot(id, word);
    if (next <= 0) return next;
    const bytes = next * ENTRY_SIZE;
    if (bytes >= remaining) return END_NOT_ANNOUNCED;
    id += next;
    address += bytes;
    remaining -= bytes;
  }
}

const errorOf = (scanned: number): number => Math.min(scanned, OK);

function restoreIte(state: MachineState, its: ItsState, device: Device, event: number, word: bigint): number {
  const { next, lpi, collection: id } = decodeIte(word);
  if (lpi === 0) return NEXT_SLOT;
  if (lpi < LPI_BASE) return EINVAL;
  if (event + next >= 2 ** device.bits) return EINVAL;
  const collection = findCollection(its, id);
  if (!collection) return EINVAL;
  if (!isEventInReach(device, event)) return EINVAL;
  const irq = addLpi(state, its, lpi, isMapped(collection) ? collection.target : NO_VCPU);
  if (typeof irq === 'number') return irq;
  device.entries.push({ event, irq, collection });
  return next;
}

function restoreDevice(state: MachineState, its: ItsState, id: number, word: bigint): number {
  const { isValid: isUsed, next, itt, bits } = decodeDevice(word);
  if (!isUsed) return NEXT_SLOT;
  if (bits > MAX_EVENT_BITS) return EINVAL;
  if (findDeviceSlot(its, id) === undefined) return EINVAL;
  const device: Device = { id, bits, itt, entries: [] };
  its.devices.push(device);
  const size = 2 ** bits * ENTRY_SIZE;
  const scanned = scanTable(its, itt, size, 0, (event, ite) => restoreIte(state, its, device, event, ite));
  if (scanned >= 0) return next;
  freeDevice(state, its, device);
  return scanned;
}

function restoreDevices(state: MachineState, its: ItsState): number {
  const { deviceBaser } = its;
  if (!isValid(deviceBaser)) return OK;
  const restoreSlot: RestoreSlot = (id, word) => restoreDevice(state, its, id, word);
  const restorePage: RestoreSlot = (index, entry) => {
    const page = secondLevelPage(entry);
    if (page === undefined) return NEXT_SLOT;
    return scanTable(its, page, ENTRIES_PER_PAGE * ENTRY_SIZE, index * ENTRIES_PER_PAGE, restoreSlot);
  };
  const restore = isTwoLevel(deviceBaser) ? restorePage : restoreSlot;
  return errorOf(scanTable(its, tableAddress(deviceBaser), tableSize(deviceBaser), 0, restore));
}

function restoreCollection(state: MachineState, its: ItsState, id: number, target: number): number {
  if (target !== NO_VCPU && target >= state.vcpus.length) return EINVAL;
  if (findCollection(its, id)) return EEXIST;
  if (!isCollectionInReach(its, id)) return EINVAL;
  its.collections.push({ id, target });
  return OK;
}

function restoreCollections(state: MachineState, its: ItsState): number {
  const { collectionBaser, memory } = its;
  if (!isValid(collectionBaser)) return OK;
  const start = tableAddress(collectionBaser);
  for (let offset = 0; offset < tableSize(collectionBaser); offset += ENTRY_SIZE) {
    const word = memory.read(start + offset, ENTRY_SIZE);
    if (word === undefined) return EFAULT;
    const { isValid: isUsed, id, target } = decodeCollection(word);
    if (!isUsed) return OK;
    const error = restoreCollection(state, its, id, target);
    if (error !== OK) return error;
  }
  return OK;
}

/** Meant for an empty ITS, which nothing checks. */
export function restoreTables(state: MachineState, its: ItsState): number {
  if (state.vcpus.some(({ inGuest }) => inGuest)) return EBUSY;
  const error = restoreCollections(state, its);
  if (error !== OK) {
    freeCollections(its);
    return error;
  }
  const deviceError = restoreDevices(state, its);
  if (deviceError !== OK) {
    freeDevices(state, its);
    freeCollections(its);
  }
  return deviceError;
}
