/**
 * Effects of distributor and redistributor registers on one interrupt: vgic-spec 2.2 and 2.6. "user" is an access by user
 * space. Raw accesses come through mmio.ts.
 */
import * as Counting from '#counting';
import * as Intid from '../gic/intid.js';
import { affinityOf, vcpuOfAffinity } from './affinity.js';
import * as Counters from './counters.js';
import { createHostMapping } from './host-mapping.js';
import type { Kicks } from './kicks.js';
import type { Queue } from './queue.js';
import { slotOf, type VgicState } from './state.js';
import * as Word from './word.js';

// V8 folds a module's own constants, not imported ones: 1.2-2x in hot loops (bench/README.md).
const { COUNTED } = Counting;
const { isSpi, NR_PRIVATE_IRQS, NR_SGIS, SPI_BASE } = Intid;
const { SECTION_DIST_ON, SECTION_DIST_ON_ALL } = Counters;
const {
  ACTIVE,
  ENABLED,
  EXISTS,
  GROUP,
  HW,
  isPending,
  LATCH,
  LEVEL,
  LINE,
  PRIORITY_FIELD,
  PRIORITY_SHIFT,
  TARGET_FIELD,
  TARGET_SHIFT,
  WIRE,
  withWire,
} = Word;

/** Effects that every machine has. */
export interface RegisterEffects {
  setEnable(vcpu: number, intid: number, on: boolean, user: boolean): void;
  setPriority(vcpu: number, intid: number, priority: number): void;
  setPending(vcpu: number, intid: number, on: boolean, user: boolean): void;
  setActive(vcpu: number, intid: number, on: boolean, user: boolean): void;
  setConfig(vcpu: number, intid: number, level: boolean): void;
  setTarget(intid: number, target: number): void;
  setGroupWord(vcpu: number, intid: number, group: number): void;
  setGroup(vcpu: number, intid: number, group: number, user: boolean): void;
  setSgiSources(vcpu: number, intid: number, sources: number, set: boolean): void;
  setDistEnable(on: boolean): void;
  mapHw(vcpu: number, intid: number, hostIrq: number, swResample: boolean): void;
  unmapHw(vcpu: number, intid: number): void;
  pendingTest(vcpu: number): boolean;
}

/** And those that the table of mmio.ts asks beside. */
export interface Registers extends RegisterEffects {
  /** ITARGETSR of a GICv2 guest, IROUTER of a GICv3 guest, as written. */
  setTargetMask(intid: number, mask: number): void;
  setAffinity(intid: number, affinity: number): void;
  /** The guest reads or writes an active state: where the flavour says so, every vCPU is forced out and synced (2.3). */
  haltFor(intid: number): void;
}

