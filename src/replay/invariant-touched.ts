/** Which rows an event can change: asked before the event, so that what leaves a list is among them. */
import * as K from '../trace/events.js';
import { slotOf } from '../vgic/state.js';
import { TIMER_PPIS } from '../vgic/timer/contexts.js';
import type { Vgic } from '../vgic/vgic.js';

export interface TouchedRows {
  /** Rows, some of them more than once. `ownList`: what the list of `vcpu` holds, if the event is an exit. */
  of(kind: number, vcpu: number, intid: number, value: number, ownList: readonly number[]): readonly number[];
}

const BY_RULES = 1;

const RAW_ACCESSES: ReadonlySet<number> = new Set([
  K.MMIO_DIST,
  K.MMIO_REDIST,
  K.MMIO_DIST_BYTE,
  K.MMIO_REDIST_BYTE,
  K.MMIO_DIST_READ,
  K.MMIO_REDIST_READ,
]);
/** Accesses by offset: one event that may touch many interrupts, and sync vCPUs first. */
export const isRawAccess = (kind: number): boolean => RAW_ACCESSES.has(kind);

export function createTouchedRows({ state, list }: Vgic): TouchedRows {
  const { nrVcpus, nrLr, usedLrs, lrSlot, lastLr, lpiSlotBase, processUpdate } = state;
  const rows: number[] = [];

  function addVcpu(vcpu: number, entries: readonly number[]): void {
    for (const slot of entries) rows.push(slot);
    for (let lr = vcpu * nrLr; lr < vcpu * nrLr + usedLrs[vcpu]; lr++) rows.push(lrSlot[lr]);
    if (lastLr[vcpu] >= 0) rows.push(lastLr[vcpu]);
  }

  /** Raw accesses reach every interrupt but an idle LPI. */
  function addAll(): void {
    for (let vcpu = 0; vcpu < nrVcpus; vcpu++) addVcpu(vcpu, list.order(vcpu));
    for (let slot = 0; slot < lpiSlotBase; slot++) rows.push(slot);
  }

  function addIrq(vcpu: number, intid: number): void {
    const slot = slotOf(state, vcpu, intid);
    if (slot >= 0) rows.push(slot);
  }

  function addTimers(vcpu: number): void {
    for (const intid of TIMER_PPIS) addIrq(vcpu, intid);
  }

  return {
    of(kind, vcpu, intid, value, ownList) {
      rows.length = 0;
      if (isRawAccess(kind)) addAll();
      switch (kind) {
        case K.FLUSH:
          // Fills LRs, which the ledger of edges looks at itself; prunes only if it was asked to.
          if (processUpdate[vcpu] !== 0) addVcpu(vcpu, list.order(vcpu));
          // The timer lines are recomputed.
          if (state.flavour.timerLevelsAtEntry) addTimers(vcpu);
          break;
        case K.TIMER:
        case K.VCPU_LOAD:
        case K.VCPU_PUT:
          addTimers(vcpu);
          break;
        case K.SYNC:
        case K.PRUNE:
          addVcpu(vcpu, ownList);
          break;
        case K.FOLD:
        case K.LPI_FLUSH:
          addVcpu(vcpu, list.order(vcpu));
          break;
        case K.DEACTIVATE:
          // A trapped one syncs the vCPU, or all of them.
          if ((value & BY_RULES) !== 0) addAll();
          break;
        case K.SGI:
          for (let target = 0; target < nrVcpus; target++) addIrq(target, intid & 15);
          break;
        case K.GROUP:
          for (let other = intid & ~31; other < (intid & ~31) + 32; other++) addIrq(vcpu, other);
          break;
        case K.ACK:
        case K.EOI:
        case K.PRIORITY_DROP:
        case K.PHYS_LINE:
        case K.PHYS_PENDING:
        case K.PHYS_ACTIVE:
        case K.GUEST_LR_STATE:
        case K.GUEST_DRAIN:
          break;
        default:
          if (kind < K.FIRST_FACT && !isRawAccess(kind)) addIrq(vcpu, intid);
      }
      return rows;
    },
  };
}
