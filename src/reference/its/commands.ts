/** The commands of the ITS (vgic-spec 6.6; layout of their words: IHI 0069). Results: 0, an internal error, or an errno. */
import { LPI_BASE, NO_VCPU } from '../../gic/intid.js';
import type { Irq } from '../irq.js';
import { countLocks, type MachineState } from '../machine-state.js';
import { bitsOf, fieldOf, hasBit } from './bits.js';
import { triggerEvent } from './delivery.js';
import { type Collection, type ItsState, isMapped } from './its-state.js';
import { addLpi, endOfLpis, updateConfig, updateConfigOfVcpu, walkLpis } from './lpi-tables.js';
import {
  allItes,
  dropCache,
  EFAULT,
  ENODEV,
  ENTRY_SIZE,
  eventSlot,
  findCollection,
  findDevice,
  findDeviceSlot,
  findIte,
  freeCollection,
  freeDevice,
  freeIte,
  isCollectionInReach,
  isEventInReach,
  OK,
} from './tables.js';

const MOVI_UNMAPPED_INTERRUPT = 0x010107;
const MOVI_UNMAPPED_COLLECTION = 0x010109;
const CLEAR_UNMAPPED_INTERRUPT = 0x010507;
const MAPD_DEVICE_OUT_OF_RANGE = 0x010801;
const MAPD_SIZE_OUT_OF_RANGE = 0x010802;
const MAPC_TARGET_OUT_OF_RANGE = 0x010902;
const MAPC_COLLECTION_OUT_OF_RANGE = 0x010903;
const MAPTI_UNMAPPED_DEVICE = 0x010a04;
const MAPTI_EVENT_OUT_OF_RANGE = 0x010a05;
const MAPTI_LPI_OUT_OF_RANGE = 0x010a06;
const INV_UNMAPPED_INTERRUPT = 0x010c07;
const INVALL_UNMAPPED_COLLECTION = 0x010d09;
const MOVALL_TARGET_OUT_OF_RANGE = 0x010e01;
const DISCARD_UNMAPPED_INTERRUPT = 0x010f07;

const MAX_EVENT_BITS = 16;

/** Every operand that some command has; each command reads its own. */
interface Operands {
  readonly device: number;
  readonly event: number;
  readonly lpi: number;
  readonly collection: number;
  readonly bits: number;
  readonly itt: number;
  /** A vCPU's number, of MAPC and MOVALL. */
  readonly target: number;
  readonly otherTarget: number;
  readonly isValid: boolean;
}

type Command = (state: MachineState, its: ItsState, operands: Operands) => number;

const isVcpu = ({ vcpus }: MachineState, target: number): boolean => target < vcpus.length;

function retarget(state: MachineState, irq: Irq, vcpu: number): void {
  countLocks(state, 1);
  irq.target = vcpu;
}

const mapDevice: Command = (state, its, { device: id, bits, itt, isValid }) => {
  const slot = findDeviceSlot(its, id);
  if (slot === undefined) return MAPD_DEVICE_OUT_OF_RANGE;
  if (isValid && bits > MAX_EVENT_BITS) return MAPD_SIZE_OUT_OF_RANGE;
  const existing = findDevice(its, id);
  if (existing) freeDevice(state, its, existing);
  if (!isValid) its.memory.write(slot, ENTRY_SIZE, 0n);
  else its.devices.push({ id, bits, itt, entries: [] });
  return OK;
};

const mapCollection: Command = (state, its, { collection: id, target, isValid }) => {
  const isTargetChecked = isValid || its.switches.unmapChecksTarget;
  if (isTargetChecked && !isVcpu(state, target)) return MAPC_TARGET_OUT_OF_RANGE;
  const existing = findCollection(its, id);
  if (!isValid) {
    if (existing) freeCollection(its, existing);
    dropCache(its);
    return OK;
  }
  if (!existing) {
    if (!isCollectionInReach(its, id)) return MAPC_COLLECTION_OUT_OF_RANGE;
    its.collections.push({ id, target });
    return OK;
  }
  existing.target = target;
  for (const { collection, irq } of allItes(its)) if (collection === existing) retarget(state, irq, target);
  return OK;
};

