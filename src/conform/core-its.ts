/** The ITS of the typed-array core as scenarios see it. */
import { NO_VCPU } from '../gic/intid.js';
import type { Its } from '../vgic/its/its.js';
import type { VgicState } from '../vgic/state.js';
import type { ItsTarget } from './target.js';

export function viewIts(its: Its, { intidOfSlot }: VgicState): ItsTarget {
  const { memory, objects } = its;
  return {
    command: its.command,
    msi: its.signalMsi,
    save: its.save,
    restore: its.restore,
    savePending: its.savePending,
    reset: its.dropAll,
    writeMemory(address, value) {
      memory.poke(address, Number(BigInt.asIntN(32, value)), 4);
      memory.poke(address + 4, Number(BigInt.asIntN(32, value >> 32n)), 4);
    },
    readMemory(address) {
      if (!memory.peekDouble(address)) return 0n;
      return (BigInt(memory.hi >>> 0) << 32n) | BigInt(memory.lo >>> 0);
    },
    tables: () => ({
      devices: objects.devices.items().map(({ key, bits, itt, entries }) => ({
        id: key,
        bits,
        itt,
        entries: entries.items().map(({ key: event, slot, collection }) => ({
          event,
          lpi: intidOfSlot[slot],
          collection: collection?.key ?? null,
        })),
      })),
      collections: objects.collections
        .items()
        .map(({ key, target }) => ({ id: key, target: target === NO_VCPU ? null : target })),
    }),
  };
}
