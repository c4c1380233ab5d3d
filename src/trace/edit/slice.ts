/**
 * A part of a trace. What comes before it is not forgotten: a replay of the part must begin in the state that the machine
 * was in.
 *
 * - `keep`: everything before the cut stays, without its times and without its ground truth: exact.
 * - `config`: of what comes before the cut the last word on each interrupt's configuration and level stays. What was
 *   queued, active or in list registers is not known any more: the slice begins with a gap of unknown size, and is L2 at
 *   most.
 */
import { NR_PRIVATE_IRQS } from '../../gic/intid.js';
import * as K from '../events.js';
import { EditError, type EventStage } from './stage.js';

export interface SliceBounds {
  /** First event of the slice: index, or time in ticks; the later of both. */
  readonly fromEvent: number;
  readonly fromTick: number;
  /** The first event that is not in it. */
  readonly toEvent: number;
  readonly toTick: number;
  /** Events from the first one on. */
  readonly limit: number;
  readonly setup: 'keep' | 'config';
}

export const WHOLE: SliceBounds = {
  fromEvent: 0,
  fromTick: 0,
  toEvent: Number.POSITIVE_INFINITY,
  toTick: Number.POSITIVE_INFINITY,
  limit: Number.POSITIVE_INFINITY,
  setup: 'keep',
};

export interface SliceOutcome {
  /** Events from the first of the slice on, and events that stand for what came before it. */
  readonly taken: number;
  readonly kept: number;
  readonly hasBegun: boolean;
}

/** What the last event of its kind says of an interrupt, or of a vCPU, overrides all before it. */
const CONFIGURATION: ReadonlySet<number> = new Set([
  K.ENABLE,
  K.PRIORITY,
  K.CONFIG,
  K.TARGET,
  K.GROUP,
  K.GROUP_ONE,
  K.DIST_ENABLE,
  K.PMR,
  K.CPUIF,
  K.LPI_MAP,
  K.LPI_CONFIG,
  K.LPI_MOVE,
  K.LPI_UNMAP,
  K.HW_MAP,
  K.HW_UNMAP,
  K.PHYS_LINE,
  K.PHYS_PENDING,
  K.PHYS_ACTIVE,
  K.RUNNING,
]);
/** Of raw writes every one stays, the last time it was made: bits that later ones do not touch keep their meaning. */
const RAW_WRITES: ReadonlySet<number> = new Set([K.MMIO_DIST, K.MMIO_REDIST, K.MMIO_DIST_BYTE, K.MMIO_REDIST_BYTE]);
/** State of these is more than their last event. */
const isSystemKind = (kind: number): boolean => kind >= K.MEM_AT && kind <= K.RUN_EXIT;
/** Guest accesses and exits of a run that began before the cut. */
const IN_RUN: ReadonlySet<number> = new Set([
  K.SYNC,
  K.FOLD,
  K.PRUNE,
  K.ACK,
  K.EOI,
  K.PRIORITY_DROP,
  K.DEACTIVATE,
  K.GUEST_DRAIN,
  K.GUEST_LR_STATE,
  K.ABORTED_ENTRY,
]);

const isGroundTruth = (kind: number): boolean => kind >= K.FIRST_EXPECT;

/** Ground truth of the step before it; the rest is of the step behind it. */
const LOOKS_BACK: ReadonlySet<number> = new Set([K.EXPECT_LRS, K.EXPECT_LR_LO, K.EXPECT_LR_HI, K.EXPECT_LIST]);

type Fields = readonly [kind: number, vcpu: number, intid: number, value: number];

/** Writes the slice to `next`, times counted from its beginning. */
export function createSlice(bounds: SliceBounds, next: EventStage): EventStage & { outcome(): SliceOutcome } {
  const { fromEvent, fromTick, toEvent, toTick, limit, setup } = bounds;
  let index = 0;
  let base = 0;
  let hasBegun = false;
  let isOver = false;
  let taken = 0;
  let kept = 0;
  const configuration = new Map<string, Fields>();
  /** vCPUs that have been entered since the cut. */
  const entered = new Set<number>();

  const isWhole = fromEvent === 0 && fromTick === 0;

  const before = (kind: number, vcpu: number, intid: number, value: number): void => {
    if (isGroundTruth(kind)) return;
    if (setup === 'keep') {
      kept++;
      next.event(kind, vcpu, intid, value, 0);
      return;
    }
    if (isSystemKind(kind))
      throw new EditError(
        `the part before the cut drives more than interrupts (${K.findKind(kind)?.name}): use --setup keep`,
      );
    const owner = intid < NR_PRIVATE_IRQS ? vcpu : 0;
    let key = '';
    if (CONFIGURATION.has(kind)) key = `${kind} ${kind === K.LPI_MAP ? 0 : owner} ${intid}`;
    else if (RAW_WRITES.has(kind)) key = `${kind} ${vcpu} ${intid} ${value}`;
    else if (kind === K.INJECT || kind === K.LINE_LEVEL) key = `line ${owner} ${intid}`;
    else return;
    // The order is that of the last ones.
    configuration.delete(key);
    configuration.set(key, [kind, vcpu, intid, value]);
  };

  /** A line that was high keeps a level interrupt pending; of an edge nothing is left. */
  const isHigh = ([kind, vcpu, intid, value]: Fields): boolean => {
    if (kind !== K.INJECT && kind !== K.LINE_LEVEL) return true;
    const trigger = configuration.get(`${K.CONFIG} 0 ${intid}`);
    const isLevel = intid < NR_PRIVATE_IRQS ? intid >= 16 : trigger !== undefined && trigger[3] !== 0;
    return (value & 1) === 1 && isLevel && vcpu >= 0;
  };

  const start = (tick: number): void => {
    hasBegun = true;
    base = Number.isFinite(fromTick) && fromTick > 0 ? fromTick : tick;
    if (isWhole || setup === 'keep') return;
    next.event(K.LOST, 0, 0, 0, 0);
    kept++;
    next.gap(0, 'the cut: what was queued, active or in list registers is not known');
    for (const fields of configuration.values()) {
      if (!isHigh(fields)) continue;
      kept++;
      next.event(...fields, 0);
    }
    configuration.clear();
  };

  return {
    event(kind, vcpu, intid, value, tick) {
      const event = index++;
      if (isOver) return;
      if (!hasBegun) {
        if (event < fromEvent || tick < fromTick || (!isWhole && LOOKS_BACK.has(kind))) {
          before(kind, vcpu, intid, value);
          return;
        }
        start(isWhole ? 0 : tick);
      }
      if ((event >= toEvent || tick >= toTick || taken >= limit) && !LOOKS_BACK.has(kind)) {
        isOver = true;
        return;
      }
      taken++;
      if (setup === 'config' && !isWhole) {
        if (isGroundTruth(kind) || (K.findKind(kind)?.fidelity ?? 0) > 2) return;
        if (kind === K.FLUSH) entered.add(vcpu);
        else if (IN_RUN.has(kind) && !entered.has(vcpu)) return;
      }
      next.event(kind, vcpu, intid, value, Math.max(0, tick - base));
    },
    gap(lost, place) {
      // One before the cut is part of what is not known there.
      if (!isOver && (hasBegun || setup === 'keep')) next.gap(lost, place);
    },
    end: () => next.end(),
    outcome: () => ({ taken, kept, hasBegun }),
  };
}
