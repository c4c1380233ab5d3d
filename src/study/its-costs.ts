/** Counted steps of ITS operations against the number of mapped LPIs, for both ways to index LPIs. */
import { NR_LPIS } from '../gic/intid.js';
import { COLLECTION_TABLE, DEVICE_TABLE } from '../gic/its-layout.js';
import { METRICS, type Metric } from '../vgic/its/costs.js';
import { createItsMachine, ITT_AREA, type ItsMachine } from './its-machine.js';

/** As a multi-queue device has them. */
export const EVENTS_A_DEVICE = 32;
const EVENT_BITS = 5;
const ITT_BYTES = 8 * EVENTS_A_DEVICE;
const NR_VCPUS = 4;
const LPI_BASE = 8192;
const COLLECTION = 1;

/** Mapped LPIs: 57,344 is every number from 8192 to 65535. */
export const LPI_COUNTS: readonly number[] = [1, 4, 16, 64, 256, 1024, 4096, 16384, NR_LPIS];

export const COSTED = [
  'MSI, cached',
  'MSI, not cached',
  'MAPTI',
  'DISCARD',
  'INVALL',
  'MOVALL',
  'save',
  'restore',
] as const;
export type Costed = (typeof COSTED)[number];

export interface OperationCost {
  /** Everything that is counted of one call, added up. */
  readonly steps: number;
  readonly by: Readonly<Record<Metric, number>>;
}

export type CostsAt = Readonly<Record<Costed, OperationCost>>;

function readLast({ its: { costs } }: ItsMachine): OperationCost {
  const by = Object.fromEntries(METRICS.map((metric) => [metric, costs.last(metric)])) as Record<Metric, number>;
  return { steps: costs.lastSteps(), by };
}

const deviceOf = (at: number): number => Math.floor(at / EVENTS_A_DEVICE);
const eventOf = (at: number): number => at % EVENTS_A_DEVICE;

/** `count` LPIs of one collection on vCPU 0, mapped in ascending order, in devices of EVENTS_A_DEVICE events. */
export function mapLpis(machine: ItsMachine, count: number): void {
  machine.mapCollection(COLLECTION, 0, true);
  for (let at = 0; at < count; at++) {
    const device = deviceOf(at);
    if (eventOf(at) === 0) machine.mapDevice(device, ITT_AREA + device * ITT_BYTES, EVENT_BITS, true);
    machine.mapEvent(device, eventOf(at), LPI_BASE + at, COLLECTION);
  }
}

/** Each operation once, on the last mapped event where it names one: the far end of every list. */
export function measureCosts(flavour: string, count: number): CostsAt {
  const machine = createItsMachine(flavour, NR_VCPUS);
  const { its } = machine;
  mapLpis(machine, count);
  const mapped = readLast(machine);
  const last = count - 1;

  its.signalMsi(deviceOf(last), eventOf(last));
  const uncached = readLast(machine);
  // As many other translations as there are, so that a bounded cache is full and this one its oldest that still fits.
  const others = Math.min(last, 16 * NR_VCPUS - 1);
  for (let at = 0; at < others; at++) its.signalMsi(deviceOf(at), eventOf(at));
  its.signalMsi(deviceOf(last), eventOf(last));
  const cached = readLast(machine);

  machine.invalidateAll(COLLECTION);
  const invalidated = readLast(machine);
  machine.moveAll(0, 1);
  const moved = readLast(machine);
  its.save();
  const saved = readLast(machine);
  machine.discard(deviceOf(last), eventOf(last));
  const discarded = readLast(machine);
  machine.mapEvent(deviceOf(last), eventOf(last), LPI_BASE + last, COLLECTION);
  machine.drop();
  its.restore();
  const restored = readLast(machine);
  return {
    'MSI, cached': cached,
    'MSI, not cached': uncached,
    MAPTI: mapped,
    DISCARD: discarded,
    INVALL: invalidated,
    MOVALL: moved,
    save: saved,
    restore: restored,
  };
}

/** Restore of tables without one valid entry, as large as a guest may make them here: slots that are read for nothing. */
export function measureEmptyRestore(flavour: string): number {
  const { its } = createItsMachine(flavour, NR_VCPUS);
  its.restore();
  return its.costs.last('table slots');
}

/** Restore when one device entry leads to an ITT of 2^16 slots that holds nothing, in every slot of the device table. */
export function measureWidestRestore(flavour: string): number {
  const { its } = createItsMachine(flavour, NR_VCPUS);
  const slots = (COLLECTION_TABLE - DEVICE_TABLE) / 8;
  for (let id = 0; id < slots; id++) {
    // Valid, next 1 (the last: 0), ITT_AREA, 16 event bits: vgic-spec 6.8.
    its.memory.poke(DEVICE_TABLE + 8 * id, (ITT_AREA / 256) * 32 + 15, 4);
    its.memory.poke(DEVICE_TABLE + 8 * id + 4, (1 << 31) | ((id < slots - 1 ? 1 : 0) << 17), 4);
  }
  its.restore();
  return its.costs.last('table slots');
}
