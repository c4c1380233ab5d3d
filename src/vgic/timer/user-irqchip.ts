/**
 * A VM whose interrupt controller is in user space (KVM_CAP_ARM_USER_IRQ): user space is told of timer levels through
 * device_irq_level, and the host's timer interrupt is masked while the level is high. vgic-spec 5.3.
 */
import { physRowOf } from '../state.js';
import type { Vgic } from '../vgic.js';
import type { TimerColumns } from './columns.js';
import { isLevelHigh, NR_TIMERS, PHYSICAL_TIMER, TIMER_PPIS, VIRTUAL_TIMER } from './contexts.js';
import type { Tally } from './counts.js';
import type { TimerLine } from './timer-line.js';
import type { TimerRules } from './timers.js';

/** Bits of device_irq_level; bit 2, the PMU's, is not kept. */
const TOLD_VIRTUAL = 1;
const TOLD_PHYSICAL = 2;

export interface UserIrqchip {
  /**
   * KVM_RUN, or the next turn of its loop: loads the vCPU if it is on no CPU, then checks before the entry. Returns the bits
   * that differed from the told word: 0, the vCPU is in the guest; others, the run ended with -EINTR (KVM_EXIT_INTR), the
   * word holds the levels and the vCPU is put.
   */
  enter(vcpu: number): number;
  /** After the guest's exit: what was masked for a level that is low again is unmasked. */
  exit(vcpu: number): void;
  /** A return to user space for another reason: it is told the levels, too. */
  returnToUser(vcpu: number): void;
}

export function createUserIrqchip(
  vgic: Vgic,
  columns: TimerColumns,
  { count }: Tally,
  { update }: TimerLine,
  { enable, load, put, settle }: TimerRules,
): UserIrqchip {
  const { physActive, nrVcpus, flavour } = vgic.state;
  const { bits, line, inUse, emulated, hostOff, loaded, inGuest, told, activeStates } = columns;

  const levelsOf = (vcpu: number): number =>
    line[vcpu * NR_TIMERS + VIRTUAL_TIMER] * TOLD_VIRTUAL + line[vcpu * NR_TIMERS + PHYSICAL_TIMER] * TOLD_PHYSICAL;

  /** 6.1: kvm_timer_should_notify_user here, kvm_timer_update_run at the return. */
  const compare = (vcpu: number): number => told[vcpu] ^ levelsOf(vcpu);
  const rewrite = (vcpu: number): void => {
    told[vcpu] = levelsOf(vcpu);
  };
  /** 7.2: the differing bits are found and flipped in one step. */
  const flip = (vcpu: number): number => {
    const differing = told[vcpu] ^ levelsOf(vcpu);
    told[vcpu] ^= differing;
    return differing;
  };
  const check = flavour.toldWord === 'flipped' ? flip : compare;
  const tell = flavour.toldWord === 'flipped' ? flip : rewrite;

  function returnToUser(vcpu: number): void {
    tell(vcpu);
    put(vcpu, false);
  }

  function unmask(vcpu: number, timer: number): void {
    const at = vcpu * NR_TIMERS + timer;
    if (inUse[at] === 0 || emulated[at] === 1 || isLevelHigh(bits[at])) return;
    const row = physRowOf(nrVcpus, vcpu, TIMER_PPIS[timer]);
    if (hostOff[at] === 0 && physActive[row] === 0) return;
    update(vcpu, timer, 0);
    count('unmasks');
    hostOff[at] = 0;
    if (activeStates[0] === 0) return;
    physActive[row] = 0;
    count('activeStateWrites');
  }

  return {
    returnToUser,
    enter(vcpu) {
      enable(vcpu);
      if (loaded[vcpu] === 0) load(vcpu);
      const differing = check(vcpu);
      if (differing !== 0) {
        count('exitsToUser');
        returnToUser(vcpu);
        return differing;
      }
      count('entries');
      inGuest[vcpu] = 1;
      settle(vcpu);
      return 0;
    },
    exit(vcpu) {
      inGuest[vcpu] = 0;
      for (let timer = 0; timer < NR_TIMERS; timer++) unmask(vcpu, timer);
    },
  };
}
