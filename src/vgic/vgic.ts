/**
 * One virtual GIC of one VM with one ap_list strategy. Flavour kvm-6.1; GICv3, GICv2, and GICv2 guests on GICv3 hosts.
 * Semantics: vgic-spec sections 1-3. Invariants: nothing here allocates after createVgic(); nothing here knows traces.
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
import { createPopulate } from './populate.js';
import { createQueue } from './queue.js';
import { createRawMmio, createRegisters, type RawMmio, type Registers } from './registers.js';
import { createState, type VgicState } from './state.js';
import { createSync, type Sync } from './sync.js';

export interface Vgic extends Flush, Sync, GuestInterface, Inject, Omit<Registers, never>, RawMmio {
  readonly state: VgicState;
  readonly list: ApList;
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

export function createVgic(machine: Machine, createList: CreateApList): Vgic {
  const state = createState(machine);
  const populate = createPopulate(state);
  const queue = createQueue(state, createList, populate);
  const registers = createRegisters(state, queue);
  const injected = createInject(state, queue);
  const { lrLo, lrHi, nrLr, isV2Host } = state;
  return {
    state,
    list: queue.list,
    ...createFlush(state, queue.list, populate),
    ...createSync(state, queue.list),
    ...createGuestInterface(state),
    ...injected,
    ...registers,
    ...createRawMmio(state, registers, injected.sgi, queue.queueIrq),
    lrLo(vcpu, lr) {
      const at = vcpu * nrLr + lr;
      return isV2Host ? gichWord(lrLo[at], lrHi[at]) : lrLo[at];
    },
    lrHi: (vcpu, lr) => (isV2Host ? 0 : lrHi[vcpu * nrLr + lr]),
  };
}
