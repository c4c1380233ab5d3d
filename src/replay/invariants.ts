/**
 * The invariants of vgic-spec appendix B on the core's state, checked after every event and independent of how the core
 * arrives at it. Numbers are those of the appendix:
 *
 *  1  an interrupt is on at most one list, its row names that list, private ones are only on their own vCPU's
 *  2  after an entry the LRs hold distinct interrupts, no more than there are, all of which belonged to this vCPU
 *  3  no level or mapped interrupt is pending and active in an LR (Xen: no mapped level one)
 *  4  no edge is lost (invariant-edges.ts)
 *  5  after an exit the list holds what the oracle sends here, in the order it had
 *  6  nothing active leaves its list
 *  7  an entry and an exit with no guest between them change nothing
 *  9  an LPI exists as long as it is mapped, queued, or was the last in the LRs (kvm-7.2)
 * 11  on_lr marks exactly what is in the LRs of a vCPU in the guest (kvm-7.2)
 * 12  a mapped level interrupt that is idle after the exit leaves its host interrupt deactivated
 *
 * 8, the LRs hold the entries with the best keys, is what equivalence.ts verifies at every flush. 10, lock order, has no
 * meaning where an event is atomic. 13, save and restore of an ITS, is what vgic/its/images.test.ts looks at.
 *
 * Some do not hold by design, for the defects of the real code are modelled: an SGI of a GICv2 guest that is pending
 * without a sender leaves its LR stale (6.1) or empty (7.2), which spoils 2, 3, 7 and 11 for that LR; EnableLPIs off
 * empties a list under LRs in use, which 6.1 then presents again, against 2. The checker allows for exactly these.
 *
 * Checked after an event is what the event can have touched, and everything at intervals and at the end.
 */
import * as K from '../trace/events.js';
import type { Vgic } from '../vgic/vgic.js';
import { EXISTS } from '../vgic/word-layout.js';
import { createEdgeLedger } from './invariant-edges.js';
import { createEntryChecks } from './invariant-entry.js';
import { InvariantBroken, isActive, oracleOf, queuedVcpu, require, targetVcpu } from './invariant-rows.js';
import { createTouchedRows, isRawAccess } from './invariant-touched.js';

export interface Violation {
  readonly event: number;
  /** Name of the event's kind. */
  readonly kind: string;
  /** Number in appendix B. */
  readonly invariant: number;
  readonly what: string;
}

export interface InvariantChecker {
  before(word: number, value: number): void;
  after(event: number): void;
  /** At the end of the trace; a host that stopped has no end. */
  finish(): void;
  /** The first one; nothing is checked after it. */
  violation(): Violation | null;
}

export interface InvariantOptions {
  /** The lists are in the order of the flavour's own algorithm, which an exit leaves alone; other strategies may sort. */
  readonly keepsOrder: boolean;
  /**
   * Most entries that an exit takes off a list, as the strategy declares (`prunesAtMost`): of 5 and 7 what must leave may stay
   * once so many left; of 6 an entry that stayed may become active on its target's list. Left out: all leave.
   */
  readonly prunesAtMost?: number;
  /** Events from one check of everything to the next. */
  readonly interval?: number;
}

const DEFAULT_INTERVAL = 4096;

