/** The guest's CPU interface by its rules: group enables, PMR, running priority, EOImode. vgic-spec 1.16. */
import * as Intid from '../../gic/intid.js';
import * as Lr from '../../gic/lr.js';
import { CONTROL_EOIMODE, CONTROL_GROUP0, CONTROL_GROUP1 } from '../cpuif.js';
import type { XenOldState } from './columns.js';
import * as OwnColumns from './columns.js';

// V8 folds a module's own constants, not imported ones: 1.2-2x in hot loops (bench/README.md).
const { NR_SGIS, SPURIOUS_INTID } = Intid;
const { LR_ACTIVE, LR_CPUID_SHIFT, LR_GROUP, LR_HW, LR_PENDING, LR_PRIORITY_SHIFT, LR_STATE, LR_VINTID_V2_MASK } = Lr;
const { IDLE_PRIORITY } = OwnColumns;

export interface CpuInterface {
  /** `value`: trace/events.ts CPUIF. */
  setCpuif(vcpu: number, value: number): void;
  /** IAR read; the INTID, 1023 if nothing may be delivered. */
  ackByRules(vcpu: number): number;
  /** EOIR write, its first half: the most urgent running priority ends, whatever INTID is written. */
  dropPriority(vcpu: number): void;
  /** EOIR write. `source`: CPUID of an SGI of a GICv2 guest. */
  eoiByRules(vcpu: number, intid: number, source: number): void;
  /** DIR write; it never traps. */
  dirByRules(vcpu: number, intid: number, source: number): boolean;
}

export function createCpuInterface({ s }: XenOldState): CpuInterface {
  const { lrLo, lrHi, lrSlot, usedLrs, pmr, apr, control, physRow, physActive, nrLr, isV2Guest } = s;
  const intidMask = isV2Guest ? LR_VINTID_V2_MASK : -1;

  /** Most urgent active group priority: the upper 5 bits, the least binary points (GICv2 hosts, and most GICv3 ones). */
  const runningPriority = (vcpu: number): number =>
    apr[vcpu] === 0 ? IDLE_PRIORITY : 31 - Math.clz32(apr[vcpu] & -apr[vcpu]);

  function endActive(vcpu: number, intid: number, source: number): void {
    const base = vcpu * nrLr;
    for (let lr = base; lr < base + usedLrs[vcpu]; lr++) {
      const hi = lrHi[lr];
      if ((hi & LR_ACTIVE) === 0 || (lrLo[lr] & intidMask) !== intid) continue;
      if (isV2Guest && intid < NR_SGIS && ((lrLo[lr] >>> LR_CPUID_SHIFT) & 7) !== source) continue;
      lrHi[lr] = hi & ~LR_ACTIVE;
      if ((hi & LR_HW) !== 0) physActive[physRow[lrSlot[lr]]] = 0;
      return;
    }
  }

  const dropPriority = (vcpu: number): void => {
    apr[vcpu] &= apr[vcpu] - 1;
  };

  return {
    setCpuif(vcpu, value) {
      pmr[vcpu] = value & 0xff;
      control[vcpu] = value & ~0xff;
    },
    ackByRules(vcpu) {
      const base = vcpu * nrLr;
      let best = -1;
      let bestPriority = 256;
      for (let lr = base; lr < base + usedLrs[vcpu]; lr++) {
        const hi = lrHi[lr];
        const enable = (hi & LR_GROUP) !== 0 ? CONTROL_GROUP1 : CONTROL_GROUP0;
        const priority = (hi >>> LR_PRIORITY_SHIFT) & 0xff;
        if ((hi & LR_STATE) !== LR_PENDING || (control[vcpu] & enable) === 0 || priority >= bestPriority) continue;
        best = lr;
        bestPriority = priority;
      }
      const groupPriority = bestPriority >>> 3;
      if (best < 0 || bestPriority >= pmr[vcpu] || groupPriority >= runningPriority(vcpu)) return SPURIOUS_INTID;
      lrHi[best] ^= LR_STATE;
      apr[vcpu] |= 1 << groupPriority;
      return lrLo[best] & intidMask;
    },
    dropPriority,
    eoiByRules(vcpu, intid, source) {
      dropPriority(vcpu);
      if ((control[vcpu] & CONTROL_EOIMODE) === 0) endActive(vcpu, intid, source);
    },
    dirByRules(vcpu, intid, source) {
      if ((control[vcpu] & CONTROL_EOIMODE) !== 0) endActive(vcpu, intid, source);
      return false;
    },
  };
}