export function createRegisters(s: VgicState, queue: Queue, kicks: Kicks, sync: (vcpu: number) => void): Registers {
  const {
    word,
    source,
    activeSource,
    physRow,
    physLine,
    physPending,
    physActive,
    pmr,
    pendingLast,
    dist,
    cost,
    isV2Guest,
    nrVcpus,
    route,
    inGuest,
    flavour,
  } = s;
  const { queueIrq, rekeyIrq, rekeyUnlocked, rekeyAll, list } = queue;
  const { kick } = kicks;
  const { isXen, haltScope } = flavour;
  const hostMapping = createHostMapping(s);
  const asksDist = flavour.pendingTest === 'deliverable';
  // Xen's registers: section 10 and the end of 2.2.
  const skipsRedundantEnable = isXen;
  const resamplesOnEnable = !isXen;
  const hasActiveRegisters = !isXen;
  const hasGroups = !isXen;
  const targetOfEmptyMask = isXen ? -1 : 0;

  /** Row of a known interrupt, or -1. */
  function known(vcpu: number, intid: number): number {
    const slot = slotOf(s, vcpu, intid);
    return slot >= 0 && (word[slot] & EXISTS) !== 0 ? slot : -1;
  }
  const isV2Sgi = (intid: number): boolean => isV2Guest && intid < NR_SGIS;

  /** A mapped level interrupt reads its line again when it is enabled: the edge may have been missed. */
  function resample(slot: number): void {
    const w = word[slot];
    const row = physRow[slot];
    const high = (physLine[row] | physPending[row]) !== 0;
    if ((w & ACTIVE) === 0 && (w & LINE) !== 0 && !high) physActive[row] = 0;
    word[slot] = high ? w | LINE | WIRE : w & ~(LINE | WIRE);
  }

  function pendingTest(vcpu: number): boolean {
    if (dist[0] === 0 && asksDist) {
      if (COUNTED) cost.endPendingTest(vcpu);
      return false;
    }
    // GICv4, before any lock.
    if (pendingLast[vcpu] !== 0) {
      if (COUNTED) cost.endPendingTest(vcpu);
      return true;
    }
    if (COUNTED) cost.locks += 1;
    const runnable = list.length(vcpu) !== 0 && list.hasPending(vcpu, pmr[vcpu]);
    if (COUNTED) cost.endPendingTest(vcpu);
    return runnable;
  }

  /** One register access is one halt. Private interrupts are always those of the vCPU that accesses them here. */
  function haltFor(intid: number): void {
    const isShared = intid >= NR_PRIVATE_IRQS;
    const halts = haltScope === 'always' ? !isV2Guest || isShared : haltScope === 'others' && isShared;
    if (!halts) return;
    if (COUNTED) cost.halts += 1;
    for (let other = 0; other < nrVcpus; other++) if (inGuest[other] !== 0) sync(other);
  }

  /** ICPENDR of a mapped interrupt. */
  function clearPhysPending(slot: number): void {
    const row = physRow[slot];
    physPending[row] = 0;
    if ((word[slot] & ACTIVE) === 0) physActive[row] = 0;
  }

  function setPendingKvm(vcpu: number, intid: number, on: boolean, user: boolean): void {
    const slot = known(vcpu, intid);
    if (slot < 0) return;
    if (isV2Sgi(intid)) {
      if (!user) return;
      if (on) source[slot] |= 1 << vcpu;
      else source[slot] = 0;
    }
    if ((word[slot] & HW) !== 0 && !user) {
      if (on) physActive[physRow[slot]] = 1;
      else clearPhysPending(slot);
    }
    if (on) {
      word[slot] |= LATCH;
      queueIrq(slot, word[slot]);
    } else {
      word[slot] &= ~LATCH;
      rekeyIrq(slot);
    }
  }

  /** Latch, queue, then the physical side. */
  function setPendingXen(vcpu: number, intid: number, on: boolean): void {
    const slot = known(vcpu, intid);
    if (slot < 0) return;
    const isMapped = (word[slot] & HW) !== 0;
    if (on) {
      queueIrq(slot, word[slot] | LATCH);
      if (isMapped) physActive[physRow[slot]] = 1;
    } else {
      word[slot] &= ~LATCH;
      if (isMapped && !isPending(word[slot])) clearPhysPending(slot);
      rekeyIrq(slot);
    }
  }

  function setTargetVcpu(slot: number, vcpu: number): void {
    word[slot] = (word[slot] & ~TARGET_FIELD) | ((vcpu + 1) << TARGET_SHIFT);
    rekeyIrq(slot);
  }

  return {
    pendingTest,
    haltFor,
    setEnable(vcpu, intid, on, user) {
      const slot = known(vcpu, intid);
      if (slot < 0) return;
      if (skipsRedundantEnable && on === ((word[slot] & ENABLED) !== 0)) {
        // Its state was looked at under its lock.
        rekeyIrq(slot);
      } else if (on) {
        if (resamplesOnEnable && !user && (word[slot] & (HW | LEVEL)) === (HW | LEVEL)) resample(slot);
        word[slot] |= ENABLED;
        queueIrq(slot, word[slot]);
      } else {
        word[slot] &= ~ENABLED;
        rekeyIrq(slot);
      }
    },
    setPriority(vcpu, intid, priority) {
      const slot = known(vcpu, intid);
      if (slot < 0) return;
      word[slot] = (word[slot] & ~PRIORITY_FIELD) | ((priority & 0xf8) << PRIORITY_SHIFT);
      rekeyIrq(slot);
    },
    setPending: isXen ? setPendingXen : setPendingKvm,
    setActive(vcpu, intid, on, user) {
      const slot = hasActiveRegisters ? known(vcpu, intid) : -1;
      if (slot < 0) return;
      // User space cannot restore the active state of a mapped interrupt (vgic-spec 2.6).
      const isMapped = (word[slot] & HW) !== 0;
      if (!isMapped || !user) {
        if (isMapped) physActive[physRow[slot]] = on ? 1 : 0;
        if (on && isV2Sgi(intid)) activeSource[slot] = user ? 0 : vcpu;
        word[slot] = on ? word[slot] | ACTIVE : word[slot] & ~ACTIVE;
      }
      if ((word[slot] & ACTIVE) !== 0) queueIrq(slot, word[slot]);
      else rekeyIrq(slot);
    },
    setConfig(vcpu, intid, level) {
      const slot = known(vcpu, intid);
      if (slot < 0 || !isSpi(intid)) return;
      word[slot] = withWire(level ? word[slot] | LEVEL : word[slot] & ~LEVEL);
      rekeyIrq(slot);
    },
    setTarget(intid, target) {
      const slot = known(0, intid);
      if (slot < 0 || !isSpi(intid)) return;
      const exists = target >= 0 && target < nrVcpus;
      // Nobody: an empty mask, or an affinity that no vCPU has.
      if (isV2Guest) route[intid - SPI_BASE] = exists ? 1 << target : 0;
      else route[intid - SPI_BASE] = affinityOf(exists ? target : nrVcpus);
      setTargetVcpu(slot, exists ? target : isV2Guest ? targetOfEmptyMask : -1);
    },
    setTargetMask(intid, mask) {
      const slot = known(0, intid);
      if (slot < 0 || !isSpi(intid)) return;
      const online = mask & ((1 << Math.min(nrVcpus, 8)) - 1);
      route[intid - SPI_BASE] = online;
      // Lowest vCPU of the mask.
      setTargetVcpu(slot, online !== 0 ? 31 - Math.clz32(online & -online) : targetOfEmptyMask);
    },
    setAffinity(intid, affinity) {
      const slot = known(0, intid);
      if (slot < 0 || !isSpi(intid)) return;
      route[intid - SPI_BASE] = affinity & 0xffffff;
      const vcpu = vcpuOfAffinity(affinity & 0xffffff);
      setTargetVcpu(slot, vcpu < nrVcpus ? vcpu : -1);
    },
    setGroupWord(vcpu, intid, group) {
      if (!hasGroups) return;
      const first = intid & ~31;
      for (let other = first; other < first + 32; other++) {
        const slot = known(vcpu, other);
        if (slot < 0) continue;
        if (other === intid) word[slot] = group !== 0 ? word[slot] | GROUP : word[slot] & ~GROUP;
        queueIrq(slot, word[slot]);
      }
    },
    setGroup(vcpu, intid, group, user) {
      const slot = hasGroups ? known(vcpu, intid) : -1;
      if (slot < 0) return;
      word[slot] = group !== 0 ? word[slot] | GROUP : word[slot] & ~GROUP;
      if (!user) queueIrq(slot, word[slot]);
      else rekeyIrq(slot);
    },
    setSgiSources(vcpu, intid, sources, set) {
      if (!isV2Sgi(intid)) return;
      const slot = vcpu * NR_PRIVATE_IRQS + intid;
      if (set) {
        source[slot] |= sources;
        if (source[slot] === 0) {
          rekeyIrq(slot);
          return;
        }
        word[slot] |= LATCH;
        queueIrq(slot, word[slot]);
      } else {
        source[slot] &= ~sources;
        if (source[slot] === 0) word[slot] &= ~LATCH;
        rekeyIrq(slot);
      }
    },
    setDistEnable(on) {
      const was = dist[0] === 1;
      dist[0] = on ? 1 : 0;
      if (on === was) return;
      for (let vcpu = 0; vcpu < nrVcpus; vcpu++) rekeyAll(vcpu);
      if (!on) return;
      let steps = 0;
      let locks = 0;
      for (let vcpu = 0; vcpu < nrVcpus; vcpu++) {
        const runnable = pendingTest(vcpu);
        if (!COUNTED) continue;
        cost.sectionFor(SECTION_DIST_ON, vcpu, cost.lastSteps, cost.lastLocks);
        steps += cost.lastSteps;
        locks += cost.lastLocks;
        if (runnable) kick(vcpu, true);
      }
      if (COUNTED) cost.section(SECTION_DIST_ON_ALL, steps, locks);
    },
    mapHw(vcpu, intid, hostIrq, swResample) {
      const slot = known(vcpu, intid);
      if (slot < 0) return;
      hostMapping.map(slot, vcpu, hostIrq, swResample);
      rekeyUnlocked(slot);
    },
    unmapHw(vcpu, intid) {
      const slot = known(vcpu, intid);
      if (slot < 0) return;
      hostMapping.unmap(slot);
      rekeyUnlocked(slot);
    },
  };
}
