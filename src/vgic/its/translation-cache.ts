/**
 * (device, event) → LPI, so that an MSI needs neither mutex nor list walks (vgic-spec 6.1, 6.5). Each entry holds a reference
 * to its LPI. kvm-6.1 has a list in order of use with 16 entries a vCPU; later code a map without a limit.
 */
import type { ItsRules } from '../../gic/flavour/flavour.js';
import { NO_SLOT } from '../../gic/intid.js';
import type { ItsCosts } from './costs.js';
import type { Lpis } from './lpis.js';

const ENTRIES_A_VCPU = 16;

export interface TranslationCache {
  /** Row of the LPI, or NO_SLOT. */
  find(device: number, event: number): number;
  /** Unless it is there. */
  insert(device: number, event: number, slot: number): void;
  /** Drops every entry. */
  invalidate(): void;
  /** References that entries hold to a row. */
  references(slot: number): number;
}

const keyOf = (device: number, event: number): number => device * 65536 + event;

export function createTranslationCache(
  rules: ItsRules,
  nrVcpus: number,
  lpis: Lpis,
  costs: ItsCosts,
): TranslationCache {
  return rules.cache === 'map' ? createMap(lpis, costs) : createLruList(ENTRIES_A_VCPU * nrVcpus, lpis, costs);
}

function createMap(lpis: Lpis, costs: ItsCosts): TranslationCache {
  const slots = new Map<number, number>();
  return {
    find(device, event) {
      costs.cacheNodes += 1;
      return slots.get(keyOf(device, event)) ?? NO_SLOT;
    },
    insert(device, event, slot) {
      costs.cacheNodes += 1;
      const key = keyOf(device, event);
      if (slots.has(key)) return;
      lpis.hold(slot);
      slots.set(key, slot);
    },
    invalidate() {
      costs.cacheNodes += slots.size;
      for (const slot of slots.values()) lpis.drop(slot);
      slots.clear();
    },
    references: (slot) => [...slots.values()].filter((other) => other === slot).length,
  };
}

/** Most recently used first; a walk ends at the first entry that is not in use. Nothing is allocated after the start. */
function createLruList(capacity: number, lpis: Lpis, costs: ItsCosts): TranslationCache {
  // Keys have 32 bits without a sign.
  const keys = new Float64Array(capacity);
  const slots = new Int32Array(capacity);
  let length = 0;

  /** The first `at` entries move back by one, over what stood at `at`. */
  function putFirst(at: number, key: number, slot: number): void {
    keys.copyWithin(1, 0, at);
    slots.copyWithin(1, 0, at);
    keys[0] = key;
    slots[0] = slot;
  }

  /** Moved to the front, if it is there. */
  function use(key: number): boolean {
    let at = 0;
    while (at < length && keys[at] !== key) at += 1;
    const isFound = at < length;
    costs.cacheNodes += isFound ? at + 1 : length;
    if (isFound && at > 0) putFirst(at, key, slots[at]);
    return isFound;
  }

  return {
    find: (device, event) => (use(keyOf(device, event)) ? slots[0] : NO_SLOT),
    insert(device, event, slot) {
      const key = keyOf(device, event);
      if (use(key)) return;
      if (length === capacity) {
        length -= 1;
        lpis.drop(slots[length]);
      }
      lpis.hold(slot);
      putFirst(length, key, slot);
      length += 1;
    },
    invalidate() {
      costs.cacheNodes += length;
      for (let at = 0; at < length; at++) lpis.drop(slots[at]);
      length = 0;
    },
    references(slot) {
      let found = 0;
      for (let at = 0; at < length; at++) if (slots[at] === slot) found += 1;
      return found;
    },
  };
}
