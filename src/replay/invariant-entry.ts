/** Invariants of guest entry and exit: 2, 3, 7, 11 and 12 (the list is in invariants.ts). */
import * as K from '../trace/events.js';
import { BY_SOFTWARE } from '../vgic/host-mapping.js';
import { slotOf, type VgicState } from '../vgic/state.js';
import { PHYSICAL_TIMER, TIMER_PPIS, VIRTUAL_TIMER } from '../vgic/timer/contexts.js';
import type { Vgic } from '../vgic/vgic.js';
import { ACTIVE, EXISTS, LATCH, LINE } from '../vgic/word-layout.js';
import {
  isEdge,
  isMapped,
  isMappedLevel,
  isSenderlessSgi,
  type LrView,
  oracleOf,
  queuedVcpu,
  readLrs,
  require,
} from './invariant-rows.js';

const EL1_TIMER_PPIS: readonly number[] = [TIMER_PPIS[VIRTUAL_TIMER], TIMER_PPIS[PHYSICAL_TIMER]];

export interface EntryChecks {
  before(kind: number, vcpu: number, intid: number): void;
  after(kind: number, vcpu: number): void;
  checkAll(): void;
}

/** `prunesAll`: an exit takes off the list all that must leave. */
export function createEntryChecks({ state: s, list }: Vgic, prunesAll: boolean): EntryChecks {
  const { word, source, activeSource, physRow, physActive, dist, nrLr, nrVcpus, usedLrs, onLr, flavour } = s;
  const tracksLrs = flavour.activeOutsideLrs !== 'none';
  const nameOf = (slot: number): string => `INTID ${s.intidOfSlot[slot]}`;

  /** Rows that the flush at hand may choose are marked with its number; how many LRs senderless SGIs may spoil. */
  const deliverableAt = new Int32Array(s.nrSlots);
  let flushes = 0;
  let nrSenderless = 0;
  let listWasEmpty = false;
  /** The rows before a flush that nothing but facts has followed yet, and the vCPU; -1: none. */
  let rowsBefore: readonly number[] = [];
  const wordBefore = new Int32Array(s.nrSlots);
  const sourceBefore = new Uint8Array(source.length);
  const activeSourceBefore = new Uint8Array(activeSource.length);
  let entered = -1;
  /** A vCPU whose list lost its LPIs while its LRs were in use: kvm-6.1 leaves them be (vgic-spec D). */
  const staleByLpiFlush = new Uint8Array(nrVcpus);
  /**
   * Rows whose on_lr says nothing until they get an LR again: SGIs that got it without an LR (vgic-spec 1.14), and LPIs
   * that ended in an LR and were mapped anew, which is another descriptor.
   */
  const onLrAstray = new Set<number>();

  /** Host interrupt behind each LR at the flush, or -1; set again by something else than the guest since. */
  const physOfLr = new Int32Array(nrVcpus * nrLr).fill(-1);
  const physWritten = new Uint8Array(physActive.length);
  let folded: LrView[] = [];
  /** A TIMER event was seen on a flavour that recomputes timer lines at entry. */
  let hasTimers = false;

  function beforeFlush(vcpu: number): void {
    flushes++;
    nrSenderless = 0;
    rowsBefore = list.order(vcpu);
    listWasEmpty = rowsBefore.length === 0 && !hasTimers;
    for (const slot of rowsBefore) {
      const w = word[slot];
      wordBefore[slot] = w;
      if (slot < s.spiSlotBase) {
        sourceBefore[slot] = source[slot];
        activeSourceBefore[slot] = activeSource[slot];
      }
      if (oracleOf(w, dist[0] === 1) !== vcpu) continue;
      deliverableAt[slot] = flushes;
      if (!isSenderlessSgi(s, slot)) continue;
      nrSenderless++;
      if (tracksLrs) onLrAstray.add(slot);
    }
  }

  /** Does an entry recompute the line of a row (flavours with timerLevelsAtEntry)? The rows before it say nothing then. */
  const isRecomputed = (slot: number): boolean => hasTimers && EL1_TIMER_PPIS.includes(s.intidOfSlot[slot]);

  /** What is wrong with one LR after the flush, and the number of the invariant that says so. */
  function findFault({ intid, slot, pending, active }: LrView, seen: Set<number>): [number, string] | undefined {
    if (!pending && !active) return [2, `INTID ${intid} is in an LR and neither pending nor active`];
    if (seen.has(intid)) return [2, `INTID ${intid} is in two LRs`];
    if (slot < 0 || (deliverableAt[slot] !== flushes && !isRecomputed(slot)))
      return [2, `INTID ${intid} is in an LR and was not deliverable here`];
    if (!pending || !active) return undefined;
    const w = word[slot];
    if (flavour.populate === 'xen')
      return isMappedLevel(w) ? [3, `mapped level INTID ${intid} is pending and active`] : undefined;
    const isV2Sgi = s.isV2Guest && intid < 16;
    const isHwInLr = isMapped(w) && s.hwintid[slot] !== BY_SOFTWARE;
    return !isEdge(w) || isHwInLr || isV2Sgi ? [3, `INTID ${intid} is pending and active in an LR`] : undefined;
  }

  function afterFlush(vcpu: number): void {
    const used = usedLrs[vcpu];
    require(used <= nrLr, 2, () => `${used} LRs in use, the machine has ${nrLr}`);
    entered = vcpu;
    if (listWasEmpty && flavour.emptyListShortcut) {
      // Nothing was written. LRs in use are those of LPIs whose list went away below them.
      const isKnown = used === 0 || staleByLpiFlush[vcpu] === 1;
      require(isKnown, 2, () => `${used} LRs in use after the entry with an empty list`);
      return;
    }
    staleByLpiFlush[vcpu] = 0;
    const seen = new Set<number>();
    let nrSpoiled = 0;
    readLrs(s, vcpu).forEach((lr, index) => {
      const fault = findFault(lr, seen);
      // A stale LR may hold the INTID of a sound one behind it.
      if (fault === undefined && (lr.pending || lr.active)) seen.add(lr.intid);
      if (fault !== undefined) {
        nrSpoiled++;
        require(nrSpoiled <= nrSenderless, fault[0], () => fault[1]);
      }
      const isTied = lr.slot >= 0 && isMapped(word[lr.slot]);
      physOfLr[vcpu * nrLr + index] = fault === undefined && isTied ? physRow[lr.slot] : -1;
      if (isTied) physWritten[physRow[lr.slot]] = 0;
      if (tracksLrs && fault === undefined) onLrAstray.delete(lr.slot);
      if (tracksLrs && fault === undefined)
        require(onLr[lr.slot] === 1, 11, () => `INTID ${lr.intid} is in an LR and on_lr is not set`);
    });
    // A spoiled LR goes back into another row's state.
    if (nrSenderless > 0) entered = -1;
  }

  /** 7: an entry and an exit with no guest between them change nothing. */
  function checkUnchanged(kind: number, vcpu: number): void {
    for (const slot of rowsBefore) {
      if (isRecomputed(slot)) continue;
      const w = word[slot];
      // An LPI that nothing maps ends where it leaves the list.
      if ((w & EXISTS) === 0 && deliverableAt[slot] !== flushes) continue;
      const isXenMappedLevel = flavour.populate === 'xen' && isMappedLevel(w);
      // A mapped level is sampled again; Xen also ends its latch where it is active (vgic-spec 1.14, 1.18).
      let compared = ACTIVE | LATCH | LINE;
      if (isMappedLevel(w)) compared &= ~LINE;
      if (isXenMappedLevel) compared &= ~LATCH;
      const isSame = ((w ^ wordBefore[slot]) & compared) === 0;
      require(isSame, 7, () => `${nameOf(slot)} changed over an entry and exit without a guest`);
      if (slot < s.spiSlotBase) {
        const sameSenders = source[slot] === sourceBefore[slot] && activeSource[slot] === activeSourceBefore[slot];
        require(sameSenders, 7, () => `senders of ${nameOf(slot)} changed over an entry and exit without a guest`);
      }
      // A mapped level that was sampled low may leave; what was not sent here leaves with the prune.
      if (kind === K.FOLD || isMappedLevel(w)) continue;
      const isThere = queuedVcpu(w) === vcpu;
      const isOurs = deliverableAt[slot] === flushes;
      require(isThere === isOurs || (isThere && !prunesAll), 7, () =>
        `${nameOf(slot)} ${isThere ? 'stayed on' : 'left'} the list`);
    }
  }

  function afterFold(kind: number, vcpu: number): void {
    if (entered === vcpu) checkUnchanged(kind, vcpu);
    folded.forEach(({ slot, intid }, index) => {
      const row = physOfLr[vcpu * nrLr + index];
      if (tracksLrs && slot >= 0)
        require(onLr[slot] === 0 || onLrAstray.has(slot), 11, () => `on_lr of INTID ${intid} is set after the exit`);
      if (row < 0 || slot < 0) return;
      const w = word[slot];
      // SW_RESAMPLE does not ask for the line.
      const busy = s.hwintid[slot] === BY_SOFTWARE ? LATCH | ACTIVE : LINE | LATCH | ACTIVE;
      if (!isMappedLevel(w) || physRow[slot] !== row || (w & busy) !== 0) return;
      const isFree = physActive[row] === 0 || physWritten[row] === 1;
      require(isFree, 12, () => `INTID ${intid} is idle and its host interrupt is still active`);
    });
    for (let index = 0; index < nrLr; index++) physOfLr[vcpu * nrLr + index] = -1;
    folded = [];
  }

  const isRawWrite = (kind: number): boolean =>
    kind === K.MMIO_DIST || kind === K.MMIO_REDIST || kind === K.MMIO_DIST_BYTE || kind === K.MMIO_REDIST_BYTE;

  /** Something else than the guest's deactivation may have set the physical active state, or changed who clears it. */
  function notePhysWrites(kind: number, vcpu: number, intid: number): void {
    if (kind === K.PENDING || kind === K.ACTIVE) {
      const slot = slotOf(s, vcpu, intid);
      if (slot >= 0) physWritten[physRow[slot]] = 1;
    } else if (kind === K.PHYS_ACTIVE || kind === K.HW_MAP || isRawWrite(kind)) physWritten.fill(1);
  }

  const changesNothing = (kind: number): boolean =>
    kind >= K.FIRST_FACT || kind === K.NOP || kind === K.PENDING_QUERY || kind === K.RUNNING || kind === K.CURRENT;

  return {
    before(kind, vcpu, intid) {
      if (changesNothing(kind)) return;
      if (kind === K.TIMER && flavour.timerLevelsAtEntry) hasTimers = true;
      const isExit = kind === K.SYNC || kind === K.FOLD;
      if (!isExit || vcpu !== entered) entered = -1;
      if (kind === K.FLUSH) beforeFlush(vcpu);
      else if (isExit) {
        const skipsFold = flavour.emptyListShortcut && list.length(vcpu) === 0;
        folded = skipsFold ? [] : readLrs(s, vcpu);
      } else notePhysWrites(kind, vcpu, intid);
      if (tracksLrs && kind === K.LPI_MAP && (word[slotOf(s, vcpu, intid)] & EXISTS) === 0)
        onLrAstray.add(slotOf(s, vcpu, intid));
      // GICR_CTLR is the first word of the frame.
      const dropsLpis = kind === K.LPI_FLUSH || ((kind === K.MMIO_REDIST || kind === K.MMIO_REDIST_BYTE) && intid < 4);
      if (dropsLpis && usedLrs[vcpu] > 0) staleByLpiFlush[vcpu] = 1;
    },
    after(kind, vcpu) {
      if (kind === K.FLUSH) afterFlush(vcpu);
      else if (kind === K.SYNC || kind === K.FOLD) {
        afterFold(kind, vcpu);
        entered = -1;
      }
    },
    checkAll() {
      if (tracksLrs) checkOnLr(s, onLrAstray);
    },
  };
}

/** 11 for all rows. */
function checkOnLr(s: VgicState, onLrAstray: ReadonlySet<number>): void {
  const inLrs = new Set<number>();
  for (let vcpu = 0; vcpu < s.nrVcpus; vcpu++) {
    if (s.inGuest[vcpu] === 0) continue;
    for (const { slot } of readLrs(s, vcpu)) inLrs.add(slot);
  }
  for (let slot = 0; slot < s.nrSlots; slot++) {
    if ((s.onLr[slot] === 1) === inLrs.has(slot) || onLrAstray.has(slot)) continue;
    // The empty LR of an SGI without sender names INTID 0.
    if (s.onLr[slot] === 0 && s.isV2Guest && s.intidOfSlot[slot] === 0) continue;
    require(false, 11, () => `on_lr of INTID ${s.intidOfSlot[slot]} is ${s.onLr[slot]}`);
  }
}