export function createInvariantChecker(vgic: Vgic, options: InvariantOptions): InvariantChecker {
  const { state: s, list } = vgic;
  const { word, dist, nrVcpus, lpiSlotBase, lpiRefs, lastLr } = s;
  const touchedRows = createTouchedRows(vgic);
  const edges = createEdgeLedger(s);
  const prunesAtMost = options.prunesAtMost ?? Number.POSITIVE_INFINITY;
  const prunesAll = prunesAtMost === Number.POSITIVE_INFINITY;
  const entry = createEntryChecks(vgic, prunesAll);
  const interval = options.interval ?? DEFAULT_INTERVAL;

  /** The list each row was last seen on, and how many each vCPU has by that. */
  const queued = new Int16Array(s.nrSlots).fill(-1);
  const nrQueued = new Int32Array(nrVcpus);
  /** Walk in which a row was last met. */
  const metIn = new Int32Array(s.nrSlots);
  let walk = 0;

  let violation: Violation | null = null;
  let kind = 0;
  let vcpu = 0;
  let intid = 0;
  let touched: readonly number[] = [];
  let listBefore: readonly number[] = [];
  let lastEvent = -1;

  const nameOf = (slot: number): string => `INTID ${s.intidOfSlot[slot]}`;

  function checkRow(slot: number): void {
    const w = word[slot];
    const now = queuedVcpu(w);
    const was = queued[slot];
    if (now !== was) {
      queued[slot] = now;
      if (was >= 0) {
        nrQueued[was] -= 1;
        const isTornDown = slot >= lpiSlotBase && (kind === K.LPI_FLUSH || (kind === K.MMIO_REDIST && intid < 4));
        // A raw access may sync first and make the interrupt active then.
        const isSent = !prunesAll && !isExit() && now >= 0 && now === targetVcpu(w);
        require(!isActive(w) || isTornDown || isSent || isRawAccess(kind), 6, () =>
          `${nameOf(slot)} is active and left the list of vCPU ${was}`);
      }
      if (now >= 0) {
        const isOwn = slot >= s.spiSlotBase || Math.floor(slot / 32) === now;
        require(isOwn, 1, () =>
          `private ${nameOf(slot)} of vCPU ${Math.floor(slot / 32)} is on the list of vCPU ${now}`);
        nrQueued[now] += 1;
      }
    }
    if (slot >= lpiSlotBase) checkLpi(slot);
    edges.checkRow(slot);
  }

  function checkLpi(slot: number): void {
    const exists = (word[slot] & EXISTS) !== 0;
    const isHeld = lpiRefs[slot - lpiSlotBase] > 0 || queuedVcpu(word[slot]) >= 0 || lastLr.includes(slot);
    require(exists === isHeld, 9, () =>
      `LPI ${s.intidOfSlot[slot]} ${exists ? 'exists and nothing holds it' : 'is held and gone'}`);
  }

  function checkLengths(): void {
    for (let v = 0; v < nrVcpus; v++) {
      const length = list.length(v);
      require(length === nrQueued[v], 1, () =>
        `${nrQueued[v]} rows name the list of vCPU ${v}, which has ${length} entries`);
    }
  }

  /** 1 for one list: its entries name it, and each is met once. */
  function walkList(v: number): readonly number[] {
    walk++;
    const entries = list.order(v);
    for (const slot of entries) {
      require(queuedVcpu(word[slot]) === v, 1, () => `${nameOf(slot)} is on the list of vCPU ${v} and does not say so`);
      require(metIn[slot] !== walk, 1, () => `${nameOf(slot)} is twice on the list of vCPU ${v}`);
      metIn[slot] = walk;
    }
    return entries;
  }

  /** 5: what was on the list and is sent here is still on it, nothing else is, and the order is as it was. */
  function checkPruned(): void {
    const after = walkList(vcpu);
    const nrLeft = listBefore.reduce((sum, slot) => (metIn[slot] === walk ? sum : sum + 1), 0);
    require(nrLeft <= prunesAtMost, 5, () => `${nrLeft} entries left the list of vCPU ${vcpu} at the exit`);
    for (const slot of listBefore) {
      const isHere = oracleOf(word[slot], dist[0] === 1) === vcpu;
      const isStill = metIn[slot] === walk;
      require(isHere === isStill || (isStill && nrLeft === prunesAtMost), 5, () =>
        `${nameOf(slot)} ${isHere ? 'left' : 'stayed on'} the list of vCPU ${vcpu} at the exit`);
    }
    const stayed = options.keepsOrder ? listBefore.filter((slot) => metIn[slot] === walk) : [];
    require(after.length <= listBefore.length, 5, () => `the list of vCPU ${vcpu} grew at the exit`);
    stayed.forEach((slot, at) => {
      require(after[at] === slot, 5, () => `the list of vCPU ${vcpu} has another order after the exit`);
    });
  }

  function checkAll(): void {
    for (let v = 0; v < nrVcpus; v++) walkList(v);
    for (let slot = 0; slot < s.nrSlots; slot++) {
      const now = queuedVcpu(word[slot]);
      require(now === queued[slot], 1, () =>
        `${nameOf(slot)} moved from list ${queued[slot]} to ${now} by no event of its own`);
      if (slot >= lpiSlotBase) checkLpi(slot);
    }
    checkLengths();
    edges.checkAll();
    entry.checkAll();
  }

  function run(event: number, check: () => void): void {
    if (violation !== null) return;
    try {
      check();
    } catch (error) {
      if (!(error instanceof InvariantBroken)) throw error;
      violation = { event, kind: K.findKind(kind)?.name ?? `${kind}`, invariant: error.invariant, what: error.message };
    }
  }

  const isExit = (): boolean => kind === K.SYNC || kind === K.PRUNE;

  return {
    before(w, value) {
      if (violation !== null) return;
      kind = K.wordKind(w);
      vcpu = K.wordVcpu(w);
      intid = K.wordIntid(w);
      if (isExit()) listBefore = list.order(vcpu);
      touched = touchedRows.of(kind, vcpu, intid, value, listBefore);
      edges.before(kind, vcpu, intid, value);
      entry.before(kind, vcpu, intid);
    },
    after(event) {
      lastEvent = event;
      run(event, () => {
        entry.after(kind, vcpu);
        edges.after();
        touchedRows.addNew();
        for (const slot of touched) checkRow(slot);
        if (touched.length > 0) checkLengths();
        if (isExit()) checkPruned();
        if ((event + 1) % interval === 0) checkAll();
      });
    },
    finish: () => run(lastEvent, checkAll),
    violation: () => violation,
  };
}
