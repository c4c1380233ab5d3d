/**
 * A script of one VM: every step is written as an event and followed in a small model, so that the generator knows
 * what its guest sees and acknowledges nothing that is in no LR. The model covers what generators use: a GICv3 guest,
 * SGIs, PPIs, SPIs and LPIs, edge and level, mapped ones too (vgic-spec 3), distributor on (1.7 to 1.20, sort-on-flush).
 * A test replays every workload and counts acknowledges that miss: none may.
 */
import {
  LPI_BASE,
  type Machine,
  NO_SLOT,
  NO_VCPU,
  NR_PRIVATE_IRQS,
  NR_SGIS,
  SPI_BASE,
  SPURIOUS_INTID,
} from '../gic/intid.js';
import {
  ACK,
  CONFIG,
  ENABLE,
  EOI,
  type EventSink,
  FLUSH,
  HW_MAP,
  INJECT,
  LPI_CONFIG,
  LPI_MAP,
  LPI_MOVE,
  PENDING,
  PHYS_ACTIVE,
  PHYS_LINE,
  PRIORITY,
  SGI,
  SYNC,
  TARGET,
  WFI,
} from '../trace/events.js';

const ENABLED = 1;
const LATCH = 2;
const LINE = 4;
const ACTIVE = 8;
const LEVEL = 16;
/** Tied to a host interrupt. */
const HW = 32;
/** Level of that host interrupt's line, and what the events so far said of it. */
const WIRE = 64;
const WIRE_TOLD = 128;

const ACK_EXACTLY = 2;
const EMPTY = 0;
const PENDING_IN_LR = 1;
const ACTIVE_IN_LR = 2;

export interface Script {
  readonly machine: Machine;
  /** Events written so far. */
  events(): number;
  isInGuest(vcpu: number): boolean;
  flush(vcpu: number): void;
  sync(vcpu: number): void;
  /** The guest acknowledges its most urgent pending LR: the INTID, or 1023 and no event if there is none. */
  acknowledge(vcpu: number): number;
  /** EOIs the interrupt acknowledged last: its INTID, or 1023 and no event if none is active. */
  endLast(vcpu: number): number;
  isLevel(vcpu: number, intid: number): boolean;
  inject(vcpu: number, intid: number, level: number): void;
  enable(vcpu: number, intid: number, on: boolean): void;
  pend(vcpu: number, intid: number, on: boolean): void;
  prioritize(vcpu: number, intid: number, priority: number): void;
  configure(vcpu: number, intid: number, level: boolean): void;
  retarget(vcpu: number, intid: number, target: number): void;
  /** `targets`: bit n = vCPU first + n; `first` is a multiple of 16. */
  sendSgi(vcpu: number, intid: number, first: number, targets: number): void;
  mapLpi(target: number, intid: number, priority: number): void;
  configureLpi(intid: number, priority: number): void;
  moveLpi(intid: number, target: number): void;
  /** Ties an interrupt to host interrupt `host`; host PPIs are banked, so a private one of a vCPU may take its own number. */
  mapHw(vcpu: number, intid: number, host: number): void;
  /**
   * The line of the host interrupt behind `intid`. No event by itself: PHYS_LINE is written before the model is about
   * to sample a line that changed, as importers of recordings do.
   */
  drive(vcpu: number, intid: number, level: number): void;
  /** As `drive`, and PHYS_LINE at once. */
  switchLine(vcpu: number, intid: number, level: number): void;
  /** Is the host interrupt behind `intid` active? Then the host hears no more of it. */
  isHostActive(vcpu: number, intid: number): boolean;
  /** The host takes the interrupt behind `intid` (PHYS_ACTIVE) and injects it. */
  takeHostIrq(vcpu: number, intid: number): void;
  /** Entries on the vCPU's ap_list. */
  depth(vcpu: number): number;
  /** The guest waits. False: something deliverable is there, so it goes on at once. */
  wait(vcpu: number): boolean;
}

