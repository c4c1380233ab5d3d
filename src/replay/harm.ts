/**
 * What a strategy does to the guest: who is kept waiting, by whom, for how long, and who is forgotten. Looked at when a vCPU
 * enters, once its list registers are filled; time is counted in entries of that vCPU.
 *
 * An interrupt is deliverable if it is enabled, pending and not active, its distributor is on and its group is enabled at the
 * vCPU's interface (vgic-spec 1.4); xen-old: enabled, queued and in no list register (1.22). PMR is not asked: it hides an
 * interrupt and every less urgent one alike. It waits if it is on the vCPU's list and in none of its list registers. Priorities
 * are those that the guest wrote last.
 *
 * Rows are looked at where somebody can be waiting alone: the private and shared ones, and the LPIs that were ever mapped.
 */

import { NR_PRIVATE_IRQS } from '../gic/intid.js';
import { LR_PENDING, LR_STATE } from '../gic/lr.js';
import * as K from '../trace/events.js';
import { CONTROL_GROUP0, CONTROL_GROUP1 } from '../vgic/cpuif.js';
import { Tally } from '../vgic/tally.js';
import type { Vgic } from '../vgic/vgic.js';
import {
  ACTIVE,
  ENABLED,
  EXISTS,
  GROUP,
  LATCH,
  PENDING,
  priorityOf,
  QUEUED_FIELD,
  queuedOn,
  targetOf,
} from '../vgic/word.js';
import type { Harm } from './result.js';

export interface HarmMeter {
  /** Before any event. */
  before(word: number): void;
  /** After each flush. */
  afterFlush(vcpu: number): void;
  result(): Harm;
}

/** Kinds that may take a vCPU out of the guest: its list registers are read before. */
const EXIT_KINDS: readonly number[] = [
  K.SYNC,
  K.FOLD,
  K.DEACTIVATE,
  K.MMIO_DIST,
  K.MMIO_REDIST,
  K.MMIO_DIST_BYTE,
  K.MMIO_REDIST_BYTE,
  K.MMIO_DIST_READ,
  K.MMIO_REDIST_READ,
];
const mayExit = new Uint8Array(K.KIND_MASK + 1);
for (const kind of EXIT_KINDS) mayExit[kind] = 1;

/** Numbers of one entry of one vCPU: entries count up, vCPUs are below this. */
const ENTRY_STRIDE = K.VCPU_MASK + 1;

