/**
 * Invariant 4, the ledger of edges: an edge that was accepted is owed to the guest. It stays in the latch, or pending in
 * an LR, until the guest acknowledges it or something takes it away that may: ICPENDR, a change of the trigger, or the
 * end of an LPI. SGIs of GICv2 guests are left out: injected without a sender they are lost (vgic-spec 1.14).
 */
import { LR_PENDING } from '../gic/lr.js';
import * as K from '../trace/events.js';
import { slotOf, type VgicState } from '../vgic/state.js';
import { EXISTS, LATCH } from '../vgic/word-layout.js';
import { isEdge, queuedVcpu, readLrs, require } from './invariant-rows.js';
import { reachesLpis } from './invariant-touched.js';

export interface EdgeLedger {
  before(kind: number, vcpu: number, intid: number, value: number): void;
  /** Settles what the event settled and enters what it owes; call before the rows are checked. */
  after(): void;
  checkRow(slot: number): void;
  checkAll(): void;
}

/** Raw writes to these banks may take pending states away. */
const ICPENDR = 0x280;
const ICACTIVER_AND_BEYOND = 0x300;
const ICFGR = 0xc00;
const ICFGR_END = 0xd00;
const CPENDSGIR = 0xf10;
const CPENDSGIR_END = 0xf20;

const takesPending = (offset: number): boolean =>
  (offset >= ICPENDR && offset < ICACTIVER_AND_BEYOND) ||
  (offset >= ICFGR && offset < ICFGR_END) ||
  (offset >= CPENDSGIR && offset < CPENDSGIR_END);

export function createEdgeLedger(s: VgicState): EdgeLedger {
  const { word, lrHi, nrLr, usedLrs } = s;
  const owed = new Set<number>();
  /** LRs of the acting vCPU that were pending before the event, and their rows. */
  const wasPending: { lr: number; slot: number }[] = [];
  let pendingCall: { kind: number; vcpu: number; intid: number; value: number } = {
    kind: 0,
    vcpu: 0,
    intid: 0,
    value: 0,
  };

  const isGuest = (kind: number): boolean => kind === K.ACK || kind === K.GUEST_LR_STATE || kind === K.GUEST_DRAIN;

  function settleLpisOf(vcpu: number): void {
    for (const slot of owed) if (slot >= s.lpiSlotBase && queuedVcpu(word[slot]) === vcpu) owed.delete(slot);
  }

  function settleLpis(): void {
    for (const slot of owed) if (slot >= s.lpiSlotBase) owed.delete(slot);
  }

  function settleBefore(kind: number, vcpu: number, intid: number, value: number): void {
    const isRaw = kind === K.MMIO_DIST || kind === K.MMIO_DIST_BYTE;
    const isRawRedist = kind === K.MMIO_REDIST || kind === K.MMIO_REDIST_BYTE;
    const isClear = kind === K.PENDING || kind === K.LPI_PENDING;
    if ((isClear && (value & 1) === 0) || kind === K.CONFIG || kind === K.LPI_CLEAR)
      owed.delete(slotOf(s, vcpu, intid));
    else if (kind === K.LPI_FLUSH) settleLpisOf(vcpu);
    // CLEAR, or a bit of a pending table, takes any.
    else if (reachesLpis(kind, intid)) settleLpis();
    else if ((isRaw || isRawRedist) && takesPending(intid & 0xffff)) owed.clear();
  }

  /** An unmapped LPI that is on no list ends, and its edge with it, wherever it is. */
  function isGone(slot: number): boolean {
    return (word[slot] & EXISTS) === 0;
  }

  function isInLr(slot: number): boolean {
    for (let vcpu = 0; vcpu < s.nrVcpus; vcpu++) {
      if (usedLrs[vcpu] === 0) continue;
      if (readLrs(s, vcpu).some((lr) => lr.slot === slot && lr.pending)) return true;
    }
    return false;
  }

  function checkRow(slot: number): void {
    if (!owed.has(slot)) return;
    if (isGone(slot)) owed.delete(slot);
    else {
      const isThere = (word[slot] & LATCH) !== 0 || isInLr(slot);
      require(isThere, 4, () => `the edge of INTID ${s.intidOfSlot[slot]} is neither latched nor pending in an LR`);
    }
  }

  return {
    before(kind, vcpu, intid, value) {
      pendingCall = { kind, vcpu, intid, value };
      wasPending.length = 0;
      if (!isGuest(kind)) {
        if (owed.size > 0) settleBefore(kind, vcpu, intid, value);
        return;
      }
      readLrs(s, vcpu).forEach(({ slot, pending }, index) => {
        if (pending) wasPending.push({ lr: vcpu * nrLr + index, slot });
      });
    },
    after() {
      for (const { lr, slot } of wasPending) if ((lrHi[lr] & LR_PENDING) === 0) owed.delete(slot);
      const { kind, vcpu, intid, value } = pendingCall;
      if (kind === K.FLUSH && owed.size > 0) for (const { slot } of readLrs(s, vcpu)) checkRow(slot);
      if (kind !== K.INJECT || (value & 1) === 0) return;
      const slot = slotOf(s, vcpu, intid);
      if (slot < 0 || isGone(slot) || !isEdge(word[slot]) || (s.isV2Guest && intid < 16)) return;
      owed.add(slot);
    },
    checkRow,
    checkAll() {
      for (const slot of owed) checkRow(slot);
    },
  };
}
