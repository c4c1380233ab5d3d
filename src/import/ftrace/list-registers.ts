/** Recorded LR words, and what the guest did to them during one run. Layouts: vgic-spec 1.15. */
import type { GicModel } from '../../gic/intid.js';
import {
  GICH_LR_ACTIVE,
  GICH_LR_CPUID_SHIFT,
  GICH_LR_PENDING,
  GICH_LR_VINTID_MASK,
  LR_ACTIVE,
  LR_CPUID_SHIFT,
  LR_PENDING,
  LR_VINTID_V2_MASK,
} from '../../gic/lr.js';
import { ACK, DEACTIVATE, EOI } from '../../trace/events.js';
import type { GuestAccess } from './guest-accesses.js';
import type { FoldedLr } from './shadow.js';

export const STATE_PENDING = 1;
export const STATE_ACTIVE = 2;

/** The fields of one word that a fold looks at. */
export function decodeLr(model: GicModel, lo: number, hi: number): FoldedLr {
  if (model === 'gicv2') {
    return {
      intid: lo & GICH_LR_VINTID_MASK,
      pending: (lo & GICH_LR_PENDING) !== 0,
      active: (lo & GICH_LR_ACTIVE) !== 0,
      cpuid: (lo >>> GICH_LR_CPUID_SHIFT) & 7,
    };
  }
  const isV2 = model === 'gicv2-on-gicv3';
  return {
    intid: isV2 ? lo & LR_VINTID_V2_MASK : lo,
    pending: (hi & LR_PENDING) !== 0,
    active: (hi & LR_ACTIVE) !== 0,
    cpuid: isV2 ? (lo >>> LR_CPUID_SHIFT) & 7 : 0,
  };
}

/** All words of a line. */
export const readBackLrs = (
  model: GicModel,
  words: { readonly lo: readonly number[]; readonly hi: readonly number[] } | null,
): FoldedLr[] => (words === null ? [] : words.lo.map((lo, i) => decodeLr(model, lo, words.hi[i])));

export const stateOf = (lr: FoldedLr): number => (lr.pending ? STATE_PENDING : 0) | (lr.active ? STATE_ACTIVE : 0);

/** The LR states of a running guest: set at entry, changed by its accesses. */
export class GuestLrs {
  #intids: number[] = [];
  #states: number[] = [];
  #isKnown = false;

  enter(lrs: readonly FoldedLr[]): void {
    this.#intids = lrs.map((lr) => lr.intid);
    this.#states = lrs.map(stateOf);
    this.#isKnown = true;
  }

  /** What the next run begins with is not known. */
  forget(): void {
    this.#isKnown = false;
  }

  /** Acknowledge, EOI and DIR as the virtual CPU interface does them (vgic-spec 1.16). */
  access({ kind, intid }: GuestAccess): void {
    if (kind === ACK) {
      const lr = this.#intids.findIndex((id, i) => id === intid && this.#states[i] === STATE_PENDING);
      if (lr >= 0) this.#states[lr] = STATE_ACTIVE;
    } else if (kind === EOI || kind === DEACTIVATE) {
      const lr = this.#intids.findIndex((id, i) => id === intid && (this.#states[i] & STATE_ACTIVE) !== 0);
      if (lr >= 0) this.#states[lr] &= ~STATE_ACTIVE;
    }
  }

  /** LRs whose state is another one than was read back, with that state; all, if nobody knows what they held. */
  differences(readBack: readonly FoldedLr[]): { lr: number; state: number }[] {
    const found: { lr: number; state: number }[] = [];
    for (const [lr, word] of readBack.entries()) {
      const state = stateOf(word);
      if (!this.#isKnown) found.push({ lr, state });
      else if (lr < this.#states.length && state !== this.#states[lr]) found.push({ lr, state });
    }
    return found;
  }
}
