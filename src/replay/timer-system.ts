/**
 * Events → timers (vgic/timer). A vCPU counts as on a CPU from VCPU_LOAD or RUN_ENTRY on, and whenever an event finds it in
 * the guest. Nothing is done for a vCPU whose timers no event names. A trace without VM_STEP is of a machine whose vCPUs have run.
 */
import * as Events from '../trace/events.js';
import type { TimerCounter } from '../vgic/timer/counts.js';
import { createTimers } from '../vgic/timer/timers.js';
import { createVmLife, guardsOf, type VmLife } from '../vgic/timer/vm-life.js';
import { NOT_MODELLED, nameCounts, type SystemKind } from './systems.js';

const { RUN_ENTRY, RUN_EXIT, SYSTEM, TIMER, VCPU_LOAD, VCPU_PUT, VM_STEP } = Events;

/** Numbers of SYSTEM's switches and VM_STEP's steps (trace/events.ts). */
const SWITCH_IRQCHIP = 0;
const SWITCH_ACTIVE_STATES = 1;
const STEP_VCPU = 0;
const STEP_VGIC = 1;
const STEP_INIT = 2;

const NAMES: Readonly<Record<TimerCounter, string>> = {
  hostInterrupts: 'host interrupts',
  exitsByHostInterrupt: 'exits by host interrupt',
  exitsToUser: 'exits to user space',
  entries: 'entries with a userspace irqchip',
  lineUpdates: 'line updates',
  injections: 'injections',
  redundantInjections: 'redundant injections',
  refusedInjections: 'refused injections',
  masks: 'masks',
  unmasks: 'unmasks',
  activeStateWrites: 'active-state writes',
  traps: 'traps',
  softTimerStarts: 'soft timer starts',
  softTimerExpiries: 'soft timer expiries',
  wakeups: 'wake-ups',
  loads: 'loads',
  puts: 'puts',
};

export const timerSystem: SystemKind = {
  name: 'timer',
  hears: [TIMER, VCPU_LOAD, VCPU_PUT, SYSTEM, VM_STEP, RUN_ENTRY, RUN_EXIT],
  create(vgic) {
    const timers = createTimers(vgic);
    const { flavour } = vgic.state;
    let life: VmLife | undefined;
    /** Steps of the VM's life that were refused. */
    let refused = 0;
    /** Xen has no userspace irqchip, and no steps of a VM's life: what a trace says of these is lost on it. */
    let notModelled = 0;
    let isOutside = false;
    /** Loads and puts alone are another system's matter. */
    let isUsed = false;

    /** The first step of a life: nothing is there yet, so the irqchip is nowhere but in user space. */
    function begin(): VmLife {
      timers.setIrqchip(false);
      timers.setVgicReady(false);
      return createVmLife(vgic.state.nrVcpus, guardsOf(flavour), {
        createVgic: () => timers.setIrqchip(true),
        initVgic: () => timers.setVgicReady(true),
        firstRun: timers.enable,
      });
    }

    /** Is the step done? */
    function step(vcpu: number, which: number): boolean {
      life ??= begin();
      if (which === STEP_VGIC) return life.createVgic() === 0;
      if (which === STEP_INIT) return life.initVgic() === 0;
      if (which === STEP_VCPU) return life.beginVcpu(vcpu) && life.finishVcpu(vcpu);
      return life.firstRun(vcpu) === 0;
    }

    return {
      run(kind, vcpu, intid, value) {
        isUsed ||= kind !== VCPU_LOAD && kind !== VCPU_PUT && kind !== SYSTEM;
        switch (kind) {
          case TIMER:
            timers.setTimer(vcpu, intid, value);
            break;
          case VCPU_LOAD:
            timers.load(vcpu);
            break;
          case VCPU_PUT:
            timers.put(vcpu, (value & 1) === 1);
            break;
          case SYSTEM:
            if (intid === SWITCH_IRQCHIP && flavour.isXen) isOutside = value === 0;
            else if (intid === SWITCH_IRQCHIP) timers.setIrqchip(value !== 0);
            else if (intid === SWITCH_ACTIVE_STATES) timers.setActiveStates(value !== 0);
            break;
          case VM_STEP:
            if (flavour.isXen) notModelled += 1;
            else if (!step(vcpu, intid)) refused += 1;
            break;
          case RUN_ENTRY:
            if (isOutside) notModelled += 1;
            else if (timers.columns.irqchipInKernel[0] === 0) timers.enter(vcpu);
            break;
          case RUN_EXIT:
            if (isOutside) notModelled += 1;
            else if (timers.columns.irqchipInKernel[0] === 0) timers.exit(vcpu);
            break;
        }
      },
      enter: timers.refreshLines,
      isDue: timers.isDue,
      counts: () =>
        isUsed
          ? { ...nameCounts(NAMES, timers.counts()), 'refused VM steps': refused, [NOT_MODELLED]: notModelled }
          : {},
    };
  },
};
