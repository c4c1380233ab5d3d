/**
 * Xen's timers: PPIs are not mapped. The host's interrupt sets IMASK in the timer and injects; the guest takes the mask
 * away with its next write. Accesses to the physical timer trap. vgic-spec 5.5. What the specification does not say of Xen is
 * as in KVM: a timer of a blocked vCPU wakes it.
 */
import type { Vgic } from '../vgic.js';
import type { TimerColumns } from './columns.js';
import * as Contexts from './contexts.js';
import type { Tally } from './counts.js';
import type { TimerLine } from './timer-line.js';
import type { TimerRules } from './timers.js';

const { canFire, isLevelHigh, NR_TIMERS, PHYSICAL_TIMER, TIMER_STATE, TIMER_TRAPPED, VIRTUAL_TIMER } = Contexts;

export function createXenTimers(vgic: Vgic, columns: TimerColumns, { count }: Tally, timerLine: TimerLine): TimerRules {
  const { bits, inUse, emulated, softArmed, hostOff, loaded, background } = columns;
  const { update, isInGuest, armBackground, expireBackground } = timerLine;

  function takeDue(vcpu: number, timer: number): void {
    const at = vcpu * NR_TIMERS + timer;
    if (inUse[at] === 0 || emulated[at] === 1 || hostOff[at] === 1 || !isLevelHigh(bits[at])) return;
    count('hostInterrupts');
    if (isInGuest(vcpu)) count('exitsByHostInterrupt');
    count('masks');
    hostOff[at] = 1;
    update(vcpu, timer, 1);
  }

  function settle(vcpu: number): void {
    if (loaded[vcpu] === 0) return;
    for (let timer = 0; timer < NR_TIMERS; timer++) takeDue(vcpu, timer);
  }

  /** A deadline that has passed expires at once. */
  function setEmulated(vcpu: number, timer: number, trapped: boolean): void {
    const at = vcpu * NR_TIMERS + timer;
    if (trapped) {
      count('traps');
      softArmed[at] = canFire(bits[at]) ? 1 : 0;
      if (softArmed[at] === 1) count('softTimerStarts');
    }
    if (softArmed[at] === 0 || !isLevelHigh(bits[at])) return;
    softArmed[at] = 0;
    count('softTimerExpiries');
    update(vcpu, timer, 1);
  }

  /** The host's own mask (hostOff) is not the guest's and lowers nothing. */
  function refreshLine(vcpu: number, timer: number): void {
    update(vcpu, timer, isLevelHigh(bits[vcpu * NR_TIMERS + timer]) ? 1 : 0);
  }

  function refreshLines(vcpu: number): void {
    const first = vcpu * NR_TIMERS;
    if (inUse[first + VIRTUAL_TIMER] === 0 && inUse[first + PHYSICAL_TIMER] === 0) return;
    refreshLine(vcpu, VIRTUAL_TIMER);
    refreshLine(vcpu, PHYSICAL_TIMER);
  }

  return {
    enable() {},
    settle,
    refreshLines: vgic.state.flavour.timerLevelsAtEntry ? refreshLines : () => {},
    setTimer(vcpu, timer, value) {
      const at = vcpu * NR_TIMERS + timer;
      if (isInGuest(vcpu)) loaded[vcpu] = 1;
      settle(vcpu);
      inUse[at] = 1;
      const trapped = (value & TIMER_TRAPPED) !== 0;
      if (trapped) emulated[at] = 1;
      if (hostOff[at] === 1) count('unmasks');
      hostOff[at] = 0;
      bits[at] = value & TIMER_STATE;
      if (emulated[at] === 1) setEmulated(vcpu, timer, trapped);
      else if (loaded[vcpu] === 1) takeDue(vcpu, timer);
      if (loaded[vcpu] === 0 && background[vcpu] === 1 && isLevelHigh(bits[at])) expireBackground(vcpu);
    },
    load(vcpu) {
      if (loaded[vcpu] === 1) return;
      count('loads');
      loaded[vcpu] = 1;
      background[vcpu] = 0;
      settle(vcpu);
    },
    put(vcpu, blocking) {
      if (loaded[vcpu] === 0 && !blocking) return;
      count('puts');
      loaded[vcpu] = 0;
      if (blocking) armBackground(vcpu);
    },
  };
}
