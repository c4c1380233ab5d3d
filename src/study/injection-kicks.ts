/**
 * Is unblocking enough for an interrupt that is queued already (vgic-spec 1.9)? A machine of a few vCPUs in a closed loop: an
 * entry hands the guest its interrupts, which it ends at once; then it runs on until somebody tells it to look again, or
 * until an exit of its own. So what nobody tells has a price: injections that go by before the guest takes it.
 */
import { formatInteger } from '../base/number-format.js';
import { createGenerator } from '../base/rng.js';
import { NO_VCPU, SPI_BASE } from '../gic/intid.js';
import { HCR_NPIE, HCR_UIE, LR_ACTIVE, LR_PENDING } from '../gic/lr.js';
import { sortOnFlush } from '../strategy/sort-on-flush.js';
import { createVgic, type Vgic } from '../vgic/vgic.js';
import { queuedOn } from '../vgic/word.js';
import type { StudyTable } from './study.js';
import { studyMachine } from './study-machine.js';

export interface KickVariant {
  readonly name: string;
  readonly flavour: string;
  /** The posted version: what is queued already only unblocks. */
  readonly unblocksOnly: boolean;
}

export const KICK_VARIANTS: readonly KickVariant[] = [
  { name: 'kvm-6.1', flavour: 'kvm-6.1', unblocksOnly: false },
  { name: 'kvm-7.2', flavour: 'kvm-7.2', unblocksOnly: false },
  { name: 'xen-new, upstream', flavour: 'xen-new', unblocksOnly: false },
  { name: 'xen-new, as posted', flavour: 'xen-new', unblocksOnly: true },
];

export interface KickCounts {
  readonly injections: number;
  readonly requests: number;
  readonly whileQueued: number;
  readonly wakeups: number;
  readonly ipis: number;
  /** Injections to a running vCPU that nobody told, and what the LR said of the earlier instance. */
  readonly untold: number;
  readonly ended: number;
  readonly unacknowledged: number;
  readonly active: number;
  readonly notInLr: number;
  /** Injections that went by until the guest took the interrupt: sum and maximum over the interrupts taken. */
  readonly taken: number;
  readonly waited: number;
  readonly longestWait: number;
}

const NR_VCPUS = 4;
const NR_SPIS = 64;
const INJECTIONS = 10_000;
/** Of 100 steps; the rest are exits that the guest makes itself, half of them to wait for an interrupt. */
const INJECT_ODDS = 85;

function createMachine(flavour: string): Vgic {
  const vgic = createVgic(studyMachine(flavour, NR_VCPUS, NR_SPIS, 4), sortOnFlush.create({}));
  for (let n = 0; n < NR_SPIS; n++) {
    vgic.setTarget(SPI_BASE + n, n % NR_VCPUS);
    vgic.setEnable(0, SPI_BASE + n, true, false);
  }
  return vgic;
}

