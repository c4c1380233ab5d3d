/**
 * One virtual GIC of one VM with one ap_list strategy. Flavour: that of the machine; GICv3, GICv2, and GICv2 guests on
 * GICv3 hosts. Semantics: vgic-spec sections 1-3. Invariants: nothing here allocates after createVgic(); nothing here
 * knows traces. The flavour's switches choose functions here and in the parts, once.
 */

import type { Machine } from '../gic/intid.js';
import {
  GICH_LR_ACTIVE,
  GICH_LR_CPUID_SHIFT,
  GICH_LR_EOI,
  GICH_LR_GROUP,
  GICH_LR_HW,
  GICH_LR_PENDING,
  GICH_LR_PINTID_SHIFT,
  GICH_LR_PRIORITY_SHIFT,
  LR_ACTIVE,
  LR_CPUID_SHIFT,
  LR_EOI,
  LR_GROUP,
  LR_HW,
  LR_PENDING,
  LR_PINTID_MASK,
  LR_PRIORITY_SHIFT,
  LR_VINTID_V2_MASK,
} from '../gic/lr.js';
import type { ApList, CreateApList } from './ap-list.js';
import { createFlush, type Flush } from './flush.js';
import { createGuestInterface, type GuestInterface } from './guest.js';
import { createInject, type Inject } from './inject.js';
import { createIts, type Its } from './its/its.js';
import { createKicks, type Kicks } from './kicks.js';
import { createLpiRows } from './lpi-rows.js';
import { createMmio, type Mmio } from './mmio.js';
import { createPopulate } from './populate.js';
import { createQueue } from './queue.js';
import { createRegisters, type RegisterEffects } from './registers.js';
import { createState, resetState, type VgicState } from './state.js';
import { createSync, type Sync } from './sync.js';
import { createTrappedDir } from './trapped-dir.js';
import { QUEUED_FIELD } from './word.js';

export interface Vgic extends Flush, Sync, GuestInterface, Inject, RegisterEffects, Mmio {
  readonly state: VgicState;
  readonly list: ApList;
  readonly kicks: Kicks;

  /** The machine's ITS, made when it is first asked for; undefined: it has none, or none that is modelled. */
  its(): Its | undefined;
  /** Row of a known LPI of any number, or NO_SLOT. */
  findLpi(intid: number): number;
  /** Back to the state before the first event, with empty lists. */
  reset(): void;
  /** LR words as the host's hardware holds them: GICv3 both halves, GICv2 the GICH_LR word in `lo`. */
  lrLo(vcpu: number, lr: number): number;
  lrHi(vcpu: number, lr: number): number;
}

/** A GICH_LR word from the GICv3 layout. */
export function gichWord(lo: number, hi: number): number {
  let word = (lo & LR_VINTID_V2_MASK) | (((hi >>> (LR_PRIORITY_SHIFT + 3)) & 0x1f) << GICH_LR_PRIORITY_SHIFT);
  if ((hi & LR_PENDING) !== 0) word |= GICH_LR_PENDING;
  if ((hi & LR_ACTIVE) !== 0) word |= GICH_LR_ACTIVE;
  if ((hi & LR_GROUP) !== 0) word |= GICH_LR_GROUP;
  if ((hi & LR_HW) !== 0) return word | GICH_LR_HW | ((hi & LR_PINTID_MASK) << GICH_LR_PINTID_SHIFT);
  if ((hi & LR_EOI) !== 0) word |= GICH_LR_EOI;
  return word | (((lo >>> LR_CPUID_SHIFT) & 7) << GICH_LR_CPUID_SHIFT);
}

/** Through the port all strategies have. */
function emptyLists(state: VgicState, list: ApList): void {
  for (let slot = 0; slot < state.nrSlots; slot++) {
    const queued = state.word[slot] & QUEUED_FIELD;
    // Nothing enabled, pending or active, so the oracle sends the row nowhere and prune lets go of it.
    state.word[slot] = queued;
    if (queued !== 0) list.touch(slot);
  }
  for (let vcpu = 0; vcpu < state.nrVcpus; vcpu++) if (list.length(vcpu) > 0) list.prune(vcpu);
}

export function createVgic(machine: Machine, createList: CreateApList): Vgic {
  const state = createState(machine);
  const kicks = createKicks(state);
  const populate = createPopulate(state);
  const queue = createQueue(state, createList, populate, kicks);
  const synced = createSync(state, queue.list, populate, kicks);
  const guest = createGuestInterface(state, queue.rekeyAll);
  const registers = createRegisters(state, queue, kicks, synced.sync);
  const lpis = createLpiRows(state, queue);
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
  const { lrLo, lrHi, nrLr, isV2Host } = state;
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
      sgi: injected.sgi,
      dropLpis: injected.dropLpis,
      queueIrq: queue.queueIrq,
      current: kicks.current,
      lpiPort: () => its,
    }),
    its() {
      if (itsRules !== undefined) its ??= createIts(state, itsRules, lpis);
      return its;
    },
    findLpi: lpis.find,
    reset() {
      its = undefined;
      emptyLists(state, queue.list);
      resetState(state);
      kicks.reset();
    },
    lrLo(vcpu, lr) {
      const at = vcpu * nrLr + lr;
      return isV2Host ? gichWord(lrLo[at], lrHi[at]) : lrLo[at];
    },
    lrHi: (vcpu, lr) => (isV2Host ? 0 : lrHi[vcpu * nrLr + lr]),
  };
}
