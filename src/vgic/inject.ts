/** What devices, timers, other vCPUs and the ITS do to an interrupt. vgic-spec 1.7, 2.4, 6.4-6.7. */
import * as Counting from '#counting';
import * as Intid from '../gic/intid.js';
import * as Counters from './counters.js';
import type { LpiRows } from './lpi-rows.js';
import * as Operations from './operations.js';
import type { Queue } from './queue.js';
import { isSgiTarget } from './sgi-targets.js';
import { slotOf, type VgicState } from './state.js';
import * as Word from './word.js';

// V8 folds a module's own constants, not imported ones: 1.2-2x in hot loops (bench/README.md).
const { COUNTED } = Counting;
const { PATH_REKEY, SECTION_LPIS_OFF } = Counters;
const { NR_PRIVATE_IRQS } = Intid;
const { OP_INJECTED, OP_INJECTED_KICKED, OP_INJECTED_UNQUEUED, OP_INJECT_LOOKUP, OP_KICKED, OP_QUEUED, OP_SGI_TARGET } =
  Operations;
const { EXISTS, GROUP, LATCH, LEVEL, LINE, targetOf, WIRE } = Word;

export interface Inject {
  inject(vcpu: number, intid: number, level: number): void;
  /** To whom: sgi-targets.ts. `groupZeroOnly`: sent through ICC_SGI0R, which does not reach group 1 (vgic-spec 2.4). */
  sgi(
    sender: number,
    intid: number,
    firstVcpu: number,
    list: number,
    allButSelf: boolean,
    groupZeroOnly: boolean,
  ): void;
  /** User-space LEVEL_INFO (vgic-spec 2.6). */
  lineLevel(vcpu: number, intid: number, level: number): void;
  physLine(vcpuRow: number, level: number): void;
  mapLpi(intid: number, target: number, priority: number, enabled: boolean): void;
  unmapLpi(intid: number): void;
  configLpi(intid: number, config: number): void;
  moveLpi(intid: number, target: number): void;
  clearLpi(intid: number): void;
  pendLpi(intid: number, latch: number): void;
  dropLpis(vcpu: number): void;
}

