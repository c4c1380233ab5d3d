/**
 * A Linux guest under KVM in coarse strokes: each vCPU runs, exits for a reason, comes back. What recordings show between
 * two entries is kept: a load re-injects the levels of both timers, a timer that fires in the guest ends the run and is
 * raised behind the exit, a handler of a device leaves the guest before its EOI. How often each happens is a profile,
 * fitted so that the counts are those of a recording; its times are what makes them so, not what was measured.
 * Times in microseconds.
 */
import { assert } from '../base/errors.js';
import { createGenerator, type Generator } from '../base/rng.js';
import { MAX_VCPUS, type Machine, SPURIOUS_INTID } from '../gic/intid.js';
import type { EventSink } from '../trace/events.js';
import { createScript, type Script } from './script.js';
import { createStage } from './stage.js';
import { commonParams, synthesizeMachine, type WorkloadParam, type WorkloadParams } from './workload.js';

const VIRTUAL_TIMER = 27;
const PHYSICAL_TIMER = 30;
const RESCHEDULE = 0;
const CALL_FUNCTION = 1;
/** What Linux gives every interrupt. */
export const LINUX_PRIORITY = 0xa0;

/** Why a vCPU leaves the guest. */
type Exit = 'wait' | 'user' | 'kernel' | 'sgi';
/** What a handler does after it has acknowledged: exits, and its EOI. */
export type HandlerStep = Exclude<Exit, 'wait'> | 'eoi';

export interface GuestProfile {
  /** Mean time from the handling of a timer interrupt to the next. */
  readonly tick: number;
  /** Mean time between entry and exit, and between exit and entry when the kernel handles it, or user space. */
  readonly run: number;
  readonly host: number;
  readonly user: number;
  /** Of 100 exits that no timer and no handler asks for: WFI, user space, SGI. The kernel alone handles the rest. */
  readonly waits: number;
  readonly users: number;
  readonly sgis: number;
  /** Of 100 handlers of timers, SGIs and LPIs: those that leave the guest before their EOI. */
  readonly split: number;
  /** Of 100 runs outside handlers: those in which the guest masks interrupts to the end of the run. */
  readonly masked: number;
}

/** What a device finds of the VM, and adds to it. */
export interface LinuxVm {
  readonly script: Script;
  readonly rng: Generator;
  /** Around `mean`: 1 to twice that, uniformly. */
  around(mean: number): number;
  /** Runs `action` that many microseconds from now, when no event is being written. */
  after(delay: number, action: () => void): void;
  /** Raises an edge at a vCPU and wakes it. */
  raise(vcpu: number, intid: number): void;
}

export interface LinuxDevice {
  /** Maps, enables, and arms the first arrival. */
  start(vm: LinuxVm): void;
  /** The guest has acknowledged `intid`: the steps of its handler. Undefined: not this device's, or nothing special. */
  handle?(vm: LinuxVm, intid: number): readonly HandlerStep[] | undefined;
}

export const linuxParams = (events: number, vcpus: number): WorkloadParam[] => [
  ...commonParams(events),
  { name: 'vcpus', summary: 'number of vCPUs', default: vcpus, min: 1, max: MAX_VCPUS },
  { name: 'lrs', summary: 'number of list registers', default: 4, min: 1, max: 16 },
];

export const linuxMachine = (params: WorkloadParams, nrLpis = 0): Machine =>
  synthesizeMachine(params.vcpus, 256, params.lrs, nrLpis);

const OUTSIDE = 0;
const IN_GUEST = 1;
/** Scheduled out: in user space, or waiting. */
const PUT = 2;

