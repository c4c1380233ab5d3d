/**
 * Replays a recording open loop with the recorded kernel's own strategy and compares what the model put into the LRs
 * with what the kernel programmed, at every flush. After a mismatch the model takes over the recorded LRs and goes on.
 */

import { isSgi } from '../gic/intid.js';
import { gichToHi, HCR_UIE, LR_EOI, LR_GROUP, LR_HW, LR_PRIORITY_SHIFT, LR_STATE, lrHex } from '../gic/lr.js';
import { reference } from '../strategy/index.js';
import * as K from '../trace/events.js';
import { slotOf } from '../vgic/state.js';
import { createVgic } from '../vgic/vgic.js';
import { ACTIVE, PENDING, targetOracle } from '../vgic/word.js';
import { createEngine } from './engine.js';
import { DEACTIVATION, effectsOf, GROUP_BIT, NR_EFFECTS, PRESENCE, PRIORITY_BITS } from './lr-effects.js';
import type { BlockSource } from './replay.js';
import { createTakeOver } from './take-over.js';

export const CAUSES = ['cross-cpu-window', 'unrecorded-input', 'model-fault'] as const;
export type Cause = (typeof CAUSES)[number];

export interface Mismatch {
  /** Event index of the FLUSH. */
  readonly event: number;
  readonly tick: number;
  readonly vcpu: number;
  readonly recorded: readonly string[];
  readonly model: readonly string[];
  readonly cause: Cause;
  /** One sentence: why this cause was named. */
  readonly reason: string;
}

export interface VerifyRecord {
  readonly trace: string;
  readonly fidelity: number;
  /** Flushes with recorded LRs, and how many of them agree in every bit and in order. */
  readonly entries: number;
  readonly identical: number;
  readonly causes: Readonly<Record<Cause, number>>;
  /** Differences with a cause in the recording, and those without (faults of the model). */
  readonly explained: number;
  readonly unexplained: number;
  /** Of all entries: is UIE set in both or in neither? */
  readonly uieIdentical: number;
  /** LRs read back at guest exit, after the recorded guest accesses: compared, identical. */
  readonly folds: number;
  readonly foldsIdentical: number;
  /** Recorded sorts, and those where the model counted the same list depth. */
  readonly sorts: number;
  readonly sortsIdentical: number;
  /** Recorded ap_lists after flush (first ten entries), and those where the model's list is the same. */
  readonly lists: number;
  readonly listsIdentical: number;
  /** Recorded acknowledges of an interrupt that was pending in no LR of the model. */
  readonly divergences: number;
  /** Importer's count: decisions about order or effect taken from the recorded outcome. */
  readonly decisionsFromRecording: number;
  /** Importer's count: places where events under the locks, not time stamps, gave the order of steps. */
  readonly reordered: number;
  readonly lostEvents: number;
  /** The first mismatches, at most `maxShown`. */
  readonly mismatches: readonly Mismatch[];
}

/** Time before and after a flush within which another CPU's step may have raced with it: a probe's delay on a busy host. */
const RACE_WINDOW_NS = 1_000_000;

interface OpenMismatch {
  /** Effects that no step of another CPU has explained so far. */
  needed: number;
  /** Set when it is settled. */
  cause?: Cause;
  readonly event: number;
  readonly tick: number;
  readonly vcpu: number;
  readonly recorded: string[];
  readonly model: string[];
  readonly intids: ReadonlySet<number>;
  readonly fallback: { cause: Cause; reason: string };
}

