/**
 * A VM put together in any order, with a guest whose virtual timer fires: real vgic, real timers, and a watch for what goes
 * wrong. vgic-spec 5.4. GICv3 guest, one timer a vCPU. After each step every vCPU is out of the guest.
 */
import { flavourNamed } from '../gic/flavour/index.js';
import { reference } from '../strategy/index.js';
import { physRowOf, slotOf } from '../vgic/state.js';
import { NR_TIMERS, TIMER_ENABLE, TIMER_ISTATUS, TIMER_PPIS, VIRTUAL_TIMER } from '../vgic/timer/contexts.js';
import { createTimers } from '../vgic/timer/timers.js';
import { ABSENT, CREATED, createVmLife, guardsOf, HAS_RUN, IN_CREATION, type VmGuards } from '../vgic/timer/vm-life.js';
import { createVgic } from '../vgic/vgic.js';
import { isPending, QUEUED_FIELD } from '../vgic/word.js';
import { studyMachine } from './study-machine.js';

/** What can be wrong; bits of a set. */
export const HARM_NOT_READY = 1;
export const HARM_LOST = 2;
export const HARM_STUCK_LINE = 4;
export const HARM_MISSED = 8;
export const HARM_HOST = 16;

export const HARMS: readonly { readonly bit: number; readonly name: string; readonly clause: string }[] = [
  {
    bit: HARM_NOT_READY,
    name: 'lost: vgic not initialised',
    clause: 'the guest is not interrupted, its vgic not being initialised',
  },
  { bit: HARM_LOST, name: 'lost: PPI not owned', clause: 'the guest is not interrupted, its PPI having no owner' },
  { bit: HARM_STUCK_LINE, name: 'line stays high', clause: 'the virtual line stays high' },
  {
    bit: HARM_MISSED,
    name: 'expiry without host interrupt',
    clause: 'the physical interrupt stays active, so that an expiry is not seen',
  },
  { bit: HARM_HOST, name: 'host storm', clause: 'the host is interrupted more than once an expiry' },
];

export type StepKind = 'create' | 'begin' | 'finish' | 'vgic' | 'init' | 'run' | 'fire' | 'again';

/** `vcpu` is 0 for steps of the VM. */
export interface LifeStep {
  readonly kind: StepKind;
  readonly vcpu: number;
}

export interface LifeOptions {
  readonly flavour: string;
  readonly nrVcpus: number;
  /** Guards that the flavour does not have, or that it has and that are taken away. */
  readonly guards: Partial<VmGuards>;
  /** Does the vgic refuse injections by others than a PPI's owner (vgic-spec 1.4)? */
  readonly checksOwner: boolean;
  /** Does the host keep its timer interrupt from firing again while the level is high? */
  readonly masksHost: boolean;
}

export interface LifeMachine {
  reset(): void;
  /** Could the step be tried at all? Refused ones can. */
  isPossible(step: LifeStep): boolean;
  /** The harms that the step shows, as bits. */
  apply(step: LifeStep): number;
  /** All that later steps depend on, as text. */
  key(): string;
  /** Creations of a vgic that were accepted after a vCPU had run. */
  hasLateVgic(): boolean;
}

const TIMER_PPI = TIMER_PPIS[VIRTUAL_TIMER];
const EXPIRED = TIMER_ENABLE | TIMER_ISTATUS;
const ARMED = TIMER_ENABLE;
const NOTHING_PENDING = 1023;

