/** Test support: a vGIC with timers whose guest has the timer PPIs enabled. */
import type { Machine } from '../../gic/intid.js';
import { createModel, referenceFor } from '../../replay/create-model.js';
import { physRowOf, slotOf } from '../state.js';
import type { Vgic } from '../vgic.js';
import * as Word from '../word.js';
import { TIMER_PPIS } from './contexts.js';
import { createTimers, type Timers } from './timers.js';

export const KVM_FLAVOURS = ['kvm-6.1', 'kvm-6.19', 'kvm-7.2'] as const;

export interface TimerMachine {
  readonly vgic: Vgic;
  readonly timers: Timers;
  /** Software state of a PPI of `vcpu`. */
  ppi(vcpu: number, intid: number): { line: boolean; pending: boolean; active: boolean; hw: boolean; queued: boolean };
  phys(vcpu: number, hostIrq: number): { line: number; active: number };
}

export function createTimerMachine(flavour: string, changes: Partial<Machine> = {}): TimerMachine {
  const machine: Machine = {
    flavour,
    model: flavour.startsWith('xen') ? 'gicv2' : 'gicv3',
    nrVcpus: 2,
    nrSpis: 32,
    nrLpis: 0,
    nrLr: 4,
    distEnabledAtStart: true,
    pmrAtStart: 0xf8,
    ...changes,
  };
  const vgic = createModel(machine, referenceFor(machine));
  const { state } = vgic;
  for (let vcpu = 0; vcpu < machine.nrVcpus; vcpu++)
    for (const intid of TIMER_PPIS) vgic.setEnable(vcpu, intid, true, false);
  return {
    vgic,
    timers: createTimers(vgic),
    ppi(vcpu, intid) {
      const word = state.word[slotOf(state, vcpu, intid)];
      return {
        line: (word & Word.LINE) !== 0,
        pending: Word.isPending(word),
        active: (word & Word.ACTIVE) !== 0,
        hw: (word & Word.HW) !== 0,
        queued: Word.queuedOn(word) >= 0,
      };
    },
    phys(vcpu, hostIrq) {
      const row = physRowOf(state.nrVcpus, vcpu, hostIrq);
      return { line: state.physLine[row], active: state.physActive[row] };
    },
  };
}
