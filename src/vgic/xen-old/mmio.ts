/**
 * The register frames of the distributor and of a redistributor: which access is handled, and which interrupts it selects.
 * vgic-spec 1.22, 2.1, section 10 and E.4. An access that is not handled becomes a data abort in the guest.
 */
import * as Intid from '../../gic/intid.js';
import { affinityOf, vcpuOfAffinity } from '../affinity.js';
import { HostStop } from '../host-stop.js';
import type { Mmio } from '../mmio.js';
import { slotOf } from '../state.js';
import * as Word from '../word.js';
import type { XenOldState } from './columns.js';
import type { XenOldInject } from './inject.js';
import type { XenOldRegisters } from './registers.js';

// V8 folds a module's own constants, not imported ones: 1.2-2x in hot loops (bench/README.md).
const { NR_PRIVATE_IRQS } = Intid;
const { ENABLED, LEVEL, priorityOf, targetOf } = Word;

const GICD_CTLR = 0x000;
const GICD_TYPER = 0x004;
const IGROUPR = 0x080;
const ISENABLER = 0x100;
const ICENABLER = 0x180;
const ISPENDR = 0x200;
const ISACTIVER = 0x300;
const ICACTIVER = 0x380;
const IPRIORITYR = 0x400;
const ITARGETSR = 0x800;
const ICFGR = 0xc00;
const IGRPMODR = 0xd00;
const SGIR = 0xf00;
const CPENDSGIR = 0xf10;
const SGI_REGISTERS_END = 0xf30;
const IROUTER = 0x6000;
const IROUTER_END = 0x8000;
/** Identification registers. */
const ID_REGISTERS = 0xffd0;
const ID_REGISTERS_V2 = 0xfd0;
const FRAME_SIZE = 0x10000;
/** The second 64 KiB of a redistributor. */
const SGI_FRAME = 0x10000;
const UNHANDLED = -1;
/** GICD_CTLR of a GICv3 guest: affinity routing cannot be switched off. */
const CTLR_ARE = 1 << 4;
const TYPER_CPUS_SHIFT = 5;
const TYPER_LPIS = 1 << 17;
const TYPER_ID_BITS_SHIFT = 19;

