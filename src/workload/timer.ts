import { createGenerator, type Generator } from '../base/rng.js';
import { MAX_VCPUS } from '../gic/intid.js';
import {
  ENABLE,
  type EventSink,
  FLUSH,
  GUEST_DRAIN,
  PRIORITY,
  SGI,
  SYNC,
  TIMER,
  VCPU_LOAD,
  VCPU_PUT,
  WFI,
} from '../trace/events.js';
import { LINUX_PRIORITY } from './linux-guest.js';
import { createPen, createStage, type Pen, type Stage } from './stage.js';
import {
  createVirtualTimer,
  IN_WFI,
  NEVER,
  PHYSICAL_TIMER,
  TIMER_PPIS,
  TRAPPED,
  VIRTUAL_TIMER,
  type VirtualTimer,
} from './timer-state.js';
import { commonParams, synthesizeMachine, type Workload, type WorkloadParams } from './workload.js';

const CALL_FUNCTION = 1;
/** Mean times in us: in the guest, in the kernel, in user space. */
const RUN = 1850;
const HOST = 500;
const USER = 3000;
/** Of 100 exits that no timer asked for, those to user space, by SGIs and by WFI. */
const USERS = 30;
const SGIS = 13;
const WAITS = 8;
/** Of 100 runs: interrupts stay masked to the end of it. */
const MASKED = 22;
/** Of 100 timer interrupts: the guest masks the timer before it re-arms it, or takes back a timer that has fired. */
const MASKS = 10;
const CANCELS = 3;
/** Of 100 handled virtual timers: the guest arms the physical one, too. */
const ARMS_PHYSICAL = 5;

interface TimerVcpu {
  isInGuest: boolean;
  isPut: boolean;
  /** An SGI was sent to it and not taken. */
  hasSgi: boolean;
  readonly virtual: VirtualTimer;
  readonly physical: VirtualTimer;
}

/**
 * vCPUs that live by their timers, as cyclictest's do: a timer fires in the guest and ends the run, or while the vCPU is
 * scheduled out, and the guest re-arms it. The model of the timers raises the PPIs (vgic-spec 5.1, 5.2), so there is
 * no INJECT. Timer interrupts, SGIs, waits and puts a guest entry are those of traces/recorded/timer-2.vgt while cyclictest and
 * hackbench run.
 */
export const timer: Workload = {
  id: 'timer',
  summary:
    'arch timers fire in the guest and while it is scheduled out, and are re-armed, masked, cancelled; some SGIs',
  imitates: 'timer-2',
  systems: ['timer'],
  params: [
    ...commonParams(1_000_000),
    { name: 'vcpus', summary: 'number of vCPUs', default: 2, min: 1, max: MAX_VCPUS },
    {
      name: 'tick',
      summary: 'mean time from a timer interrupt to the next, us',
      default: 2000,
      min: 1,
      max: 10_000_000,
    },
    {
      name: 'emulated',
      summary: '1: accesses to the physical timer trap, as on hosts without VHE',
      default: 0,
      min: 0,
      max: 1,
    },
    { name: 'lrs', summary: 'number of list registers', default: 4, min: 1, max: 16 },
  ],
  machine: (params) => synthesizeMachine(params.vcpus, 32, params.lrs, 0),
  generate(params: WorkloadParams, sink: EventSink): void {
    const rng = createGenerator(params.seed);
    const stage = createStage(params.vcpus, rng);
    const pen = createPen(sink, stage.nextDt);
    const vcpus = Array.from({ length: params.vcpus }, (_, vcpu) => createVcpu(vcpu, pen, stage, params));
    const guest = { rng, stage, pen, params, vcpus };
    for (let vcpu = 0; vcpu < params.vcpus; vcpu++) setUp(pen, vcpu);
    stage.play(
      (vcpu) => (vcpus[vcpu].isInGuest ? leave(guest, vcpu) : enter(guest, vcpu)),
      () => pen.events() >= params.events,
    );
    for (const [vcpu, { isInGuest }] of vcpus.entries()) if (isInGuest) pen.write(SYNC, vcpu, 0, 0);
  },
};

interface Guest {
  readonly rng: Generator;
  readonly stage: Stage;
  readonly pen: Pen;
  readonly params: WorkloadParams;
  readonly vcpus: readonly TimerVcpu[];
}

function createVcpu(vcpu: number, pen: Pen, { around }: Stage, { tick, emulated }: WorkloadParams): TimerVcpu {
  const tell = (timer: number) => (bits: number) => pen.write(TIMER, vcpu, timer, bits);
  return {
    isInGuest: false,
    isPut: true,
    hasSgi: false,
    virtual: createVirtualTimer(tell(VIRTUAL_TIMER), around(tick), 0),
    physical: createVirtualTimer(tell(PHYSICAL_TIMER), NEVER, emulated === 1 ? TRAPPED : 0),
  };
}

