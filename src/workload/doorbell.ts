import { createGenerator, type Generator } from '../base/rng.js';
import { LPI_BASE, MAX_VCPUS, NR_LPIS, SPI_BASE } from '../gic/intid.js';
import {
  ENABLE,
  type EventSink,
  FLUSH,
  GUEST_DRAIN,
  INJECT,
  LPI_MAP,
  PRIORITY,
  SYNC,
  SYSTEM,
  TARGET,
  VCPU_LOAD,
  VCPU_PUT,
  VLPI,
  WFI,
} from '../trace/events.js';
import { LINUX_PRIORITY } from './linux-guest.js';
import { createPen, createStage, type Pen, type Stage } from './stage.js';
import { IN_WFI } from './timer-state.js';
import { commonParams, synthesizeMachine, type Workload, type WorkloadParams } from './workload.js';

/** Switch of SYSTEM. */
const GICV4 = 2;
const LPI_ENABLED = 1 << 16;
/** Mean times in us: in the guest, between exit and entry, in user space, from a doorbell to the vCPU's return. */
const RUN = 600;
const HOST = 150;
const USER = 700;
const WAKE = 100;
/** Longest sleep: something else wakes the vCPU then. */
const SLEEP = 20_000;
/** Of 100 exits: into WFI, to user space. */
const WAITS = 45;
const USERS = 20;
/** Of 100 runs: the guest takes nothing. */
const MASKED = 10;
/** Of 100 interrupts of devices: an SPI, which no hardware delivers. */
const SPIS = 10;
/** Of 100 WFIs: the next virtual LPI arrives while the vCPU is on its way to sleep. */
const RACES = 10;

interface DoorbellVcpu {
  isInGuest: boolean;
  isPut: boolean;
  /** Something was raised that the guest has not taken. */
  hasWork: boolean;
}

/**
 * Virtual LPIs that hardware delivers (vgic-spec 4.1): to a resident vPE, to one that sleeps in WFI and is woken by its
 * doorbell, to one that was only scheduled out, and to one on its way to sleep, whose put then reads PendingLast = 1.
 */
export const doorbell: Workload = {
  id: 'doorbell',
  summary: 'GICv4: virtual LPIs reach resident vCPUs, sleeping ones by doorbell, and ones on their way to sleep',
  systems: ['doorbell'],
  params: [
    ...commonParams(1_000_000),
    { name: 'vcpus', summary: 'number of vCPUs', default: 4, min: 1, max: MAX_VCPUS },
    { name: 'vlpis', summary: 'virtual LPIs of each vCPU', default: 8, min: 1, max: Math.floor(NR_LPIS / MAX_VCPUS) },
    { name: 'period', summary: 'mean time between interrupts of devices, us', default: 300, min: 1, max: 1_000_000 },
    { name: 'gicv4', summary: 'the host: 40 for GICv4.0, 41 for GICv4.1', default: 41, min: 40, max: 41 },
    { name: 'lrs', summary: 'number of list registers', default: 4, min: 1, max: 16 },
  ],
  machine: (params) => synthesizeMachine(params.vcpus, 128, params.lrs, NR_LPIS),
  generate(params: WorkloadParams, sink: EventSink): void {
    const rng = createGenerator(params.seed);
    const stage = createStage(params.vcpus, rng);
    const pen = createPen(sink, stage.nextDt);
    const vcpus = Array.from({ length: params.vcpus }, () => ({ isInGuest: false, isPut: true, hasWork: false }));
    const guest = { rng, stage, pen, params, vcpus };
    pen.write(SYSTEM, 0, GICV4, params.gicv4);
    for (let vcpu = 0; vcpu < params.vcpus; vcpu++) setUp(guest, vcpu);
    const arrive = (): void => {
      raise(guest, rng.nextBelow(params.vcpus));
      stage.after(stage.around(params.period), arrive);
    };
    stage.after(stage.around(params.period), arrive);
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
  readonly vcpus: readonly DoorbellVcpu[];
}

const spiOf = (vcpu: number): number => SPI_BASE + vcpu;
const firstLpiOf = (vcpu: number, vlpis: number): number => LPI_BASE + vcpu * vlpis;

function setUp({ pen, params }: Guest, vcpu: number): void {
  pen.write(PRIORITY, vcpu, spiOf(vcpu), LINUX_PRIORITY);
  pen.write(TARGET, vcpu, spiOf(vcpu), vcpu);
  pen.write(ENABLE, vcpu, spiOf(vcpu), 1);
  const first = firstLpiOf(vcpu, params.vlpis);
  for (let lpi = first; lpi < first + params.vlpis; lpi++)
    pen.write(LPI_MAP, vcpu, lpi, (LINUX_PRIORITY << 8) | LPI_ENABLED);
}

/** A device's interrupt: the hardware delivers it, or the host injects it. Either ends a sleep. */
function raise({ rng, stage, pen, params, vcpus }: Guest, vcpu: number): void {
  if (rng.nextBelow(100) < SPIS) pen.write(INJECT, 0, spiOf(vcpu), 1);
  else pen.write(VLPI, vcpu, firstLpiOf(vcpu, params.vlpis) + rng.nextBelow(params.vlpis), 0);
  vcpus[vcpu].hasWork = true;
  if (vcpus[vcpu].isPut) stage.nextAt[vcpu] = Math.min(stage.nextAt[vcpu], stage.now() + stage.around(WAKE));
}

function enter({ rng, stage, pen, vcpus }: Guest, vcpu: number): void {
  const state = vcpus[vcpu];
  if (state.isPut) pen.write(VCPU_LOAD, vcpu, 0, 0);
  state.isPut = false;
  pen.write(FLUSH, vcpu, 0, 0);
  state.isInGuest = true;
  if (rng.nextBelow(100) >= MASKED) {
    pen.write(GUEST_DRAIN, vcpu, 0, 0);
    state.hasWork = false;
  }
  stage.nextAt[vcpu] = stage.now() + stage.around(RUN);
}

function leave(guest: Guest, vcpu: number): void {
  const { rng, stage, pen, vcpus } = guest;
  const state = vcpus[vcpu];
  pen.write(SYNC, vcpu, 0, 0);
  state.isInGuest = false;
  stage.nextAt[vcpu] = stage.now() + stage.around(HOST);
  const dice = rng.nextBelow(100);
  if (dice < WAITS) {
    if (rng.nextBelow(100) < RACES) raise(guest, vcpu);
    pen.write(VCPU_PUT, vcpu, 0, IN_WFI);
    pen.write(WFI, vcpu, 0, 0);
    state.isPut = true;
    stage.nextAt[vcpu] = stage.now() + stage.around(state.hasWork ? HOST : SLEEP);
  } else if (dice < WAITS + USERS) {
    pen.write(VCPU_PUT, vcpu, 0, 0);
    state.isPut = true;
    stage.nextAt[vcpu] = stage.now() + stage.around(USER);
  }
}
