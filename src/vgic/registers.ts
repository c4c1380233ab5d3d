/**
 * Effects of distributor and redistributor registers on one interrupt: vgic-spec 2.2 and 2.6; on a raw 32-bit write:
 * 2.1 and E.4. "user" is an access by user space.
 */
import * as Counting from '#counting';
import * as Intid from '../gic/intid.js';
import * as Counters from './counters.js';
import type { Queue } from './queue.js';
import { physRowOf, slotOf, type VgicState } from './state.js';
import * as Word from './word.js';

// V8 folds a module's own constants, not imported ones: 1.2-2x in hot loops (bench/README.md).
const { COUNTED } = Counting;
const { isSpi, MAX_VCPUS, NR_PRIVATE_IRQS, NR_SGIS } = Intid;
const { PATH_PENDING } = Counters;
const {
  ACTIVE,
  ENABLED,
  EXISTS,
  GROUP,
  HW,
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

export interface Registers {
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
  mapHw(vcpu: number, intid: number, hostIrq: number): void;
  unmapHw(vcpu: number, intid: number): void;
  pendingTest(vcpu: number): boolean;
}

export function createRegisters(s: VgicState, queue: Queue): Registers {
  const {
    word,
    source,
    activeSource,
    hwintid,
    physRow,
    physLine,
    physPending,
    physActive,
    pmr,
    dist,
    cost,
    isV2Guest,
    nrVcpus,
  } = s;
  const { queueIrq, rekeyIrq, kick, list } = queue;

  /** Row of a known interrupt, or -1. */
  function known(vcpu: number, intid: number): number {
    const slot = slotOf(s, vcpu, intid);
    return slot >= 0 && (word[slot] & EXISTS) !== 0 ? slot : -1;
  }
  const isV2Sgi = (intid: number): boolean => isV2Guest && intid < NR_SGIS;

  /** A mapped level interrupt reads its line again when it is enabled: the edge may have been missed. */
  function resampleOnEnable(slot: number): void {
    const w = word[slot];
    const row = physRow[slot];
    const high = (physLine[row] | physPending[row]) !== 0;
    if ((w & ACTIVE) === 0 && (w & LINE) !== 0 && !high) physActive[row] = 0;
    word[slot] = high ? w | LINE | WIRE : w & ~(LINE | WIRE);
  }

  function pendingTest(vcpu: number): boolean {
    if (dist[0] === 0) {
      if (COUNTED) cost.end(PATH_PENDING);
      return false;
    }
    if (COUNTED) cost.locks += 1;
    const runnable = list.length(vcpu) !== 0 && list.hasPending(vcpu, pmr[vcpu]);
    if (COUNTED) cost.end(PATH_PENDING);
    return runnable;
  }

  return {
    pendingTest,
    setEnable(vcpu, intid, on, user) {
      const slot = known(vcpu, intid);
      if (slot < 0) return;
      if (on) {
        if (!user && (word[slot] & (HW | LEVEL)) === (HW | LEVEL)) resampleOnEnable(slot);
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
    setPending(vcpu, intid, on, user) {
      const slot = known(vcpu, intid);
      if (slot < 0) return;
      if (isV2Sgi(intid)) {
        if (!user) return;
        if (on) source[slot] |= 1 << vcpu;
        else source[slot] = 0;
      }
      if ((word[slot] & HW) !== 0 && !user) {
        const row = physRow[slot];
        if (on) physActive[row] = 1;
        else {
          physPending[row] = 0;
          if ((word[slot] & ACTIVE) === 0) physActive[row] = 0;
        }
      }
      if (on) {
        word[slot] |= LATCH;
        queueIrq(slot, word[slot]);
      } else {
        word[slot] &= ~LATCH;
        rekeyIrq(slot);
      }
    },
    setActive(vcpu, intid, on, user) {
      const slot = known(vcpu, intid);
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
      const vcpu = exists ? target : isV2Guest ? 0 : -1;
      word[slot] = (word[slot] & ~TARGET_FIELD) | ((vcpu + 1) << TARGET_SHIFT);
      rekeyIrq(slot);
    },
    setGroupWord(vcpu, intid, group) {
      const first = intid & ~31;
      for (let other = first; other < first + 32; other++) {
        const slot = known(vcpu, other);
        if (slot < 0) continue;
        if (other === intid) word[slot] = group !== 0 ? word[slot] | GROUP : word[slot] & ~GROUP;
        queueIrq(slot, word[slot]);
      }
    },
    setGroup(vcpu, intid, group, user) {
      const slot = known(vcpu, intid);
      if (slot < 0) return;
      word[slot] = group !== 0 ? word[slot] | GROUP : word[slot] & ~GROUP;
      if (!user) queueIrq(slot, word[slot]);
    },
    setSgiSources(vcpu, intid, sources, set) {
      if (!isV2Sgi(intid)) return;
      const slot = vcpu * NR_PRIVATE_IRQS + intid;
      if (set) {
        source[slot] |= sources;
        if (source[slot] === 0) return;
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
      if (!on || was) return;
      for (let vcpu = 0; vcpu < nrVcpus; vcpu++) if (pendingTest(vcpu)) kick(vcpu);
    },
    mapHw(vcpu, intid, hostIrq) {
      const slot = known(vcpu, intid);
      if (slot < 0) return;
      word[slot] |= HW;
      hwintid[slot] = hostIrq;
      physRow[slot] = physRowOf(nrVcpus, vcpu, hostIrq);
    },
    unmapHw(vcpu, intid) {
      const slot = known(vcpu, intid);
      if (slot < 0) return;
      word[slot] &= ~HW;
      hwintid[slot] = 0;
    },
  };
}

/** Decodes a raw 32-bit write and applies it interrupt by interrupt, ascending (vgic-spec 2.1). */
export interface RawMmio {
  writeDist(vcpu: number, offset: number, value: number): void;
  writeRedist(vcpu: number, offset: number, value: number): void;
}

const SGI_FRAME = 0x10000;

export function createRawMmio(
  s: VgicState,
  r: Registers,
  sgi: (sender: number, intid: number, firstVcpu: number, list: number, allButSelf: boolean) => void,
  queueIrq: (slot: number, word: number) => void,
): RawMmio {
  const { isV2Guest, nrVcpus, word } = s;
  const nrIrqs = NR_PRIVATE_IRQS + s.machine.nrSpis;

  /** Bit-per-interrupt registers of bank offset `offset`; first INTID of the word. */
  function forBits(
    offset: number,
    base: number,
    lowest: number,
    apply: (intid: number, bit: number) => void,
    value: number,
  ): void {
    const first = (offset - base) * 8;
    for (let i = 0; i < 32; i++) {
      const intid = first + i;
      if (intid >= lowest && intid < nrIrqs) apply(intid, (value >>> i) & 1);
    }
  }

  /** `lowest`: the first INTID the bank serves (GICv3 distributor: 32); `highest`: one past the last (redistributor: 32). */
  function write(vcpu: number, offset: number, value: number, lowest: number, highest: number): void {
    const bounded = (apply: (intid: number, bit: number) => void) => (intid: number, bit: number) => {
      if (intid < highest) apply(intid, bit);
    };
    const ifSet = (apply: (intid: number) => void) => bounded((intid, bit) => bit === 1 && apply(intid));
    if ((offset & 3) !== 0) return;
    if (offset >= 0x080 && offset < 0x100) {
      forBits(
        offset,
        0x080,
        lowest,
        bounded((intid, bit) => {
          const slot = slotOf(s, vcpu, intid);
          word[slot] = bit === 1 ? word[slot] | GROUP : word[slot] & ~GROUP;
          queueIrq(slot, word[slot]);
        }),
        value,
      );
    } else if (offset < 0x180 && offset >= 0x100) {
      forBits(
        offset,
        0x100,
        lowest,
        ifSet((intid) => r.setEnable(vcpu, intid, true, false)),
        value,
      );
    } else if (offset < 0x200 && offset >= 0x180) {
      forBits(
        offset,
        0x180,
        lowest,
        ifSet((intid) => r.setEnable(vcpu, intid, false, false)),
        value,
      );
    } else if (offset < 0x280 && offset >= 0x200) {
      forBits(
        offset,
        0x200,
        lowest,
        ifSet((intid) => r.setPending(vcpu, intid, true, false)),
        value,
      );
    } else if (offset < 0x300 && offset >= 0x280) {
      forBits(
        offset,
        0x280,
        lowest,
        ifSet((intid) => r.setPending(vcpu, intid, false, false)),
        value,
      );
    } else if (offset < 0x380 && offset >= 0x300) {
      forBits(
        offset,
        0x300,
        lowest,
        ifSet((intid) => r.setActive(vcpu, intid, true, false)),
        value,
      );
    } else if (offset < 0x400 && offset >= 0x380) {
      forBits(
        offset,
        0x380,
        lowest,
        ifSet((intid) => r.setActive(vcpu, intid, false, false)),
        value,
      );
    } else if (offset >= 0x400 && offset < 0x800) {
      for (let i = 0; i < 4; i++) {
        const intid = offset - 0x400 + i;
        if (intid >= lowest && intid < nrIrqs && intid < highest)
          r.setPriority(vcpu, intid, (value >>> (8 * i)) & 0xff);
      }
    } else if (isV2Guest && offset >= 0x800 && offset < 0xc00) {
      for (let i = 0; i < 4; i++) {
        const intid = offset - 0x800 + i;
        // Lowest online vCPU of the mask; an empty mask means vCPU 0.
        const mask = (value >>> (8 * i)) & 0xff & ((1 << Math.min(nrVcpus, 8)) - 1);
        if (intid < nrIrqs) r.setTarget(intid, mask === 0 ? MAX_VCPUS : 31 - Math.clz32(mask & -mask));
      }
    } else if (offset >= 0xc00 && offset < 0xd00) {
      for (let i = 0; i < 16; i++) {
        const intid = (offset - 0xc00) * 4 + i;
        if (intid < nrIrqs && intid < highest) r.setConfig(vcpu, intid, ((value >>> (2 * i)) & 2) === 0);
      }
    }
  }

  return {
    writeDist(vcpu, offset, value) {
      if (offset === 0) {
        r.setDistEnable(isV2Guest ? (value & 1) === 1 : (value & 2) === 2);
      } else if (isV2Guest && offset === 0xf00) {
        const filter = (value >>> 24) & 3;
        if (filter === 3) return;
        const targets = filter === 0 ? (value >>> 16) & 0xff : filter === 2 ? 1 << vcpu : 0;
        sgi(vcpu, value & 0xf, 0, targets, filter === 1);
      } else if (isV2Guest && offset >= 0xf10 && offset < 0xf30) {
        for (let i = 0; i < 4; i++)
          r.setSgiSources(vcpu, (offset & 0xf) + i, (value >>> (8 * i)) & 0xff, offset >= 0xf20);
      } else if (!isV2Guest && offset >= 0x6000 && offset < 0x8000) {
        // Low word of IROUTER: affinity; the upper word is ignored. Default affinities: vgic-spec 2.4.
        const intid = (offset - 0x6000) >> 3;
        if ((offset & 7) !== 0 || intid < NR_PRIVATE_IRQS) return;
        const aff0 = value & 0xff;
        const vcpu = aff0 + 16 * ((value >>> 8) & 0xff) + 4096 * ((value >>> 16) & 0xff);
        r.setTarget(intid, aff0 < 16 ? vcpu : MAX_VCPUS);
      } else {
        write(vcpu, offset, value, isV2Guest ? 0 : NR_PRIVATE_IRQS, 1024);
      }
    },
    writeRedist(vcpu, offset, value) {
      if (!isV2Guest && offset >= SGI_FRAME) write(vcpu, offset - SGI_FRAME, value, 0, NR_PRIVATE_IRQS);
    },
  };
}
