/**
 * One virtual GIC of one VM with one ap_list strategy. Flavour: that of the machine; GICv3, GICv2, and GICv2 guests on
 * GICv3 hosts. Semantics: vgic-spec sections 1-3. Invariants: nothing here allocates after createVgic(); nothing here
 * knows traces. The flavour's switches choose functions here and in the parts, once.
 */

import type { Machine } from '../gic/intid.js';
import type { ApList, CreateApList } from './ap-list.js';
import { createFlush, type Flush } from './flush.js';
import { createGuestInterface, type GuestInterface } from './guest.js';
import { createInject, type Inject } from './inject.js';
import { createIts, type Its } from './its/its.js';
import { createKicks, type Kicks } from './kicks.js';
import { createLpiOrder } from './lpi-order.js';
import { createLpiRows } from './lpi-rows.js';
import { createLrWords, type LrWords } from './lr-words.js';
import { createMmio, type Mmio } from './mmio.js';
import { createPopulate } from './populate.js';
import { createQueue } from './queue.js';
import { createRegisters, type RegisterEffects } from './registers.js';
import { createState, resetState, type VgicState } from './state.js';
import { createSync, type Sync } from './sync.js';
import { createTrappedDir } from './trapped-dir.js';
import { QUEUED_FIELD } from './word.js';

export interface Vgic extends Flush, Sync, GuestInterface, Inject, RegisterEffects, Mmio, LrWords {
  readonly state: VgicState;
  readonly list: ApList;
  readonly kicks: Kicks;

  /** The machine's ITS, made when it is first asked for; undefined: it has none, or none that is modelled. */
  its(): Its | undefined;
  /** Row of a known LPI of any number, or NO_SLOT. */
  findLpi(intid: number): number;
  /** Rows that ever stood for an LPI; some may not stand for one now. */
  lpiRows(): readonly number[];
  /** Back to the state before the first event, with empty lists. */
  reset(): void;
}

/** Through the port all strategies have. */
function emptyLists(state: VgicState, list: ApList): void {
  for (let slot = 0; slot < state.nrSlots; slot++) {
    const queued = state.word[slot] & QUEUED_FIELD;
    // Nothing enabled, pending or active, so the oracle sends the row nowhere and prune lets go of it.
    state.word[slot] = queued;
    if (queued !== 0) list.touch(slot);
  }
  for (let vcpu = 0; vcpu < state.nrVcpus; vcpu++) {
    // A prune may leave some for the next one.
    for (let left = Number.POSITIVE_INFINITY; list.length(vcpu) > 0 && list.length(vcpu) < left; ) {
      left = list.length(vcpu);
      list.prune(vcpu);
    }
  }
}

export function createVgic(machine: Machine, createList: CreateApList): Vgic {
  const state = createState(machine);
  const kicks = createKicks(state);
  const populate = createPopulate(state);
  const lpiOrder = createLpiOrder(state);
  const queue = createQueue(state, createList, populate, kicks, lpiOrder);
  const synced = createSync(state, queue.list, populate, kicks, lpiOrder);
  const guest = createGuestInterface(state, queue.rekeyAll);
  const registers = createRegisters(state, queue, kicks, synced.sync);
  const lpis = createLpiRows(state, queue, lpiOrder);
  const injected = createInject(state, queue, lpis);
  const itsRules = machine.nrLpis > 0 ? state.flavour.its : undefined;
  let its: Its | undefined;
  const trappedDir = createTrappedDir(state, {
    ...synced,
    rekeyIrq: queue.rekeyIrq,
    clearActive(vcpu, intid) {
      registers.haltFor(intid);
      registers.setActive(vcpu, intid, false, false);
    },
  });
  return {
    state,
    list: queue.list,
    kicks,
    ...createFlush(state, queue.list, populate, kicks, synced.prune),
    ...synced,
    ...guest,
    dirByRules(vcpu, intid, sender) {
      const traps = guest.dirByRules(vcpu, intid, sender);
      // The exit and what the hypervisor does then; the vCPU is out of the guest.
      if (traps) trappedDir(vcpu, intid, sender);
      return traps;
    },
    ...injected,
    ...registers,
    ...createMmio(state, {
      registers,
      inject: injected,
      queueIrq: queue.queueIrq,
      current: kicks.current,
      lpiPort: () => its,
    }),
    its() {
      if (itsRules !== undefined) its ??= createIts(state, itsRules, lpis);
      return its;
    },
    findLpi: lpis.find,
    lpiRows: lpis.everUsed,
    reset() {
      its = undefined;
      emptyLists(state, queue.list);
      resetState(state);
      lpiOrder.reset();
      kicks.reset();
    },
    ...createLrWords(state),
  };
}
