/**
 * The commands of the ITS: a table of opcode → name and handler. Operands are where the architecture puts them in the eight
 * 32-bit words of a command; checks come in the order of vgic-spec 6.6, effects are those of its last column.
 */
import type { ItsRules } from '../../gic/flavour/flavour.js';
import { LPI_BASE, NO_VCPU } from '../../gic/intid.js';
import * as Opcode from '../../gic/its-command.js';
import type { ItsCosts, Operation } from './costs.js';
import type { GuestMemory } from './guest-memory.js';
import type { Lpis } from './lpis.js';
import { type Collection, type Device, type Entry, ID_BITS, type ItsObjects, isMapped } from './objects.js';
import * as Result from './result.js';
import { ENTRY_BYTES } from './table-entries.js';
import { reach, reachEvent, type Table } from './tables.js';

/** Eight words, little endian: word 2n is the low half of doubleword n. */
export type CommandWords = ArrayLike<number>;

export interface CommandParts {
  readonly nrVcpus: number;
  readonly rules: ItsRules;
  readonly memory: GuestMemory;
  readonly costs: ItsCosts;
  readonly lpis: Lpis;
  readonly objects: ItsObjects;
  deviceTable(): Table;
  collectionTable(): Table;
  invalidateCache(): void;
  freeDevice(device: Device): void;
  /** An event arrives (6.5). */
  trigger(device: number, event: number): number;
}

interface Command {
  readonly name: Operation;
  run(words: CommandWords): number;
}

const deviceId = (words: CommandWords): number => words[1] >>> 0;
const eventId = (words: CommandWords): number => words[2] >>> 0;
const lpiNumber = (words: CommandWords): number => words[3] >>> 0;
const eventBits = (words: CommandWords): number => (words[2] & 0x1f) + 1;
/** Bits 51:8 of doubleword 2. */
const ittAddress = (words: CommandWords): number => (words[5] & 0xfffff) * 2 ** 32 + ((words[4] & 0xffffff00) >>> 0);
const isValid = (words: CommandWords): boolean => words[5] < 0 || words[5] >= 0x80000000;
const collectionId = (words: CommandWords): number => words[4] & 0xffff;
/** Bits 47:16 of doubleword 2, of MOVALL's second target of doubleword 3. */
const targetOf = (lo: number, hi: number): number => ((lo >>> 16) | (hi << 16)) >>> 0;