/** `nextDt` gives the ticks before each event. */
export function createScript(machine: Machine, sink: EventSink, nextDt: () => number): Script {
  const { nrVcpus, nrSpis, nrLpis, nrLr } = machine;
  const spiBase = nrVcpus * NR_PRIVATE_IRQS;
  const lpiBase = spiBase + nrSpis;
  const flags = new Uint8Array(lpiBase + nrLpis);
  const priority = new Uint8Array(flags.length);
  const target = new Int16Array(flags.length);
  const queued = new Int16Array(flags.length).fill(NO_VCPU);
  const lists: number[][] = Array.from({ length: nrVcpus }, () => []);
  const lrSlot = new Int32Array(nrVcpus * nrLr);
  const lrState = new Uint8Array(nrVcpus * nrLr);
  const used = new Int32Array(nrVcpus);
  const inGuest = new Uint8Array(nrVcpus);
  // What spares a walk over a list of thousands: its keys are in order; no entry can leave it but those in an LR.
  const isSorted = new Uint8Array(nrVcpus);
  const isSettled = new Uint8Array(nrVcpus).fill(1);
  const acknowledged: number[][] = Array.from({ length: nrVcpus }, () => []);
  const hostIntid = new Int16Array(flags.length);
  const hostActive = new Uint8Array(flags.length);
  let events = 0;

  for (let slot = 0; slot < spiBase; slot++) {
    flags[slot] = slot % NR_PRIVATE_IRQS < NR_SGIS ? ENABLED : LEVEL;
    target[slot] = Math.floor(slot / NR_PRIVATE_IRQS);
  }

  const slotOf = (vcpu: number, intid: number): number => {
    if (intid < NR_PRIVATE_IRQS) return vcpu * NR_PRIVATE_IRQS + intid;
    return intid < LPI_BASE ? spiBase + intid - SPI_BASE : lpiBase + intid - LPI_BASE;
  };
  const intidOf = (slot: number): number => {
    if (slot < spiBase) return slot % NR_PRIVATE_IRQS;
    return slot < lpiBase ? SPI_BASE + slot - spiBase : LPI_BASE + slot - lpiBase;
  };
  const isPending = (slot: number): boolean =>
    (flags[slot] & LATCH) !== 0 || (flags[slot] & (LEVEL | LINE)) === (LEVEL | LINE);
  const holderOf = (slot: number): number => {
    if ((flags[slot] & ACTIVE) !== 0) return queued[slot] === NO_VCPU ? target[slot] : queued[slot];
    return (flags[slot] & ENABLED) !== 0 && isPending(slot) ? target[slot] : NO_VCPU;
  };
  const append = (vcpu: number, slot: number): void => {
    queued[slot] = vcpu;
    lists[vcpu].push(slot);
    isSorted[vcpu] = 0;
  };
  /** Something that decides place or membership changed. */
  const touch = (slot: number): void => {
    const vcpu = queued[slot];
    if (vcpu === NO_VCPU) return;
    isSorted[vcpu] = 0;
    isSettled[vcpu] = 0;
  };
  const queue = (slot: number): void => {
    touch(slot);
    const holder = holderOf(slot);
    if (queued[slot] === NO_VCPU && holder !== NO_VCPU) append(holder, slot);
  };
  const keyOf = (slot: number): number => {
    if ((flags[slot] & ACTIVE) !== 0) return -1;
    return (flags[slot] & ENABLED) !== 0 && isPending(slot) ? priority[slot] : 256;
  };
  const set = (slot: number, flag: number, on: boolean): void => {
    flags[slot] = on ? flags[slot] | flag : flags[slot] & ~flag;
  };
  const write = (kind: number, vcpu: number, intid: number, value: number): void => {
    events++;
    sink.event(kind, vcpu, intid, value, nextDt());
  };

  /** Host PPIs are banked, as those of the guest. */
  const bankOf = (slot: number): number => (hostIntid[slot] < NR_PRIVATE_IRQS ? Math.floor(slot / NR_PRIVATE_IRQS) : 0);

  /** Says on which level the host interrupt's line is, if that was not said yet. */
  function tellWire(slot: number): void {
    const isHigh = (flags[slot] & WIRE) !== 0;
    if (isHigh === ((flags[slot] & WIRE_TOLD) !== 0)) return;
    set(slot, WIRE_TOLD, isHigh);
    write(PHYS_LINE, bankOf(slot), hostIntid[slot], isHigh ? 1 : 0);
  }

  /** Takes over the line of the host interrupt behind a mapped level interrupt; a low one ends its activity. */
  function sampleWire(slot: number): void {
    const isHigh = (flags[slot] & WIRE) !== 0;
    set(slot, LINE, isHigh);
    if (!isHigh) hostActive[slot] = 0;
  }

  /** Will the fold of an LR in this state sample the line of a mapped interrupt (vgic-spec 3.3)? */
  function samplesWire(slot: number, state: number): boolean {
    if ((flags[slot] & (HW | LEVEL)) !== (HW | LEVEL)) return false;
    const isDeactivated = (flags[slot] & ACTIVE) !== 0 && (state & ACTIVE_IN_LR) === 0;
    return (state & PENDING_IN_LR) !== 0 || (isDeactivated && (flags[slot] & LINE) !== 0);
  }

  function tellSampledWires(vcpu: number): void {
    const base = vcpu * nrLr;
    for (let lr = base; lr < base + used[vcpu]; lr++) {
      if (samplesWire(lrSlot[lr], lrState[lr])) tellWire(lrSlot[lr]);
    }
  }

  /** More compete than there are LRs: the most urgent come first. */
  function sortList(vcpu: number): void {
    const list = lists[vcpu];
    let competing = 0;
    for (let at = 0; at < list.length && competing <= nrLr; at++)
      if (isPending(list[at]) || (flags[list[at]] & ACTIVE) !== 0) competing++;
    if (competing <= nrLr) return;
    list.sort((a, b) => keyOf(a) - keyOf(b));
    isSorted[vcpu] = 1;
  }

  function fillLrs(vcpu: number): void {
    const list = lists[vcpu];
    if (list.length > nrLr && isSorted[vcpu] === 0) sortList(vcpu);
    let count = 0;
    for (const slot of list) {
      if (holderOf(slot) !== vcpu) continue;
      let lr = EMPTY;
      const isActive = (flags[slot] & ACTIVE) !== 0;
      if (isActive) lr |= ACTIVE_IN_LR;
      if (isPending(slot) && !(isActive && (flags[slot] & (LEVEL | HW)) !== 0)) {
        lr |= PENDING_IN_LR;
        if ((flags[slot] & LEVEL) === 0) set(slot, LATCH, false);
        else if ((flags[slot] & HW) !== 0) set(slot, LINE, false);
      }
      lrSlot[vcpu * nrLr + count] = slot;
      lrState[vcpu * nrLr + count] = lr;
      if (++count === nrLr) break;
    }
    used[vcpu] = count;
  }

  function foldLrs(vcpu: number): void {
    const base = vcpu * nrLr;
    for (let lr = base; lr < base + used[vcpu]; lr++) {
      const slot = lrSlot[lr];
      const state = lrState[lr];
      if (samplesWire(slot, state)) sampleWire(slot);
      if ((flags[slot] & ACTIVE) !== 0 || (state & ACTIVE_IN_LR) !== 0) isSorted[vcpu] = 0;
      set(slot, ACTIVE, (state & ACTIVE_IN_LR) !== 0);
      if ((flags[slot] & LEVEL) === 0) {
        if ((state & PENDING_IN_LR) !== 0) set(slot, LATCH, true);
      } else if (state === EMPTY) {
        set(slot, LATCH, false);
      }
    }
  }

  function prune(vcpu: number): void {
    if (isSettled[vcpu] === 1) pruneLrs(vcpu);
    else pruneAll(vcpu);
    used[vcpu] = 0;
    isSettled[vcpu] = 1;
  }

  /** An entry of the list goes where it belongs; true: it stays. */
  function stays(vcpu: number, slot: number): boolean {
    const holder = holderOf(slot);
    if (holder === vcpu) return true;
    if (holder === NO_VCPU) queued[slot] = NO_VCPU;
    else append(holder, slot);
    return false;
  }

  function pruneLrs(vcpu: number): void {
    const base = vcpu * nrLr;
    for (let lr = base; lr < base + used[vcpu]; lr++) {
      const at = lists[vcpu].indexOf(lrSlot[lr]);
      if (at >= 0 && !stays(vcpu, lrSlot[lr])) lists[vcpu].splice(at, 1);
    }
  }

  function pruneAll(vcpu: number): void {
    const list = lists[vcpu];
    let kept = 0;
    for (let at = 0; at < list.length; at++) {
      const slot = list[at];
      if (stays(vcpu, slot)) list[kept++] = slot;
    }
    list.length = kept;
  }

  function mostUrgentLr(vcpu: number): number {
    const base = vcpu * nrLr;
    let best = NO_SLOT;
    for (let lr = base; lr < base + used[vcpu]; lr++) {
      if (lrState[lr] !== PENDING_IN_LR) continue;
      if (best === NO_SLOT || priority[lrSlot[lr]] < priority[lrSlot[best]]) best = lr;
    }
    return best;
  }

  function inject(vcpu: number, intid: number, level: number): void {
    write(INJECT, vcpu, intid, level);
    const slot = slotOf(vcpu, intid);
    if ((flags[slot] & LEVEL) !== 0) {
      if (((flags[slot] & LINE) !== 0) === (level === 1)) return;
      set(slot, LINE, level === 1);
    } else if (level === 1) {
      set(slot, LATCH, true);
    } else {
      return;
    }
    queue(slot);
  }

  return {
    machine,
    events: () => events,
    isInGuest: (vcpu) => inGuest[vcpu] === 1,
    flush(vcpu) {
      write(FLUSH, vcpu, 0, 0);
      inGuest[vcpu] = 1;
      if (lists[vcpu].length > 0) fillLrs(vcpu);
    },
    sync(vcpu) {
      tellSampledWires(vcpu);
      write(SYNC, vcpu, 0, 0);
      inGuest[vcpu] = 0;
      if (lists[vcpu].length === 0) return;
      foldLrs(vcpu);
      prune(vcpu);
    },
    acknowledge(vcpu) {
      const lr = mostUrgentLr(vcpu);
      if (lr === NO_SLOT) return SPURIOUS_INTID;
      lrState[lr] = ACTIVE_IN_LR;
      const slot = lrSlot[lr];
      acknowledged[vcpu].push(slot);
      write(ACK, vcpu, intidOf(slot), ACK_EXACTLY);
      return intidOf(slot);
    },
    endLast(vcpu) {
      const slot = acknowledged[vcpu].pop();
      if (slot === undefined) return SPURIOUS_INTID;
      const base = vcpu * nrLr;
      for (let lr = base; lr < base + used[vcpu]; lr++) if (lrSlot[lr] === slot) lrState[lr] &= ~ACTIVE_IN_LR;
      if ((flags[slot] & HW) !== 0) hostActive[slot] = 0;
      write(EOI, vcpu, intidOf(slot), 0);
      return intidOf(slot);
    },
    isLevel: (vcpu, intid) => (flags[slotOf(vcpu, intid)] & LEVEL) !== 0,
    inject,
    enable(vcpu, intid, on) {
      const slot = slotOf(vcpu, intid);
      const isSampled = on && (flags[slot] & (HW | LEVEL)) === (HW | LEVEL);
      if (isSampled) tellWire(slot);
      write(ENABLE, vcpu, intid, on ? 1 : 0);
      // An active one stays the guest's until it is deactivated.
      const wasActive = hostActive[slot];
      if (isSampled) sampleWire(slot);
      if (isSampled && (flags[slot] & ACTIVE) !== 0) hostActive[slot] = wasActive;
      set(slot, ENABLED, on);
      touch(slot);
      if (on) queue(slot);
    },
    pend(vcpu, intid, on) {
      write(PENDING, vcpu, intid, on ? 1 : 0);
      const slot = slotOf(vcpu, intid);
      set(slot, LATCH, on);
      touch(slot);
      if (on) queue(slot);
    },
    prioritize(vcpu, intid, value) {
      write(PRIORITY, vcpu, intid, value);
      priority[slotOf(vcpu, intid)] = value & 0xf8;
      touch(slotOf(vcpu, intid));
    },
    configure(vcpu, intid, level) {
      write(CONFIG, vcpu, intid, level ? 1 : 0);
      set(slotOf(vcpu, intid), LEVEL, level);
      touch(slotOf(vcpu, intid));
    },
    retarget(vcpu, intid, to) {
      write(TARGET, vcpu, intid, to);
      target[slotOf(vcpu, intid)] = to;
      touch(slotOf(vcpu, intid));
    },
    sendSgi(vcpu, intid, first, targets) {
      write(SGI, vcpu, intid | (first << 5), targets);
      for (let bit = 0; bit < 16; bit++) {
        if ((targets & (1 << bit)) === 0 || first + bit >= nrVcpus) continue;
        const slot = slotOf(first + bit, intid);
        set(slot, LATCH, true);
        queue(slot);
      }
    },
    mapLpi(to, intid, value) {
      write(LPI_MAP, to, intid, (value << 8) | (1 << 16));
      const slot = slotOf(to, intid);
      flags[slot] = ENABLED;
      priority[slot] = value & 0xfc;
      target[slot] = to;
    },
    configureLpi(intid, value) {
      write(LPI_CONFIG, 0, intid, (value & 0xfc) | 1);
      const slot = slotOf(0, intid);
      priority[slot] = value & 0xfc;
      queue(slot);
    },
    moveLpi(intid, to) {
      write(LPI_MOVE, to, intid, 0);
      target[slotOf(0, intid)] = to;
      touch(slotOf(0, intid));
    },
    mapHw(vcpu, intid, host) {
      write(HW_MAP, vcpu, intid, host);
      const slot = slotOf(vcpu, intid);
      set(slot, HW, true);
      hostIntid[slot] = host;
    },
    drive: (vcpu, intid, level) => set(slotOf(vcpu, intid), WIRE, level === 1),
    switchLine(vcpu, intid, level) {
      set(slotOf(vcpu, intid), WIRE, level === 1);
      tellWire(slotOf(vcpu, intid));
    },
    isHostActive: (vcpu, intid) => hostActive[slotOf(vcpu, intid)] === 1,
    takeHostIrq(vcpu, intid) {
      const slot = slotOf(vcpu, intid);
      write(PHYS_ACTIVE, bankOf(slot), hostIntid[slot], 1);
      hostActive[slot] = 1;
      inject(vcpu, intid, 1);
    },
    depth: (vcpu) => lists[vcpu].length,
    wait(vcpu) {
      write(WFI, vcpu, 0, 0);
      return !lists[vcpu].some(
        (slot) =>
          (flags[slot] & (ENABLED | ACTIVE)) === ENABLED && isPending(slot) && priority[slot] < machine.pmrAtStart,
      );
    },
  };
}

/**
 * A guest that handles what is pending: EOIs what an earlier run left active, then acknowledges and EOIs up to `limit`
 * interrupts. A level-triggered one is silenced (its line lowered) between the two, as a driver does.
 */
export function handlePending(script: Script, vcpu: number, limit: number): void {
  while (script.endLast(vcpu) !== SPURIOUS_INTID);
  for (let handled = 0; handled < limit; handled++) {
    const intid = script.acknowledge(vcpu);
    if (intid === SPURIOUS_INTID) return;
    if (script.isLevel(vcpu, intid)) script.inject(vcpu, intid, 0);
    script.endLast(vcpu);
  }
}
