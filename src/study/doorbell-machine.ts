/** The machine of the doorbell study: one vCPU, an ITS, LPIs that all have one priority. */
import { LPI_BASE, NR_LPIS } from '../gic/intid.js';
import { sortOnFlush } from '../strategy/sort-on-flush.js';
import { createDoorbell, type Doorbell, type DoorbellOptions, noDoorbellCounts } from '../vgic/doorbell/doorbell.js';
import { createVgic, type Vgic } from '../vgic/vgic.js';
import { studyMachine } from './study-machine.js';

export const OPEN_PMR = 0xf8;
const LPI_PRIORITY = 0xa0;
/** A PMR that lets none of these LPIs through. */
export const CLOSED_PMR = 0x80;

/** An ordinary interrupt beside them. */
export const SPI = 40;

export function createDoorbellMachine(): Vgic {
  return createVgic({ ...studyMachine('kvm-6.1', 1, 32, 4, NR_LPIS), pmrAtStart: OPEN_PMR }, sortOnFlush.create({}));
}

/** The machine as new, with `nrMapped` LPIs from LPI_BASE on. (Making one takes longer than most of what is done with it.) */
export function startAnew(vgic: Vgic, nrMapped: number): void {
  vgic.reset();
  for (let lpi = LPI_BASE; lpi < LPI_BASE + nrMapped; lpi++) vgic.mapLpi(lpi, 0, LPI_PRIORITY, true);
  vgic.setPriority(0, SPI, LPI_PRIORITY);
  vgic.setEnable(0, SPI, true, false);
  vgic.state.cost.reset();
}

export const addDoorbell = (vgic: Vgic, options: DoorbellOptions): Doorbell =>
  createDoorbell(vgic, options, noDoorbellCounts());
