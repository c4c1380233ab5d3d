/**
 * The life of a KVM VM as far as timers and vgic depend on its order: vgic-spec 5.4. Every check is a guard that a study
 * can take away. Results are 0 or a negative errno. GICv3 guests only: 6.1 would initialise a GICv2 at its first injection.
 */
import type { Flavour } from '../../gic/flavour/index.js';
import { uint8Column } from '../columns.js';

export const EBUSY = -16;
export const EEXIST = -17;
export const ENODEV = -19;

export interface VmGuards {
  /** kvm_vgic_create: -EBUSY if any vCPU has run. */
  readonly vgicBeforeRun: boolean;
  /** kvm_vgic_create: -EEXIST if there is a vgic. */
  readonly oneVgic: boolean;
  /** kvm_vgic_create: -EBUSY while the creation of a vCPU is in flight (7.2). */
  readonly noVcpuInCreation: boolean;
  /** kvm_timer_enable: -ENODEV if the vgic is not initialised. */
  readonly initialisedAtRun: boolean;
}

export const guardsOf = (flavour: Flavour): VmGuards => ({
  vgicBeforeRun: true,
  oneVgic: true,
  noVcpuInCreation: flavour.refusesVgicDuringVcpuCreation,
  initialisedAtRun: true,
});

/** What a step that is not refused does to the machine. */
export interface VmEffects {
  createVgic(): void;
  /** Rows of the vgic are at their reset values from here on. */
  initVgic(): void;
  firstRun(vcpu: number): void;
}

/** States of a vCPU. */
export const ABSENT = 0;
export const IN_CREATION = 1;
export const CREATED = 2;
export const HAS_RUN = 3;
const NO_VGIC = 0;
const VGIC_CREATED = 1;
const VGIC_INITIALISED = 2;

export interface VmLife {
  /** A creation in two steps, and in one. False: there is such a vCPU, or none in creation. */
  beginVcpu(vcpu: number): boolean;
  finishVcpu(vcpu: number): boolean;
  createVgic(): number;
  /** -ENODEV without a vgic; 0 and no effect if it is initialised. */
  initVgic(): number;
  /** KVM_RUN of a vCPU for the first time; later ones are 0 and have no effect here. -ENODEV also for a vCPU that is not there. */
  firstRun(vcpu: number): number;
  hasVgic(): boolean;
  isInitialised(): boolean;
  /** ABSENT, IN_CREATION, CREATED or HAS_RUN. */
  stateOf(vcpu: number): number;
  reset(): void;
}

export function createVmLife(nrVcpus: number, guards: VmGuards, effects: VmEffects): VmLife {
  const vcpus = uint8Column(nrVcpus);
  let vgic = NO_VGIC;

  function move(vcpu: number, from: number, to: number): boolean {
    if (vcpus[vcpu] !== from) return false;
    vcpus[vcpu] = to;
    return true;
  }

  return {
    beginVcpu: (vcpu) => move(vcpu, ABSENT, IN_CREATION),
    finishVcpu: (vcpu) => move(vcpu, IN_CREATION, CREATED),
    createVgic() {
      if (guards.oneVgic && vgic !== NO_VGIC) return EEXIST;
      if (guards.noVcpuInCreation && vcpus.includes(IN_CREATION)) return EBUSY;
      if (guards.vgicBeforeRun && vcpus.includes(HAS_RUN)) return EBUSY;
      vgic = VGIC_CREATED;
      effects.createVgic();
      return 0;
    },
    initVgic() {
      if (vgic === NO_VGIC) return ENODEV;
      if (vgic === VGIC_INITIALISED) return 0;
      vgic = VGIC_INITIALISED;
      effects.initVgic();
      return 0;
    },
    firstRun(vcpu) {
      if (vcpus[vcpu] === HAS_RUN) return 0;
      if (vcpus[vcpu] !== CREATED) return ENODEV;
      if (guards.initialisedAtRun && vgic === VGIC_CREATED) return ENODEV;
      vcpus[vcpu] = HAS_RUN;
      effects.firstRun(vcpu);
      return 0;
    },
    hasVgic: () => vgic !== NO_VGIC,
    isInitialised: () => vgic === VGIC_INITIALISED,
    stateOf: (vcpu) => vcpus[vcpu],
    reset() {
      vcpus.fill(ABSENT);
      vgic = NO_VGIC;
    },
  };
}