export function createLifeMachine({ flavour, nrVcpus, guards, checksOwner, masksHost }: LifeOptions): LifeMachine {
  const vgic = createVgic(studyMachine(flavour, nrVcpus, 0, 1), reference.create({}));
  const { state, list } = vgic;
  const timers = createTimers(vgic, { checksOwner, masksHost });
  const { columns } = timers;
  const vcpus = Array.from({ length: nrVcpus }, (_, vcpu) => vcpu);
  /** 1: high. */
  const level = new Uint8Array(nrVcpus);
  let isLate = false;

  const life = createVmLife(
    nrVcpus,
    { ...guardsOf(flavourNamed(flavour)), ...guards },
    {
      createVgic() {
        putAll();
        isLate ||= vcpus.some(hasRun);
        resetRows();
        timers.setIrqchip(true);
        timers.setVgicReady(false);
      },
      initVgic() {
        putAll();
        resetRows();
        timers.setVgicReady(true);
        for (const vcpu of vcpus) vgic.setEnable(vcpu, TIMER_PPI, true, false);
      },
      firstRun: timers.enable,
    },
  );

  const hasRun = (vcpu: number): boolean => life.stateOf(vcpu) === HAS_RUN;

  const slots = vcpus.map((vcpu) => slotOf(state, vcpu, TIMER_PPI));
  const freshWords = slots.map((slot) => state.word[slot]);
  const wordOf = (vcpu: number): number => state.word[slots[vcpu]];

  /** A new vgic knows nothing; the host's interrupts stay as they are. */
  function resetRows(): void {
    for (const vcpu of vcpus) {
      const slot = slots[vcpu];
      const queued = state.word[slot] & QUEUED_FIELD;
      state.word[slot] = queued;
      if (queued !== 0) {
        list.touch(slot);
        list.prune(vcpu);
      }
      state.word[slot] = freshWords[vcpu];
    }
    timers.disown();
  }

  /** User space acts between two KVM_RUNs. */
  function putAll(): void {
    for (const vcpu of vcpus) timers.put(vcpu, false);
  }

  function enter(vcpu: number): void {
    if (life.hasVgic()) {
      timers.load(vcpu);
      vgic.flush(vcpu);
    } else if (timers.enter(vcpu) !== 0) timers.enter(vcpu);
  }

  function exit(vcpu: number): void {
    if (life.hasVgic()) vgic.sync(vcpu);
    else timers.exit(vcpu);
  }

  function fire(vcpu: number): number {
    enter(vcpu);
    const before = timers.counts().hostInterrupts;
    timers.setTimer(vcpu, VIRTUAL_TIMER, EXPIRED);
    timers.settle(vcpu);
    const taken = timers.counts().hostInterrupts - before;
    level[vcpu] = 1;
    exit(vcpu);
    return taken === 0 ? HARM_MISSED : taken > 1 ? HARM_HOST : 0;
  }

  /** The guest takes what is presented, re-arms its timer and ends the interrupt. User space presents what it was told. */
  function runAgain(vcpu: number): number {
    const before = timers.counts().hostInterrupts;
    enter(vcpu);
    const wasHigh = level[vcpu] === 1;
    const hasVgic = life.hasVgic();
    const isTold = hasVgic ? vgic.ack(vcpu, 0, 0) !== NOTHING_PENDING : columns.told[vcpu] !== 0;
    if (isTold) {
      timers.setTimer(vcpu, VIRTUAL_TIMER, ARMED);
      level[vcpu] = 0;
      if (hasVgic) vgic.eoi(vcpu, TIMER_PPI);
      timers.settle(vcpu);
    }
    exit(vcpu);
    let harm = 0;
    if (wasHigh && !isTold) harm |= hasVgic && !life.isInitialised() ? HARM_NOT_READY : HARM_LOST;
    if (hasVgic && level[vcpu] === 0 && isPending(wordOf(vcpu))) harm |= HARM_STUCK_LINE;
    if (timers.counts().hostInterrupts !== before) harm |= HARM_HOST;
    return harm;
  }

  return {
    reset() {
      resetRows();
      state.physLine.fill(0);
      state.physActive.fill(0);
      timers.reset();
      timers.setIrqchip(false);
      timers.setVgicReady(false);
      life.reset();
      level.fill(0);
      isLate = false;
    },
    isPossible({ kind, vcpu }) {
      switch (kind) {
        case 'create':
        case 'begin':
          return life.stateOf(vcpu) === ABSENT;
        case 'finish':
          return life.stateOf(vcpu) === IN_CREATION;
        case 'vgic':
          return true;
        case 'init':
          return life.hasVgic();
        case 'run':
          return life.stateOf(vcpu) === CREATED;
        case 'fire':
          return hasRun(vcpu) && level[vcpu] === 0;
        case 'again':
          return hasRun(vcpu);
      }
    },
    apply({ kind, vcpu }) {
      switch (kind) {
        case 'create':
          life.beginVcpu(vcpu);
          life.finishVcpu(vcpu);
          return 0;
        case 'begin':
          life.beginVcpu(vcpu);
          return 0;
        case 'finish':
          life.finishVcpu(vcpu);
          return 0;
        case 'vgic':
          life.createVgic();
          return 0;
        case 'init':
          life.initVgic();
          return 0;
        case 'run':
          life.firstRun(vcpu);
          return 0;
        case 'fire':
          return fire(vcpu);
        case 'again':
          return runAgain(vcpu);
      }
    },
    key: () =>
      vcpus
        .map((vcpu) => {
          const row = physRowOf(nrVcpus, vcpu, TIMER_PPI);
          const at = vcpu * NR_TIMERS + VIRTUAL_TIMER;
          return [
            life.stateOf(vcpu),
            level[vcpu],
            wordOf(vcpu) | 0,
            state.physActive[row],
            columns.line[at] * 2 + columns.inUse[at],
            columns.loaded[vcpu] * 4 + columns.enabled[vcpu] * 2 + columns.owned[vcpu],
            columns.told[vcpu],
          ].join('.');
        })
        .concat(life.isInitialised() ? 'i' : life.hasVgic() ? 'v' : '-', isLate ? 'late' : '')
        .join(' '),
    hasLateVgic: () => isLate,
  };
}
