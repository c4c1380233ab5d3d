/**
 * Test support: what a kvm-6.1 ITS translates (vgic-spec 6.1, 6.5, 6.6), from commands alone. Without guest memory and
 * registers: every identifier is in reach, the ITS and the LPIs are enabled.
 */
import { LPI_BASE, LPI_END, type Machine } from '../gic/intid.js';
import type { Translator } from './verify-its.js';

/** Entries of the translation cache for each vCPU of the machine. */
const ENTRIES_PER_VCPU = 16;
const VALID = 1 << 31;
const UNMAPPED = -1;

/** Ways to be wrong on purpose. */
export interface TranslatorFault {
  /** Entries of the cache in total. */
  readonly entries?: number;
  /** Throw out the oldest entry instead of the least recently used one. */
  readonly isFifo?: boolean;
  /** Opcodes that are not executed. */
  readonly ignores?: readonly number[];
  /** Added to every LPI of a MAPTI. */
  readonly lpiOffset?: number;
}

interface Entry {
  readonly lpi: number;
  collection: number;
}

interface CacheEntry {
  readonly device: number;
  readonly event: number;
  readonly lpi: number;
}

export function createTestTranslator({ nrVcpus }: Machine, fault: TranslatorFault = {}): Translator {
  const capacity = fault.entries ?? ENTRIES_PER_VCPU * nrVcpus;
  const devices = new Map<number, Map<number, Entry>>();
  /** Collection → vCPU, or UNMAPPED. */
  const targets = new Map<number, number>();
  /** Most recently used first. */
  let cache: CacheEntry[] = [];

  const find = (device: number, event: number): CacheEntry | undefined => {
    const found = cache.find((entry) => entry.device === device && entry.event === event);
    if (found !== undefined && fault.isFifo !== true) cache = [found, ...cache.filter((entry) => entry !== found)];
    return found;
  };
  const isMapped = (collection: number): boolean => (targets.get(collection) ?? UNMAPPED) !== UNMAPPED;

  const translate = (device: number, event: number): number | null => {
    const entry = devices.get(device)?.get(event);
    if (entry === undefined || !isMapped(entry.collection)) return null;
    if (find(device, event) === undefined) cache = [{ device, event, lpi: entry.lpi }, ...cache].slice(0, capacity);
    return entry.lpi;
  };

  const mapDevice = (device: number, isValid: boolean): void => {
    if (devices.delete(device)) cache = [];
    if (isValid) devices.set(device, new Map());
  };

  const mapCollection = (collection: number, target: number, isValid: boolean): void => {
    if (isValid) {
      targets.set(collection, target);
      return;
    }
    if (!targets.delete(collection)) return;
    for (const events of devices.values()) {
      for (const entry of events.values()) if (entry.collection === collection) entry.collection = UNMAPPED;
    }
    cache = [];
  };

  const mapEvent = (device: number, event: number, lpi: number, collection: number): void => {
    const events = devices.get(device);
    if (events === undefined || events.has(event) || lpi < LPI_BASE || lpi >= LPI_END) return;
    if (!targets.has(collection)) targets.set(collection, UNMAPPED);
    events.set(event, { lpi, collection });
  };

  const moveEvent = (device: number, event: number, collection: number): void => {
    const entry = devices.get(device)?.get(event);
    if (entry === undefined || !isMapped(entry.collection) || !isMapped(collection)) return;
    entry.collection = collection;
    cache = [];
  };

  const discard = (device: number, event: number): void => {
    const entry = devices.get(device)?.get(event);
    if (entry === undefined || !isMapped(entry.collection)) return;
    devices.get(device)?.delete(event);
    cache = [];
  };

  return {
    command([opcodeWord = 0, device = 0, event = 0, word3 = 0, word4 = 0, word5 = 0]) {
      const opcode = opcodeWord & 0xff;
      const collection = word4 & 0xffff;
      const isValid = (word5 & VALID) !== 0;
      if (fault.ignores?.includes(opcode) === true) return;
      switch (opcode) {
        case 0x01:
          moveEvent(device, event, collection);
          break;
        case 0x03:
          translate(device, event);
          break;
        case 0x08:
          mapDevice(device, isValid);
          break;
        case 0x09:
          mapCollection(collection, word4 >>> 16, isValid);
          break;
        case 0x0a:
          mapEvent(device, event, word3 + (fault.lpiOffset ?? 0), collection);
          break;
        case 0x0b:
          mapEvent(device, event, event, collection);
          break;
        case 0x0e:
          cache = [];
          break;
        case 0x0f:
          discard(device, event);
          break;
      }
    },
    lookUp: (device, event) => find(device, event)?.lpi ?? null,
    translate,
  };
}
