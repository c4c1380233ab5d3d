/**
 * Events → timers (vgic/timer). A vCPU counts as on a CPU from VCPU_LOAD or RUN_ENTRY on, and whenever an event finds it in
 * the guest. Nothing is done for a vCPU whose timers no event names. A trace without VM_STEP is of a machine whose vCPUs have run.
 */
import * as Events from '../trace/events.js';
import { createTimers } from '../vgic/timer/timers.js';
import { createVmLife, guardsOf, type VmLife } from '../vgic/timer/vm-life.js';
import type { SystemKind } from './systems.js';

const { RUN_ENTRY, RUN_EXIT, SYSTEM, TIMER, VCPU_LOAD, VCPU_PUT, VM_STEP } = Events;

/** Numbers of SYSTEM's switches and VM_STEP's steps (trace/events.ts). */
const SWITCH_IRQCHIP = 0;
const SWITCH_ACTIVE_STATES = 1;
const STEP_VCPU = 0;
const STEP_VGIC = 1;
const STEP_INIT = 2;

export const timerSystem: SystemKind = {
  name: 'timer',
  hears: [TIMER, VCPU_LOAD, VCPU_PUT, SYSTEM, VM_STEP, RUN_ENTRY, RUN_EXIT],
  create(vgic) {
    const timers = createTimers(vgic);
    const { flavour } = vgic.state;
    let life: VmLife | undefined;
    /** Steps of the VM's life that were refused. */
    let refused = 0;
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
            // Xen has no userspace irqchip.
            if (intid === SWITCH_IRQCHIP && !flavour.isXen) timers.setIrqchip(value !== 0);
            else if (intid === SWITCH_ACTIVE_STATES) timers.setActiveStates(value !== 0);
            break;
          case VM_STEP:
            if (!flavour.isXen && !step(vcpu, intid)) refused += 1;
            break;
          case RUN_ENTRY:
            if (timers.columns.irqchipInKernel[0] === 0) timers.enter(vcpu);
            break;
          case RUN_EXIT:
            if (timers.columns.irqchipInKernel[0] === 0) timers.exit(vcpu);
            break;
        }
      },
      enter: timers.refreshLines,
      isDue: timers.isDue,
      counts: () => (isUsed ? { ...timers.counts(), refusedVmSteps: refused } : {}),
    };
  },
};
