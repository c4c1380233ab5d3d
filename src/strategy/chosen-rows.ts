/** What the last entry of each vCPU chose, in order, as far as it is still on its list: the head of the list as it was then. */
import * as Counting from '#counting';
import { NO_SLOT } from '../gic/intid.js';
import { int16Column, int32Column } from '../vgic/columns.js';
import type { VgicState } from '../vgic/state.js';
import { ACTIVE, queuedOn } from '../vgic/word.js';

const { COUNTED } = Counting;

const NOT_CHOSEN = -1;

export interface ChosenRows {
  /** An entry chose the first `count` of state.picks. */
  note(vcpu: number, count: number): void;
  has(slot: number): boolean;
  /** A row leaves its list. */
  forget(slot: number): void;
  /** The active one among them behind `slot`, the first for NO_SLOT; NO_SLOT if there is none, or `slot` is not of them. */
  nextActive(vcpu: number, slot: number): number;
}

export function createChosenRows({ word, picks, cost, nrLr, nrVcpus, nrSlots }: VgicState): ChosenRows {
  const rows = int32Column(nrVcpus * nrLr).fill(NO_SLOT);
  /** Place of a row among those of its vCPU, or NOT_CHOSEN. */
  const placeOf = int16Column(nrSlots).fill(NOT_CHOSEN);
  const isOf = (vcpu: number, slot: number, at: number): boolean =>
    placeOf[slot] === at && queuedOn(word[slot]) === vcpu;

  return {
    note(vcpu, count) {
      for (let at = 0; at < nrLr; at++) {
        const slot = rows[vcpu * nrLr + at];
        if (slot === NO_SLOT) break;
        if (isOf(vcpu, slot, at)) placeOf[slot] = NOT_CHOSEN;
        rows[vcpu * nrLr + at] = NO_SLOT;
      }
      for (let at = 0; at < count; at++) {
        rows[vcpu * nrLr + at] = picks[at];
        placeOf[picks[at]] = at;
      }
    },
    has: (slot) => placeOf[slot] !== NOT_CHOSEN,
    forget(slot) {
      placeOf[slot] = NOT_CHOSEN;
    },
    nextActive(vcpu, slot) {
      if (slot !== NO_SLOT && placeOf[slot] === NOT_CHOSEN) return NO_SLOT;
      for (let at = slot === NO_SLOT ? 0 : placeOf[slot] + 1; at < nrLr; at++) {
        const chosen = rows[vcpu * nrLr + at];
        if (chosen === NO_SLOT) break;
        if (!isOf(vcpu, chosen, at)) continue;
        if ((word[chosen] & ACTIVE) !== 0) return chosen;
        if (COUNTED) {
          cost.visits += 1;
          cost.locks += 1;
        }
      }
      return NO_SLOT;
    },
  };
}
