/** KVM_DEV_ARM_ITS_SAVE_TABLES (vgic-spec 6.9). */
import type { MachineState } from '../machine-state.js';
import { type Device, type Ite, type ItsState, isValid } from './its-state.js';
import { encodeCollection, encodeDevice, encodeIte, MAX_NEXT_DEVICE, MAX_NEXT_EVENT } from './table-entries.js';
import {
  EACCES,
  EBUSY,
  EFAULT,
  EINVAL,
  ENTRY_SIZE,
  eventSlot,
  findDeviceSlot,
  OK,
  tableAddress,
  tableSize,
} from './tables.js';

/** The comparator of this sort never finds two keys equal, which puts equal ones in reverse order. */
const sortReversingEqual = <T>(items: readonly T[], keyOf: (item: T) => number): T[] =>
  [...items].reverse().sort((a, b) => keyOf(a) - keyOf(b));

/** An ITE without collection leaves an empty slot. */
function encodeLiveIte({ event, irq, collection }: Ite, following: Ite | undefined): bigint {
  if (!collection) return 0n;
  const next = following ? Math.min(following.event - event, MAX_NEXT_EVENT) : 0;
  return encodeIte({ next, lpi: irq.intid, collection: collection.id });
}

function saveItt(its: ItsState, device: Device): number {
  device.entries = sortReversingEqual(device.entries, ({ event }) => event);
  for (const [at, ite] of device.entries.entries()) {
    if (ite.irq.hw) return EACCES;
    const word = encodeLiveIte(ite, device.entries[at + 1]);
    if (!its.memory.write(eventSlot(device, ite.event), ENTRY_SIZE, word)) return EFAULT;
  }
  return OK;
}

function saveDevices(its: ItsState): number {
  if (!isValid(its.deviceBaser)) return OK;
  its.devices = sortReversingEqual(its.devices, ({ id }) => id);
  const isSkipped = ({ id }: Device): boolean =>
    its.switches.unreachableDevice === 'skipped' && findDeviceSlot(its, id) === undefined;
  const saved = its.devices.filter((device) => !isSkipped(device));
  for (const [at, device] of saved.entries()) {
    const slot = findDeviceSlot(its, device.id);
    if (slot === undefined) return EINVAL;
    const error = saveItt(its, device);
    if (error !== OK) return error;
    const following = saved[at + 1];
    const next = following ? Math.min(following.id - device.id, MAX_NEXT_DEVICE) : 0;
    if (!its.memory.write(slot, ENTRY_SIZE, encodeDevice(device, next))) return EFAULT;
  }
  return OK;
}

function saveCollections({ collectionBaser, collections, memory }: ItsState): number {
  if (!isValid(collectionBaser)) return OK;
  const start = tableAddress(collectionBaser);
  const words = collections.map(encodeCollection);
  if (words.length !== tableSize(collectionBaser) / ENTRY_SIZE) words.push(0n);
  const isWritten = words.every((word, at) => memory.write(start + at * ENTRY_SIZE, ENTRY_SIZE, word));
  return isWritten ? OK : EFAULT;
}

export function saveTables(state: MachineState, its: ItsState): number {
  if (state.vcpus.some(({ inGuest }) => inGuest)) return EBUSY;
  return saveDevices(its) || saveCollections(its);
}
