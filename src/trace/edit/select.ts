/**
 * A part of the machine. A vCPU left out does not run; what it shared with the others stays. An interrupt left out does
 * not occur. Where that changes what the others do, ground truth is no truth any more: the rest is L2 at most.
 */
import { NR_PRIVATE_IRQS, SPURIOUS_INTID } from '../../gic/intid.js';
import * as K from '../events.js';
import type { EventStage } from './stage.js';

export interface Selection {
  /** vCPUs that stay; undefined: all. */
  readonly vcpus: ReadonlySet<number> | undefined;
  /** INTIDs that stay; undefined: all. */
  readonly intids: ReadonlySet<number> | undefined;
  /** Is what happens to the rest the same as in the whole? Ground truth then stays. */
  readonly isExact: boolean;
}

/** The vCPU field says who acts, or whose interrupt it is. */
const OF_ONE_VCPU: ReadonlySet<number> = new Set([
  K.FLUSH,
  K.SYNC,
  K.FOLD,
  K.PRUNE,
  K.ACK,
  K.EOI,
  K.PRIORITY_DROP,
  K.DEACTIVATE,
  K.GUEST_LR_STATE,
  K.GUEST_DRAIN,
  K.PMR,
  K.CPUIF,
  K.PENDING_QUERY,
  K.RUNNING,
  K.CURRENT,
  K.MMIO_REDIST,
  K.MMIO_REDIST_BYTE,
  K.MMIO_REDIST_READ,
  K.SGI_PEND,
  K.TIMER,
  K.VCPU_LOAD,
  K.VCPU_PUT,
  K.RUN_ENTRY,
  K.RUN_EXIT,
]);
const isFact = (kind: number): boolean => kind >= K.FIRST_FACT && kind !== K.LOST && kind !== K.MSI_CACHED;
/** Facts that drive the model of an ITS stay. */
const OF_THE_ITS: ReadonlySet<number> = new Set([K.MSI_CACHED, K.ITS_TRIGGER, K.GUEST_ITS_WORD, K.SCHEDULE_STEP]);

/** Does the intid field name an interrupt of the guest? */
function namesInterrupt(kind: number): boolean {
  const role = K.findKind(kind)?.intid;
  return role === 'irq' || role === 'private' || role === 'lpi' || role === 'ack' || role === 'lpi-or-none';
}

/** What an interrupt that never comes to be pending or active may have done to it. */
const WITHOUT_EFFECT_ALONE: ReadonlySet<number> = new Set([
  K.ENABLE,
  K.PRIORITY,
  K.CONFIG,
  K.TARGET,
  K.GROUP,
  K.GROUP_ONE,
  K.HW_MAP,
  K.HW_UNMAP,
]);

/** May the event make an interrupt that vCPUs share pending or active, or drive more than interrupts? */
export function isShared(kind: number, intid: number): boolean {
  if (WITHOUT_EFFECT_ALONE.has(kind)) return false;
  if (namesInterrupt(kind)) return intid >= NR_PRIVATE_IRQS && intid !== SPURIOUS_INTID;
  return (kind >= K.MMIO_DIST && kind <= K.MMIO_REDIST) || (kind >= K.MMIO_DIST_BYTE && kind <= K.RUN_EXIT);
}

/** vCPUs that an SGI event is sent to. */
function reaches(vcpus: ReadonlySet<number>, sender: number, spec: number, list: number): boolean {
  if ((spec & 16) !== 0) return [...vcpus].some((vcpu) => vcpu !== sender);
  const first = (spec >>> 5) & 0xff;
  return [...vcpus].some((vcpu) => vcpu >= first && vcpu < first + 32 && ((list >>> (vcpu - first)) & 1) === 1);
}

/** Passes what is selected on to `next`. */
export function createSelection({ vcpus, intids, isExact }: Selection, next: EventStage): EventStage {
  const isOfVcpus = (kind: number, vcpu: number, intid: number, value: number): boolean => {
    if (vcpus === undefined || kind === K.LOST || OF_THE_ITS.has(kind)) return true;
    if (kind === K.SGI) return reaches(vcpus, vcpu, intid, value);
    if (OF_ONE_VCPU.has(kind) || isFact(kind)) return vcpus.has(vcpu);
    return !(namesInterrupt(kind) && intid < NR_PRIVATE_IRQS) || vcpus.has(vcpu);
  };
  const isOfIntids = (kind: number, intid: number): boolean => {
    if (intids === undefined) return true;
    if (kind === K.SGI) return intids.has(intid & 15);
    // Whole words, and accesses that name none, may be of any.
    return kind === K.GROUP || !namesInterrupt(kind) || intids.has(intid) || (kind === K.ACK && intid === 0);
  };
  return {
    event(kind, vcpu, intid, value, tick) {
      if (!isExact && (K.findKind(kind)?.fidelity ?? 0) > 2) return;
      if (!isOfVcpus(kind, vcpu, intid, value) || !isOfIntids(kind, intid)) return;
      next.event(kind, vcpu, intid, value, tick);
    },
    gap: (lost, place) => next.gap(lost, place),
    end: () => next.end(),
  };
}
