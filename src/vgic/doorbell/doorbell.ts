/**
 * GICv4: virtual LPIs that hardware delivers, and the doorbell that tells KVM of one that came while the vPE was not
 * resident. vgic-spec 4.1 and 4.2; events are atomic, so what depends on the order of memory accesses is not here
 * (explore). Where a put is no single step in the kernel, its two halves are steps of their own: beginPut and finishPut.
 *
 * Disabled virtual LPIs get their bit of the pending table and nothing else: PendingLast and doorbells are of enabled ones
 * (IHI 0069, GICR_VPENDBASER). A doorbell is raised once: vgic-spec promises the one for the next arrival and is silent
 * about what comes after it. It is silent too about an arrival at a masked doorbell (GICv4.0): here that one is not
 * kept for the unmasking.
 */
import { LPI_BASE } from '../../gic/intid.js';
import type { ApList } from '../ap-list.js';
import { int32Column, uint8Column } from '../columns.js';
import type { Kicks } from '../kicks.js';
import type { VgicState } from '../state.js';
import { ACTIVE, ENABLED, EXISTS, isPending, priorityOf } from '../word.js';
import { createPendingTables } from './pending-table.js';

export interface DoorbellOptions {
  /** 4.0 or 4.1, as the SYSTEM event writes it. */
  readonly version: 40 | 41;
  /** Upstream's handler, or the rejected one that asks the pending test, and with it takes the list lock, before all else. */
  readonly handler: 'pending-last' | 'pending-test-first';
  /** What the handler does then: request and kick (upstream), or wake the thread alone. */
  readonly notify: 'kick' | 'wake-only';
}

/** Counted since the start. */
export interface DoorbellCounts {
  loads: number;
  puts: number;
  /** Arrivals at a resident vPE: no software took part. */
  direct: number;
  /** Arrivals at a vPE that was not resident. */
  deferred: number;
  /** Arrivals of what was pending already. */
  coalesced: number;
  /** Virtual LPIs that guests took. */
  taken: number;
  doorbells: number;
  /** Handlers that found the vCPU blocked: a wake-up is all it takes. */
  foundBlocked: number;
  /** Handlers that found it on its way to sleep or anywhere else on the host's side: a mere wake-up does nothing. */
  foundAwake: number;
  /** Handlers of the rejected kind that found something pending on the ap_list and left it at that. */
  skipped: number;
  /** Those of a vCPU that was blocked all the same. */
  skippedBlocked: number;
  /** Returns from WFI with pending_last set and nothing that the guest can take. */
  spuriousWakeups: number;
  /** GICv4.0: disables and enables of the doorbell interrupt. */
  masks: number;
  unmasks: number;
  /** PendingLast read back at a put, and how often it was 1. */
  readBacks: number;
  readBackOnes: number;
  vpeLocks: number;
  /** Steps of the handlers in interrupt context: vpe_lock, and what the pending test visits and locks. */
  handlerSteps: number;
  maxHandlerSteps: number;
}

export interface Doorbell {
  readonly options: DoorbellOptions;
  readonly counts: DoorbellCounts;
  /** The vPE becomes resident (vcpu_load). pending_last keeps its value: only a put and the handler write it. */
  load(vcpu: number): void;
  /** Both halves of a put. `maybe`: PendingLast reads 1 although nothing is pending. */
  put(vcpu: number, inWfi: boolean, maybe?: boolean): void;
  /** The vPE is resident no more, PendingLast is read back; GICv4.1 holds vpe_lock from here. */
  beginPut(vcpu: number, inWfi: boolean, maybe?: boolean): void;
  /** pending_last := what was read; GICv4.1 drops vpe_lock, and a handler that waited for it runs. */
  finishPut(vcpu: number): void;
  /** The hardware delivers a virtual LPI to the vPE. */
  deliver(vcpu: number, lpi: number): void;
  /** The guest acknowledges and EOIs every virtual LPI that it may take. */
  drain(vcpu: number): void;
  /** WFI: asks whether the vCPU is runnable (IRQ_PENDING or the pending test, 4.4), blocks it if not. */
  halt(vcpu: number): void;
  isResident(vcpu: number): boolean;
  /** Virtual LPIs in the pending table. */
  pending(vcpu: number): number;
  /** Would the next arrival raise a doorbell? */
  isArmed(vcpu: number): boolean;
  /** vCPUs that sleep now although the guest could take a virtual LPI. */
  countAsleep(): number;
}

