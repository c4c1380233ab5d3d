/** Which rows an event can change: asked before the event, so that what leaves a list is among them. */
import * as K from '../trace/events.js';
import { slotOf } from '../vgic/state.js';
import { TIMER_PPIS } from '../vgic/timer/contexts.js';
import type { Vgic } from '../vgic/vgic.js';
import { EXISTS } from '../vgic/word-layout.js';

export interface TouchedRows {
  /** Rows, some of them more than once. `ownList`: what the list of `vcpu` holds, if the event is an exit. */
  of(kind: number, vcpu: number, intid: number, value: number, ownList: readonly number[]): readonly number[];
  /** After the event: LPIs that it made are added to what `of` returned. */
  addNew(): void;
}

const BY_RULES = 1;
const SGI_FRAME = 0x10000;
/** Events after which any LPI may be another one: commands, the register that starts them, tables. */
const ITS_STEPS: ReadonlySet<number> = new Set([K.ITS_MMIO, K.ITS_COMMAND, K.ITS_CONTROL]);
/** Of guest memory and of a command to come: no interrupt is touched. */
const ITS_PREPARATIONS: ReadonlySet<number> = new Set([K.MEM_AT, K.MEM_WRITE, K.ITS_WORD]);

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
/** Does the event make the ITS, or a redistributor's LPI registers, do something to LPIs? */
export const reachesLpis = (kind: number, intid: number): boolean =>
  ITS_STEPS.has(kind) || (kind === K.MMIO_REDIST && intid < SGI_FRAME);

export function createTouchedRows(vgic: Vgic): TouchedRows {
  const { state, list } = vgic;
  const { nrVcpus, nrLr, usedLrs, lrSlot, lastLr, lpiSlotBase, nrSlots, processUpdate, word } = state;
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

  /** A machine whose trace never speaks to an ITS has none. */
  let hasIts = false;

  let makesLpis = false;

  function addLpis(): void {
    for (let slot = lpiSlotBase; slot < nrSlots; slot++) if ((word[slot] & EXISTS) !== 0) rows.push(slot);
  }

  function addTimers(vcpu: number): void {
    for (const intid of TIMER_PPIS) addIrq(vcpu, intid);
  }

  return {
    addNew() {
      if (makesLpis) addLpis();
    },
    of(kind, vcpu, intid, value, ownList) {
      rows.length = 0;
      if (isRawAccess(kind)) addAll();
      hasIts ||= ITS_STEPS.has(kind) || kind === K.MSI;
      makesLpis = hasIts && reachesLpis(kind, intid);
      if (makesLpis) addLpis();
      if (ITS_STEPS.has(kind) || ITS_PREPARATIONS.has(kind)) return rows;
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
        case K.MSI: {
          const slot = vgic.its()?.translate(value >>> 16, value & 0xffff) ?? -1;
          if (slot >= 0) rows.push(slot);
          break;
        }
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
