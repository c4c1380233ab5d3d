/** The LPI registers of a redistributor (vgic-spec 2.5). */
import { isLpiNumber } from '../irq.js';
import type { MachineState, Vcpu } from '../machine-state.js';
import { removeLpisFromList } from '../queue.js';
import { hasBit, updateRegister } from './bits.js';
import { readPendingTable, updateConfig, updateConfigOfVcpu } from './lpi-tables.js';
import { dropCache } from './tables.js';

/** A write or read of `length` bytes at byte `offset` (0 or 4) of a 64-bit register of `vcpu`. */
export interface LpiAccess {
  readonly state: MachineState;
  readonly vcpu: number;
  readonly offset: number;
  readonly length: number;
}

const PROPBASER_FIELDS = ((1n << 40n) - 1n) * (1n << 12n) + (7n << 56n) + 0xf9fn;
const PENDBASER_FIELDS = ((1n << 36n) - 1n) * (1n << 16n) + (1n << 62n) + (7n << 56n) + 0xf80n;
/** Pending table zero: there is nothing to read. It reads as zero. */
const PTZ = 62;

export function writePropbaser({ state, vcpu, offset, length }: LpiAccess, value: number, high: number): void {
  const { its } = state;
  if (!its || state.vcpus[vcpu].lpisEnabled) return;
  its.propbaser = updateRegister(its.propbaser, offset, length, value, high) & PROPBASER_FIELDS;
}

export function writePendbaser({ state, vcpu, offset, length }: LpiAccess, value: number, high: number): void {
  const { its } = state;
  if (!its || state.vcpus[vcpu].lpisEnabled) return;
  its.pendbasers[vcpu] = updateRegister(its.pendbasers[vcpu], offset, length, value, high) & PENDBASER_FIELDS;
}

/** Unsigned; exact below 2^53. */
function readPart(register: bigint, { offset, length }: LpiAccess): number {
  if (length === 8) return Number(register);
  return Number((register >> BigInt(offset * 8)) & 0xffff_ffffn);
}

export const readPropbaser = (access: LpiAccess): number => readPart(access.state.its?.propbaser ?? 0n, access);

export const readPendbaser = (access: LpiAccess): number =>
  readPart((access.state.its?.pendbasers[access.vcpu] ?? 0n) & ~(1n << BigInt(PTZ)), access);

/** GICR_CTLR.EnableLPIs. */
export function writeLpiEnable(state: MachineState, vcpu: Vcpu, enable: boolean): void {
  const { its } = state;
  const wasEnabled = vcpu.lpisEnabled;
  vcpu.lpisEnabled = enable;
  if (wasEnabled && !enable) {
    removeLpisFromList(state, vcpu);
    if (its) dropCache(its);
  }
  if (!wasEnabled && enable && its && !hasBit(its.pendbasers[vcpu.index], PTZ)) readPendingTable(state, its, vcpu);
}

/** GICR_INVLPIR. Without effect while the LPIs of the redistributor are off, as the architecture has it. */
export function writeInvlpir({ state, vcpu, offset }: LpiAccess, value: number): void {
  const { its } = state;
  if (!its || offset !== 0 || !state.vcpus[vcpu].lpisEnabled || !isLpiNumber(value >>> 0)) return;
  const irq = state.lpis.get(value >>> 0);
  if (irq) updateConfig(state, its, irq);
}

/** GICR_INVALLR, likewise. */
export function writeInvallr({ state, vcpu, offset }: LpiAccess): void {
  const { its } = state;
  if (!its || offset !== 0 || !state.vcpus[vcpu].lpisEnabled) return;
  updateConfigOfVcpu(state, its, vcpu);
}