export function createInject(s: VgicState, queue: Queue, lpis: LpiRows): Inject {
  const { word, source, lpiRefs, lpiSlotBase, spiSlotBase, nrVcpus, isV2Guest, cost } = s;
  /** One past the last SPI; rows of SPIs are INTIDs moved by an offset. */
  const spiEnd = NR_PRIVATE_IRQS + lpiSlotBase - spiSlotBase;
  const spiOffset = spiSlotBase - NR_PRIVATE_IRQS;
  const { queueIrq, rekeyIrq, list } = queue;
  const { find: findLpi, lookUp: lookUpLpi } = lpis;

  return {
    inject(vcpu, intid, level) {
      let slot: number;
      if (intid < spiEnd) {
        // Private row of the vCPU or SPI row: chosen without a branch, as below.
        const isPrivate = (intid - NR_PRIVATE_IRQS) >> 31;
        slot = intid + ((vcpu * NR_PRIVATE_IRQS) & isPrivate) + (spiOffset & ~isPrivate);
      } else {
        const before = COUNTED ? cost.totalSteps : 0;
        slot = lookUpLpi(intid);
        // Nodes, without the lock.
        if (COUNTED && cost.totalSteps > before) cost.ops[OP_INJECT_LOOKUP] += cost.totalSteps - before - 1;
        if (slot < 0) return;
      }
      if (COUNTED) cost.injections += 1;
      const w = word[slot];
      const isLevel = (w >>> 4) & 1;
      // validate_injection: a level must change, an edge must rise. A refused call still took the irq_lock.
      if (((isLevel & (w >>> 30)) ^ level) === 0) {
        if (COUNTED) refuse(w);
        return;
      }
      // A level: LINE and WIRE follow; an edge: the latch.
      const wire = -isLevel & (LINE | WIRE);
      const next = (w & ~wire) | (wire & -level) | ((isLevel ^ 1) << 1);
      if (COUNTED) queueCounted(slot, next);
      else queueIrq(slot, next);
    },
    sgi(sender, intid, firstVcpu, targets, allButSelf, groupZeroOnly) {
      for (let vcpu = 0; vcpu < nrVcpus; vcpu++) {
        if (!isSgiTarget(vcpu, sender, firstVcpu, targets, allButSelf)) continue;
        const slot = vcpu * 32 + intid;
        if (groupZeroOnly && (word[slot] & GROUP) !== 0) {
          // Its group was looked at under its lock.
          if (COUNTED) {
            cost.locks += 1;
            cost.endAppend(vcpu);
          }
          continue;
        }
        if (COUNTED) cost.ops[OP_SGI_TARGET] += 1;
        word[slot] |= LATCH;
        if (isV2Guest) source[slot] |= 1 << sender;
        queueIrq(slot, word[slot]);
      }
    },
    lineLevel(vcpu, intid, level) {
      const slot = slotOf(s, vcpu, intid);
      if (slot < 0 || (word[slot] & EXISTS) === 0) return;
      const w = word[slot];
      if (level === 0) {
        word[slot] = w & ~(LINE | WIRE);
        rekeyIrq(slot);
      } else {
        word[slot] = w | LINE | ((w & LEVEL) !== 0 ? WIRE : 0);
        queueIrq(slot, word[slot]);
      }
    },
    physLine(row, level) {
      s.physLine[row] = level;
    },
    mapLpi(intid, target, priority, enabled) {
      const known = lookUpLpi(intid);
      // An LPI that exists, mapped or only queued, keeps its state: the mapping just takes a reference.
      if (known >= 0) {
        lpis.hold(known);
        return;
      }
      const slot = lpis.create(intid, target);
      // Offered twice: after its configuration is read, and after its bit of the pending table is.
      lpis.setConfig(slot, (priority & 0xfc) | (enabled ? 1 : 0));
      lpis.setLatch(slot, 0);
    },
    unmapLpi(intid) {
      const slot = findLpi(intid);
      if (slot >= 0 && lpiRefs[slot - lpiSlotBase] > 0) lpis.drop(slot);
    },
    configLpi(intid, config) {
      const slot = findLpi(intid);
      if (slot >= 0) lpis.setConfig(slot, config);
    },
    moveLpi(intid, target) {
      const slot = findLpi(intid);
      if (slot >= 0) lpis.setTarget(slot, target);
    },
    clearLpi(intid) {
      const slot = findLpi(intid);
      if (slot >= 0) lpis.clearLatch(slot);
    },
    pendLpi(intid, latch) {
      const slot = lookUpLpi(intid);
      if (slot >= 0) lpis.setLatch(slot, latch);
    },
    dropLpis(vcpu) {
      do {
        if (COUNTED) cost.locks += 1;
        if (list.length(vcpu) !== 0) list.dropLpis(vcpu);
        if (COUNTED) {
          cost.end(PATH_REKEY);
          cost.section(SECTION_LPIS_OFF, cost.lastSteps, cost.lastLocks);
        }
        // GICR_CTLR.RWP tells the guest that it is not done yet (vgic-spec 2.5).
      } while (list.lpisLeft?.(vcpu) === true);
    },
  };

  /** Which of its ends queue_irq_unlock came to, for an injection. */
  function queueCounted(slot: number, next: number): void {
    const { ops } = cost;
    const queued = ops[OP_QUEUED];
    const kicked = ops[OP_KICKED];
    queueIrq(slot, next);
    if (ops[OP_QUEUED] > queued) ops[OP_INJECTED] += 1;
    else ops[ops[OP_KICKED] > kicked ? OP_INJECTED_KICKED : OP_INJECTED_UNQUEUED] += 1;
  }

  function refuse(w: number): void {
    cost.redundantInjections += 1;
    cost.locks += 1;
    cost.endAppend(targetOf(w));
  }
}