export function verifyTrace(source: BlockSource, maxShown = 20): VerifyRecord {
  const { header } = source;
  const { machine } = header;
  const raceTicks = RACE_WINDOW_NS / header.tickNs;
  const vgic = createVgic(machine, reference.create({}));
  const engine = createEngine(vgic);
  const takeOver = createTakeOver(vgic);
  const { state, list } = vgic;
  const { word, usedLrs, lrSlot, nrLr, isV2Host, isV2Guest, nrVcpus } = state;

  const causes: Record<Cause, number> = { 'cross-cpu-window': 0, 'unrecorded-input': 0, 'model-fault': 0 };
  const mismatches: Mismatch[] = [];
  const open: OpenMismatch[] = [];
  let entries = 0;
  let identical = 0;
  let uieIdentical = 0;
  let folds = 0;
  let foldsIdentical = 0;
  let sorts = 0;
  let sortsIdentical = 0;
  let lists = 0;
  let listsIdentical = 0;

  /** Tick of the last step with an effect on a row, and the vCPU that made it (-1: a device or timer). */
  const touchedAt = new Float64Array(state.nrSlots * NR_EFFECTS).fill(Number.NEGATIVE_INFINITY);
  const touchedBy = new Int16Array(state.nrSlots * NR_EFFECTS);
  const flushEvent = new Int32Array(nrVcpus).fill(-1);
  const flushTick = new Float64Array(nrVcpus);
  let tick = 0;
  let event = 0;
  /** The last event before which the recorder lost some; -1: nothing was lost so far. */
  let lostAt = -1;

  // The ground truth being collected: EXPECT_LRS or EXPECT_FOLD, then its LR words; EXPECT_LIST pairs.
  let collecting: 'none' | 'lrs' | 'fold' | 'list' = 'none';
  let truthVcpu = 0;
  let truthUsed = 0;
  let truthHcr = 0;
  const truthLo = new Int32Array(64);
  const truthHi = new Int32Array(64);
  const truthList: number[] = [];
  let truthListEnds = false;

  /** Rows that an earlier mismatch left in doubt, and that mismatch: until they agree in an LR again. */
  const doubtful = new Map<number, OpenMismatch>();
  const followers: { readonly mismatch: OpenMismatch; readonly origin: OpenMismatch }[] = [];

  const settle = (mismatch: OpenMismatch, cause: Cause, reason: string): void => {
    mismatch.cause = cause;
    causes[cause] += 1;
    const { event: at, tick: when, vcpu, recorded, model } = mismatch;
    if (mismatches.length < maxShown) mismatches.push({ event: at, tick: when, vcpu, recorded, model, cause, reason });
  };

  function settleOld(): void {
    while (open.length > 0 && tick - open[0].tick > raceTicks) {
      const old = open.shift() as OpenMismatch;
      settle(old, old.fallback.cause, old.fallback.reason);
    }
  }

  /** A step of `source` had `effects` on an interrupt: it may explain a mismatch that lies just before it. */
  function noteTouch(vcpu: number, intid: number, effects: number, source: number): void {
    const slot = slotOf(state, vcpu, intid);
    if (slot < 0) return;
    for (let effect = 0; effect < NR_EFFECTS; effect++) {
      if ((effects & (1 << effect)) === 0) continue;
      touchedAt[slot * NR_EFFECTS + effect] = tick;
      touchedBy[slot * NR_EFFECTS + effect] = source;
    }
    for (let i = open.length - 1; i >= 0; i--) {
      const mismatch = open[i];
      if (mismatch.vcpu === source || !mismatch.intids.has(intid) || (intid < 32 && mismatch.vcpu !== vcpu)) continue;
      mismatch.needed &= ~effects;
      if (mismatch.needed !== 0) continue;
      open.splice(i, 1);
      settle(mismatch, 'cross-cpu-window', `INTID ${intid} was touched ${tick - mismatch.tick} ticks after the flush`);
    }
  }

  function noteTouches(w: number, value: number): void {
    const kind = K.wordKind(w);
    const vcpu = K.wordVcpu(w);
    const intid = K.wordIntid(w);
    if (kind === K.SGI) {
      for (let target = 0; target < nrVcpus; target++) {
        const bit = target - (intid >>> 5);
        if ((intid & 16) !== 0 ? target !== vcpu : bit >= 0 && bit < 32 && ((value >>> bit) & 1) === 1)
          noteTouch(target, intid & 15, effectsOf(kind), vcpu);
      }
      return;
    }
    const effects = effectsOf(kind);
    // Who injects is not recorded: the vCPU of the event is the target.
    if (effects !== 0) noteTouch(vcpu, intid, effects, kind === K.INJECT ? -1 : vcpu);
  }

  /** Before the exit of `vcpu`: entries that it will hand to another vCPU's list. */
  function noteMigrations(vcpu: number): void {
    for (const slot of list.order(vcpu)) {
      const target = targetOracle(word[slot], state.dist[0] === 1);
      if (target >= 0 && target !== vcpu) noteTouch(vcpu, state.intidOfSlot[slot], PRESENCE, vcpu);
    }
  }

  /** What differs between the LRs, and in which interrupts. */
  function findDifferences(vcpu: number): { intids: Set<number>; needed: number } {
    const intids = new Set<number>();
    let needed = 0;
    const highOf = (hi: number, lo: number): number => (isV2Host ? gichToHi(lo) : hi);
    const recorded = new Map<number, number>();
    for (let i = 0; i < truthUsed; i++) recorded.set(truthLo[i] & intidMask, i);
    for (let i = 0; i < usedLrs[vcpu]; i++) {
      const lo = vgic.lrLo(vcpu, i);
      const at = recorded.get(lo & intidMask);
      recorded.delete(lo & intidMask);
      if (at === i && truthLo[i] === lo && truthHi[i] === vgic.lrHi(vcpu, i)) continue;
      intids.add(lo & intidMask);
      if (at === undefined || at !== i) needed |= PRESENCE;
      if (at === undefined) continue;
      const diff = highOf(vgic.lrHi(vcpu, i), lo) ^ highOf(truthHi[at], truthLo[at]);
      if ((diff & LR_STATE) !== 0 || (!isV2Host && lo !== truthLo[at])) needed |= PRESENCE;
      if ((diff & (0xff << LR_PRIORITY_SHIFT)) !== 0) needed |= PRIORITY_BITS;
      if ((diff & LR_GROUP) !== 0) needed |= GROUP_BIT;
      if ((diff & (LR_HW | LR_EOI)) !== 0) needed |= DEACTIVATION;
      if (needed === 0) needed = PRESENCE;
    }
    for (const intid of recorded.keys()) {
      intids.add(intid);
      needed |= PRESENCE;
    }
    return { intids, needed };
  }

  /** Effects that a step of another CPU, just before the flush, explains. */
  function explainedBefore(vcpu: number, intids: ReadonlySet<number>): number {
    let explained = 0;
    for (const intid of intids) {
      const slot = slotOf(state, vcpu, intid);
      if (slot < 0) continue;
      for (let effect = 0; effect < NR_EFFECTS; effect++) {
        const at = slot * NR_EFFECTS + effect;
        if (touchedBy[at] !== vcpu && flushTick[vcpu] - touchedAt[at] <= raceTicks) explained |= 1 << effect;
      }
    }
    return explained;
  }

  const recordedWord = (i: number): string => lrHex(truthLo[i], truthHi[i], isV2Host);
  const modelWord = (vcpu: number, i: number): string => lrHex(vgic.lrLo(vcpu, i), vgic.lrHi(vcpu, i), isV2Host);
  const intidMask = isV2Guest ? 0x3ff : -1;

  function sameLrs(vcpu: number): boolean {
    if (usedLrs[vcpu] !== truthUsed) return false;
    for (let i = 0; i < truthUsed; i++) {
      if (vgic.lrLo(vcpu, i) !== truthLo[i] || vgic.lrHi(vcpu, i) !== truthHi[i]) return false;
    }
    return true;
  }

  function compareLrs(): void {
    const vcpu = truthVcpu;
    if (flushEvent[vcpu] < 0) return;
    entries++;
    if (((state.hcr[vcpu] ^ truthHcr) & HCR_UIE) === 0) uieIdentical++;
    if (sameLrs(vcpu)) {
      identical++;
      if (doubtful.size > 0) for (let i = 0; i < truthUsed; i++) doubtful.delete(lrSlot[vcpu * nrLr + i]);
      return;
    }
    const recorded = Array.from({ length: truthUsed }, (_, i) => recordedWord(i));
    const model = Array.from({ length: usedLrs[vcpu] }, (_, i) => modelWord(vcpu, i));
    const { intids, needed } = findDifferences(vcpu);
    // Where the walk stopped at an SGI with several senders, a race with that SGI explains what is not presented.
    const suspects = new Set([...intids, ...stoppingSgis(vcpu)]);
    const mismatch: OpenMismatch = {
      needed: needed & ~explainedBefore(vcpu, suspects),
      event: flushEvent[vcpu],
      tick: flushTick[vcpu],
      vcpu,
      recorded,
      model,
      intids: suspects,
      fallback: fallbackCause(vcpu, intids),
    };
    let origin: OpenMismatch | undefined;
    for (const intid of intids) origin ??= doubtful.get(slotOf(state, vcpu, intid));
    for (const intid of intids) doubtful.set(slotOf(state, vcpu, intid), origin ?? mismatch);
    const within = `another CPU worked on the interrupts that differ within ${raceTicks} ticks before the flush`;
    if (nrVcpus > 1 && mismatch.needed === 0) settle(mismatch, 'cross-cpu-window', within);
    else if (origin !== undefined && (needed & ~PRESENCE) === 0) followers.push({ mismatch, origin });
    else if (nrVcpus > 1) open.push(mismatch);
    else settle(mismatch, mismatch.fallback.cause, mismatch.fallback.reason);
    takeOver(vcpu, truthUsed, truthLo, truthHi);
  }

  /**
   * GICv2, vgic-spec 1.11: behind an SGI with several senders nothing less urgent is presented. The SGIs that may be why
   * one of the two stopped early: everything it presented is the same.
   */
  function stoppingSgis(vcpu: number): number[] {
    if (!isV2Guest) return [];
    const shared = Math.min(truthUsed, usedLrs[vcpu]);
    if (truthUsed === usedLrs[vcpu]) return [];
    const sgis: number[] = [];
    for (let i = 0; i < shared; i++) {
      if (vgic.lrLo(vcpu, i) !== truthLo[i] || vgic.lrHi(vcpu, i) !== truthHi[i]) return [];
      const hi = isV2Host ? gichToHi(truthLo[i]) : truthHi[i];
      if (isSgi(truthLo[i] & intidMask) && (hi & LR_EOI) !== 0) sgis.push(truthLo[i] & intidMask);
    }
    return sgis;
  }

  /** What explains a mismatch if no other CPU raced with the flush. */
  function fallbackCause(vcpu: number, intids: ReadonlySet<number>): { cause: Cause; reason: string } {
    const inModel = new Set(Array.from({ length: usedLrs[vcpu] }, (_, i) => vgic.lrLo(vcpu, i) & intidMask));
    for (let i = 0; i < truthUsed; i++) {
      const intid = truthLo[i] & intidMask;
      const slot = slotOf(state, vcpu, intid);
      if (slot < 0) return { cause: 'unrecorded-input', reason: `the machine has no INTID ${intid}` };
      if (!intids.has(intid) || inModel.has(intid)) continue;
      if ((word[slot] & (PENDING | ACTIVE)) === 0)
        return { cause: 'unrecorded-input', reason: `nothing recorded made INTID ${intid} pending` };
    }
    // An input may be among what was lost: nobody can say any more that the inputs were the same.
    if (lostAt >= 0)
      return {
        cause: 'unrecorded-input',
        reason: `events were lost at event ${lostAt}: what they changed is not known`,
      };
    return { cause: 'model-fault', reason: 'the same inputs gave other list registers' };
  }

  function compareFold(): void {
    folds++;
    if (sameLrs(truthVcpu)) foldsIdentical++;
  }

  function compareList(): void {
    lists++;
    const model = list.order(truthVcpu).map((slot) => state.intidOfSlot[slot]);
    // Entries behind the model's last one were appended after the unlock: no difference.
    const compared = Math.min(model.length, truthList.length);
    const same = truthList.slice(0, compared).every((intid, i) => intid === model[i]);
    if (same && (truthList.length >= model.length || !truthListEnds)) listsIdentical++;
  }

  function finishTruth(): void {
    if (collecting === 'lrs') compareLrs();
    else if (collecting === 'fold') compareFold();
    else if (collecting === 'list') compareList();
    collecting = 'none';
  }

  function compareDepth(vcpu: number, recorded: number): void {
    sorts++;
    let depth = 0;
    for (const slot of list.order(vcpu)) {
      const w = word[slot];
      if (isV2Guest && slot < state.spiSlotBase && slot % 32 < 16 && state.source[slot] !== 0) {
        for (let senders = state.source[slot]; senders !== 0; senders &= senders - 1) depth++;
        if ((w & ACTIVE) !== 0) depth++;
      } else if ((w & (PENDING | ACTIVE)) !== 0) depth++;
    }
    if (depth === recorded) sortsIdentical++;
  }

  function takeTruth(w: number, value: number): void {
    const kind = K.wordKind(w);
    const vcpu = K.wordVcpu(w);
    const intid = K.wordIntid(w);
    if (kind === K.EXPECT_LR_LO) truthLo[intid & 63] = value;
    else if (kind === K.EXPECT_LR_HI) truthHi[intid & 63] = value;
    else if (
      kind === K.EXPECT_LIST &&
      collecting === 'list' &&
      vcpu === truthVcpu &&
      (intid & 0xffff) === truthList.length
    )
      takeListPair(intid, value);
    else {
      finishTruth();
      truthVcpu = vcpu;
      truthUsed = intid;
      if (kind === K.EXPECT_SORT) compareDepth(vcpu, value);
      else if (kind === K.EXPECT_LIST) {
        collecting = 'list';
        truthList.length = 0;
        truthListEnds = false;
        takeListPair(intid, value);
      } else {
        collecting = kind === K.EXPECT_LRS ? 'lrs' : 'fold';
        // The end of the flush: what another CPU did while it ran has no later time than this.
        if (kind === K.EXPECT_LRS) flushTick[vcpu] = tick;
        truthHcr = value;
        truthLo.fill(0);
        truthHi.fill(0);
      }
    }
  }

  function takeListPair(intid: number, value: number): void {
    for (const entry of [value & 0xffff, value >>> 16]) if (entry !== 0xffff) truthList.push(entry);
    if ((intid & 0x10000) !== 0) truthListEnds = true;
  }

  const block = K.createEventBlock();
  while (source.next(block)) {
    tick = block.firstTick;
    for (let i = 0; i < block.count; i++, event++) {
      if (i > 0) tick += block.dt[i] >>> 0;
      const w = block.word[i];
      const kind = K.wordKind(w);
      if (kind >= K.FIRST_EXPECT) {
        takeTruth(w, block.value[i]);
        continue;
      }
      if (collecting !== 'none') finishTruth();
      if (open.length > 0) settleOld();
      if (kind === K.LOST) lostAt = event;
      if (kind === K.FLUSH) {
        flushEvent[K.wordVcpu(w)] = event;
        flushTick[K.wordVcpu(w)] = tick;
      }
      if (kind === K.SYNC || kind === K.PRUNE) noteMigrations(K.wordVcpu(w));
      engine.step(w, block.value[i]);
      noteTouches(w, block.value[i]);
    }
  }
  finishTruth();
  for (const mismatch of open) settle(mismatch, mismatch.fallback.cause, mismatch.fallback.reason);
  for (const { mismatch, origin } of followers) {
    settle(
      mismatch,
      origin.cause ?? 'model-fault',
      `the same interrupts as at event ${origin.event} are still in doubt`,
    );
  }
  mismatches.sort((a, b) => a.event - b.event);

  return {
    trace: header.name,
    fidelity: header.fidelity,
    entries,
    identical,
    causes,
    explained: entries - identical - causes['model-fault'],
    unexplained: causes['model-fault'],
    uieIdentical,
    folds,
    foldsIdentical,
    sorts,
    sortsIdentical,
    lists,
    listsIdentical,
    divergences: state.cost.divergences,
    decisionsFromRecording: header.counts.decisionsFromRecording,
    reordered: header.counts.reordered,
    lostEvents: header.counts.lostEvents,
    mismatches,
  };
}
