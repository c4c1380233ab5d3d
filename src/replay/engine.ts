/** Drives the events of a trace into a vGIC: the hot loop. */

import * as Counting from '#counting';
import * as Events from '../trace/events.js';
import { int32Column } from '../vgic/columns.js';
import * as Counters from '../vgic/counters.js';
import * as Digest from '../vgic/digest.js';
import { physRowOf } from '../vgic/state.js';
import type { Vgic } from '../vgic/vgic.js';
import { actorOf } from './guest-work.js';
import { createSystems, type SystemCounts } from './systems.js';

// V8 folds a module's own constants, not imported ones: 1.2-2x in hot loops (bench/README.md).
const { COUNTED } = Counting;
const { ACTOR_HOST } = Counters;
const { FIRST_FACT, INTID_SHIFT, KIND_MASK, VCPU_MASK, VCPU_SHIFT } = Events;
const { DIGEST_SEED, mix } = Digest;

/** Flags of ACK, and of EOI and DEACTIVATE: the rules of the CPU interface decide (trace/events.ts). */
const ACK_BY_RULES = 4;
const BY_RULES = 1;
const SENDER_SHIFT = 8;
/** From here on, below the facts, the events of the systems beside the core. */
const FIRST_SYSTEM_KIND = Events.MEM_AT;

/** Events that are copied and replayed at a time: 32 KiB of columns, which stay in a processor's nearer caches. */
const WINDOW = 4096;
/**
 * The events of the window that is replayed. A caller's arrays are asked at every event what and where they are; these
 * are constants to the JIT (typical, periodic and linux-boot 1.1x). A replay is never entered twice: engines share them.
 */
const wordsAtHand = int32Column(WINDOW);
const valuesAtHand = int32Column(WINDOW);

/** Cuts an array into windows; the views are kept while the same array comes again, as it does from a trace reader. */
function createCutter(): (column: Int32Array) => readonly Int32Array[] {
  let cut: Int32Array | undefined;
  let windows: Int32Array[] = [];
  return (column) => {
    if (column !== cut) {
      windows = [];
      for (let first = 0; first < column.length; first += WINDOW) {
        windows.push(column.subarray(first, first + WINDOW));
      }
      cut = column;
    }
    return windows;
  };
}

/** Register accesses by a vCPU's guest, seen per interrupt. `user`: bit 1 of the value, where it means user space. */
function isGuestAccess(kind: number, user: boolean): boolean {
  switch (kind) {
    case Events.ENABLE:
    case Events.PENDING:
    case Events.ACTIVE:
    case Events.GROUP_ONE:
      return !user;
    case Events.CONFIG:
    case Events.TARGET:
    case Events.SGI:
    case Events.GROUP:
    case Events.DIST_ENABLE:
    case Events.SGI_PEND:
      return true;
    default:
      return false;
  }
}

export interface Engine {
  /** Replays events 0..count of a block's columns, one after another. */
  run(word: Int32Array, value: Int32Array, count: number): void;
  /** One event; the slow way, for code that compares after each step. */
  step(word: number, value: number): void;
  /** Digest over every LR word of every flush so far (vgic/digest.ts): used_lrs, then lo and hi of each LR. */
  digest(): number;
  /** Forgets the systems beside the core; with the vGIC's own reset everything but the digest is as before the first event. */
  resetSystems(): void;
  /** What the systems beside the core counted, by name (replay/systems.ts). */
  systemCounts(): Readonly<Record<string, SystemCounts>>;
}

