import { createGenerator, type Generator } from '../base/rng.js';
import { MAX_VCPUS } from '../gic/intid.js';
import { type EventSink, RUN_ENTRY, RUN_EXIT, SYSTEM, TIMER, VCPU_LOAD, VCPU_PUT, WFI } from '../trace/events.js';
import { createPen, createStage, type Pen, type Stage } from './stage.js';
import { createVirtualTimer, IN_WFI, VIRTUAL_TIMER, type VirtualTimer } from './timer-state.js';
import { commonParams, synthesizeMachine, type Workload, type WorkloadParams } from './workload.js';

/** Switches of SYSTEM. */
const IRQCHIP = 0;
const ACTIVE_STATES = 1;
/** Mean times in us: in the guest, between exit and entry, in user space. */
const RUN = 1500;
const HOST = 200;
const USER = 600;
/** Of 100 runs with the timer's level high that user space knows of: the guest handles it. Else it has it masked. */
const HANDLES = 70;
/** Of 100 exits that no timer asked for: to user space, into WFI. */
const USERS = 20;
const WAITS = 15;

interface UserVcpu {
  isInGuest: boolean;
  isLoaded: boolean;
  /** The level that user space was told last. */
  isTold: boolean;
  readonly timer: VirtualTimer;
}

/**
 * A VM whose interrupt controller is in user space (vgic-spec 5.3): the run ends when the timer's level is another than
 * user space was told, and the host's timer interrupt is masked while the level is high, handled or not.
 */
export const timerUserspace: Workload = {
  id: 'timer-userspace',
  summary: 'arch timers of a VM without a vgic: level changes end the run, a high level goes on being masked',
  systems: ['timer'],
  params: [
    ...commonParams(1_000_000),
    { name: 'vcpus', summary: 'number of vCPUs', default: 2, min: 1, max: MAX_VCPUS },
    {
      name: 'tick',
      summary: 'mean time from a timer interrupt to the next, us',
      default: 4000,
      min: 1,
      max: 10_000_000,
    },
    { name: 'active', summary: '1: the host GIC has active states; 0: it masks per CPU', default: 1, min: 0, max: 1 },
  ],
  machine: (params) => synthesizeMachine(params.vcpus, 0, 4, 0),
  generate(params: WorkloadParams, sink: EventSink): void {
    const rng = createGenerator(params.seed);
    const stage = createStage(params.vcpus, rng);
    const pen = createPen(sink, stage.nextDt);
    pen.write(SYSTEM, 0, IRQCHIP, 0);
    pen.write(SYSTEM, 0, ACTIVE_STATES, params.active);
    const vcpus = Array.from({ length: params.vcpus }, (_, vcpu): UserVcpu => {
      const tell = (bits: number): void => pen.write(TIMER, vcpu, VIRTUAL_TIMER, bits);
      return {
        isInGuest: false,
        isLoaded: false,
        isTold: false,
        timer: createVirtualTimer(tell, stage.around(params.tick), 0),
      };
    });
    const guest = { rng, stage, pen, params };
    stage.play(
      (vcpu) => (vcpus[vcpu].isInGuest ? leave(guest, vcpu, vcpus[vcpu]) : enter(guest, vcpu, vcpus[vcpu])),
      () => pen.events() >= params.events,
    );
    for (const [vcpu, { isInGuest }] of vcpus.entries()) if (isInGuest) pen.write(RUN_EXIT, vcpu, 0, 0);
  },
};

interface Guest {
  readonly rng: Generator;
  readonly stage: Stage;
  readonly pen: Pen;
  readonly params: WorkloadParams;
}

function enter({ rng, stage, pen, params }: Guest, vcpu: number, state: UserVcpu): void {
  const { timer } = state;
  timer.expire(stage.now());
  if (!state.isLoaded) pen.write(VCPU_LOAD, vcpu, 0, 0);
  state.isLoaded = true;
  pen.write(RUN_ENTRY, vcpu, 0, 0);
  if (timer.hasFired() !== state.isTold) {
    // The run does not begin: user space is told, and comes back.
    state.isTold = timer.hasFired();
    state.isLoaded = false;
    stage.nextAt[vcpu] = stage.now() + stage.around(USER);
    return;
  }
  state.isInGuest = true;
  if (timer.hasFired() && rng.nextBelow(100) < HANDLES) timer.arm(stage.now() + stage.around(params.tick));
  stage.nextAt[vcpu] = Math.min(stage.now() + stage.around(RUN), Math.max(stage.now(), timer.firesAt()));
}

function leave({ rng, stage, pen }: Guest, vcpu: number, state: UserVcpu): void {
  const { timer } = state;
  const hasJustFired = timer.expire(stage.now());
  pen.write(RUN_EXIT, vcpu, 0, 0);
  state.isInGuest = false;
  stage.nextAt[vcpu] = stage.now() + stage.around(HOST);
  if (hasJustFired) return;
  const dice = rng.nextBelow(100);
  // Every return to user space tells it the level; here it changes nothing.
  if (dice < USERS && timer.hasFired() === state.isTold) {
    put(pen, vcpu, state, 0);
    stage.nextAt[vcpu] = stage.now() + stage.around(USER);
  } else if (dice < USERS + WAITS && !timer.hasFired()) {
    put(pen, vcpu, state, IN_WFI);
    pen.write(WFI, vcpu, 0, 0);
    stage.nextAt[vcpu] = Math.max(stage.now(), timer.firesAt());
  }
}

function put(pen: Pen, vcpu: number, state: UserVcpu, how: number): void {
  pen.write(VCPU_PUT, vcpu, 0, how);
  state.isLoaded = false;
}
