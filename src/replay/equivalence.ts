/**
 * Verifies a strategy's declared class at every flush: against the LR words of sort-on-flush replaying the same events,
 * and, where those differ, against what sort-on-flush would choose from the strategy's own state (vgic-spec 7.1).
 */
import { NR_SGIS } from '../gic/intid.js';
import type { EquivalenceClass } from '../strategy/strategy.js';
import { createOrder } from '../vgic/order.js';
import type { Vgic } from '../vgic/vgic.js';
import { ACTIVE, priorityOf, targetOracle } from '../vgic/word.js';
import type { Equivalence } from './result.js';

export interface EquivalenceChecker {
  /** Before the flush of `vcpu`: notes the keys the reference would choose from this state. */
  beforeFlush(vcpu: number): void;
  /** After the flush of `vcpu` on both sides. */
  afterFlush(vcpu: number, event: number): void;
  result(): Equivalence;
}

/** `other` is sort-on-flush replaying the same events; for sort-on-flush itself pass undefined. */
export function createEquivalenceChecker(
  vgic: Vgic,
  other: Vgic | undefined,
  declared: EquivalenceClass,
): EquivalenceChecker {
  const { state, list } = vgic;
  const { word, source, intidOfSlot, usedLrs, picks, dist, nrLr, isV2Guest } = state;
  const { nrKeys, keyOf } = createOrder(state);
  const { multiSgiFloor } = state.flavour;
  /** A machine of its own leaves no choice behind that could be compared: only the words count. */
  const choosesRows = state.flavour.structure === 'ap-list';
  const expected = new Int32Array(nrKeys);
  /** Keys of all queued rows before the flush; the chosen rows are looked up afterwards. */
  const keyBefore = new Uint16Array(state.nrSlots);
  let nrExpected = 0;
  let listWasEmpty = false;
  let listIsWhole = true;
  let flushes = 0;
  let identical = 0;
  let tieEquivalent = 0;
  let firstViolation: number | null = null;

  const expect = (key: number): void => {
    expected[key] += 1;
    nrExpected += 1;
  };

  /** Senders that stay behind when the row has been put into an LR. */
  const remainingSenders = (slot: number): number => {
    const senders = source[slot];
    return (word[slot] & ACTIVE) !== 0 ? senders : senders & (senders - 1);
  };

  function beforeFlush(vcpu: number): void {
    if (!choosesRows) return;
    expected.fill(0);
    nrExpected = 0;
    // A row that is queued but on no list will never be chosen: that is no tie.
    listIsWhole = list.length(vcpu) === state.queuedRows[vcpu];
    listWasEmpty = list.length(vcpu) === 0;
    if (listWasEmpty) return;
    const distEnabled = dist[0] === 1;
    const slots = list.order(vcpu);
    let multi = false;
    for (const slot of slots) {
      const w = word[slot];
      keyBefore[slot] = keyOf(w, vcpu);
      if (multiSgiFloor && isV2Guest && intidOfSlot[slot] < NR_SGIS && source[slot] !== 0) {
        if ((source[slot] & (source[slot] - 1)) !== 0 || (w & ACTIVE) !== 0) multi = true;
      }
      if (!multi && targetOracle(w, distEnabled) === vcpu) expected[keyBefore[slot]] += 1;
    }
    if (!multi) {
      // The k smallest keys; where the list does not overflow these are all deliverable entries.
      for (let key = 0; key < nrKeys; key++) {
        expected[key] = Math.min(expected[key], nrLr - nrExpected);
        nrExpected += expected[key];
      }
      return;
    }
    // The floor of a multi-source SGI makes the walk order matter: ties in the strategy's own order.
    expected.fill(0);
    let floor = 0xff;
    for (const slot of slots.sort((a, b) => keyBefore[a] - keyBefore[b])) {
      const w = word[slot];
      if (priorityOf(w) > floor || nrExpected === nrLr) break;
      if (targetOracle(w, distEnabled) !== vcpu) continue;
      expect(keyBefore[slot]);
      if (intidOfSlot[slot] < NR_SGIS && remainingSenders(slot) !== 0) floor = priorityOf(w);
    }
  }

  function sameWords(vcpu: number): boolean {
    if (other === undefined) return true;
    if (other.state.usedLrs[vcpu] !== usedLrs[vcpu]) return false;
    const base = vcpu * nrLr;
    // A strategy may have more list registers than the reference.
    const otherBase = vcpu * other.state.nrLr;
    for (let lr = 0; lr < usedLrs[vcpu]; lr++) {
      if (state.lrLo[base + lr] !== other.state.lrLo[otherBase + lr]) return false;
      if (state.lrHi[base + lr] !== other.state.lrHi[otherBase + lr]) return false;
    }
    return true;
  }

  function sameKeys(vcpu: number): boolean {
    if (!listIsWhole) return false;
    if (listWasEmpty) return true;
    if (usedLrs[vcpu] !== nrExpected) return false;
    // The rows chosen, not those in the LRs: an SGI without sender leaves its LR stale (vgic-spec 1.14).
    for (let i = 0; i < usedLrs[vcpu]; i++) {
      if (--expected[keyBefore[picks[i]]] < 0) return false;
    }
    return true;
  }

  return {
    beforeFlush,
    afterFlush(vcpu, event) {
      flushes++;
      const words = sameWords(vcpu);
      const keys = choosesRows ? sameKeys(vcpu) : words;
      if (words && keys) identical++;
      else if (keys) tieEquivalent++;
      const broken = declared === 'identical' ? !(words && keys) : declared === 'tie-equivalent' && !keys;
      if (broken && firstViolation === null) firstViolation = event;
    },
    result: () => ({
      declared,
      flushes,
      identical,
      tieEquivalent,
      deviating: flushes - identical - tieEquivalent,
      holds: firstViolation === null,
      firstViolation,
    }),
  };
}
