/** Random ITS configurations, their images in guest memory, and images that a guest or a fault has changed. */
import type { Generator } from '../base/rng.js';
import { LPI_BASE, NO_VCPU } from '../gic/intid.js';
import { COLLECTION_TABLE, CONFIG_TABLE, DEVICE_TABLE, PENDING_TABLE, PENDING_TABLE_BYTES } from '../gic/its-layout.js';
import type { GuestMemory } from '../vgic/its/guest-memory.js';
import { ITT_AREA, type ItsMachine, MEMORY_END, SECOND_LEVEL } from './its-machine.js';

export interface EventConfig {
  readonly event: number;
  readonly lpi: number;
  /** Id of one of the collections. */
  readonly collection: number;
}

export interface DeviceConfig {
  readonly id: number;
  readonly bits: number;
  readonly itt: number;
  readonly events: readonly EventConfig[];
}

/** In the order in which everything is mapped. */
export interface ItsConfig {
  readonly isIndirect: boolean;
  readonly nrVcpus: number;
  /** `target` NO_VCPU: not mapped, known because an event names it. */
  readonly collections: readonly { readonly id: number; readonly target: number }[];
  readonly devices: readonly DeviceConfig[];
  /** LPI → configuration byte, and whether its target's pending table has its bit. */
  readonly lpis: ReadonlyMap<number, { readonly config: number; readonly isPending: boolean }>;
}

const ENTRIES_A_PAGE = 8192;
const PAGE_BYTES = 65536;
const MAX_DEVICES = 4;
const MAX_EVENTS = 5;
const ITT_ALIGNMENT = 256;

/** Different numbers, in random order. */
function drawDistinct(rng: Generator, count: number, draw: () => number): number[] {
  const drawn = new Set<number>();
  while (drawn.size < count) drawn.add(draw());
  const items = [...drawn];
  for (let at = items.length - 1; at > 0; at--) {
    const other = rng.nextBelow(at + 1);
    [items[at], items[other]] = [items[other], items[at]];
  }
  return items;
}

/** Mostly small numbers, as guests have them; now and then any. */
const drawId = (rng: Generator, end: number): number => rng.nextBelow(rng.nextBelow(8) === 0 ? end : Math.min(end, 48));

/** What restores to itself: every event has a collection, and an LPI is in one collection only. */
export function drawConfig(rng: Generator, nrVcpus: number): ItsConfig {
  const isIndirect = rng.nextBelow(4) === 0;
  const collections = drawDistinct(rng, 1 + rng.nextBelow(4), () => drawId(rng, ENTRIES_A_PAGE)).map((id, at) => ({
    id,
    // One is mapped at least, so that no configuration is empty.
    target: at > 0 && rng.nextBelow(6) === 0 ? NO_VCPU : rng.nextBelow(nrVcpus),
  }));
  const collectionOf = new Map<number, number>();
  let itt = ITT_AREA;
  const deviceIds = drawDistinct(rng, rng.nextBelow(MAX_DEVICES + 1), () =>
    drawId(rng, isIndirect ? 8 * ENTRIES_A_PAGE : ENTRIES_A_PAGE),
  );
  const devices = deviceIds.map((id): DeviceConfig => {
    const bits = 1 + rng.nextBelow(rng.nextBelow(16) === 0 ? 16 : 5);
    const address = itt;
    itt += Math.ceil((8 * 2 ** bits) / ITT_ALIGNMENT) * ITT_ALIGNMENT;
    const events = drawDistinct(rng, rng.nextBelow(Math.min(MAX_EVENTS, 2 ** bits) + 1), () => drawId(rng, 2 ** bits));
    return {
      id,
      bits,
      itt: address,
      events: events.map((event) => {
        const lpi = LPI_BASE + drawId(rng, 57344);
        const collection = collectionOf.get(lpi) ?? collections[rng.nextBelow(collections.length)].id;
        collectionOf.set(lpi, collection);
        return { event, lpi, collection };
      }),
    };
  });
  const named = new Set(collectionOf.values());
  const lpis = new Map(
    [...collectionOf.keys()].map((lpi) => [lpi, { config: rng.nextBelow(256), isPending: rng.nextBelow(4) === 0 }]),
  );
  // A collection that is not mapped exists only if an event names it.
  const known = collections.filter(({ id, target }) => target !== NO_VCPU || named.has(id));
  return { isIndirect, nrVcpus, collections: known, devices, lpis };
}

const pendingByte = (vcpu: number, lpi: number): number =>
  PENDING_TABLE + vcpu * PENDING_TABLE_BYTES + Math.floor(lpi / 8);