/** `beforeFlush`: called at every entry when all is done that precedes the flush. */
export function createEngine(vgic: Vgic, beforeFlush?: (vcpu: number) => void): Engine {
  const { state, kicks, flush, sync, fold, prune, inject, ack, eoi, deactivate } = vgic;
  const { ackByRules, eoiByRules, dirByRules, dropPriority } = vgic;
  const { isXen } = state.flavour;
  const {
    clearLpi,
    configLpi,
    drain,
    dropLpis,
    lineLevel,
    mapHw,
    mapLpi,
    mmioRead,
    mmioWrite,
    moveLpi,
    pendLpi,
    pendingTest,
    physLine,
    setActive,
    setConfig,
    setCpuif,
    setDistEnable,
    setEnable,
    setGroup,
    setGroupWord,
    setLrState,
    setPending,
    setPriority,
    setSgiSources,
    setTarget,
    sgi,
    unmapHw,
    unmapLpi,
  } = vgic;
  const { usedLrs, lrLo, lrHi, nrLr, isV2Host, nrVcpus, pmr, physPending, physActive, cost } = state;
  /** An own buffer: see vgic/columns.ts. */
  const digest = int32Column(1);
  digest[0] = DIGEST_SEED;
  const systems = createSystems(vgic);
  const flushChecked =
    beforeFlush === undefined
      ? flush
      : (vcpu: number): void => {
          beforeFlush(vcpu);
          flush(vcpu);
        };
  /** Xen's new vGIC recomputes the timer lines on every return to the guest; the others flush alone. */
  const enter = state.flavour.timerLevelsAtEntry
    ? (vcpu: number): void => {
        systems.enter(vcpu);
        flushChecked(vcpu);
      }
    : flushChecked;

  /**
   * A vCPU that is not runnable blocks (vgic-spec 4.4, end): no pending test, no IRQ_PENDING request, which Xen does not have,
   * and no timer that is due, which its own thread sees (4.2). The test is counted in any case.
   */
  function wait(vcpu: number): void {
    const isPending = pendingTest(vcpu);
    if (!COUNTED || isPending || (!isXen && kicks.requestSet[vcpu] === 1) || systems.isDue(vcpu)) return;
    kicks.block(vcpu);
  }

  function digestLrs(vcpu: number): void {
    const used = usedLrs[vcpu];
    let d = mix(digest[0], used);
    const base = vcpu * nrLr;
    if (isV2Host) {
      for (let lr = 0; lr < used; lr++) d = mix(mix(d, vgic.lrLo(vcpu, lr)), 0);
    } else {
      const low = lrLo;
      const high = lrHi;
      for (let lr = base; lr < base + used; lr++) d = mix(mix(d, low[lr]), high[lr]);
    }
    digest[0] = d;
  }

  /** Everything that is rare in ordinary traces; kept out of the hot function so that it stays small. */
  function runRare(kind: number, vcpu: number, intid: number, value: number): void {
    const on = (value & 1) === 1;
    const user = (value & 2) === 2;
    if (COUNTED) cost.actor = actorOf(kind, vcpu, value);
    // Xen: the vCPU that accesses a register is the one on this CPU.
    if (isXen && isGuestAccess(kind, user)) kicks.current[0] = vcpu;
    switch (kind) {
      case 7 satisfies typeof Events.PRIORITY_DROP:
        dropPriority(vcpu);
        break;
      case 9 satisfies typeof Events.ENABLE:
        setEnable(vcpu, intid, on, user);
        break;
      case 11 satisfies typeof Events.PENDING:
        setPending(vcpu, intid, on, user);
        break;
      case 12 satisfies typeof Events.ACTIVE:
        setActive(vcpu, intid, on, user);
        break;
      case 13 satisfies typeof Events.CONFIG:
        setConfig(vcpu, intid, on);
        break;
      case 14 satisfies typeof Events.TARGET:
        setTarget(intid, value);
        break;
      case 15 satisfies typeof Events.SGI:
        sgi(vcpu, intid & 15, (intid >>> 5) & 0xff, value, (intid & 16) !== 0, intid >>> 13 !== 0);
        break;
      case 16 satisfies typeof Events.LPI_MAP:
        mapLpi(intid, vcpu, (value >>> 8) & 0xff, (value & 0x10000) !== 0);
        break;
      case 17 satisfies typeof Events.LPI_UNMAP:
        unmapLpi(intid);
        break;
      case 18 satisfies typeof Events.LPI_CONFIG:
        configLpi(intid, value);
        break;
      case 19 satisfies typeof Events.LPI_MOVE:
        moveLpi(intid, vcpu);
        break;
      case 20 satisfies typeof Events.LPI_CLEAR:
        clearLpi(intid);
        break;
      case 21 satisfies typeof Events.LPI_PENDING:
        pendLpi(intid, value & 1);
        break;
      case 22 satisfies typeof Events.LPI_FLUSH:
        dropLpis(vcpu);
        break;
      case 23 satisfies typeof Events.GROUP:
        setGroupWord(vcpu, intid, value & 1);
        break;
      case 24 satisfies typeof Events.GROUP_ONE:
        setGroup(vcpu, intid, value & 1, user);
        break;
      case 25 satisfies typeof Events.DIST_ENABLE:
        setDistEnable(on);
        break;
      case 26 satisfies typeof Events.HW_MAP:
        mapHw(vcpu, intid, Events.hostIrqOfMap(value), (value & Events.HW_MAP_SW_RESAMPLE) !== 0);
        break;
      case 27 satisfies typeof Events.HW_UNMAP:
        unmapHw(vcpu, intid);
        break;
      case 28 satisfies typeof Events.PHYS_LINE:
        physLine(physRowOf(nrVcpus, vcpu, intid), value & 1);
        break;
      case 29 satisfies typeof Events.MMIO_DIST:
        mmioWrite(vcpu, false, intid, 4, value, 0);
        break;
      case 30 satisfies typeof Events.MMIO_REDIST:
        mmioWrite(vcpu, true, intid, 4, value, 0);
        break;
      case 31 satisfies typeof Events.SGI_PEND:
        setSgiSources(vcpu, intid, value & 0xff, value < 0);
        break;
      case 32 satisfies typeof Events.PENDING_QUERY:
        pendingTest(vcpu);
        break;
      case 64 satisfies typeof Events.WFI:
        wait(vcpu);
        break;
      case 33 satisfies typeof Events.PMR:
        pmr[vcpu] = value & 0xff;
        break;
      case 34 satisfies typeof Events.LINE_LEVEL:
        lineLevel(vcpu, intid, value & 1);
        break;
      case 35 satisfies typeof Events.GUEST_LR_STATE:
        setLrState(vcpu, intid, value & 3);
        break;
      case 36 satisfies typeof Events.GUEST_DRAIN:
        drain(vcpu, value >>> 0);
        // The guest's virtual LPIs (GICv4) are in none of the core's list registers.
        systems.run(kind, vcpu, intid, value);
        break;
      case 37 satisfies typeof Events.FOLD:
        fold(vcpu);
        break;
      case 38 satisfies typeof Events.PRUNE:
        prune(vcpu);
        break;
      case 8 satisfies typeof Events.DEACTIVATE:
        if (on) dirByRules(vcpu, intid, (value >>> SENDER_SHIFT) & 7);
        else deactivate(vcpu, intid);
        break;
      case 39 satisfies typeof Events.CPUIF:
        setCpuif(vcpu, value);
        break;
      case 40 satisfies typeof Events.PHYS_PENDING:
        physPending[physRowOf(nrVcpus, vcpu, intid)] = value & 1;
        break;
      case 41 satisfies typeof Events.PHYS_ACTIVE:
        physActive[physRowOf(nrVcpus, vcpu, intid)] = value & 1;
        break;
      case 42 satisfies typeof Events.RUNNING:
        kicks.setRunning(vcpu, on);
        break;
      case 43 satisfies typeof Events.CURRENT:
        kicks.current[0] = vcpu;
        break;
      case 44 satisfies typeof Events.MMIO_DIST_BYTE:
        mmioWrite(vcpu, false, intid, 1, value & 0xff, 0);
        break;
      case 45 satisfies typeof Events.MMIO_REDIST_BYTE:
        mmioWrite(vcpu, true, intid, 1, value & 0xff, 0);
        break;
      case 46 satisfies typeof Events.MMIO_DIST_READ:
        mmioRead(vcpu, false, intid, value & 0xf);
        break;
      case 47 satisfies typeof Events.MMIO_REDIST_READ:
        mmioRead(vcpu, true, intid, value & 0xf);
        break;
      default:
        // NOP changes nothing.
        if (kind >= FIRST_SYSTEM_KIND) systems.run(kind, vcpu, intid, value);
    }
  }

  const cutWords = createCutter();
  const cutValues = createCutter();

  /** The first `count` events of the window at hand. */
  function runWindow(count: number): void {
    const words = wordsAtHand;
    const values = valuesAtHand;
    const eventsOf = cost.events;
    // `| 0`: a whole number to the JIT, not something that it has to ask about at every event.
    const end = count | 0;
    for (let event = 0; event < end; event++) {
      const w = words[event];
      const vcpu = (w >>> VCPU_SHIFT) & VCPU_MASK;
      const intid = w >>> INTID_SHIFT;
      if (COUNTED) eventsOf[w & KIND_MASK] += 1;
      switch (w & KIND_MASK) {
        case 2 satisfies typeof Events.INJECT:
          if (COUNTED) cost.actor = ACTOR_HOST;
          inject(vcpu, intid, values[event] & 1);
          break;
        case 3 satisfies typeof Events.FLUSH:
          enter(vcpu);
          digestLrs(vcpu);
          break;
        case 4 satisfies typeof Events.SYNC:
          sync(vcpu);
          break;
        case 5 satisfies typeof Events.ACK:
          if ((values[event] & ACK_BY_RULES) === 0) ack(vcpu, intid, values[event]);
          else ackByRules(vcpu);
          break;
        case 6 satisfies typeof Events.EOI:
          if ((values[event] & BY_RULES) === 0) eoi(vcpu, intid);
          else eoiByRules(vcpu, intid, (values[event] >>> SENDER_SHIFT) & 7);
          break;
        case 10 satisfies typeof Events.PRIORITY:
          if (COUNTED) {
            kicks.current[0] = vcpu;
            cost.actor = vcpu;
          }
          setPriority(vcpu, intid, values[event]);
          break;
        default:
          // From FIRST_FACT on nothing changes the model; its first kind, WFI, asks the pending test.
          if ((w & KIND_MASK) <= FIRST_FACT) runRare(w & KIND_MASK, vcpu, intid, values[event]);
      }
    }
  }

  return {
    run(word, value, count) {
      const words = cutWords(word);
      const values = cutValues(value);
      for (let window = 0, left = count; left > 0; window++, left -= WINDOW) {
        wordsAtHand.set(words[window]);
        valuesAtHand.set(values[window]);
        runWindow(Math.min(left, WINDOW));
      }
    },
    step(word, value) {
      wordsAtHand[0] = word;
      valuesAtHand[0] = value;
      runWindow(1);
    },
    digest: () => digest[0],
    resetSystems: systems.reset,
    systemCounts: () => systems.counts(),
  };
}