/** Writes about `params.events` events of that guest with that device. */
export function runLinuxGuest(
  machine: Machine,
  params: WorkloadParams,
  profile: GuestProfile,
  device: LinuxDevice,
  sink: EventSink,
): void {
  const rng = createGenerator(params.seed);
  const { nrVcpus } = machine;
  const stage = createStage(nrVcpus, rng);
  const { nextAt, around, now } = stage;
  const script = createScript(machine, sink, stage.nextDt);
  const place = new Uint8Array(nrVcpus).fill(PUT);
  const timerAt: number[] = Array.from({ length: nrVcpus }, () => rng.nextBelow(2 * profile.tick));
  /** The vGIC was told of the expiry; the host hears no more of it until the guest has deactivated it. */
  const isFired = new Uint8Array(nrVcpus);
  /** What each vCPU's handlers still do. */
  const owed: HandlerStep[][] = Array.from({ length: nrVcpus }, () => []);
  const isHandling = new Uint8Array(nrVcpus);

  const wake = (vcpu: number): void => {
    if (place[vcpu] === PUT) nextAt[vcpu] = Math.min(nextAt[vcpu], now() + around(profile.host));
  };
  const vm: LinuxVm = {
    script,
    rng,
    around,
    after: stage.after,
    raise(vcpu, intid) {
      script.inject(vcpu, intid, 1);
      wake(vcpu);
    },
  };

  function setUp(): void {
    for (let vcpu = 0; vcpu < nrVcpus; vcpu++) {
      for (const timer of [VIRTUAL_TIMER, PHYSICAL_TIMER]) {
        script.mapHw(vcpu, timer, timer);
        script.prioritize(vcpu, timer, LINUX_PRIORITY);
      }
      for (const sgi of [RESCHEDULE, CALL_FUNCTION]) script.prioritize(vcpu, sgi, LINUX_PRIORITY);
      script.enable(vcpu, VIRTUAL_TIMER, true);
    }
    device.start(vm);
  }

  /** The timer's level goes to the vGIC. */
  function tellTimer(vcpu: number): void {
    const isHigh = now() >= timerAt[vcpu];
    if (isHigh) isFired[vcpu] = 1;
    script.inject(vcpu, VIRTUAL_TIMER, isHigh ? 1 : 0);
  }

  function enter(vcpu: number): void {
    if (place[vcpu] === PUT) {
      tellTimer(vcpu);
      script.inject(vcpu, PHYSICAL_TIMER, 0);
    }
    script.flush(vcpu);
    place[vcpu] = IN_GUEST;
    handle(vcpu);
    const isTimerNear = isFired[vcpu] === 0 && timerAt[vcpu] <= now() + 2 * profile.run;
    // A handler is soon at its next exit.
    const leaveAt = now() + around(owed[vcpu].length > 0 ? profile.run >> 2 : profile.run);
    nextAt[vcpu] = isTimerNear ? Math.min(leaveAt, Math.max(now(), timerAt[vcpu])) : leaveAt;
  }

  /** Handlers of this run: the open one, then whatever is pending, until one of them has to leave the guest first. */
  function handle(vcpu: number): void {
    finish(vcpu);
    if (owed[vcpu].length > 0 || rng.nextBelow(100) < profile.masked) return;
    for (let intid = script.acknowledge(vcpu); intid !== SPURIOUS_INTID; intid = script.acknowledge(vcpu)) {
      isHandling[vcpu] = 1;
      owed[vcpu].unshift(...stepsFor(vcpu, intid));
      finish(vcpu);
      if (isHandling[vcpu] === 1) return;
    }
  }

  /** The EOI, if it is what comes next. */
  function finish(vcpu: number): void {
    if (owed[vcpu][0] !== 'eoi') return;
    owed[vcpu].shift();
    if (script.endLast(vcpu) === VIRTUAL_TIMER) isFired[vcpu] = 0;
    isHandling[vcpu] = 0;
  }

  function stepsFor(vcpu: number, intid: number): readonly HandlerStep[] {
    if (intid === VIRTUAL_TIMER) timerAt[vcpu] = now() + around(profile.tick);
    return device.handle?.(vm, intid) ?? (rng.nextBelow(100) < profile.split ? ['kernel', 'eoi'] : ['eoi']);
  }

  function leave(vcpu: number): void {
    script.drive(vcpu, VIRTUAL_TIMER, now() >= timerAt[vcpu] ? 1 : 0);
    script.sync(vcpu);
    place[vcpu] = OUTSIDE;
    if (isFired[vcpu] === 0 && now() >= timerAt[vcpu]) {
      isFired[vcpu] = 1;
      script.inject(vcpu, VIRTUAL_TIMER, 1);
      nextAt[vcpu] = now() + around(profile.host);
      return;
    }
    const step = owed[vcpu].shift();
    assert(step !== 'eoi', 'an EOI needs no exit');
    doExit(vcpu, step ?? chooseExit());
  }

  function chooseExit(): Exit {
    const dice = rng.nextBelow(100);
    if (dice < profile.waits) return 'wait';
    if (dice < profile.waits + profile.users) return 'user';
    return dice < profile.waits + profile.users + profile.sgis ? 'sgi' : 'kernel';
  }

  function doExit(vcpu: number, exit: Exit): void {
    nextAt[vcpu] = now() + around(profile.host);
    if (exit === 'wait' && script.wait(vcpu)) {
      place[vcpu] = PUT;
      nextAt[vcpu] = Math.max(nextAt[vcpu], timerAt[vcpu]);
    } else if (exit === 'user') {
      place[vcpu] = PUT;
      nextAt[vcpu] = now() + around(profile.user);
    } else if (exit === 'sgi' && nrVcpus > 1) {
      const target = (vcpu + 1 + rng.nextBelow(nrVcpus - 1)) % nrVcpus;
      script.sendSgi(vcpu, rng.nextBelow(100) < 2 ? RESCHEDULE : CALL_FUNCTION, target & ~15, 1 << (target & 15));
      wake(target);
    }
  }

  setUp();
  stage.play(
    (vcpu) => (place[vcpu] === IN_GUEST ? leave(vcpu) : enter(vcpu)),
    () => script.events() >= params.events,
  );
  for (let vcpu = 0; vcpu < nrVcpus; vcpu++) if (script.isInGuest(vcpu)) script.sync(vcpu);
}
