/**
 * Replays a recording open loop with the recorded kernel's own strategy and compares what the model put into the LRs
 * with what the kernel programmed, at every flush. After a mismatch the model takes over the recorded LRs and goes on.
 */

import { isSgi } from '../gic/intid.js';
import { HCR_UIE, LR_CPUID_SHIFT, LR_HW, LR_PENDING, LR_PRIORITY_SHIFT, lrHex } from '../gic/lr.js';
import { reference } from '../strategy/index.js';
import * as K from '../trace/events.js';
import { slotOf } from '../vgic/state.js';
import { createVgic } from '../vgic/vgic.js';
import {
  ACTIVE,
  HW,
  LATCH,
  LEVEL,
  LINE,
  PENDING,
  PRIORITY_FIELD,
  PRIORITY_SHIFT,
  QUEUED_FIELD,
  QUEUED_SHIFT,
  WIRE,
} from '../vgic/word.js';
import { createEngine } from './engine.js';
import type { BlockSource } from './replay.js';

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
  readonly lostEvents: number;
  /** The first mismatches, at most `maxShown`. */
  readonly mismatches: readonly Mismatch[];
}

/** Time before and after a flush within which another CPU's step may have raced with it: a probe's delay on a busy host. */
const RACE_WINDOW_NS = 1_000_000;

interface OpenMismatch {
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
  const { state, list } = vgic;
  const { word, usedLrs, lrLo, lrHi, lrSlot, nrLr, isV2Host, isV2Guest, nrVcpus } = state;

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

  /** Tick of the last step that touched a row other than the flush and sync of its own vCPU. */
  const touchedAt = new Float64Array(state.nrSlots).fill(Number.NEGATIVE_INFINITY);
  const flushEvent = new Int32Array(nrVcpus).fill(-1);
  const flushTick = new Float64Array(nrVcpus);
  /** Rows queued in the list before the flush, for depth checks. */
  let tick = 0;
  let event = 0;

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