/** Bits of the pending tables as the guest's last owner left them; an LPI without a target has none. */
export function writePendingBits(memory: GuestMemory, config: ItsConfig): void {
  const targets = new Map(config.collections.map(({ id, target }) => [id, target]));
  for (const { events } of config.devices) {
    for (const { lpi, collection } of events) {
      const target = targets.get(collection)!;
      if (target === NO_VCPU || !config.lpis.get(lpi)!.isPending) continue;
      const address = pendingByte(target, lpi);
      memory.poke(address, memory.peekByte(address) | (1 << (lpi & 7)), 1);
    }
  }
}

/** Maps the configuration with commands on an empty ITS; the memory begins anew. Throws RangeError if a command fails. */
export function buildConfig(machine: ItsMachine, config: ItsConfig): void {
  const { memory } = machine.its;
  memory.clear();
  machine.setDeviceTable(config.isIndirect);
  if (config.isIndirect) {
    for (let page = 0; page < 8; page++) {
      memory.poke(DEVICE_TABLE + 8 * page, SECOND_LEVEL + page * PAGE_BYTES, 4);
      memory.poke(DEVICE_TABLE + 8 * page + 4, 1 << 31, 4);
    }
  }
  for (const [lpi, { config: byte }] of config.lpis) memory.poke(CONFIG_TABLE + lpi - LPI_BASE, byte, 1);
  writePendingBits(memory, config);
  const expectOk = (result: number): void => {
    if (result !== 0) throw new RangeError(`a command of the configuration came to ${result}`);
  };
  for (const { id, target } of config.collections)
    if (target !== NO_VCPU) expectOk(machine.mapCollection(id, target, true));
  for (const { id, bits, itt } of config.devices) expectOk(machine.mapDevice(id, itt, bits, true));
  for (const { id, events } of config.devices) {
    for (const { event, lpi, collection } of events) expectOk(machine.mapEvent(id, event, lpi, collection));
  }
}

/** What is changed in an image. The names are those of the study's table. */
export const MUTATIONS = [
  'random bits of an entry',
  'random word as an entry',
  'event: next beyond the device',
  'event: next too short or 0',
  'event: LPI below 8192',
  'event: LPI above 65535',
  'event: unknown collection',
  'device: next changed',
  'device: more event bits than 16',
  'device: event bits changed',
  'device: ITT outside the memory',
  'device: ITT elsewhere in the memory',
  'device table: first-level entry',
  'collection: listed twice',
  'collection: no such vCPU',
  'collection: not valid',
] as const;
export type Mutation = (typeof MUTATIONS)[number];

interface Entry {
  readonly address: number;
  readonly device?: DeviceConfig;
  readonly event?: number;
}

export interface Image {
  readonly config: ItsConfig;
  readonly devices: readonly Entry[];
  readonly events: readonly Entry[];
  readonly collections: readonly Entry[];
}

/** Where the entries of a saved configuration lie. */
export function describeImage(config: ItsConfig): Image {
  return {
    config,
    devices: config.devices.map((device) => ({
      device,
      address: config.isIndirect ? SECOND_LEVEL + 8 * device.id : DEVICE_TABLE + 8 * device.id,
    })),
    events: config.devices.flatMap((device) =>
      device.events.map(({ event }) => ({ device, event, address: device.itt + 8 * event })),
    ),
    collections: config.collections.map((_, at) => ({ address: COLLECTION_TABLE + 8 * at })),
  };
}

/** Mutates an image in memory and undoes it. */
export class Mutator {
  readonly #memory: GuestMemory;
  readonly #rng: Generator;
  /** Address, low and high word before the change. */
  readonly #undo: number[] = [];

  constructor(memory: GuestMemory, rng: Generator) {
    this.#memory = memory;
    this.#rng = rng;
  }

