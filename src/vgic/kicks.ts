/**
 * Who is asked to look at its list again, and what that takes: a wake-up, an IPI, or nothing. vgic-spec 1.9 and E.6.
 * Kept by the counted build only: nothing that is delivered depends on it (activeSpis, which HCR shows, is queue.ts's).
 */
import { int32Column, uint8Column } from './columns.js';
import { SECTION_BROADCAST } from './counters.js';
import type { VgicState } from './state.js';

export interface Kicks {
  /** Requests and kicks, or unblocks and event-check IPIs, per vCPU since the start. */
  readonly kicks: Int32Array;
  readonly ipis: Int32Array;
  /** The IRQ_PENDING request, until the next flush takes it. */
  readonly requestSet: Uint8Array;
  /** [0] = the vCPU on the CPU that acts: who entered, left or accessed a register last. Xen asks. */
  readonly current: Int32Array;
  /** Ack notifications per SPI row. */
  readonly notified: Int32Array;
  kick(vcpu: number, wasQueued: boolean): void;
  /** Wakes the vCPU if it is blocked, and does nothing else: no request, no IPI. */
  wake(vcpu: number): void;
  isBlocked(vcpu: number): boolean;
  /** A request to every vCPU (kvm_make_all_cpus_request). */
  broadcast(): void;
  /** Flush: the vCPU acts, and takes the request; `presents`: some LR is pending. */
  enter(vcpu: number, presents: boolean): void;
  /** The vCPU blocks: nothing was pending for it. */
  block(vcpu: number): void;
  setRunning(vcpu: number, running: boolean): void;
  reset(): void;
}

const OUTSIDE = 0;
const IN_GUEST = 1;
const EXITING = 2;
const BLOCKED = 3;

export function createKicks(s: VgicState): Kicks {
  const { cost, nrVcpus, inGuest } = s;
  const kicks = int32Column(nrVcpus);
  const ipis = int32Column(nrVcpus);
  const requestSet = uint8Column(nrVcpus);
  const notified = int32Column(s.machine.nrSpis);
  /** What the kicker sees of a vCPU since its last flush; OUTSIDE counts as soon as inGuest says so. */
  const mode = uint8Column(nrVcpus);
  /** Xen: 0 as inGuest says, 1 not running, 2 running. */
  const running = uint8Column(nrVcpus);
  const current = int32Column(1);

  const modeOf = (vcpu: number): number => (mode[vcpu] === BLOCKED || inGuest[vcpu] !== 0 ? mode[vcpu] : OUTSIDE);

  function interrupt(vcpu: number, wasQueued: boolean): void {
    ipis[vcpu] += 1;
    cost.ipis += 1;
    if (wasQueued) cost.ipisWhileQueued += 1;
  }

  function notifyKvm(vcpu: number, wasQueued: boolean): void {
    requestSet[vcpu] = 1;
    const was = modeOf(vcpu);
    if (was === BLOCKED) {
      cost.wakeups += 1;
      mode[vcpu] = OUTSIDE;
    } else if (was === IN_GUEST) {
      // Only the kick that moves it to EXITING sends an IPI.
      mode[vcpu] = EXITING;
      interrupt(vcpu, wasQueued);
    }
  }

  function notifyXen(vcpu: number, wasQueued: boolean): void {
    requestSet[vcpu] = 1;
    if (modeOf(vcpu) === BLOCKED) {
      cost.wakeups += 1;
      mode[vcpu] = OUTSIDE;
    }
    const isRunning = running[vcpu] === 0 ? inGuest[vcpu] !== 0 : running[vcpu] === 2;
    if (isRunning && vcpu !== current[0]) interrupt(vcpu, wasQueued);
  }
  const notify = s.flavour.kick === 'xen' ? notifyXen : notifyKvm;

  return {
    kicks,
    ipis,
    requestSet,
    current,
    notified,
    kick(vcpu, wasQueued) {
      cost.kicks += 1;
      kicks[vcpu] += 1;
      if (wasQueued) cost.kicksWhileQueued += 1;
      notify(vcpu, wasQueued);
    },
    wake(vcpu) {
      if (modeOf(vcpu) !== BLOCKED) return;
      cost.wakeups += 1;
      mode[vcpu] = OUTSIDE;
    },
    isBlocked: (vcpu) => modeOf(vcpu) === BLOCKED,
    broadcast() {
      cost.broadcasts += 1;
      cost.sectionFor(SECTION_BROADCAST, -1, nrVcpus, 0);
      for (let vcpu = 0; vcpu < nrVcpus; vcpu++) notify(vcpu, false);
    },
    enter(vcpu, presents) {
      if (requestSet[vcpu] !== 0 && !presents) cost.spuriousKicks += 1;
      current[0] = vcpu;
      requestSet[vcpu] = 0;
      mode[vcpu] = IN_GUEST;
    },
    block(vcpu) {
      mode[vcpu] = BLOCKED;
    },
    setRunning(vcpu, isRunning) {
      running[vcpu] = isRunning ? 2 : 1;
    },
    reset() {
      for (const column of [kicks, ipis, requestSet, current, notified, mode, running]) column.fill(0);
    },
  };
}
