/** The configuration table and the pending tables of the LPIs (vgic-spec 6.4, 6.7). */
import { LPI_BASE, NO_VCPU } from '../../gic/intid.js';
import { createIrq, type Irq } from '../irq.js';
import { dropUnusedLpi, type MachineState, type Vcpu } from '../machine-state.js';
import { queueIrq } from '../queue.js';
import { bitsOf, fieldOf } from './bits.js';
import type { ItsState } from './its-state.js';
import { EBUSY, EFAULT, OK } from './tables.js';

const PRIORITY_MASK = 0xfc;
const MAX_ID_BITS = 16;

/** The end of the LPI numbers that a mapping command may name. */
export const endOfLpis = ({ propbaser }: ItsState): number => 2 ** Math.min(bitsOf(propbaser, 0, 5) + 1, MAX_ID_BITS);

/** Where bit `intid` % 8 is the LPI's. */
const pendingByte = (its: ItsState, vcpu: number, intid: number): number =>
  fieldOf(its.pendbasers[vcpu], 51, 16) + Math.floor(intid / 8);

const pendingBit = (intid: number): number => 2 ** (intid % 8);

function readByte({ memory }: ItsState, address: number): number | undefined {
  const byte = memory.read(address, 1);
  return byte === undefined ? undefined : Number(byte);
}

/** All LPIs in the order of the flavour's walk over them. */
export function walkLpis(state: MachineState, its: ItsState): Irq[] {
  const lpis = [...state.lpis.values()];
  return its.switches.lpiOrder === 'creation' ? lpis : lpis.sort((a, b) => a.intid - b.intid);
}

/** Reads the LPI's configuration byte again and offers the LPI for queueing. */
export function updateConfig(state: MachineState, its: ItsState, irq: Irq): number {
  const byte = readByte(its, fieldOf(its.propbaser, 51, 12) + irq.intid - LPI_BASE);
  if (byte === undefined) return EFAULT;
  irq.priority = byte & PRIORITY_MASK;
  irq.enabled = (byte & 1) === 1;
  queueIrq(state, irq);
  return OK;
}

/** INVALL and INVALLR: what cannot be read stays as it is. */
export function updateConfigOfVcpu(state: MachineState, its: ItsState, vcpu: number): void {
  for (const irq of walkLpis(state, its)) if (irq.target === vcpu) updateConfig(state, its, irq);
}

/** The pending bit moves from the target's table into a new LPI. */
function importPending(state: MachineState, its: ItsState, irq: Irq): number {
  if (irq.target === NO_VCPU) return OK;
  const address = pendingByte(its, irq.target, irq.intid);
  const byte = readByte(its, address);
  if (byte === undefined) return EFAULT;
  irq.latch = (byte & pendingBit(irq.intid)) !== 0;
  queueIrq(state, irq);
  if (irq.latch) its.memory.write(address, 1, BigInt(byte - pendingBit(irq.intid)));
  return OK;
}

/** A mapping of `intid`: the LPI, or the error of reading its tables. One that exists is shared, and stays as it is. */
export function addLpi(state: MachineState, its: ItsState, intid: number, target: number): Irq | number {
  const existing = state.lpis.get(intid);
  if (existing) {
    existing.mapReferences++;
    return existing;
  }
  const irq = createIrq(state.machine, state.flavour, intid, NO_VCPU);
  irq.target = target;
  irq.mapReferences = 1;
  state.lpis.set(intid, irq);
  const error = updateConfig(state, its, irq) || importPending(state, its, irq);
  if (error === OK) return irq;
  irq.mapReferences = 0;
  dropUnusedLpi(state, irq);
  return error;
}

/** EnableLPIs 0 to 1: the whole pending table, of which nothing is cleared. The first byte that is no memory ends it. */
export function readPendingTable(state: MachineState, its: ItsState, vcpu: Vcpu): void {
  for (const irq of walkLpis(state, its)) {
    const byte = readByte(its, pendingByte(its, vcpu.index, irq.intid));
    if (byte === undefined) return;
    if (irq.target === vcpu.index) irq.latch = (byte & pendingBit(irq.intid)) !== 0;
    queueIrq(state, irq);
  }
}

/** KVM_DEV_ARM_VGIC_SAVE_PENDING_TABLES. */
export function savePendingTables(state: MachineState, its: ItsState): number {
  if (state.vcpus.some(({ inGuest }) => inGuest)) return EBUSY;
  for (const irq of walkLpis(state, its)) {
    if (irq.target === NO_VCPU) continue;
    const address = pendingByte(its, irq.target, irq.intid);
    const byte = readByte(its, address);
    if (byte === undefined) return EFAULT;
    const bit = pendingBit(irq.intid);
    const isStored = (byte & bit) !== 0;
    if (isStored !== irq.latch) its.memory.write(address, 1, BigInt(byte ^ bit));
  }
  return OK;
}
