/**
 * Devices, interrupt translation entries and collections of one ITS, in the kernel's lists (vgic-spec 6.1). Commands work on
 * these, never on the guest's tables.
 */
import { NO_VCPU } from '../../gic/intid.js';
import type { ItsCosts } from './costs.js';
import { type Keyed, KeyedList } from './keyed-list.js';
import type { Lpis } from './lpis.js';

/** Most bits of an event or device number (GITS_TYPER). */
export const ID_BITS = 16;
export const NR_IDS = 1 << ID_BITS;
/** Objects that the model makes; the next one is refused as by a kernel without memory (-ENOMEM). */
export const MAX_ENTRIES = 1 << 18;
export const MAX_DEVICES = NR_IDS;

export interface Collection extends Keyed {
  /** Target vCPU, or NO_VCPU: unmapped. */
  target: number;
}

/** An ITE; its key is the event. */
export interface Entry extends Keyed {
  readonly device: Device;
  /** Row of its LPI. */
  slot: number;
  collection: Collection | undefined;
}

export interface Device extends Keyed {
  readonly bits: number;
  /** Address of its interrupt translation table. */
  readonly itt: number;
  readonly entries: KeyedList<Entry>;
}

export const isMapped = (collection: Collection | undefined): collection is Collection =>
  collection !== undefined && collection.target !== NO_VCPU;

export class ItsObjects {
  readonly devices = new KeyedList<Device>();
  readonly collections = new KeyedList<Collection>();
  readonly #costs: ItsCosts;
  readonly #lpis: Lpis;
  #nrEntries = 0;

  constructor(costs: ItsCosts, lpis: Lpis) {
    this.#costs = costs;
    this.#lpis = lpis;
  }

  findDevice(id: number): Device | undefined {
    const device = this.devices.find(id);
    this.#costs.deviceNodes += this.devices.visited;
    return device;
  }

  findEntryOf(device: Device, event: number): Entry | undefined {
    const entry = device.entries.find(event);
    this.#costs.eventNodes += device.entries.visited;
    return entry;
  }

  findEntry(deviceId: number, event: number): Entry | undefined {
    const device = this.findDevice(deviceId);
    return device && this.findEntryOf(device, event);
  }

  findCollection(id: number): Collection | undefined {
    const collection = this.collections.find(id);
    this.#costs.collectionNodes += this.collections.visited;
    return collection;
  }

  /** Undefined: no memory. */
  addDevice(id: number, bits: number, itt: number): Device | undefined {
    if (this.devices.length >= MAX_DEVICES) return undefined;
    const device: Device = { key: id, place: 0, bits, itt, entries: new KeyedList() };
    this.devices.append(device);
    return device;
  }

  addCollection(id: number, target: number): Collection {
    const collection: Collection = { key: id, place: 0, target };
    this.collections.append(collection);
    return collection;
  }

  /** The entry takes over a reference to its LPI; there must be room for it. */
  addEntry(device: Device, event: number, slot: number, collection: Collection): void {
    device.entries.append({ key: event, place: 0, device, slot, collection });
    this.#nrEntries += 1;
  }

  hasRoomForEntry(): boolean {
    return this.#nrEntries < MAX_ENTRIES;
  }

  /** Its reference goes; a queued LPI lives on until it leaves the list. */
  freeEntry(entry: Entry): void {
    entry.device.entries.remove(entry);
    this.#nrEntries -= 1;
    this.#lpis.drop(entry.slot);
  }

  /** With its entries. */
  freeDevice(device: Device): void {
    this.devices.remove(device);
    this.#freeEntries(device);
  }

  #freeEntries(device: Device): void {
    this.#costs.eventNodes += device.entries.length;
    this.#nrEntries -= device.entries.length;
    device.entries.forEach(({ slot }) => {
      this.#lpis.drop(slot);
    });
    device.entries.clear();
  }

  freeDevices(): void {
    this.#costs.deviceNodes += this.devices.length;
    this.devices.forEach((device) => {
      this.#freeEntries(device);
    });
    this.devices.clear();
  }

  /** Its entries stay, without a collection. */
  freeCollection(collection: Collection): void {
    this.forEachEntry((entry) => {
      if (entry.collection === collection) entry.collection = undefined;
    });
    this.collections.remove(collection);
  }

  freeCollections(): void {
    this.#costs.collectionNodes += this.collections.length;
    if (this.collections.length === 0) return;
    // One walk stands for the one a collection that the hypervisor makes; the figures say what it does.
    const walks = this.collections.length - 1;
    this.forEachEntry((entry) => {
      entry.collection = undefined;
      this.#costs.eventNodes += walks;
    });
    this.#costs.deviceNodes += walks * this.devices.length;
    this.collections.clear();
  }

  /** In list order of devices, then of events. */
  forEachEntry(visit: (entry: Entry) => void): void {
    this.#costs.deviceNodes += this.devices.length;
    this.devices.forEach(({ entries }) => {
      this.#costs.eventNodes += entries.length;
      entries.forEach(visit);
    });
  }
}