export function createMmio(x: XenOldState, r: XenOldRegisters, { sgi }: XenOldInject): Mmio {
  const { s, current } = x;
  const { word, dist, isV2Guest, nrVcpus } = s;
  const { nrSpis, nrLpis } = s.machine;
  const nrIrqs = NR_PRIVATE_IRQS + nrSpis;
  const idBits = nrLpis > 0 ? TYPER_LPIS | (15 << TYPER_ID_BITS_SHIFT) : 9 << TYPER_ID_BITS_SHIFT;
  const typer = ((nrSpis + 31) >> 5) | ((Math.min(nrVcpus, 8) - 1) << TYPER_CPUS_SHIFT) | (isV2Guest ? 0 : idBits);

  /**
   * Is `intid` one that this frame serves? The redistributor serves the private ones; a GICv3 distributor leaves them to
   * it. A selected interrupt that is not there is skipped: read as zero, write ignored.
   */
  const serves = (isRedist: boolean, intid: number): boolean =>
    isRedist ? intid < NR_PRIVATE_IRQS : intid < nrIrqs && (isV2Guest || intid >= NR_PRIVATE_IRQS);

  function writeBits(vcpu: number, isRedist: boolean, offset: number, value: number): void {
    const bank = offset & ~0x7f;
    const first = (offset - bank) * 8;
    for (let bits = value; bits !== 0; bits &= bits - 1) {
      const intid = first + 31 - Math.clz32(bits & -bits);
      if (!serves(isRedist, intid)) continue;
      if (bank === ISENABLER) r.setEnable(vcpu, intid, true, false);
      else if (bank === ICENABLER) r.setEnable(vcpu, intid, false, false);
      else if (bank === ISPENDR) r.setPending(vcpu, intid, true, false);
    }
  }

  function writeTargets(offset: number, length: number, value: number): void {
    for (let i = 0; i < length; i++) {
      const intid = offset - ITARGETSR + i;
      const mask = (value >>> (8 * i)) & 0xff;
      // The lowest bit decides, whether that vCPU exists or not; no bit: ignored. Private targets are read-only.
      if (mask !== 0 && intid >= NR_PRIVATE_IRQS && intid < nrIrqs) r.setTarget(intid, 31 - Math.clz32(mask & -mask));
    }
  }

  function writeRouter(offset: number, lo: number, hi: number): void {
    const intid = (offset - IROUTER) >> 3;
    if (intid < NR_PRIVATE_IRQS || intid >= nrIrqs) return;
    // "Any vCPU" means vCPU 0; an affinity that nobody has is ignored.
    if (lo < 0) r.setTarget(intid, 0);
    else if ((hi & 0xff) === 0) r.setTarget(intid, vcpuOfAffinity(lo));
  }

  function writeSgir(vcpu: number, value: number): boolean {
    const filter = (value >>> 24) & 3;
    if (filter === 3) {
      if (s.flavour.defect === 'XSA-117') throw new HostStop('host-assertion', 'GICD_SGIR with mode 3 hits a BUG');
      return false;
    }
    const targets = filter === 0 ? (value >>> 16) & 0xff : filter === 2 ? 1 << vcpu : 0;
    sgi(vcpu, value & 0xf, 0, targets, filter === 1, false);
    return true;
  }

  /** XSA-94: the state of 32 interrupts is looked up without asking whether the guest has them. */
  function checkRank(isRedist: boolean, intid: number): void {
    if (s.flavour.defect === 'XSA-94' && !isRedist && intid >= nrIrqs)
      throw new HostStop('memory-error', 'ICFGR of interrupts that are not there');
  }

  /** Registers that exist in both frames. */
  function writeShared(
    vcpu: number,
    isRedist: boolean,
    offset: number,
    length: number,
    lo: number,
    hasByteAccess: boolean,
  ): boolean {
    if (length !== 4 && !(length === 1 && hasByteAccess)) return false;
    if (offset < ISACTIVER) writeBits(vcpu, isRedist, offset, lo);
    else if (offset < ICACTIVER) return lo === 0;
    else if (offset >= IPRIORITYR && offset < ITARGETSR) {
      for (let i = 0; i < length; i++) {
        const intid = offset - IPRIORITYR + i;
        if (serves(isRedist, intid)) r.setPriority(vcpu, intid, (lo >>> (8 * i)) & 0xff);
      }
    } else if (offset >= ICFGR && offset < IGRPMODR) {
      checkRank(isRedist, (offset - ICFGR) * 4);
      for (let i = 0; i < 16; i++) {
        const intid = (offset - ICFGR) * 4 + i;
        if (serves(isRedist, intid)) r.setConfig(vcpu, intid, ((lo >>> (2 * i)) & 2) === 0);
      }
    }
    return true;
  }

  /** Does a register of the banked range 0x080..0xeff exist at this offset? */
  const isShared = (offset: number): boolean =>
    (offset >= IGROUPR && offset < ITARGETSR) || (offset >= ICFGR && offset < SGIR);
  const isByteWide = (offset: number): boolean => offset >= IPRIORITYR && offset < ICFGR;
  const isAligned = (offset: number, length: number): boolean => (offset & (length - 1)) === 0;

  function writeDistributor(vcpu: number, offset: number, length: number, lo: number, hi: number): boolean {
    if (isShared(offset)) return writeShared(vcpu, false, offset, length, lo, isByteWide(offset));
    if (offset >= ITARGETSR && offset < ICFGR) {
      if (length !== 4 && length !== 1) return false;
      if (isV2Guest) writeTargets(offset, length, lo);
      return true;
    }
    if (!isV2Guest && offset >= IROUTER && offset < IROUTER_END) {
      if (length !== 8 && length !== 4) return false;
      // The upper half alone holds Aff3, which no vCPU has.
      if ((offset & 7) === 0) writeRouter(offset, lo, hi);
      return true;
    }
    if (offset >= CPENDSGIR && offset < SGI_REGISTERS_END) return false;
    if (length !== 4) return false;
    if (offset === GICD_CTLR) r.setDistEnable(((lo >>> (isV2Guest ? 0 : 1)) & 1) === 1);
    else if (offset === SGIR && isV2Guest) return writeSgir(vcpu, lo);
    else return isReserved(offset);
    return true;
  }

  /** Read as zero, write ignored. */
  const isReserved = (offset: number): boolean =>
    offset < IGROUPR ||
    offset === SGIR ||
    (offset >= SGI_REGISTERS_END && offset < (isV2Guest ? ID_REGISTERS_V2 + 0x30 : IROUTER)) ||
    (!isV2Guest && offset >= ID_REGISTERS && offset < FRAME_SIZE);

  function mmioWrite(vcpu: number, isRedist: boolean, offset: number, length: number, lo: number, hi: number): boolean {
    current[0] = vcpu;
    if (!isAligned(offset, length) || (isRedist && isV2Guest)) return false;
    if (!isRedist) return writeDistributor(vcpu, offset, length, lo, hi);
    if (offset < SGI_FRAME) return true;
    const inFrame = offset - SGI_FRAME;
    return isShared(inFrame) ? writeShared(vcpu, true, inFrame, length, lo, isByteWide(inFrame)) : false;
  }

  /** One byte of a register that exists in both frames. */
  function readByte(vcpu: number, isRedist: boolean, offset: number): number {
    let byte = 0;
    if (offset >= ISENABLER && offset < ISPENDR) {
      const first = (offset & 0x7f) * 8;
      for (let i = 0; i < 8; i++) {
        const intid = first + i;
        if (serves(isRedist, intid) && (word[slotOf(s, vcpu, intid)] & ENABLED) !== 0) byte |= 1 << i;
      }
    } else if (offset >= IPRIORITYR && offset < ITARGETSR) {
      const intid = offset - IPRIORITYR;
      if (serves(isRedist, intid)) byte = priorityOf(word[slotOf(s, vcpu, intid)]);
    } else if (offset >= ITARGETSR && offset < ICFGR) {
      const intid = offset - ITARGETSR;
      if (isV2Guest && serves(isRedist, intid)) byte = (1 << targetOf(word[slotOf(s, vcpu, intid)])) & 0xff;
    } else if (offset >= ICFGR && offset < IGRPMODR) {
      const first = (offset - ICFGR) * 4;
      for (let i = 0; i < 4; i++) {
        const intid = first + i;
        if (serves(isRedist, intid) && (word[slotOf(s, vcpu, intid)] & LEVEL) === 0) byte |= 2 << (2 * i);
      }
    }
    return byte;
  }

  function readBytes(vcpu: number, isRedist: boolean, offset: number, length: number): number {
    if (length !== 4 && !(length === 1 && isByteWide(offset))) return UNHANDLED;
    let value = 0;
    for (let i = length - 1; i >= 0; i--) value = value * 256 + readByte(vcpu, isRedist, offset + i);
    return value;
  }

  function readDistributor(vcpu: number, offset: number, length: number): number {
    if (isShared(offset) || (offset >= ITARGETSR && offset < ICFGR)) return readBytes(vcpu, false, offset, length);
    if (!isV2Guest && offset >= IROUTER && offset < IROUTER_END) {
      const intid = (offset - IROUTER) >> 3;
      if (length !== 8 && length !== 4) return UNHANDLED;
      if ((offset & 7) !== 0 || !serves(false, intid)) return 0;
      return affinityOf(targetOf(word[slotOf(s, vcpu, intid)]));
    }
    if (offset >= CPENDSGIR && offset < SGI_REGISTERS_END) return length === 4 || length === 1 ? 0 : UNHANDLED;
    if (length !== 4) return UNHANDLED;
    if (offset === GICD_CTLR) return isV2Guest ? dist[0] : CTLR_ARE | (dist[0] << 1);
    if (offset === GICD_TYPER) return typer;
    return isReserved(offset) ? 0 : UNHANDLED;
  }

  return {
    mmioWrite,
    mmioRead(vcpu, isRedist, offset, length) {
      current[0] = vcpu;
      if (!isAligned(offset, length) || (isRedist && isV2Guest)) return UNHANDLED;
      if (!isRedist) return readDistributor(vcpu, offset, length);
      if (offset < SGI_FRAME) return 0;
      return isShared(offset - SGI_FRAME) ? readBytes(vcpu, true, offset - SGI_FRAME, length) : UNHANDLED;
    },
  };
}
