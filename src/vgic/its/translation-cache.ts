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

/** Most recently used first; a walk ends at the first entry that is not in use. */
function createLruList(capacity: number, lpis: Lpis, costs: ItsCosts): TranslationCache {
  const keys: number[] = [];
  const slots: number[] = [];

  /** Its place, moved to the front; -1. */
  function use(key: number): boolean {
    const at = keys.indexOf(key);
    costs.cacheNodes += at < 0 ? keys.length : at + 1;
    if (at > 0) {
      keys.unshift(...keys.splice(at, 1));
      slots.unshift(...slots.splice(at, 1));
    }
    return at >= 0;
  }

  return {
    find: (device, event) => (use(keyOf(device, event)) ? slots[0] : NO_SLOT),
    insert(device, event, slot) {
      const key = keyOf(device, event);
      if (use(key)) return;
      if (keys.length === capacity) {
        keys.pop();
        lpis.drop(slots.pop()!);
      }
      lpis.hold(slot);
      keys.unshift(key);
      slots.unshift(slot);
    },
    invalidate() {
      costs.cacheNodes += keys.length;
      for (const slot of slots) lpis.drop(slot);
      keys.length = 0;
      slots.length = 0;
    },
    references: (slot) => slots.filter((other) => other === slot).length,
  };
}
