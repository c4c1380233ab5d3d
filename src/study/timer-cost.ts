import { LR_EOI, LR_HW, LR_STATE } from '../gic/lr.js';
import { createModel, referenceFor } from '../replay/create-model.js';
import {
  PHYSICAL_TIMER,
  TIMER_ENABLE,
  TIMER_ISTATUS,
  TIMER_PPIS,
  TIMER_TRAPPED,
  VIRTUAL_TIMER,
} from '../vgic/timer/contexts.js';
import { createTimers, type Timers } from '../vgic/timer/timers.js';
import type { Vgic } from '../vgic/vgic.js';
import { studyMachine } from './study-machine.js';

const EXPIRED = TIMER_ENABLE | TIMER_ISTATUS;
const ARMED = TIMER_ENABLE;

/** Sums over all expiries. */
export interface TimerCost {
  readonly guestExits: number;
  readonly hostInterrupts: number;
  /** Background and emulated timers. */
  readonly softTimerStarts: number;
  readonly traps: number;
  /** Returns to user space to tell a level; and for accesses to the interrupt controller that is there. */
  readonly exitsToUser: number;
  readonly controllerExits: number;
  readonly injections: number;
  readonly redundantInjections: number;
  readonly masks: number;
  readonly activeStateWrites: number;
  /** irq_lock and ap_list_lock acquisitions of the vgic. */
  readonly locks: number;
  /** Acknowledged by the guest: one an expiry. */
  readonly handled: number;
}

/** One machine, armed, in the guest. */
export interface TimerRun {
  /** One expiry, delivered and handled; the timer is armed again and the vCPU in the guest. */
  tick(): void;
  cost(): TimerCost;
}

export interface TimerVariant {
  readonly id: string;
  readonly name: string;
  create(): TimerRun;
}

interface Parts {
  readonly vgic: Vgic;
  readonly timers: Timers;
  /** What the script itself counts. */
  readonly seen: { guestExits: number; controllerExits: number; handled: number };
}

function createParts(flavour: string): Parts {
  const machine = studyMachine(flavour, 1, 0, 4);
  const vgic = createModel(machine, referenceFor(machine));
  for (const intid of TIMER_PPIS) vgic.setEnable(0, intid, true, false);
  return { vgic, timers: createTimers(vgic), seen: { guestExits: 0, controllerExits: 0, handled: 0 } };
}

function finish({ vgic, timers, seen }: Parts, tick: () => void): TimerRun {
  const { cost } = vgic.state;
  const locksBefore = cost.locksSoFar();
  const before = timers.counts();
  return {
    tick,
    cost() {
      const now = timers.counts();
      return {
        ...seen,
        hostInterrupts: now.hostInterrupts - before.hostInterrupts,
        softTimerStarts: now.softTimerStarts - before.softTimerStarts,
        traps: now.traps - before.traps,
        exitsToUser: now.exitsToUser - before.exitsToUser,
        injections: now.injections - before.injections,
        redundantInjections: now.redundantInjections - before.redundantInjections,
        masks: now.masks - before.masks,
        activeStateWrites: now.activeStateWrites - before.activeStateWrites,
        locks: cost.locksSoFar() - locksBefore,
      };
    },
  };
}

/** With a vgic. `traps`: the guest's accesses to the timer trap. `waits`: the guest is in WFI when the timer expires. */
function createWithVgic(flavour: string, { traps = false, waits = false }): TimerRun {
  const parts = createParts(flavour);
  const { vgic, timers, seen } = parts;
  const timer = traps ? PHYSICAL_TIMER : VIRTUAL_TIMER;
  const enter = (): void => {
    timers.refreshLines(0);
    vgic.flush(0);
  };
  const exit = (): void => {
    seen.guestExits += 1;
    vgic.sync(0);
  };
  const arm = (): void => {
    if (traps) exit();
    timers.setTimer(0, timer, traps ? ARMED | TIMER_TRAPPED : ARMED);
    if (traps) enter();
  };
  const { lrHi, usedLrs } = vgic.state;
  /** An interrupt of which the EOI is asked for: the maintenance interrupt ends the run. */
  const asksEoi = (): boolean => {
    for (let lr = 0; lr < usedLrs[0]; lr++) if ((lrHi[lr] & (LR_EOI | LR_HW | LR_STATE)) === LR_EOI) return true;
    return false;
  };
  timers.load(0);
  timers.setTimer(0, timer, traps ? ARMED | TIMER_TRAPPED : ARMED);
  enter();
  return finish(parts, () => {
    if (waits) {
      exit();
      timers.put(0, true);
      timers.setTimer(0, timer, EXPIRED);
      timers.load(0);
    } else {
      timers.setTimer(0, timer, EXPIRED);
      exit();
    }
    enter();
    if (vgic.ack(0, 0, 0) !== TIMER_PPIS[timer]) return;
    seen.handled += 1;
    arm();
    vgic.eoi(0, TIMER_PPIS[timer]);
    timers.settle(0);
    if (!asksEoi()) return;
    exit();
    enter();
  });
}

/**
 * Without a vgic. `inUser`: the guest's reads and writes of its interrupt controller return to user space; otherwise one
 * exit that ends in the kernel stands behind the re-arming (conformance P76).
 */
function createWithoutVgic(flavour: string, activeStates: boolean, inUser: boolean): TimerRun {
  const parts = createParts(flavour);
  const { timers, seen } = parts;
  const enter = (): void => {
    while (timers.enter(0) !== 0);
  };
  const exit = (): void => {
    seen.guestExits += 1;
    timers.exit(0);
  };
  const access = (): void => {
    exit();
    if (inUser) {
      seen.controllerExits += 1;
      timers.returnToUser(0);
    }
    enter();
  };
  timers.setIrqchip(false);
  timers.setActiveStates(activeStates);
  timers.setTimer(0, VIRTUAL_TIMER, ARMED);
  enter();
  return finish(parts, () => {
    timers.setTimer(0, VIRTUAL_TIMER, EXPIRED);
    exit();
    enter();
    if (timers.columns.told[0] === 0) return;
    seen.handled += 1;
    // Acknowledge, re-arm, end.
    if (inUser) access();
    timers.setTimer(0, VIRTUAL_TIMER, ARMED);
    access();
  });
}

const KVM = 'kvm-7.2';

export const timerVariants: readonly TimerVariant[] = [
  { id: 'vgic', name: 'vgic, direct timer', create: () => createWithVgic(KVM, {}) },
  {
    id: 'vgic-wfi',
    name: 'vgic, direct timer, guest waits in WFI',
    create: () => createWithVgic(KVM, { waits: true }),
  },
  { id: 'vgic-emulated', name: 'vgic, emulated physical timer', create: () => createWithVgic(KVM, { traps: true }) },
  {
    id: 'user-active',
    name: 'userspace irqchip, host with active states',
    create: () => createWithoutVgic(KVM, true, true),
  },
  {
    id: 'user-masked',
    name: 'userspace irqchip, host without active states',
    create: () => createWithoutVgic(KVM, false, true),
  },
  {
    id: 'user-p76',
    name: 'userspace irqchip, exits stay in the kernel (P76)',
    create: () => createWithoutVgic(KVM, true, false),
  },
  { id: 'xen-new', name: 'Xen vtimer, new vGIC', create: () => createWithVgic('xen-new', {}) },
  { id: 'xen-old', name: 'Xen vtimer, default vGIC', create: () => createWithVgic('xen-old', {}) },
];

export function countTicks({ create }: TimerVariant, expiries: number): TimerCost {
  const run = create();
  for (let expiry = 0; expiry < expiries; expiry++) run.tick();
  return run.cost();
}
