/** The live lists, what of the guest's tables is in reach, and how list members end (vgic-spec 6.1, 6.3). */
import { dropUnusedLpi, type MachineState } from '../machine-state.js';
import { bitsOf, fieldOf, hasBit } from './bits.js';
import { isRam } from './guest-memory.js';
import type { Collection, Device, Ite, ItsState } from './its-state.js';

export const ENTRY_SIZE = 8;
const PAGE_SIZE = 0x10000;
export const ENTRIES_PER_PAGE = PAGE_SIZE / ENTRY_SIZE;
const MAX_DEVICE = 0xffff;
const NR_COLLECTION_IDS = 0x10000;

export const OK = 0;
export const EFAULT = -14;
export const EBUSY = -16;
export const EEXIST = -17;
export const ENODEV = -19;
export const EINVAL = -22;
export const EACCES = -13;

/** Of a table that a GITS_BASER names. */
export const tableAddress = (baser: bigint): number => fieldOf(baser, 47, 16) + bitsOf(baser, 12, 4) * 2 ** 48;
export const tableSize = (baser: bigint): number => (bitsOf(baser, 0, 8) + 1) * PAGE_SIZE;
export const isTwoLevel = (baser: bigint): boolean => hasBit(baser, 62);

/** The second-level page of a first-level entry; undefined: the entry is not valid. */
export const secondLevelPage = (entry: bigint): number | undefined =>
  hasBit(entry, 63) ? fieldOf(entry, 51, 16) : undefined;

const inRam = (address: number): number | undefined => (isRam(address, ENTRY_SIZE) ? address : undefined);

function flatSlot(baser: bigint, id: number): number | undefined {
  if (id >= tableSize(baser) / ENTRY_SIZE) return undefined;
  return inRam(tableAddress(baser) + id * ENTRY_SIZE);
}

/** Address of the device's slot in its table; undefined: out of reach. */
export function findDeviceSlot({ deviceBaser, memory }: ItsState, id: number): number | undefined {
  if (id > MAX_DEVICE) return undefined;
  if (!isTwoLevel(deviceBaser)) return flatSlot(deviceBaser, id);
  const first = flatSlot(deviceBaser, Math.floor(id / ENTRIES_PER_PAGE));
  const entry = first === undefined ? undefined : memory.read(first, ENTRY_SIZE);
  const page = entry === undefined ? undefined : secondLevelPage(entry);
  return page === undefined ? undefined : inRam(page + (id % ENTRIES_PER_PAGE) * ENTRY_SIZE);
}

/** Entries of the collection table are not indexed by id, though an id must be one of its indexes. */
export const isCollectionInReach = ({ collectionBaser }: ItsState, id: number): boolean =>
  id < NR_COLLECTION_IDS && flatSlot(collectionBaser, id) !== undefined;

export const eventSlot = (device: Device, event: number): number => device.itt + event * ENTRY_SIZE;

export const isEventInReach = (device: Device, event: number): boolean =>
  event < 2 ** device.bits && isRam(eventSlot(device, event), ENTRY_SIZE);

export const findDevice = ({ devices }: ItsState, id: number): Device | undefined =>
  devices.find((device) => device.id === id);

export const findIte = (its: ItsState, device: number, event: number): Ite | undefined =>
  findDevice(its, device)?.entries.find((ite) => ite.event === event);

export const findCollection = ({ collections }: ItsState, id: number): Collection | undefined =>
  collections.find((collection) => collection.id === id);

/** Every ITE of the ITS, device by device. */
export const allItes = ({ devices }: ItsState): Ite[] => devices.flatMap(({ entries }) => entries);

export function dropCache(its: ItsState): void {
  its.cache = [];
}

/** Its LPI loses a reference; nothing else changes for it. */
export function freeIte(state: MachineState, device: Device, ite: Ite): void {
  device.entries = device.entries.filter((other) => other !== ite);
  ite.irq.mapReferences--;
  dropUnusedLpi(state, ite.irq);
}

export function freeDevice(state: MachineState, its: ItsState, device: Device): void {
  for (const ite of device.entries) freeIte(state, device, ite);
  dropCache(its);
  its.devices = its.devices.filter((other) => other !== device);
}

export function freeDevices(state: MachineState, its: ItsState): void {
  for (const device of its.devices) freeDevice(state, its, device);
}

/** Its ITEs stay, without a collection. */
export function freeCollection(its: ItsState, collection: Collection): void {
  for (const ite of allItes(its)) if (ite.collection === collection) ite.collection = undefined;
  its.collections = its.collections.filter((other) => other !== collection);
}

export function freeCollections(its: ItsState): void {
  for (const collection of its.collections) freeCollection(its, collection);
}