const mapEvent: Command = (state, its, { device: deviceId, event, lpi, collection: collectionId }) => {
  const device = findDevice(its, deviceId);
  if (!device) return MAPTI_UNMAPPED_DEVICE;
  if (!isEventInReach(device, event)) return MAPTI_EVENT_OUT_OF_RANGE;
  if (lpi < LPI_BASE || lpi >= endOfLpis(its)) return MAPTI_LPI_OUT_OF_RANGE;
  if (findIte(its, deviceId, event)) return OK;
  const known = findCollection(its, collectionId);
  if (!known && !isCollectionInReach(its, collectionId)) return MAPC_COLLECTION_OUT_OF_RANGE;
  const collection: Collection = known ?? { id: collectionId, target: NO_VCPU };
  const irq = addLpi(state, its, lpi, collection.target);
  // A command that fails has mapped nothing, the collection neither.
  if (typeof irq === 'number') return irq;
  if (!known) its.collections.push(collection);
  device.entries.push({ event, irq, collection });
  return OK;
};

const moveEvent: Command = (state, its, { device, event, collection: id }) => {
  const ite = findIte(its, device, event);
  if (!ite) return MOVI_UNMAPPED_INTERRUPT;
  const collection = findCollection(its, id);
  if (!isMapped(ite.collection) || !isMapped(collection)) return MOVI_UNMAPPED_COLLECTION;
  ite.collection = collection;
  dropCache(its);
  retarget(state, ite.irq, collection.target);
  return OK;
};

const discardEvent: Command = (state, its, { device: id, event }) => {
  const device = findDevice(its, id);
  const ite = findIte(its, id, event);
  if (!device || !ite || !isMapped(ite.collection)) return DISCARD_UNMAPPED_INTERRUPT;
  dropCache(its);
  freeIte(state, device, ite);
  return its.memory.write(eventSlot(device, event), ENTRY_SIZE, 0n) ? OK : EFAULT;
};

const invalidateEvent: Command = (state, its, { device, event }) => {
  const ite = findIte(its, device, event);
  return ite ? updateConfig(state, its, ite.irq) : INV_UNMAPPED_INTERRUPT;
};

const invalidateCollection: Command = (state, its, { collection: id }) => {
  const collection = findCollection(its, id);
  if (!isMapped(collection)) return INVALL_UNMAPPED_COLLECTION;
  updateConfigOfVcpu(state, its, collection.target);
  return OK;
};

const moveAll: Command = (state, its, { target: from, otherTarget: to }) => {
  if (!isVcpu(state, from) || !isVcpu(state, to)) return MOVALL_TARGET_OUT_OF_RANGE;
  if (from === to) return OK;
  for (const irq of walkLpis(state, its)) if (irq.target === from) retarget(state, irq, to);
  dropCache(its);
  return OK;
};

const clearEvent: Command = (_state, its, { device, event }) => {
  const ite = findIte(its, device, event);
  if (!ite) return CLEAR_UNMAPPED_INTERRUPT;
  ite.irq.latch = false;
  return OK;
};

const COMMANDS: Readonly<Record<number, Command>> = {
  1: moveEvent,
  3: (state, its, { device, event }) => triggerEvent(state, its, device, event),
  4: clearEvent,
  5: () => OK,
  8: mapDevice,
  9: mapCollection,
  10: mapEvent,
  11: (state, its, operands) => mapEvent(state, its, { ...operands, lpi: operands.event }),
  12: invalidateEvent,
  13: invalidateCollection,
  14: moveAll,
  15: discardEvent,
};

/** `words`: the four 64-bit words of the command. */
export function runCommand(state: MachineState, its: ItsState, words: readonly bigint[]): number {
  const [first, second, third, fourth] = words;
  const command = COMMANDS[bitsOf(first, 0, 8)];
  if (command === undefined) return ENODEV;
  return command(state, its, {
    device: bitsOf(first, 32, 32),
    event: bitsOf(second, 0, 32),
    lpi: bitsOf(second, 32, 32),
    bits: bitsOf(second, 0, 5) + 1,
    collection: bitsOf(third, 0, 16),
    itt: fieldOf(third, 51, 8),
    target: bitsOf(third, 16, 36),
    otherTarget: bitsOf(fourth, 16, 36),
    isValid: hasBit(third, 63),
  });
}
