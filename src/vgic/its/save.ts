/** Save of the ITS tables into guest memory, ABI revision 0. vgic-spec 6.8, 6.9. */
import type { ItsRules } from '../../gic/flavour/flavour.js';
import { NO_VCPU } from '../../gic/intid.js';
import { HostStop } from '../host-stop.js';
import type { VgicState } from '../state.js';
import { HW } from '../word.js';
import type { GuestMemory } from './guest-memory.js';
import type { Device, ItsObjects } from './objects.js';
import { EACCES, EFAULT, EINVAL, OK } from './result.js';
import {
  ENTRY_BYTES,
  encodeCte,
  encodeDte,
  encodeIte,
  type Halves,
  MAX_NEXT_DEVICE,
  MAX_NEXT_EVENT,
  UNMAPPED,
} from './table-entries.js';
import { reach, type Table } from './tables.js';

export interface SaveParts {
  readonly state: VgicState;
  readonly rules: ItsRules;
  readonly memory: GuestMemory;
  readonly objects: ItsObjects;
  deviceTable(): Table;
  collectionTable(): Table;
}

const NOTHING: Halves = { lo: 0, hi: 0 };

/** Devices with their entries, then collections. Sorts both kinds of list for good. OK, -EINVAL, -EACCES, -EFAULT. */
export function createSave({ state, rules, memory, objects, ...tables }: SaveParts): () => number {
  const { word, intidOfSlot, flavour } = state;
  const write = (address: number, { lo, hi }: Halves): number => (memory.writeDouble(address, lo, hi) ? OK : EFAULT);

  function saveEntries({ entries, itt }: Device): number {
    entries.sort();
    const sorted = entries.items();
    for (const [at, { key: event, slot, collection }] of sorted.entries()) {
      if ((word[slot] & HW) !== 0) return EACCES;
      const following = sorted[at + 1];
      const next = following === undefined ? 0 : Math.min(following.key - event, MAX_NEXT_EVENT);
      // Without a collection there is nothing that restore could tie it to. kvm-6.1 depends on its backports (section 10):
      // it is taken to write what kvm-7.2 does.
      if (collection === undefined && flavour.defect === 'CVE-2026-89912')
        throw new HostStop('memory-error', 'an ITE without collection is saved');
      const halves = collection === undefined ? NOTHING : encodeIte(next, intidOfSlot[slot], collection.key);
      const result = write(itt + ENTRY_BYTES * event, halves);
      if (result !== OK) return result;
    }
    return OK;
  }

  function saveDevices(): number {
    const table = tables.deviceTable();
    if (!table.isValid) return OK;
    objects.devices.sort();
    let reached = objects.devices.items().map((device) => ({ device, address: NOT_ASKED }));
    if (rules.unreachableAtSave === 'skip') {
      reached = reached
        .map(({ device }) => ({ device, address: reach(table, device.key, memory) }))
        .filter(({ address }) => address >= 0);
    }
    for (const [at, { device, address: known }] of reached.entries()) {
      const address = known === NOT_ASKED ? reach(table, device.key, memory) : known;
      if (address < 0) return EINVAL;
      let result = saveEntries(device);
      if (result !== OK) return result;
      const following = reached[at + 1];
      const next = following === undefined ? 0 : Math.min(following.device.key - device.key, MAX_NEXT_DEVICE);
      result = write(address, encodeDte(next, device.itt, device.bits));
      if (result !== OK) return result;
    }
    return OK;
  }

  function saveCollections(): number {
    const table = tables.collectionTable();
    if (!table.isValid) return OK;
    let address = table.base;
    for (const { key, target } of objects.collections.items()) {
      const result = write(address, encodeCte(target === NO_VCPU ? UNMAPPED : target, key));
      if (result !== OK) return result;
      address += ENTRY_BYTES;
    }
    // An invalid entry ends the table, unless it is exactly full.
    return address - table.base === table.bytes ? OK : write(address, NOTHING);
  }

  return () => {
    const result = saveDevices();
    return result === OK ? saveCollections() : result;
  };
}

/** Marks a device whose entry was not looked for yet: kvm-6.1 does so when its turn comes. */
const NOT_ASKED = -2;
