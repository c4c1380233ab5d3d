/** How badly a recorded line contradicts what the shadow expects: 0 = not at all. */
import type { GicModel } from '../../gic/intid.js';
import { HCR_UIE } from '../../gic/lr.js';
import { INJECT } from '../../trace/events.js';
import type { FlushOperation, QueueOperation, SyncOperation } from './operation.js';
import type { FlushOutcome, Shadow, ShadowRemoval } from './shadow.js';
import type { ShadowIrq } from './shadow-irq.js';
import { type IrqFields, intidOfKey } from './step.js';
import type { PruneOperation } from './timeline.js';

export interface OrderCounts {
  decisions: number;
  /** Observations that no order explains. */
  conflicts: number;
  /** vgic_queue lines without a cause. */
  causeless: number;
  noEffect: number;
}

/** Entries of an ap_list that a line shows. */
export const LIST_SHOWN = 10;
/** The list head as a line prints it; -1 stands for a pointer. */
const V2_LIST_HEAD = 0;
/** One LR that differs weighs more than any depth or list order. */
export const LR_WEIGHT = 32;
/** A depth that is far off must not outweigh everything else. */
const MAX_DEPTH_PENALTY = 8;
/** How clearly a sign speaks of one interrupt: seen or not; in another state or place; in the depth. */
const SIGN_SEEN = 8;
export const SIGN_STATE = 4;
const SIGN_DEPTH = 0.1;

/** Number of fields in which the recorded line differs; the list is not compared. */
function countDifferences(irq: ShadowIrq | undefined, fields: IrqFields): number {
  if (irq === undefined) return 1;
  let count = 0;
  if (irq.line !== fields.line) count++;
  if (irq.latch !== fields.latch) count++;
  if (irq.active !== fields.active) count++;
  if (irq.enabled !== fields.enabled) count++;
  if (irq.priority !== fields.priority) count++;
  if (irq.group !== fields.group) count++;
  if (irq.level !== fields.level) count++;
  if (irq.source !== fields.source) count++;
  if (fields.target >= -1 && irq.target !== fields.target) count++;
  return count;
}

/**
 * Runs a vgic_queue on the shadow; returns in how many ways its line differs. `isRaced`: one of several threads did the
 * append, so the list is not compared.
 */
export function runQueue(shadow: Shadow, op: QueueOperation, isRaced: boolean): number {
  const queuedBefore = shadow.irq(op.key)?.queued ?? -1;
  let appended = -1;
  let wrong = 0;
  for (const step of op.steps) {
    if (step.kind === INJECT && shadow.isRedundant(step)) wrong++;
    appended = shadow.apply(step);
  }
  wrong += countDifferences(shadow.irq(op.key), op.fields);
  if (isRaced) return wrong;
  if (op.fields.queued >= -1 && queuedBefore !== op.fields.queued) wrong++;
  if (op.steps.length > 0 && appended !== op.appendedTo) wrong++;
  return wrong;
}

/** What went into the LRs weighs most: depth and list order of a flush are read at slightly different moments. */
export function scoreFlush(model: GicModel, op: FlushOperation, outcome: FlushOutcome): number {
  const { populates, result } = op;
  let wrong = Math.abs(populates.length - outcome.populated.length);
  for (let i = 0; i < Math.min(populates.length, outcome.populated.length); i++) {
    const predicted = outcome.populated[i];
    if (predicted.key !== populates[i].key) wrong++;
    else wrong += countDifferences(predicted, populates[i].fields);
  }
  if (result !== null && ((result.hcr & HCR_UIE) !== 0) !== outcome.underflow) wrong++;
  wrong *= LR_WEIGHT;
  wrong += Math.min(MAX_DEPTH_PENALTY, Math.abs(op.sortCount - outcome.sortCount));
  if (op.sortCount >= 0) wrong += countListDifferences(model, op.sortList, outcome.listBefore, false);
  if (result !== null) wrong += countListDifferences(model, result.list, outcome.listAfter, true);
  return wrong;
}

/** What a flush says of one interrupt. */
export function scoreFlushOf(key: number, op: FlushOperation, outcome: FlushOutcome): number {
  const recorded = op.populates.find((populate) => populate.key === key);
  const predicted = outcome.populated.find((irq) => irq.key === key);
  let wrong = (recorded === undefined) === (predicted === undefined) ? 0 : SIGN_SEEN;
  if (recorded !== undefined && predicted !== undefined) {
    wrong += SIGN_STATE * countDifferences(predicted, recorded.fields);
  }
  if (op.result !== null) {
    const intid = intidOfKey(key);
    const end = op.result.list.indexOf(-1);
    const listed = op.result.list.slice(0, end < 0 ? LIST_SHOWN : end);
    if (listed.includes(intid) !== outcome.listAfter.slice(0, listed.length).includes(intid)) wrong += SIGN_STATE;
  }
  if (op.sortCount !== outcome.sortCount) wrong += SIGN_DEPTH;
  return wrong;
}

/** Recorded list entries (ten, then the head, then the list again) that differ from the predicted ones. */
function countListDifferences(
  model: GicModel,
  recorded: readonly number[],
  predicted: readonly number[],
  mayGrow: boolean,
): number {
  let wrong = 0;
  const shown = Math.min(recorded.length, predicted.length, LIST_SHOWN);
  for (let i = 0; i < shown; i++) if (recorded[i] !== predicted[i]) wrong++;
  const head = model === 'gicv2' ? V2_LIST_HEAD : -1;
  if (!mayGrow && predicted.length < recorded.length && recorded[predicted.length] !== head) wrong++;
  return wrong;
}

/** A part of a prune is held to its moves: what was deleted went when the walk came by, before or after them. */
export function scoreRemovals(
  { sync, moves, isWhole }: Pick<PruneOperation, 'sync' | 'moves' | 'isWhole'>,
  predicted: readonly ShadowRemoval[],
): number {
  const shown = isWhole ? sync.removals : moves;
  const expected = isWhole ? predicted : predicted.filter((removal) => removal.to >= 0);
  let wrong = Math.abs(shown.length - expected.length);
  const recorded = new Map(shown.map((removal) => [removal.key, removal.to]));
  for (const { key, to } of expected) if (recorded.get(key) !== to) wrong++;
  return wrong;
}

export function scoreRemovalOf(key: number, sync: SyncOperation, predicted: readonly ShadowRemoval[]): number {
  const recorded = sync.removals.find((removal) => removal.key === key);
  return recorded?.to === predicted.find((removal) => removal.key === key)?.to ? 0 : SIGN_SEEN;
}

export function describeFlush(op: FlushOperation, outcome: FlushOutcome): string {
  const recorded = op.populates.map((populate) => populate.fields.intid).join(' ');
  const expected = outcome.populated.map((irq) => irq.intid).join(' ');
  return `recorded ${recorded} (sort ${op.sortCount}), expected ${expected} (sort ${outcome.sortCount})`;
}

export function describePrune({ vcpu, removals }: SyncOperation, predicted: readonly ShadowRemoval[]): string {
  const show = (list: readonly { readonly key: number; readonly to: number }[]): string =>
    list.map(({ key, to }) => `${intidOfKey(key)}>${to}`).join(' ');
  return `prune of vCPU ${vcpu}: recorded ${show(removals)}; expected ${show(predicted)}`;
}