  /** False: the image has nothing that this mutation could change. */
  mutate(image: Image, mutation: Mutation): boolean {
    const rng = this.#rng;
    const all = mutation.startsWith('event')
      ? image.events
      : mutation.startsWith('device:')
        ? image.devices
        : mutation.startsWith('collection')
          ? image.collections
          : [...image.devices, ...image.events, ...image.collections];
    if (mutation === 'device table: first-level entry') return this.#changeFirstLevel(image);
    if (all.length === 0) return false;
    const entry = all[rng.nextBelow(all.length)];
    switch (mutation) {
      case 'random bits of an entry':
        for (let flips = 1 + rng.nextBelow(3); flips > 0; flips--) this.#flip(entry.address, rng.nextBelow(64));
        return true;
      case 'random word as an entry':
        this.#write(entry.address, rng.nextUint32() | 0, rng.nextUint32() | 0);
        return true;
      case 'event: next beyond the device': {
        const left = 2 ** entry.device!.bits - entry.event!;
        if (left > 0xffff) return false;
        this.#field(entry.address, 48, 16, left + rng.nextBelow(0x10000 - left));
        return true;
      }
      case 'event: next too short or 0':
        this.#field(entry.address, 48, 16, rng.nextBelow(2));
        return true;
      case 'event: LPI below 8192':
        this.#field(entry.address, 16, 32, 1 + rng.nextBelow(LPI_BASE - 1));
        return true;
      case 'event: LPI above 65535':
        this.#field(entry.address, 16, 32, 65536 + rng.nextBelow(rng.nextBelow(2) === 0 ? 0x100000 : 0xffff0000));
        return true;
      case 'event: unknown collection':
        this.#field(entry.address, 0, 16, this.#unknownCollection(image.config));
        return true;
      case 'device: next changed':
        this.#field(entry.address, 49, 14, rng.nextBelow(rng.nextBelow(2) === 0 ? 4 : 0x4000));
        return true;
      case 'device: more event bits than 16':
        this.#field(entry.address, 0, 5, 16 + rng.nextBelow(16));
        return true;
      case 'device: event bits changed':
        this.#field(entry.address, 0, 5, rng.nextBelow(16));
        return true;
      case 'device: ITT outside the memory':
        this.#field(entry.address, 5, 44, MEMORY_END / ITT_ALIGNMENT + rng.nextBelow(2 ** 32));
        return true;
      case 'device: ITT elsewhere in the memory':
        this.#field(entry.address, 5, 44, (DEVICE_TABLE + ITT_ALIGNMENT * rng.nextBelow(0x20000)) / ITT_ALIGNMENT);
        return true;
      case 'collection: listed twice':
        return this.#repeatCollection(image);
      case 'collection: no such vCPU':
        this.#field(entry.address, 16, 32, image.config.nrVcpus + rng.nextBelow(0xffff));
        return true;
      case 'collection: not valid':
        this.#field(entry.address, 63, 1, 0);
        return true;
    }
  }

  /** The memory as it was before mutate(). */
  undo(): void {
    const undo = this.#undo;
    while (undo.length > 0) {
      const hi = undo.pop()!;
      const lo = undo.pop()!;
      const address = undo.pop()!;
      this.#memory.poke(address, lo, 4);
      this.#memory.poke(address + 4, hi, 4);
    }
  }

  #unknownCollection({ collections }: ItsConfig): number {
    for (;;) {
      const id = this.#rng.nextBelow(65536);
      if (!collections.some((collection) => collection.id === id)) return id;
    }
  }

  #repeatCollection({ config, collections }: Image): boolean {
    if (collections.length < 2) return false;
    const [from, to] = drawDistinct(this.#rng, 2, () => this.#rng.nextBelow(collections.length));
    this.#field(collections[to].address, 0, 16, config.collections[from].id);
    return true;
  }

  #changeFirstLevel({ config }: Image): boolean {
    if (!config.isIndirect) return false;
    const rng = this.#rng;
    const address = DEVICE_TABLE + 8 * rng.nextBelow(8);
    const page = DEVICE_TABLE + PAGE_BYTES * rng.nextBelow(0x300);
    this.#write(address, page, rng.nextBelow(4) === 0 ? 0 : 1 << 31);
    return true;
  }

  #write(address: number, lo: number, hi: number): void {
    this.#memory.peekDouble(address);
    this.#undo.push(address, this.#memory.lo, this.#memory.hi);
    this.#memory.poke(address, lo, 4);
    this.#memory.poke(address + 4, hi, 4);
  }

  #flip(address: number, bit: number): void {
    this.#memory.peekDouble(address);
    const { lo, hi } = this.#memory;
    if (bit < 32) this.#write(address, lo ^ (1 << bit), hi);
    else this.#write(address, lo, hi ^ (1 << (bit - 32)));
  }

  /** Bits `shift` to `shift + width - 1` of the doubleword; `width` at most 44. */
  #field(address: number, shift: number, width: number, value: number): void {
    this.#memory.peekDouble(address);
    let { lo, hi } = this.#memory;
    for (let bit = 0; bit < width; bit++) {
      const isSet = Math.floor(value / 2 ** bit) % 2 === 1;
      const at = shift + bit;
      if (at < 32) lo = isSet ? lo | (1 << at) : lo & ~(1 << at);
      else hi = isSet ? hi | (1 << (at - 32)) : hi & ~(1 << (at - 32));
    }
    this.#write(address, lo, hi);
  }
}