  /** An input touched an interrupt: it may explain a mismatch that lies just before it. */
  function noteTouch(vcpu: number, intid: number): void {
    const slot = slotOf(state, vcpu, intid);
    if (slot < 0) return;
    touchedAt[slot] = tick;
    for (let i = open.length - 1; i >= 0; i--) {
      const mismatch = open[i];
      if (!mismatch.intids.has(intid) || (intid < 32 && mismatch.vcpu !== vcpu)) continue;
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
          noteTouch(target, intid & 15);
      }
    } else if (kind === K.SYNC || kind === K.PRUNE) {
      // Migration from another list.
      for (const slot of list.order(vcpu)) if (state.intidOfSlot[slot] >= 32) touchedAt[slot] = tick;
    } else if (
      kind === K.INJECT ||
      (kind >= K.ENABLE && kind <= K.TARGET) ||
      (kind >= K.LPI_MAP && kind <= K.LPI_PENDING) ||
      kind === K.GROUP ||
      kind === K.GROUP_ONE ||
      kind === K.SGI_PEND ||
      kind === K.LINE_LEVEL
    ) {
      noteTouch(vcpu, intid);
    }
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
    const intids = new Set<number>();
    for (let i = 0; i < truthUsed; i++)
      if (!model.includes(recorded[i]) || model[i] !== recorded[i]) intids.add(truthLo[i] & intidMask);
    for (let i = 0; i < usedLrs[vcpu]; i++)
      if (!recorded.includes(model[i]) || model[i] !== recorded[i]) intids.add(vgic.lrLo(vcpu, i) & intidMask);
    const mismatch: OpenMismatch = {
      event: flushEvent[vcpu],
      tick: flushTick[vcpu],
      vcpu,
      recorded,
      model,
      intids,
      fallback: fallbackCause(vcpu, intids),
    };
    let raced = -1;
    let origin: OpenMismatch | undefined;
    for (const intid of intids) {
      const slot = slotOf(state, vcpu, intid);
      origin ??= doubtful.get(slot);
      if (slot >= 0 && flushTick[vcpu] - touchedAt[slot] <= raceTicks && nrVcpus > 1) raced = intid;
    }
    for (const intid of intids) doubtful.set(slotOf(state, vcpu, intid), origin ?? mismatch);
    if (origin !== undefined) followers.push({ mismatch, origin });
    else if (raced >= 0)
      settle(mismatch, 'cross-cpu-window', `INTID ${raced} was touched within ${raceTicks} ticks before the flush`);
    else if (nrVcpus > 1) open.push(mismatch);
    else settle(mismatch, mismatch.fallback.cause, mismatch.fallback.reason);
    takeOverLrs(vcpu);
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
    return { cause: 'model-fault', reason: 'the same inputs gave other list registers' };
  }

  /** Resynchronises: the recorded LRs become the model's, with the state and the list order that they imply. */
  function takeOverLrs(vcpu: number): void {
    const base = vcpu * nrLr;
    const presented: number[] = [];
    for (let lr = base; lr < base + usedLrs[vcpu]; lr++) {
      const slot = lrSlot[lr];
      presented.push(slot);
      if ((lrHi[lr] & LR_PENDING) === 0) continue;
      // Undo what populate took.
      if ((word[slot] & LEVEL) === 0) word[slot] |= LATCH;
      else if ((word[slot] & HW) !== 0) word[slot] |= LINE | WIRE;
      if (isV2Guest && isSgi(lrLo[lr] & intidMask)) state.source[slot] |= 1 << ((lrLo[lr] >>> LR_CPUID_SHIFT) & 7);
    }
    const recorded: number[] = [];
    for (let i = 0; i < truthUsed; i++) {
      const hi = isV2Host ? fromGich(truthLo[i]) : truthHi[i];
      const lo = isV2Host ? truthLo[i] & ((hi & LR_HW) !== 0 ? 0x3ff : 0x1fff) : truthLo[i];
      const intid = lo & intidMask;
      const slot = slotOf(state, vcpu, intid);
      if (slot < 0) continue;
      recorded.push(slot);
      lrLo[base + i] = lo;
      lrHi[base + i] = hi;
      lrSlot[base + i] = slot;
      let w = (word[slot] & ~(ACTIVE | PRIORITY_FIELD)) | (((hi >>> LR_PRIORITY_SHIFT) & 0xff) << PRIORITY_SHIFT);
      if (hi < 0) w |= ACTIVE;
      if ((hi & LR_PENDING) !== 0) {
        if ((w & LEVEL) === 0) w &= ~LATCH;
        else if ((w & HW) !== 0) w &= ~(LINE | WIRE);
        if (isV2Guest && isSgi(intid)) {
          state.source[slot] &= ~(1 << ((lo >>> LR_CPUID_SHIFT) & 7));
          if (state.source[slot] !== 0) w |= LATCH;
        }
      }
      word[slot] = w;
    }
    for (let lr = base + truthUsed; lr < base + nrLr; lr++) lrLo[lr] = lrHi[lr] = 0;
    usedLrs[vcpu] = truthUsed;
    state.lrDirty[vcpu] = truthUsed;
    reorderList(vcpu, recorded, presented);
  }

  /** The recorded rows in their order, where they stand; what the model presented instead comes behind them. */
  function reorderList(vcpu: number, recorded: readonly number[], presented: readonly number[]): void {
    const wrong = presented.filter((slot) => !recorded.includes(slot));
    const rest = list.order(vcpu).filter((slot) => !wrong.includes(slot));
    const places = rest.map((slot, at) => (recorded.includes(slot) ? at : -1)).filter((at) => at >= 0);
    // Rows on another vCPU's list stay there: they will be migrated.
    const mine = recorded.filter((slot) => rest.includes(slot) || (word[slot] & QUEUED_FIELD) === 0);
    mine.forEach((slot, i) => {
      if (i < places.length) rest[places[i]] = slot;
      else rest.push(slot);
    });
    const last = rest.reduce((found, slot, at) => (recorded.includes(slot) ? at : found), -1);
    const order = [...rest.slice(0, last + 1), ...wrong, ...rest.slice(last + 1)];
    // Through the port all strategies have: rows that are nothing but queued leave at a prune, then join again in order.
    const saved = order.map((slot) => (word[slot] & ~QUEUED_FIELD) | ((vcpu + 1) << QUEUED_SHIFT));
    for (const slot of list.order(vcpu)) word[slot] &= QUEUED_FIELD;
    list.prune(vcpu);
    order.forEach((slot, at) => {
      word[slot] = saved[at];
      list.insert(vcpu, slot);
    });
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
      if (kind === K.FLUSH) {
        flushEvent[K.wordVcpu(w)] = event;
        flushTick[K.wordVcpu(w)] = tick;
      }
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
    uieIdentical,
    folds,
    foldsIdentical,
    sorts,
    sortsIdentical,
    lists,
    listsIdentical,
    divergences: state.cost.divergences,
    decisionsFromRecording: header.counts.decisionsFromRecording,
    lostEvents: header.counts.lostEvents,
    mismatches,
  };
}

/** High half of the GICv3 layout from a GICH_LR word. */
function fromGich(gich: number): number {
  let hi = ((gich >>> 23) & 0x1f) << 19;
  if ((gich & (1 << 28)) !== 0) hi |= LR_PENDING;
  if ((gich & (1 << 29)) !== 0) hi |= 1 << 31;
  if ((gich & (1 << 30)) !== 0) hi |= 1 << 28;
  if (gich < 0) return hi | LR_HW | ((gich >>> 10) & 0x3ff);
  return (gich & (1 << 19)) !== 0 ? hi | (1 << 9) : hi;
}
