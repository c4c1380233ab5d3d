/**
 * What the invariants read of the core's columns. Predicates are spelled out here once more, from the specification, so
 * that a fault in the core's own does not hide itself.
 */
import { LR_ACTIVE, LR_PENDING, LR_VINTID_V2_MASK } from '../gic/lr.js';
import { slotOf, type VgicState } from '../vgic/state.js';
import * as Layout from '../vgic/word-layout.js';

const { ACTIVE, ENABLED, HW, LATCH, LEVEL, LINE, QUEUED_FIELD, QUEUED_SHIFT, TARGET_FIELD, TARGET_SHIFT } = Layout;

/** A violation found; caught by the checker, which knows the event. */
export class InvariantBroken extends Error {
  readonly invariant: number;
  constructor(invariant: number, what: string) {
    super(what);
    this.invariant = invariant;
  }
}

export function require(holds: boolean, invariant: number, what: () => string): void {
  if (!holds) throw new InvariantBroken(invariant, what());
}

export const isActive = (w: number): boolean => (w & ACTIVE) !== 0;
export const isEdge = (w: number): boolean => (w & LEVEL) === 0;
export const isMapped = (w: number): boolean => (w & HW) !== 0;
export const isMappedLevel = (w: number): boolean => isMapped(w) && !isEdge(w);
const isPendingNow = (w: number): boolean => (w & LATCH) !== 0 || (!isEdge(w) && (w & LINE) !== 0);
export const queuedVcpu = (w: number): number => ((w & QUEUED_FIELD) >>> QUEUED_SHIFT) - 1;
export const targetVcpu = (w: number): number => ((w & TARGET_FIELD) >>> TARGET_SHIFT) - 1;

/** The vCPU whose list should hold the interrupt, or -1: vgic-spec 1.4. */
export function oracleOf(w: number, distEnabled: boolean): number {
  if (isActive(w)) return queuedVcpu(w) >= 0 ? queuedVcpu(w) : targetVcpu(w);
  return (w & ENABLED) !== 0 && isPendingNow(w) && distEnabled ? targetVcpu(w) : -1;
}

export interface LrView {
  readonly intid: number;
  /** Row of the INTID, or -1. */
  readonly slot: number;
  readonly pending: boolean;
  readonly active: boolean;
}

/** The list registers of `vcpu` that are in use. */
export function readLrs(s: VgicState, vcpu: number): LrView[] {
  return Array.from({ length: s.usedLrs[vcpu] }, (_, index) => {
    const at = vcpu * s.nrLr + index;
    const intid = s.isV2Guest ? s.lrLo[at] & LR_VINTID_V2_MASK : s.lrLo[at];
    const hi = s.lrHi[at];
    return {
      intid,
      slot: slotOf(s, vcpu, intid),
      pending: (hi & LR_PENDING) !== 0,
      active: (hi & LR_ACTIVE) !== 0,
    };
  });
}

/** An SGI of a GICv2 guest that is pending without a sender: it gets an LR and leaves nothing in it (vgic-spec 1.14). */
export const isSenderlessSgi = (s: VgicState, slot: number): boolean =>
  s.isV2Guest &&
  slot < s.spiSlotBase &&
  s.intidOfSlot[slot] < 16 &&
  s.source[slot] === 0 &&
  (s.word[slot] & LATCH) !== 0;