export function simulateKicks({ flavour, unblocksOnly }: KickVariant, seed: number): KickCounts {
  const vgic = createMachine(flavour);
  const { kicks, state } = vgic;
  const { cost, hcr, usedLrs, lrHi, lrSlot, nrLr, word, spiSlotBase } = state;
  const rng = createGenerator(seed);
  const since = new Int32Array(NR_SPIS).fill(-1);
  const runs = new Uint8Array(NR_VCPUS);
  const untold = { ended: 0, unacknowledged: 0, active: 0, notInLr: 0 };
  let now = 0;
  let taken = 0;
  let waited = 0;
  let longestWait = 0;

  function takePresented(vcpu: number): void {
    for (let lr = vcpu * nrLr; lr < vcpu * nrLr + usedLrs[vcpu]; lr++) {
      if ((lrHi[lr] & LR_PENDING) === 0) continue;
      const spi = lrSlot[lr] - spiSlotBase;
      const wait = now - since[spi];
      since[spi] = -1;
      taken += 1;
      waited += wait;
      longestWait = Math.max(longestWait, wait);
    }
    vgic.drain(vcpu, 0);
  }

  /** Entry; the guest ends what it gets, and takes the maintenance exits that this causes. */
  function enter(vcpu: number): void {
    runs[vcpu] = 1;
    vgic.flush(vcpu);
    takePresented(vcpu);
    while ((hcr[vcpu] & (HCR_UIE | HCR_NPIE)) !== 0) {
      vgic.sync(vcpu);
      vgic.flush(vcpu);
      takePresented(vcpu);
    }
  }

  function exit(vcpu: number): void {
    runs[vcpu] = 0;
    vgic.sync(vcpu);
  }

  function noteUntold(vcpu: number, slot: number): void {
    for (let lr = vcpu * nrLr; lr < vcpu * nrLr + usedLrs[vcpu]; lr++) {
      if (lrSlot[lr] !== slot) continue;
      if ((lrHi[lr] & LR_ACTIVE) !== 0) untold.active++;
      else if ((lrHi[lr] & LR_PENDING) !== 0) untold.unacknowledged++;
      else untold.ended++;
      return;
    }
    untold.notInLr++;
  }

  function everybodyLooks(): void {
    for (let vcpu = 0; vcpu < NR_VCPUS; vcpu++) {
      if (runs[vcpu] === 1) exit(vcpu);
      enter(vcpu);
    }
  }

  function inject(spi: number): void {
    const slot = spiSlotBase + spi;
    const vcpu = spi % NR_VCPUS;
    const { ipis, ipisWhileQueued, wakeups, broadcasts } = cost;
    // The device's interrupt is taken by a CPU that runs none of these vCPUs.
    kicks.current[0] = NO_VCPU;
    now++;
    if (since[spi] < 0) since[spi] = now;
    vgic.inject(0, SPI_BASE + spi, 1);
    const sent = cost.ipis - ipis - (unblocksOnly ? cost.ipisWhileQueued - ipisWhileQueued : 0);
    if (cost.broadcasts > broadcasts) everybodyLooks();
    else if (cost.wakeups > wakeups) enter(vcpu);
    else if (sent > 0) {
      exit(vcpu);
      enter(vcpu);
    } else if (runs[vcpu] === 1 && queuedOn(word[slot]) === vcpu) noteUntold(vcpu, slot);
  }

  /** An exit of the guest's own; half of them are WFIs. */
  function pause(vcpu: number, waits: boolean): void {
    if (runs[vcpu] === 0) return;
    exit(vcpu);
    if (!waits || vgic.pendingTest(vcpu)) enter(vcpu);
    else kicks.block(vcpu);
  }

  cost.reset();
  for (let vcpu = 0; vcpu < NR_VCPUS; vcpu++) enter(vcpu);
  while (now < INJECTIONS) {
    if (rng.nextBelow(100) < INJECT_ODDS) inject(rng.nextBelow(NR_SPIS));
    else pause(rng.nextBelow(NR_VCPUS), rng.nextBelow(2) === 0);
  }
  const { ended, unacknowledged, active, notInLr } = untold;
  return {
    injections: cost.injections,
    requests: cost.kicks + cost.broadcasts,
    whileQueued: cost.kicksWhileQueued,
    wakeups: cost.wakeups,
    ipis: cost.ipis - (unblocksOnly ? cost.ipisWhileQueued : 0),
    untold: ended + unacknowledged + active + notInLr,
    ...untold,
    taken,
    waited,
    longestWait,
  };
}

export function kickTable(found: readonly (readonly [KickVariant, KickCounts])[]): StudyTable {
  return {
    caption: `Kicks: ${formatInteger(INJECTIONS)} edges of ${NR_SPIS} SPIs to ${NR_VCPUS} vCPUs that run until told, make an exit of their own, or wait`,
    columns: [
      'variant',
      'injections',
      'kicks',
      'of them queued already',
      'wake-ups',
      'IPIs',
      'running vCPU not told',
      'of them: the earlier instance ended',
      'taken',
      'mean wait, injections',
      'longest wait',
    ],
    rowHeads: 1,
    rows: found.map(([{ name }, counts]) => [
      name,
      counts.injections,
      counts.requests,
      counts.whileQueued,
      counts.wakeups,
      counts.ipis,
      counts.untold,
      counts.ended,
      counts.taken,
      Math.round((100 * counts.waited) / counts.taken) / 100,
      counts.longestWait,
    ]),
  };
}
