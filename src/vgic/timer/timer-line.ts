/** What KVM's and Xen's timers share: the line of a timer, and the soft timer of a blocked vCPU. vgic-spec 5.1, 5.2. */
import { COUNTED } from '#counting';
import type { Vgic } from '../vgic.js';
import type { TimerColumns } from './columns.js';
import { canFire, isLevelHigh, NR_TIMERS, TIMER_PPIS } from './contexts.js';
import type { Tally } from './counts.js';

export interface TimerLine {
  /** kvm_timer_update_irq: the line := `level`; with a vgic it is injected into the PPI. */
  update(vcpu: number, timer: number, level: number): void;
  /** Is `vcpu` in the guest? */
  isInGuest(vcpu: number): boolean;
  /** Has a timer of `vcpu` reached its deadline? A thread that would block looks, and does not (vgic-spec 4.2). */
  isDue(vcpu: number): boolean;
  /** The vCPU blocks: a soft timer for the earliest deadline of the timers that can fire. One that has passed wakes at once. */
  armBackground(vcpu: number): void;
  /** A timer of a blocked vCPU reached its deadline. */
  expireBackground(vcpu: number): void;
}

export function createTimerLine(vgic: Vgic, columns: TimerColumns, tally: Tally, checksOwner: boolean): TimerLine {
  const { inject, state, kicks } = vgic;
  const { cost } = state;
  const { bits, line, owned, background, irqchipInKernel, vgicReady, inGuest } = columns;
  const { count } = tally;
  const needsOwner = checksOwner && !state.flavour.isXen;

  function expireBackground(vcpu: number): void {
    background[vcpu] = 0;
    count('softTimerExpiries');
    count('wakeups');
    if (COUNTED) kicks.wake(vcpu);
  }

  function isDue(vcpu: number): boolean {
    for (let at = vcpu * NR_TIMERS; at < (vcpu + 1) * NR_TIMERS; at++) if (isLevelHigh(bits[at])) return true;
    return false;
  }

  return {
    expireBackground,
    isDue,
    update(vcpu, timer, level) {
      line[vcpu * NR_TIMERS + timer] = level;
      count('lineUpdates');
      if (irqchipInKernel[0] === 0) return;
      if (vgicReady[0] === 0 || (needsOwner && owned[vcpu] === 0)) {
        count('refusedInjections');
        return;
      }
      const redundantBefore = cost.redundantInjections;
      inject(vcpu, TIMER_PPIS[timer], level);
      count('injections');
      if (cost.redundantInjections !== redundantBefore) count('redundantInjections');
    },
    isInGuest: (vcpu) => (irqchipInKernel[0] === 1 ? state.inGuest[vcpu] : inGuest[vcpu]) === 1,
    armBackground(vcpu) {
      let fires = false;
      for (let at = vcpu * NR_TIMERS; at < (vcpu + 1) * NR_TIMERS; at++) fires ||= canFire(bits[at]);
      if (!fires) return;
      count('softTimerStarts');
      background[vcpu] = 1;
      if (isDue(vcpu)) expireBackground(vcpu);
    },
  };
}