export function createCommands(parts: CommandParts): (words: CommandWords) => number {
  const { nrVcpus, rules, memory, costs, lpis, objects } = parts;

  function mapDevice(words: CommandWords): number {
    const id = deviceId(words);
    const address = reach(parts.deviceTable(), id, memory);
    if (address < 0) return Result.MAPD_DEVICE_OOR;
    const bits = eventBits(words);
    if (isValid(words) && bits > ID_BITS) return Result.MAPD_ITTSIZE_OOR;
    const known = objects.findDevice(id);
    if (known !== undefined) parts.freeDevice(known);
    if (!isValid(words)) return memory.writeDouble(address, 0, 0) ? Result.OK : Result.EFAULT;
    return objects.addDevice(id, bits, ittAddress(words)) === undefined ? Result.ENOMEM : Result.OK;
  }

  /** A collection that may not exist yet; a number: why it cannot. */
  function obtainCollection(id: number): Collection | number {
    const known = objects.findCollection(id);
    if (known !== undefined) return known;
    if (reach(parts.collectionTable(), id, memory) < 0) return Result.MAPC_COLLECTION_OOR;
    return objects.addCollection(id, NO_VCPU);
  }

  function mapCollection(words: CommandWords): number {
    const target = targetOf(words[4], words[5] & 0xffff);
    const id = collectionId(words);
    if ((isValid(words) || rules.unmapChecksTarget) && target >= nrVcpus) return Result.MAPC_PROCNUM_OOR;
    if (!isValid(words)) {
      const known = objects.findCollection(id);
      // The LPIs keep their targets: what is pending still fires.
      if (known !== undefined) objects.freeCollection(known);
      parts.invalidateCache();
      return Result.OK;
    }
    const nrBefore = objects.collections.length;
    const collection = obtainCollection(id);
    if (typeof collection === 'number') return collection;
    collection.target = target;
    if (objects.collections.length === nrBefore) {
      objects.forEachEntry((entry) => {
        if (entry.collection === collection) lpis.setTarget(entry.slot, target);
      });
    }
    return Result.OK;
  }

  function mapEvent(words: CommandWords, lpi: number): number {
    const device = objects.findDevice(deviceId(words));
    if (device === undefined) return Result.MAPTI_UNMAPPED_DEVICE;
    const event = eventId(words);
    if (reachEvent(device, event, memory) < 0) return Result.MAPTI_ID_OOR;
    if (lpi < LPI_BASE || lpi >= lpis.end()) return Result.MAPTI_PHYSICALID_OOR;
    if (objects.findEntryOf(device, event) !== undefined) return Result.OK;
    const nrBefore = objects.collections.length;
    const collection = obtainCollection(collectionId(words));
    if (typeof collection === 'number') return collection;
    const slot = objects.hasRoomForEntry() ? lpis.add(lpi, collection.target) : Result.ENOMEM;
    if (slot < 0) {
      if (objects.collections.length > nrBefore) objects.freeCollection(collection);
      return slot;
    }
    objects.addEntry(device, event, slot, collection);
    return Result.OK;
  }

  function move(words: CommandWords): number {
    const entry = objects.findEntry(deviceId(words), eventId(words));
    if (entry === undefined) return Result.MOVI_UNMAPPED_INTERRUPT;
    if (!isMapped(entry.collection)) return Result.MOVI_UNMAPPED_COLLECTION;
    const collection = objects.findCollection(collectionId(words));
    if (!isMapped(collection)) return Result.MOVI_UNMAPPED_COLLECTION;
    entry.collection = collection;
    parts.invalidateCache();
    lpis.setTarget(entry.slot, collection.target);
    return Result.OK;
  }

  function discard(words: CommandWords): number {
    const entry = objects.findEntry(deviceId(words), eventId(words));
    if (entry === undefined || !isMapped(entry.collection)) return Result.DISCARD_UNMAPPED_INTERRUPT;
    parts.invalidateCache();
    objects.freeEntry(entry);
    const address = entry.device.itt + ENTRY_BYTES * entry.key;
    return memory.writeDouble(address, 0, 0) ? Result.OK : Result.EFAULT;
  }

  function invalidateAll(words: CommandWords): number {
    const collection = objects.findCollection(collectionId(words));
    if (!isMapped(collection)) return Result.INVALL_UNMAPPED_COLLECTION;
    lpis.readConfigsOf(collection.target);
    return Result.OK;
  }

  function moveAll(words: CommandWords): number {
    const from = targetOf(words[4], words[5] & 0xffff);
    const to = targetOf(words[6], words[7] & 0xffff);
    if (from >= nrVcpus || to >= nrVcpus) return Result.MOVALL_PROCNUM_OOR;
    if (from === to) return Result.OK;
    lpis.retarget(from, to);
    parts.invalidateCache();
    return Result.OK;
  }

  /** A command on one mapped event. */
  const onEntry =
    (unmapped: number, run: (entry: Entry) => number) =>
    (words: CommandWords): number => {
      const entry = objects.findEntry(deviceId(words), eventId(words));
      return entry === undefined ? unmapped : run(entry);
    };

  const commands = new Map<number, Command>([
    [Opcode.ITS_MOVI, { name: 'MOVI', run: move }],
    [Opcode.ITS_INT, { name: 'INT', run: (words) => parts.trigger(deviceId(words), eventId(words)) }],
    [
      Opcode.ITS_CLEAR,
      {
        name: 'CLEAR',
        run: onEntry(Result.CLEAR_UNMAPPED_INTERRUPT, ({ slot }) => {
          lpis.clear(slot);
          return Result.OK;
        }),
      },
    ],
    [Opcode.ITS_SYNC, { name: 'SYNC', run: () => Result.OK }],
    [Opcode.ITS_MAPD, { name: 'MAPD', run: mapDevice }],
    [Opcode.ITS_MAPC, { name: 'MAPC', run: mapCollection }],
    [Opcode.ITS_MAPTI, { name: 'MAPTI', run: (words) => mapEvent(words, lpiNumber(words)) }],
    [Opcode.ITS_MAPI, { name: 'MAPI', run: (words) => mapEvent(words, eventId(words)) }],
    [Opcode.ITS_INV, { name: 'INV', run: onEntry(Result.INV_UNMAPPED_INTERRUPT, ({ slot }) => lpis.readConfig(slot)) }],
    [Opcode.ITS_INVALL, { name: 'INVALL', run: invalidateAll }],
    [Opcode.ITS_MOVALL, { name: 'MOVALL', run: moveAll }],
    [Opcode.ITS_DISCARD, { name: 'DISCARD', run: discard }],
  ]);

  return (words) => {
    costs.begin();
    const command = commands.get(words[0] & 0xff);
    if (command === undefined) return costs.end('unknown', Result.ENODEV);
    return costs.end(command.name, command.run(words));
  };
}
