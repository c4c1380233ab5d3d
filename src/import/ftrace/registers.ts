/**
 * A recorded register write → the interrupts it changes, one step each, in the ascending order in which KVM's
 * handlers visit them. Effects: vgic-spec 2.1-2.6; offsets: vgic-spec E.4.
 */
import type { GicModel } from '../../gic/intid.js';
import { NR_PRIVATE_IRQS, NR_SGIS, SPI_BASE } from '../../gic/intid.js';
import {
  ACTIVE,
  CONFIG,
  DIST_ENABLE,
  ENABLE,
  GROUP_ONE,
  LINE_LEVEL,
  PENDING,
  PRIORITY,
  SGI_PEND,
  TARGET,
} from '../../trace/events.js';
import { irqKey, KEY_MACHINE, type Step } from './step.js';

export const GICD_CTLR = 0x000;
export const GICD_IGROUPR = 0x080;
export const GICD_ISENABLER = 0x100;
export const GICD_ICENABLER = 0x180;
export const GICD_ISPENDR = 0x200;
export const GICD_ICPENDR = 0x280;
export const GICD_ISACTIVER = 0x300;
export const GICD_ICACTIVER = 0x380;
export const GICD_IPRIORITYR = 0x400;
export const GICD_ITARGETSR = 0x800;
export const GICD_ICFGR = 0xc00;
export const GICD_ICFGR_END = 0xd00;
export const GICD_CPENDSGIR = 0xf10;
export const GICD_SPENDSGIR = 0xf20;
export const GICD_SPENDSGIR_END = 0xf30;
export const GICD_IROUTER = 0x6000;
export const GICD_IROUTER_END = 0x8000;
const BIT_BANK_BYTES = 0x80;
const CTLR_ENABLE_GRP1 = 1 << 1;
const CTLR_ENABLE_V2 = 1 << 0;
const USER = 2;
/** A target no machine has: GICv3 none, GICv2 vCPU 0. */
export const TARGET_NONE = 0xff;

export interface RegisterWrite {
  readonly model: GicModel;
  readonly nrSpis: number;
  /** `redist`: offset within the SGI frame. */
  readonly frame: 'dist' | 'redist';
  readonly offset: number;
  /** Bytes. */
  readonly length: number;
  /** Low and high word, signed. */
  readonly lo: number;
  readonly hi: number;
  /** The vCPU that writes (user space: the one the access names). */
  readonly writer: number;
  /** The vCPU whose private interrupts the frame shows. */
  readonly owner: number;
  readonly user: boolean;
}

export interface DecodedWrite {
  /** Changes that end in a vgic_queue line of their own, which gives their moment. */
  readonly queueing: readonly Step[];
  /** Changes that leave no line: they took effect at some time before the thread's next line, in this order. */
  readonly silent: readonly Step[];
  /** KVM first forces every vCPU out of the guest (active state): the effect comes late in the interval. */
  readonly halts: boolean;
  /** GITS_CWRITER: the commands issued by it, as far as the guest mirrored them: six 32-bit words each. */
  readonly itsWords?: readonly number[];
}

const NOTHING: DecodedWrite = { queueing: [], silent: [], halts: false };

/** Does the frame serve this INTID? The GICv3 distributor ignores private ones, nobody serves more than it has. */
function isServed(write: RegisterWrite, intid: number): boolean {
  if (write.frame === 'redist') return intid < NR_PRIVATE_IRQS;
  if (intid < NR_PRIVATE_IRQS) return write.model !== 'gicv3';
  return intid < SPI_BASE + write.nrSpis;
}

function makeStep(write: RegisterWrite, kind: number, intid: number, value: number, quiet?: boolean): Step {
  const vcpu = intid < NR_PRIVATE_IRQS ? write.owner : write.writer;
  return { kind, vcpu, intid, value, key: irqKey(vcpu, intid), ...(quiet ? { quiet } : {}) };
}

/** The INTIDs of a bit-per-interrupt word, split by the value of their bit. */
function eachBit(write: RegisterWrite, bank: number, visit: (intid: number, bit: number) => void): void {
  const first = (write.offset - bank) * 8;
  for (let bit = 0; bit < write.length * 8; bit++) {
    const word = bit < 32 ? write.lo : write.hi;
    if (isServed(write, first + bit)) visit(first + bit, (word >>> (bit & 31)) & 1);
  }
}

function eachByte(write: RegisterWrite, bank: number, visit: (intid: number, byte: number) => void): void {
  const first = write.offset - bank;
  for (let i = 0; i < write.length; i++) {
    const word = i < 4 ? write.lo : write.hi;
    if (isServed(write, first + i)) visit(first + i, (word >>> (8 * (i & 3))) & 0xff);
  }
}

function decodeBits(write: RegisterWrite): DecodedWrite {
  const bank = write.offset & ~(BIT_BANK_BYTES - 1);
  const user = write.user ? USER : 0;
  const queueing: Step[] = [];
  const silent: Step[] = [];
  eachBit(write, bank, (intid, bit) => {
    const add = (list: Step[], kind: number, value: number, quiet?: boolean): void => {
      list.push(makeStep(write, kind, intid, value, quiet));
    };
    if (bank === GICD_IGROUPR) add(queueing, GROUP_ONE, bit);
    else if (bank === GICD_ISPENDR && write.user && write.model === 'gicv3') {
      // User space writes the latch itself: ones set (and queue), zeroes clear (vgic-spec 2.6).
      if (bit === 1) add(queueing, PENDING, 1 | user);
      else add(silent, PENDING, user, true);
    } else if (bit === 0) return;
    else if (bank === GICD_ISENABLER) add(queueing, ENABLE, 1 | user);
    else if (bank === GICD_ICENABLER) add(silent, ENABLE, user);
    else if (bank === GICD_ISPENDR) add(queueing, PENDING, 1 | user);
    else if (bank === GICD_ICPENDR && !(write.user && write.model === 'gicv3')) add(silent, PENDING, user);
    else if (bank === GICD_ISACTIVER) add(queueing, ACTIVE, 1 | user);
    else if (bank === GICD_ICACTIVER) add(silent, ACTIVE, user);
  });
  const halts = !write.user && (bank === GICD_ISACTIVER || bank === GICD_ICACTIVER);
  return { queueing, silent, halts };
}