export function createHarmMeter(vgic: Vgic): HarmMeter {
  const s = vgic.state;
  const { word, lrHi, lrSlot, usedLrs, queuedRows, control, inGuest, dist, nrLr, nrVcpus, nrSlots } = s;
  const { spiSlotBase, lpiSlotBase } = s;
  const isXenOld = s.flavour.structure === 'two-lists';
  const entries = new Float64Array(nrVcpus);
  /** Entry at which a row was in a list register, not acknowledged since; -1. */
  const presentedAt = new Float64Array(nrSlots).fill(-1);
  /** Entries of its vCPU that a row has been waiting for on end, and how many of these gave a less urgent one a list register. */
  const waits = new Int32Array(nrSlots);
  const passed = new Int32Array(nrSlots);
  /** Number of the flush that has the row in a list register. */
  const inLr = new Int32Array(nrSlots);
  let flushes = 0;
  let nrWaiting = 0;

  const delay = new Tally();
  let invertedEntries = 0;
  let inverted = 0;
  let longestWait = 0;
  let longestPassed = 0;

  function isDeliverable(slot: number): boolean {
    const w = word[slot];
    const vcpu = (w & QUEUED_FIELD) !== 0 ? queuedOn(w) : targetOf(w);
    if (isXenOld) return (w & (ENABLED | LATCH)) === (ENABLED | LATCH) && vcpu >= 0;
    if ((w & (ENABLED | ACTIVE)) !== ENABLED || (w & PENDING) === 0 || dist[0] !== 1) return false;
    if (vcpu < 0 || targetOf(w) < 0) return false;
    const group = (w & GROUP) !== 0 ? CONTROL_GROUP1 : CONTROL_GROUP0;
    return (control[targetOf(w)] & group) !== 0;
  }

  /** A list register that no longer says pending was acknowledged: what comes next is another occurrence. */
  function noteTaken(vcpu: number): void {
    for (let lr = vcpu * nrLr; lr < vcpu * nrLr + usedLrs[vcpu]; lr++) {
      if ((lrHi[lr] & LR_PENDING) === 0) presentedAt[lrSlot[lr]] = -1;
    }
  }

  function forget(slot: number): void {
    if (waits[slot] === 0) return;
    waits[slot] = 0;
    passed[slot] = 0;
    nrWaiting -= 1;
  }

  function noteDelivered(slot: number, entry: number): void {
    const isStill = presentedAt[slot] === entry - ENTRY_STRIDE;
    presentedAt[slot] = entry;
    if (isStill) return;
    delay.add(waits[slot]);
    forget(slot);
  }

  function noteWaiting(slot: number, leastUrgent: number): void {
    if (waits[slot] === 0) nrWaiting += 1;
    waits[slot] += 1;
    if (waits[slot] > longestWait) longestWait = waits[slot];
    if (priorityOf(word[slot]) >= leastUrgent) return;
    inverted += 1;
    passed[slot] += 1;
    if (passed[slot] > longestPassed) longestPassed = passed[slot];
  }

  function look(slot: number, vcpu: number, leastUrgent: number): void {
    const isLeftOut = inLr[slot] !== flushes && isDeliverable(slot);
    if (!isLeftOut) forget(slot);
    else if (queuedOn(word[slot]) === vcpu && (isXenOld || targetOf(word[slot]) === vcpu))
      noteWaiting(slot, leastUrgent);
  }

  /** Most rows are idle: neither pending nor waiting a moment ago. */
  function lookAtRows(from: number, to: number, vcpu: number, leastUrgent: number): void {
    const words = word;
    const waited = waits;
    for (let slot = from; slot < to; slot++) {
      if ((words[slot] & PENDING) !== 0 || waited[slot] !== 0) look(slot, vcpu, leastUrgent);
    }
  }

  function lookAtAll(vcpu: number, leastUrgent: number): void {
    lookAtRows(vcpu * NR_PRIVATE_IRQS, (vcpu + 1) * NR_PRIVATE_IRQS, vcpu, leastUrgent);
    lookAtRows(spiSlotBase, lpiSlotBase, vcpu, leastUrgent);
    for (const slot of vgic.lpiRows()) {
      if ((word[slot] & PENDING) !== 0 || waits[slot] !== 0) look(slot, vcpu, leastUrgent);
    }
  }

  /** Every row that exists and is deliverable at the end. */
  function countAtEnd(): { waiting: number; lost: number } {
    const held = new Set<number>();
    for (let vcpu = 0; vcpu < nrVcpus; vcpu++) {
      if (inGuest[vcpu] === 0 && !isXenOld) continue;
      for (let lr = vcpu * nrLr; lr < vcpu * nrLr + usedLrs[vcpu]; lr++)
        if ((lrHi[lr] & LR_STATE) !== 0) held.add(lrSlot[lr]);
    }
    let waiting = 0;
    let lost = 0;
    for (let slot = 0; slot < nrSlots; slot++) {
      if ((word[slot] & EXISTS) === 0 || held.has(slot) || !isDeliverable(slot)) continue;
      if ((word[slot] & QUEUED_FIELD) === 0) lost += 1;
      else if (waits[slot] > 0) waiting += 1;
    }
    return { waiting, lost };
  }

  return {
    before(w) {
      const kind = K.wordKind(w);
      if (mayExit[kind] === 0) return;
      if (kind === K.SYNC || kind === K.FOLD) noteTaken(K.wordVcpu(w));
      else for (let vcpu = 0; vcpu < nrVcpus; vcpu++) noteTaken(vcpu);
    },
    afterFlush(vcpu) {
      flushes += 1;
      entries[vcpu] += 1;
      const entry = entries[vcpu] * ENTRY_STRIDE + vcpu;
      let leastUrgent = -1;
      let nrHeld = 0;
      for (let lr = vcpu * nrLr; lr < vcpu * nrLr + usedLrs[vcpu]; lr++) {
        const state = lrHi[lr] & LR_STATE;
        if (state === 0) continue;
        const slot = lrSlot[lr];
        if (inLr[slot] !== flushes && queuedOn(word[slot]) === vcpu) nrHeld += 1;
        inLr[slot] = flushes;
        if ((state & LR_PENDING) === 0) continue;
        noteDelivered(slot, entry);
        if (state === LR_PENDING) leastUrgent = Math.max(leastUrgent, priorityOf(word[slot]));
      }
      if (nrHeld === queuedRows[vcpu] && nrWaiting === 0) return;
      const before = inverted;
      lookAtAll(vcpu, leastUrgent);
      if (inverted > before) invertedEntries += 1;
    },
    result() {
      const { waiting, lost } = countAtEnd();
      return {
        inversions: { entries: invertedEntries, interrupts: inverted },
        delay: { calls: delay.calls, ...delay.read() },
        waiting: { atEnd: waiting, longest: longestWait, longestPassed },
        lost,
      };
    },
  };
}
