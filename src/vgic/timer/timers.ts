/**
 * The arch timers of one machine beside its vgic: who is told of a level, by what interrupt, and what keeps that
 * interrupt from firing again. vgic-spec section 5. KVM's direct timers stand on mapped PPIs (section 3): the vgic reads the
 * level from `physLine` of the host interrupt, banked per vCPU as if each vCPU had a CPU of its own.
 *
 * A host interrupt is taken as soon as the hardware would signal it, by `setTimer`, `load`, `enter` or `settle`; the guest's EOI,
 * which makes a mapped one fire again while its level is high, is a change that only `settle` sees.
 */
import type { Vgic } from '../vgic.js';
import { createTimerColumns, resetTimerColumns, type TimerColumns } from './columns.js';
import { createTally, type TimerCounts } from './counts.js';
import { createKvmTimers } from './kvm-timers.js';
import { createTimerLine } from './timer-line.js';
import { createUserIrqchip, type UserIrqchip } from './user-irqchip.js';
import { createXenTimers } from './xen-timers.js';

/** What differs between KVM and Xen. */
export interface TimerRules {
  /**
   * Hardware state of a timer of `vcpu` := `bits` (TIMER_ constants of contexts.ts). TIMER_TRAPPED makes the timer emulated;
   * a write to ENABLE or IMASK without it makes it direct; a change of ISTATUS alone says nothing about that.
   */
  setTimer(vcpu: number, timer: number, bits: number): void;
  load(vcpu: number): void;
  /** `blocking`: the vCPU waits in WFI, a soft timer stands in for its timers. */
  put(vcpu: number, blocking: boolean): void;
  /** Takes the host interrupts that are due. */
  settle(vcpu: number): void;
  /** Before an entry, flavours with timerLevelsAtEntry: recomputes the lines of both EL1 timers. */
  refreshLines(vcpu: number): void;
  /** First run (kvm_timer_enable). With a vgic the PPIs become the timers' own and direct ones are mapped. */
  enable(vcpu: number): void;
}

export interface Timers extends TimerRules, UserIrqchip {
  readonly columns: TimerColumns;
  setIrqchip(inKernel: boolean): void;
  setActiveStates(has: boolean): void;
  /** Has a timer of `vcpu` reached its deadline? */
  isDue(vcpu: number): boolean;
  /** The vgic of the VM is initialised: it takes injections. */
  setVgicReady(ready: boolean): void;
  /** The rows of the vgic are new: no PPI has an owner. */
  disown(): void;
  counts(): TimerCounts;
  /** Back to before the first event. The vgic's own reset takes back what was mapped. */
  reset(): void;
}

export interface TimerOptions {
  /** Does the vgic refuse an injection by another than the PPI's owner (vgic-spec 1.4)? On unless a study turns it off. */
  readonly checksOwner: boolean;
  /**
   * Is the host's interrupt kept from firing again while its level is high (vgic-spec 5.2, 5.3)? On unless a study turns it
   * off, to see that a storm would be noticed. KVM.
   */
  readonly masksHost: boolean;
}

const UPSTREAM: TimerOptions = { checksOwner: true, masksHost: true };

export function createTimers(vgic: Vgic, options: TimerOptions = UPSTREAM): Timers {
  const { flavour, nrVcpus } = vgic.state;
  const columns = createTimerColumns(nrVcpus);
  const tally = createTally();
  const line = createTimerLine(vgic, columns, tally, options.checksOwner);
  const createRules = flavour.timers === 'mapped' ? createKvmTimers : createXenTimers;
  const rules = createRules(vgic, columns, tally, line, options);
  return {
    ...rules,
    ...createUserIrqchip(vgic, columns, tally, line, rules),
    columns,
    isDue: line.isDue,
    setIrqchip(inKernel) {
      columns.irqchipInKernel[0] = inKernel ? 1 : 0;
    },
    setActiveStates(has) {
      columns.activeStates[0] = has ? 1 : 0;
    },
    setVgicReady(ready) {
      columns.vgicReady[0] = ready ? 1 : 0;
    },
    disown() {
      columns.owned.fill(0);
    },
    counts: tally.counts,
    reset() {
      resetTimerColumns(columns);
      tally.reset();
    },
  };
}