function decodeConfig(write: RegisterWrite): readonly Step[] {
  const steps: Step[] = [];
  const first = (write.offset - GICD_ICFGR) * 4;
  for (let i = 0; i < write.length * 4; i++) {
    const intid = first + i;
    // Private interrupts have a fixed trigger.
    if (intid < NR_PRIVATE_IRQS || !isServed(write, intid)) continue;
    const edge = (write.lo >>> (2 * i + 1)) & 1;
    steps.push(makeStep(write, CONFIG, intid, edge === 1 ? 0 : 1));
  }
  return steps;
}

/** Affinity value (Aff2.Aff1.Aff0) → vCPU index of KVM's default numbering (vgic-spec 2.4), or TARGET_NONE. */
function vcpuOfAffinity(affinity: number): number {
  const aff0 = affinity & 0xff;
  const aff1 = (affinity >>> 8) & 0xff;
  const aff2 = (affinity >>> 16) & 0xff;
  if (aff0 > 15) return TARGET_NONE;
  const vcpu = aff0 + aff1 * 16 + aff2 * 4096;
  return vcpu < TARGET_NONE ? vcpu : TARGET_NONE;
}

function decodeTarget(write: RegisterWrite): readonly Step[] {
  const steps: Step[] = [];
  if (write.offset >= GICD_IROUTER) {
    const intid = (write.offset - GICD_IROUTER) >> 3;
    // The upper word only holds Aff3 and is ignored.
    if ((write.offset & 4) !== 0 || intid < SPI_BASE || !isServed(write, intid)) return steps;
    steps.push(makeStep(write, TARGET, intid, vcpuOfAffinity(write.lo & 0xffffff)));
    return steps;
  }
  eachByte(write, GICD_ITARGETSR, (intid, byte) => {
    if (intid < SPI_BASE) return;
    steps.push(makeStep(write, TARGET, intid, byte === 0 ? TARGET_NONE : 31 - Math.clz32(byte & -byte)));
  });
  return steps;
}

function decodeSgiPending(write: RegisterWrite): DecodedWrite {
  const isSet = write.offset >= GICD_SPENDSGIR;
  const steps: Step[] = [];
  eachByte(write, isSet ? GICD_SPENDSGIR : GICD_CPENDSGIR, (sgi, byte) => {
    if (sgi >= NR_SGIS || byte === 0) return;
    steps.push(makeStep(write, SGI_PEND, sgi, isSet ? byte | (1 << 31) : byte));
  });
  return isSet ? { queueing: steps, silent: [], halts: false } : { queueing: [], silent: steps, halts: false };
}

/** What a write to the distributor or to a redistributor's SGI frame changes. Unknown registers change nothing. */
export function decodeWrite(write: RegisterWrite): DecodedWrite {
  const { offset } = write;
  const isV3 = write.model === 'gicv3';
  const onlySilent = (silent: readonly Step[]): DecodedWrite => ({ queueing: [], silent, halts: false });
  if (write.frame === 'dist' && offset === GICD_CTLR) {
    const enabled = (write.lo & (isV3 ? CTLR_ENABLE_GRP1 : CTLR_ENABLE_V2)) === 0 ? 0 : 1;
    return onlySilent([{ kind: DIST_ENABLE, vcpu: write.writer, intid: 0, value: enabled, key: KEY_MACHINE }]);
  }
  if (offset >= GICD_IGROUPR && offset < GICD_IPRIORITYR) return decodeBits(write);
  if (offset >= GICD_IPRIORITYR && offset < GICD_ITARGETSR) {
    const steps: Step[] = [];
    eachByte(write, GICD_IPRIORITYR, (intid, byte) => steps.push(makeStep(write, PRIORITY, intid, byte)));
    return onlySilent(steps);
  }
  if (offset >= GICD_ICFGR && offset < GICD_ICFGR_END) return onlySilent(decodeConfig(write));
  if (write.frame !== 'dist') return NOTHING;
  if (isV3) return offset >= GICD_IROUTER && offset < GICD_IROUTER_END ? onlySilent(decodeTarget(write)) : NOTHING;
  if (offset >= GICD_ITARGETSR && offset < GICD_ICFGR) return onlySilent(decodeTarget(write));
  if (offset >= GICD_CPENDSGIR && offset < GICD_SPENDSGIR_END) return decodeSgiPending(write);
  return NOTHING;
}

/** LEVEL_INFO of user space: 32 line levels from `first` on; ones also queue. SGIs have no line. */
export function decodeLineLevels(vcpu: number, first: number, word: number, nrSpis: number): DecodedWrite {
  const queueing: Step[] = [];
  const silent: Step[] = [];
  for (let bit = 0; bit < 32; bit++) {
    const intid = first + bit;
    if (intid < NR_SGIS || intid >= SPI_BASE + nrSpis) continue;
    const level = (word >>> bit) & 1;
    const step = { kind: LINE_LEVEL, vcpu, intid, value: level, key: irqKey(vcpu, intid) };
    if (level === 1) queueing.push(step);
    else silent.push({ ...step, quiet: true });
  }
  return { queueing, silent, halts: false };
}
