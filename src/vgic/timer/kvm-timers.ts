/** KVM's timers: direct ones on mapped PPIs, emulated ones on soft timers. vgic-spec 5.1, 5.2. */
import * as Intid from '../../gic/intid.js';
import { physRowOf } from '../state.js';
import type { Vgic } from '../vgic.js';
import { ACTIVE } from '../word.js';
import type { TimerColumns } from './columns.js';
import * as Contexts from './contexts.js';
import type { Tally } from './counts.js';
import type { TimerLine } from './timer-line.js';
import type { TimerOptions, TimerRules } from './timers.js';

// V8 folds a module's own constants, not imported ones (bench/README.md).
const { NR_PRIVATE_IRQS } = Intid;
const { canFire, isLevelHigh, NR_TIMERS, PHYSICAL_TIMER, TIMER_PPIS, VIRTUAL_TIMER } = Contexts;
const { TIMER_ENABLE, TIMER_IMASK, TIMER_STATE, TIMER_TRAPPED } = Contexts;

export function createKvmTimers(
  vgic: Vgic,
  columns: TimerColumns,
  { count }: Tally,
  timerLine: TimerLine,
  { masksHost }: TimerOptions,
): TimerRules {
  const { mapHw, unmapHw } = vgic;
  const { word, physLine, physActive, nrVcpus } = vgic.state;
  const { bits, line, inUse, emulated, softArmed, hostOff, loaded, background, enabled, owned } = columns;
  const { irqchipInKernel, activeStates } = columns;
  const { update, isInGuest, armBackground, expireBackground } = timerLine;

  const rowOf = (vcpu: number, timer: number): number => physRowOf(nrVcpus, vcpu, TIMER_PPIS[timer]);
  const levelOf = (at: number): number => (isLevelHigh(bits[at]) ? 1 : 0);
  /** Physical active states keep the interrupt away: always with a vgic. */
  const usesActive = (): boolean => irqchipInKernel[0] === 1 || activeStates[0] === 1;

  function map(vcpu: number, timer: number): void {
    if (owned[vcpu] === 1) mapHw(vcpu, TIMER_PPIS[timer], TIMER_PPIS[timer], false);
  }

  function enable(vcpu: number): void {
    if (enabled[vcpu] === 1) return;
    enabled[vcpu] = 1;
    if (irqchipInKernel[0] === 0) return;
    owned[vcpu] = 1;
    map(vcpu, VIRTUAL_TIMER);
    map(vcpu, PHYSICAL_TIMER);
  }

  /** kvm_arch_timer_handler, if the hardware signals the interrupt now: it stays active until somebody deactivates it. */
  function takeDue(vcpu: number, timer: number): void {
    const at = vcpu * NR_TIMERS + timer;
    if (inUse[at] === 0 || emulated[at] === 1 || !isLevelHigh(bits[at])) return;
    const row = rowOf(vcpu, timer);
    if (hostOff[at] === 1 || physActive[row] === 1) return;
    count('hostInterrupts');
    if (isInGuest(vcpu)) count('exitsByHostInterrupt');
    if (masksHost) {
      if (usesActive()) physActive[row] = 1;
      else hostOff[at] = 1;
      if (irqchipInKernel[0] === 0) count('masks');
    }
    update(vcpu, timer, 1);
  }

  function settle(vcpu: number): void {
    if (loaded[vcpu] === 0) return;
    for (let timer = 0; timer < NR_TIMERS; timer++) takeDue(vcpu, timer);
  }

  /** The line and the soft timer of an emulated timer: on load, on a trap and on expiry. */
  function evaluate(vcpu: number, timer: number): void {
    const at = vcpu * NR_TIMERS + timer;
    const level = levelOf(at);
    if (level !== line[at]) update(vcpu, timer, level);
    softArmed[at] = level === 0 && canFire(bits[at]) ? 1 : 0;
    if (softArmed[at] === 1) count('softTimerStarts');
  }

  function loadDirect(vcpu: number, timer: number): void {
    const at = vcpu * NR_TIMERS + timer;
    const level = levelOf(at);
    const row = rowOf(vcpu, timer);
    const wasMasked = usesActive() ? physActive[row] : hostOff[at];
    update(vcpu, timer, level);
    if (!masksHost) return;
    if (usesActive()) {
      const isActive = irqchipInKernel[0] === 1 && (word[vcpu * NR_PRIVATE_IRQS + TIMER_PPIS[timer]] & ACTIVE) !== 0;
      physActive[row] = isActive ? 1 : level;
      count('activeStateWrites');
    } else hostOff[at] = level;
    if (irqchipInKernel[0] === 0 && wasMasked !== level) count(level === 1 ? 'masks' : 'unmasks');
  }

  function load(vcpu: number): void {
    if (loaded[vcpu] === 1) return;
    count('loads');
    loaded[vcpu] = 1;
    background[vcpu] = 0;
    if (enabled[vcpu] === 0) return;
    for (let timer = 0; timer < NR_TIMERS; timer++) {
      const at = vcpu * NR_TIMERS + timer;
      if (inUse[at] === 0) continue;
      if (emulated[at] === 1) evaluate(vcpu, timer);
      else loadDirect(vcpu, timer);
    }
  }

  function setEmulated(vcpu: number, timer: number, on: boolean): void {
    const at = vcpu * NR_TIMERS + timer;
    const isNew = inUse[at] === 0;
    inUse[at] = 1;
    if (!isNew && on === (emulated[at] === 1)) return;
    emulated[at] = on ? 1 : 0;
    softArmed[at] = 0;
    if (on) {
      physLine[rowOf(vcpu, timer)] = 0;
      if (owned[vcpu] === 1) unmapHw(vcpu, TIMER_PPIS[timer]);
    } else if (!isNew || timer > PHYSICAL_TIMER) {
      // The EL1 timers were mapped at the first run.
      map(vcpu, timer);
    }
  }

  /** The mode that an access tells of: trapped, direct, or none (the counter alone moved). */
  function noteAccess(vcpu: number, timer: number, value: number): void {
    const at = vcpu * NR_TIMERS + timer;
    const isWrite = ((bits[at] ^ value) & (TIMER_ENABLE | TIMER_IMASK)) !== 0;
    if ((value & TIMER_TRAPPED) !== 0) setEmulated(vcpu, timer, true);
    else if (inUse[at] === 0 || isWrite) setEmulated(vcpu, timer, false);
  }

  function setEmulatedState(vcpu: number, timer: number, trapped: boolean): void {
    const at = vcpu * NR_TIMERS + timer;
    if (trapped) count('traps');
    else if (softArmed[at] === 1 && isLevelHigh(bits[at])) count('softTimerExpiries');
    else if (loaded[vcpu] === 0) return;
    evaluate(vcpu, timer);
  }

  return {
    enable,
    load,
    settle,
    setTimer(vcpu, timer, value) {
      enable(vcpu);
      const at = vcpu * NR_TIMERS + timer;
      const trapped = (value & TIMER_TRAPPED) !== 0;
      // In the guest means on a CPU, whether a load came as an event or not.
      if (isInGuest(vcpu)) loaded[vcpu] = 1;
      else if (trapped) load(vcpu);
      settle(vcpu);
      noteAccess(vcpu, timer, value);
      bits[at] = value & TIMER_STATE;
      if (emulated[at] === 1) setEmulatedState(vcpu, timer, trapped);
      else {
        physLine[rowOf(vcpu, timer)] = levelOf(at);
        if (loaded[vcpu] === 1) takeDue(vcpu, timer);
      }
      if (loaded[vcpu] === 0 && background[vcpu] === 1 && isLevelHigh(bits[at])) expireBackground(vcpu);
    },
    put(vcpu, blocking) {
      if (loaded[vcpu] === 0 && !blocking) return;
      settle(vcpu);
      count('puts');
      loaded[vcpu] = 0;
      for (let at = vcpu * NR_TIMERS; at < (vcpu + 1) * NR_TIMERS; at++) softArmed[at] = 0;
      if (blocking) armBackground(vcpu);
    },
    refreshLines() {},
  };
}