export interface DoorbellParts {
  readonly state: VgicState;
  readonly list: ApList;
  readonly kicks: Kicks;
  pendingTest(vcpu: number): boolean;
}

export const noDoorbellCounts = (): DoorbellCounts => ({
  loads: 0,
  puts: 0,
  direct: 0,
  deferred: 0,
  coalesced: 0,
  taken: 0,
  doorbells: 0,
  foundBlocked: 0,
  foundAwake: 0,
  skipped: 0,
  skippedBlocked: 0,
  spuriousWakeups: 0,
  masks: 0,
  unmasks: 0,
  readBacks: 0,
  readBackOnes: 0,
  vpeLocks: 0,
  handlerSteps: 0,
  maxHandlerSteps: 0,
});

/** The pending test on the ap_list alone, and at no modelled cost: for those who watch. */
export function hasDeliverable({ word, pmr }: VgicState, list: ApList, vcpu: number): boolean {
  return list.order(vcpu).some((slot) => {
    const w = word[slot];
    return isPending(w) && (w & (ENABLED | ACTIVE)) === ENABLED && priorityOf(w) < pmr[vcpu];
  });
}

/** `counts` go on where they stand. */
export function createDoorbell(
  { state, list, kicks, pendingTest }: DoorbellParts,
  options: DoorbellOptions,
  counts: DoorbellCounts,
): Doorbell {
  const { nrVcpus, lpiSlotBase, word, pmr, dist, pendingLast, cost } = state;
  const isV41 = options.version === 41;
  const tables = createPendingTables(nrVcpus, state.machine.nrLpis);
  const resident = uint8Column(nrVcpus);
  const inWfi = uint8Column(nrVcpus);
  /** What a put read or decided, until it is stored. */
  const readBack = uint8Column(nrVcpus);
  /** GICv4.0: how often the doorbell interrupt was disabled. It starts disabled. */
  const disableDepth = int32Column(nrVcpus).fill(1);
  /** GICv4.1: DB is set and no doorbell was raised yet. */
  const doorbellBit = uint8Column(nrVcpus);
  /** GICv4.1: a put holds vpe_lock; a handler waits for it. */
  const locked = uint8Column(nrVcpus);
  const waiting = uint8Column(nrVcpus);

  /** Word of an LPI, or of one that no mapping told of: enabled, most urgent. */
  const wordOf = (lpi: number): number => {
    const w = word[lpiSlotBase + lpi - LPI_BASE];
    return (w & EXISTS) !== 0 ? w : ENABLED;
  };
  const isEnabled = (lpi: number): boolean => (wordOf(lpi) & ENABLED) !== 0;

  const takeable = (vcpu: number) => (lpi: number) => isEnabled(lpi) && priorityOf(wordOf(lpi)) < pmr[vcpu];
  const hasVirtual = (vcpu: number): boolean => dist[0] === 1 && tables.some(vcpu, takeable(vcpu));

  const isArmed = (vcpu: number): boolean =>
    resident[vcpu] === 0 && (isV41 ? doorbellBit[vcpu] === 1 : disableDepth[vcpu] === 0);

  function lockVpe(): void {
    counts.vpeLocks += 1;
  }

  function notify(vcpu: number): void {
    if (kicks.isBlocked(vcpu)) counts.foundBlocked += 1;
    else counts.foundAwake += 1;
    if (options.notify === 'kick') kicks.kick(vcpu, false);
    else kicks.wake(vcpu);
  }

  function bookHandler(steps: number): void {
    counts.handlerSteps += steps;
    counts.maxHandlerSteps = Math.max(counts.maxHandlerSteps, steps);
  }

  /** vgic_v4_doorbell_handler, in interrupt context; what it does before it needs vpe_lock is done. */
  function handle(vcpu: number): void {
    if (options.handler === 'pending-test-first') {
      const hasSome = pendingTest(vcpu);
      bookHandler(cost.lastSteps);
      if (hasSome) {
        counts.skipped += 1;
        if (kicks.isBlocked(vcpu)) counts.skippedBlocked += 1;
        return;
      }
      pendingLast[vcpu] = 1;
    } else {
      lockVpe();
      pendingLast[vcpu] = 1;
      bookHandler(1);
    }
    notify(vcpu);
  }

  function raise(vcpu: number): void {
    counts.doorbells += 1;
    doorbellBit[vcpu] = 0;
    if (!isV41 && disableDepth[vcpu] === 0) {
      disableDepth[vcpu] = 1;
      counts.masks += 1;
    }
    if (locked[vcpu] === 1 && options.handler === 'pending-last') waiting[vcpu] = 1;
    else handle(vcpu);
  }

  function beginPut(vcpu: number, wanted: boolean, maybe = false): void {
    counts.puts += 1;
    inWfi[vcpu] = wanted ? 1 : 0;
    if (isV41) {
      if (wanted) {
        lockVpe();
        locked[vcpu] = 1;
      }
    } else if (wanted) {
      // Before the vPE is made non-resident, all nested disables at once.
      counts.unmasks += disableDepth[vcpu];
      disableDepth[vcpu] = 0;
    }
    resident[vcpu] = 0;
    if (isV41 && !wanted) {
      readBack[vcpu] = 1;
      return;
    }
    readBack[vcpu] = maybe || tables.some(vcpu, isEnabled) ? 1 : 0;
    counts.readBacks += 1;
    counts.readBackOnes += readBack[vcpu];
    // PendingLast 1: something came already, no doorbell will tell of it.
    if (isV41) doorbellBit[vcpu] = readBack[vcpu] ^ 1;
  }

  function finishPut(vcpu: number): void {
    pendingLast[vcpu] = readBack[vcpu];
    locked[vcpu] = 0;
    if (waiting[vcpu] === 0) return;
    waiting[vcpu] = 0;
    handle(vcpu);
  }

  return {
    options,
    counts,
    load(vcpu) {
      counts.loads += 1;
      if (isV41) doorbellBit[vcpu] = 0;
      else {
        disableDepth[vcpu] += 1;
        counts.masks += 1;
      }
      resident[vcpu] = 1;
      if (inWfi[vcpu] === 1 && pendingLast[vcpu] === 1 && !hasVirtual(vcpu) && !hasDeliverable(state, list, vcpu))
        counts.spuriousWakeups += 1;
      inWfi[vcpu] = 0;
    },
    put(vcpu, wanted, maybe) {
      beginPut(vcpu, wanted, maybe);
      finishPut(vcpu);
    },
    beginPut,
    finishPut,
    deliver(vcpu, lpi) {
      if (!tables.set(vcpu, lpi)) {
        counts.coalesced += 1;
        return;
      }
      if (resident[vcpu] === 1) {
        counts.direct += 1;
        return;
      }
      counts.deferred += 1;
      if (isEnabled(lpi) && isArmed(vcpu)) raise(vcpu);
    },
    drain(vcpu) {
      if (resident[vcpu] === 1 && dist[0] === 1) counts.taken += tables.clear(vcpu, takeable(vcpu));
    },
    halt(vcpu) {
      if (kicks.requestSet[vcpu] === 0 && !pendingTest(vcpu)) kicks.block(vcpu);
    },
    isResident: (vcpu) => resident[vcpu] === 1,
    pending: tables.count,
    isArmed,
    countAsleep() {
      let asleep = 0;
      for (let vcpu = 0; vcpu < nrVcpus; vcpu++) if (kicks.isBlocked(vcpu) && hasVirtual(vcpu)) asleep++;
      return asleep;
    },
  };
}