function setUp(pen: Pen, vcpu: number): void {
  for (const intid of [TIMER_PPIS[VIRTUAL_TIMER], TIMER_PPIS[PHYSICAL_TIMER]]) {
    pen.write(PRIORITY, vcpu, intid, LINUX_PRIORITY);
    pen.write(ENABLE, vcpu, intid, 1);
  }
  pen.write(PRIORITY, vcpu, CALL_FUNCTION, LINUX_PRIORITY);
}

function enter({ rng, stage, pen, params, vcpus }: Guest, vcpu: number): void {
  const state = vcpus[vcpu];
  const { virtual, physical } = state;
  for (const timer of [virtual, physical]) timer.expire(stage.now());
  if (state.isPut) pen.write(VCPU_LOAD, vcpu, 0, 0);
  state.isPut = false;
  pen.write(FLUSH, vcpu, 0, 0);
  state.isInGuest = true;
  if (rng.nextBelow(100) >= MASKED) takeInterrupts({ rng, stage, pen, params, vcpus }, vcpu);
  const leaveAt = stage.now() + stage.around(RUN);
  const fires = Math.max(stage.now(), Math.min(virtual.firesAt(), physical.firesAt()));
  stage.nextAt[vcpu] = Math.min(leaveAt, fires);
}

/** The guest's handlers. A direct timer is silenced before the EOI; a trapped access would end the run, so it comes behind it. */
function takeInterrupts({ rng, stage, pen, params, vcpus }: Guest, vcpu: number): void {
  const { virtual, physical } = vcpus[vcpu];
  if (virtual.hasFired()) {
    if (rng.nextBelow(100) < MASKS) virtual.mask();
    virtual.arm(stage.now() + stage.around(params.tick));
    if (!physical.isArmed() && rng.nextBelow(100) < ARMS_PHYSICAL && params.emulated === 0)
      physical.arm(stage.now() + stage.around(params.tick));
    // Taken back before it was acknowledged: nothing is left to handle.
    if (rng.nextBelow(100) < CANCELS) return;
  }
  if (physical.hasFired() && params.emulated === 0) physical.disarm();
  pen.write(GUEST_DRAIN, vcpu, 0, 0);
  vcpus[vcpu].hasSgi = false;
}

function leave(guest: Guest, vcpu: number): void {
  const { rng, stage, pen, params, vcpus } = guest;
  const state = vcpus[vcpu];
  const fired = [state.virtual, state.physical].filter((timer) => timer.expire(stage.now()));
  pen.write(SYNC, vcpu, 0, 0);
  state.isInGuest = false;
  stage.nextAt[vcpu] = stage.now() + stage.around(HOST);
  if (fired.length > 0) return;
  if (params.emulated === 1) accessTrapped(guest, vcpu);
  const dice = rng.nextBelow(100);
  const isIdle = !state.hasSgi && !state.virtual.hasFired() && !state.physical.hasFired();
  if (dice < USERS) {
    pen.write(VCPU_PUT, vcpu, 0, 0);
    state.isPut = true;
    stage.nextAt[vcpu] = stage.now() + stage.around(USER);
  } else if (dice < USERS + SGIS && params.vcpus > 1) {
    sendSgi(guest, vcpu);
  } else if (dice < USERS + SGIS + WAITS && isIdle) {
    pen.write(VCPU_PUT, vcpu, 0, IN_WFI);
    pen.write(WFI, vcpu, 0, 0);
    state.isPut = true;
    stage.nextAt[vcpu] = Math.max(stage.now(), Math.min(state.virtual.firesAt(), state.physical.firesAt()));
  }
}

/** The guest reads or writes the emulated physical timer: that is an exit by itself. */
function accessTrapped({ rng, stage, params, vcpus }: Guest, vcpu: number): void {
  const { physical } = vcpus[vcpu];
  if (physical.hasFired()) physical.disarm();
  else if (!physical.isArmed() && rng.nextBelow(100) < ARMS_PHYSICAL)
    physical.arm(stage.now() + stage.around(params.tick));
}

function sendSgi({ rng, stage, pen, params, vcpus }: Guest, vcpu: number): void {
  const target = (vcpu + 1 + rng.nextBelow(params.vcpus - 1)) % params.vcpus;
  pen.write(SGI, vcpu, CALL_FUNCTION | ((target & ~15) << 5), 1 << (target & 15));
  vcpus[target].hasSgi = true;
  if (vcpus[target].isPut) stage.nextAt[target] = Math.min(stage.nextAt[target], stage.now() + stage.around(HOST));
}
