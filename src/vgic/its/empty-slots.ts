/**
 * Runs of table slots that a restore passes one by one (vgic-spec 6.10), found at once. 65,536 devices may share one table of
 * 65,536 events without an LPI: 4 x 10^9 slots for the hypervisor to read, which the model counts and does not walk.
 */
import { type GuestMemory, PAGE_BYTES } from './guest-memory.js';
import { ENTRY_BYTES } from './table-entries.js';

export const SLOTS_A_PAGE = PAGE_BYTES / ENTRY_BYTES;

/** Slots whose words have none of these bits are empty. */
export interface SlotMask {
  readonly lo: number;
  readonly hi: number;
}

export interface EmptySlots {
  /** From an aligned address on: at most `most`, and not beyond the page; 0: none, or no guest memory. */
  count(address: number, most: number): number;
}

export function createEmptySlots(memory: GuestMemory, mask: SlotMask): EmptySlots {
  const { nrPages } = memory;
  const versions = new Float64Array(nrPages);
  /** Slots looked at since the page was last written. */
  const looks = new Uint32Array(nrPages);
  /** By page: empty slots from each slot on. Made when a page has been looked through more often than making it costs. */
  const runs: (Uint16Array | undefined)[] = new Array(nrPages).fill(undefined);

  const isEmpty = (page: DataView, slot: number): boolean =>
    (page.getInt32(ENTRY_BYTES * slot, true) & mask.lo) === 0 &&
    (page.getInt32(ENTRY_BYTES * slot + 4, true) & mask.hi) === 0;

  function findRuns(page: DataView): Uint16Array {
    const found = new Uint16Array(SLOTS_A_PAGE);
    let run = 0;
    for (let slot = SLOTS_A_PAGE - 1; slot >= 0; slot--) {
      run = isEmpty(page, slot) ? run + 1 : 0;
      found[slot] = run;
    }
    return found;
  }

  return {
    count(address, most) {
      const at = memory.pageOf(address);
      if (at < 0) return 0;
      const from = (address % PAGE_BYTES) / ENTRY_BYTES;
      const limit = Math.min(most, SLOTS_A_PAGE - from);
      const page = memory.page(at);
      if (page === undefined) return limit;
      const version = memory.version(at);
      if (versions[at] !== version) {
        versions[at] = version;
        looks[at] = 0;
        runs[at] = undefined;
      }
      if (looks[at] > SLOTS_A_PAGE) runs[at] ??= findRuns(page);
      const known = runs[at];
      if (known !== undefined) return Math.min(known[from], limit);
      let slots = 0;
      while (slots < limit && isEmpty(page, from + slots)) slots += 1;
      looks[at] += slots;
      return slots;
    },
  };
}
