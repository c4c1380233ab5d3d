import { createGenerator, type Generator } from '../base/rng.js';
import { MAX_SPIS, MAX_VCPUS, SPI_BASE } from '../gic/intid.js';
import type { EventSink } from '../trace/events.js';
import { createScript, handlePending, type Script } from './script.js';
import { commonParams, synthesizeMachine, type Workload, type WorkloadParams } from './workload.js';

const TIMER_PPI = 27;
/**
 * Odds of the next step in percent; register writes take the rest. A vCPU in the guest exits before it writes, so that
 * of the steps on the host's side inject is 45 %, entry and exit 46 %, SGI and register writes 5 % each (the mix `typ`
 * of performance.md). Acknowledges and EOIs of the guest come on top.
 */
const INJECT_ODDS = 47;
const RUN_ODDS = 43;
const SGI_ODDS = 5;
const MAX_DISABLED = 8;

/** Devices, timers, IPIs and register writes at random times: the branches are unpredictable, the lists short. */
export const typical: Workload = {
  id: 'typical',
  summary: 'random mix of device interrupts, timers, IPIs and register writes; about 2 entries on a list',
  params: [
    ...commonParams(1_000_000),
    { name: 'vcpus', summary: 'number of vCPUs', default: 4, min: 1, max: MAX_VCPUS },
    { name: 'spis', summary: 'number of SPIs', default: 256, min: 1, max: MAX_SPIS },
    { name: 'lrs', summary: 'number of list registers', default: 4, min: 1, max: 16 },
  ],
  machine: (params) => synthesizeMachine(params.vcpus, params.spis, params.lrs, 0),
  generate(params: WorkloadParams, sink: EventSink): void {
    const rng = createGenerator(params.seed);
    const script = createScript(typical.machine(params), sink, () => 1 + rng.nextBelow(8));
    setUp(script, rng);
    const disabled: number[] = [];
    while (script.events() < params.events) step(script, rng, disabled);
    for (let vcpu = 0; vcpu < params.vcpus; vcpu++) if (script.isInGuest(vcpu)) script.sync(vcpu);
  },
};

/** SPIs: random priority and target, a quarter level-triggered, all enabled. */
function setUp(script: Script, rng: Generator): void {
  const { nrSpis, nrVcpus } = script.machine;
  for (let vcpu = 0; vcpu < nrVcpus; vcpu++) script.enable(vcpu, TIMER_PPI, true);
  for (let intid = SPI_BASE; intid < SPI_BASE + nrSpis; intid++) {
    if (rng.nextBelow(100) < 25) script.configure(0, intid, true);
    script.prioritize(0, intid, rng.nextBelow(32) << 3);
    script.retarget(0, intid, rng.nextBelow(nrVcpus));
    script.enable(0, intid, true);
  }
}

function step(script: Script, rng: Generator, disabled: number[]): void {
  const { nrSpis, nrVcpus } = script.machine;
  const vcpu = rng.nextBelow(nrVcpus);
  const dice = rng.nextBelow(100);
  if (dice < INJECT_ODDS) {
    if (rng.nextBelow(100) < 12) script.inject(vcpu, TIMER_PPI, 1);
    else script.inject(0, SPI_BASE + rng.nextBelow(nrSpis), 1);
  } else if (dice < INJECT_ODDS + RUN_ODDS) {
    if (script.isInGuest(vcpu)) leaveGuest(script, rng, vcpu);
    else script.flush(vcpu);
  } else {
    if (script.isInGuest(vcpu)) leaveGuest(script, rng, vcpu);
    if (dice < INJECT_ODDS + RUN_ODDS + SGI_ODDS) sendIpi(script, rng, vcpu);
    else writeRegister(script, rng, vcpu, disabled);
  }
}

/** Most runs handle everything; some end early, a few in the middle of a handler. */
function leaveGuest(script: Script, rng: Generator, vcpu: number): void {
  handlePending(script, vcpu, rng.nextBelow(100) < 90 ? script.machine.nrLr : rng.nextBelow(2));
  if (rng.nextBelow(100) < 3) script.acknowledge(vcpu);
  script.sync(vcpu);
}

function sendIpi(script: Script, rng: Generator, vcpu: number): void {
  const { nrVcpus } = script.machine;
  const first = rng.nextBelow(Math.ceil(nrVcpus / 16)) * 16;
  const reachable = Math.min(16, nrVcpus - first);
  script.sendSgi(vcpu, rng.nextBelow(8), first, 1 << rng.nextBelow(reachable));
}

function writeRegister(script: Script, rng: Generator, vcpu: number, disabled: number[]): void {
  const intid = SPI_BASE + rng.nextBelow(script.machine.nrSpis);
  const dice = rng.nextBelow(6);
  if (dice === 0) {
    script.prioritize(vcpu, intid, rng.nextBelow(32) << 3);
  } else if (dice === 1) {
    script.retarget(vcpu, intid, rng.nextBelow(script.machine.nrVcpus));
  } else if (dice === 2) {
    script.pend(vcpu, intid, rng.nextBelow(100) < 50);
  } else if (disabled.length > 0 && (disabled.length === MAX_DISABLED || rng.nextBelow(100) < 60)) {
    script.enable(vcpu, disabled.shift() as number, true);
  } else {
    disabled.push(intid);
    script.enable(vcpu, intid, false);
  }
}
