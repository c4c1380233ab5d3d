/**
 * The list of all LPIs that kvm-6.1 walks to find one by number, under lpi_list_lock with interrupts off: on injection by
 * number, when an LPI is mapped or its pending bit is read, and again for each LPI that comes back in a list register
 * (vgic-spec 1.6, 1.7, 1.23; native-reference 3.3). An MSI acts through its translation or its entry and walks nothing (6.5).
 * Only what the walks cost is kept here, by the counted build alone; rows are found in lpi-rows.ts.
 */
import * as Counting from '#counting';
import { int32Column } from './columns.js';
import { SECTION_FOLD_LOOKUP, SECTION_LOOKUP } from './counters.js';
import type { VgicState } from './state.js';
import { targetOf } from './word.js';

export interface LpiOrder {
  /** A new descriptor: at the end of the list. */
  append(slot: number): void;
  /** A descriptor is freed. */
  remove(slot: number): void;
  /** Books one walk to the row, to the end for NO_SLOT. */
  lookUp(slot: number): void;
  /** The same at a fold, whose exit adds what `takeFolded` says to its own stretch. */
  lookUpAtFold(slot: number): void;
  /** Of the walks at fold since this was asked last: a step for each node visited and one for the lock, and the locks. */
  takeFolded(): { readonly steps: number; readonly locks: number };
  reset(): void;
}

/** Places handed out before the living are numbered anew: more than twice the rows, so that this is rare. */
const NR_PLACES = 1 << 17;

const FREE = { steps: 0, locks: 0 };
const NOTHING: LpiOrder = {
  append: () => {},
  remove: () => {},
  lookUp: () => {},
  lookUpAtFold: () => {},
  takeFolded: () => FREE,
  reset: () => {},
};

export function createLpiOrder(s: VgicState): LpiOrder {
  const { cost, lpiSlotBase, nrSlots, word } = s;
  if (!Counting.COUNTED || s.flavour.its?.lpiIndex !== 'list' || nrSlots === lpiSlotBase) return NOTHING;
  /** Place of each row's descriptor in the order of mapping, from 1; 0: there is none. */
  const placeOf = int32Column(nrSlots - lpiSlotBase);
  const rowAt = int32Column(NR_PLACES + 1);
  /** Living descriptors by place: a Fenwick tree. */
  const living = int32Column(NR_PLACES + 1);
  let lastPlace = 0;
  let length = 0;
  const folded = { steps: 0, locks: 0 };

  function add(place: number, count: number): void {
    for (let at = place; at <= NR_PLACES; at += at & -at) living[at] += count;
  }

  function renumber(): void {
    const before = lastPlace;
    lastPlace = 0;
    living.fill(0);
    for (let place = 1; place <= before; place++) {
      const row = rowAt[place];
      if (placeOf[row] !== place) continue;
      lastPlace += 1;
      rowAt[lastPlace] = row;
      placeOf[row] = lastPlace;
      add(lastPlace, 1);
    }
  }

  /** Nodes visited up to the row, or all of them. */
  function visited(slot: number): number {
    if (slot < 0) return length;
    let nodes = 0;
    for (let at = placeOf[slot - lpiSlotBase]; at > 0; at -= at & -at) nodes += living[at];
    return nodes;
  }

  return {
    append(slot) {
      if (lastPlace === NR_PLACES) renumber();
      lastPlace += 1;
      rowAt[lastPlace] = slot - lpiSlotBase;
      placeOf[slot - lpiSlotBase] = lastPlace;
      add(lastPlace, 1);
      length += 1;
    },
    remove(slot) {
      add(placeOf[slot - lpiSlotBase], -1);
      placeOf[slot - lpiSlotBase] = 0;
      length -= 1;
    },
    lookUp(slot) {
      const steps = visited(slot) + 1;
      cost.totalSteps += steps;
      cost.sectionFor(SECTION_LOOKUP, slot < 0 ? -1 : targetOf(word[slot]), steps, 1);
    },
    lookUpAtFold(slot) {
      const steps = visited(slot) + 1;
      cost.totalSteps += steps;
      cost.section(SECTION_FOLD_LOOKUP, steps, 1);
      folded.steps += steps;
      folded.locks += 1;
    },
    takeFolded() {
      const { steps, locks } = folded;
      folded.steps = 0;
      folded.locks = 0;
      return { steps, locks };
    },
    reset() {
      placeOf.fill(0);
      living.fill(0);
      lastPlace = length = folded.steps = folded.locks = 0;
    },
  };
}
