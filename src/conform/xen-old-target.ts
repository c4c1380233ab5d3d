/** Xen's default vGIC as scenarios see it. */
import type { Machine } from '../gic/intid.js';
import { createEngine } from '../replay/engine.js';
import * as ev from '../trace/events.js';
import { METRIC_LOCKS, NR_METRICS, NR_PATHS } from '../vgic/counters.js';
import { physRowOf, slotOf } from '../vgic/state.js';
import { ACTIVE, ENABLED, EXISTS, GROUP, HW, LATCH, LEVEL, priorityOf, queuedOn, targetOf } from '../vgic/word.js';
import { createXenOldVgic } from '../vgic/xen-old/index.js';
import type { ConformTarget, IrqView, KickView, LrWord, XenOldView } from './target.js';

/** ICC_SGI0R, which a Xen guest does not have: bit 13 of the intid of an SGI event. */
const THROUGH_SGI0R = 1 << 13;
const BY_THE_RULES = 1;
const EINVAL = -22;
/** Beside the kinds that carry their vCPU into the model. */
const SAYS_CURRENT: ReadonlySet<number> = new Set([
  ev.CURRENT,
  ev.TARGET,
  ev.DIST_ENABLE,
  ev.GROUP,
  ev.GROUP_ONE,
  ev.SGI_PEND,
]);

export function createXenOldTarget(machine: Machine): ConformTarget {
  const vgic = createXenOldVgic(machine);
  const engine = createEngine(vgic);
  const { state, columns, list } = vgic;
  const { word, nrVcpus, nrLr, physPending, physLine, physActive, cost } = state;
  const { inflight, lrPending, snapshot, lrOf, migrating, lrUsed, unblocks, ipis } = columns;
  let locksTaken = 0;

  const locks = (): number => {
    let sum = 0;
    for (let path = 0; path < NR_PATHS; path++) sum += cost.sum[path * NR_METRICS + METRIC_LOCKS];
    return sum;
  };
  const known = (vcpu: number, intid: number): number => {
    const slot = slotOf(state, vcpu, intid);
    return slot >= 0 && (word[slot] & EXISTS) !== 0 ? slot : -1;
  };
  const intids = (slots: number[]): number[] => slots.map((slot) => state.intidOfSlot[slot]);
  const perVcpu = <T>(of: (vcpu: number) => T): T[] => Array.from({ length: nrVcpus }, (_, vcpu) => of(vcpu));

  function apply(kind: number, vcpu: number, intid: number, value: number): void {
    const isRedist = kind === ev.MMIO_REDIST || kind === ev.MMIO_REDIST_BYTE || kind === ev.MMIO_REDIST_READ;
    if (SAYS_CURRENT.has(kind)) vgic.setCurrent(vcpu);
    if (kind === ev.CPUIF) vgic.setCpuInterface(vcpu, value);
    else if (kind === ev.RUNNING) vgic.setRunning(vcpu, (value & 1) === 1);
    else if (kind === ev.PHYS_PENDING) physPending[physRowOf(nrVcpus, vcpu, intid)] = value & 1;
    else if (kind === ev.PHYS_ACTIVE) physActive[physRowOf(nrVcpus, vcpu, intid)] = value & 1;
    else if (kind === ev.MMIO_DIST || kind === ev.MMIO_REDIST) vgic.writeRegister(vcpu, isRedist, intid, 4, value, 0);
    else if (kind === ev.MMIO_DIST_BYTE || kind === ev.MMIO_REDIST_BYTE)
      vgic.writeRegister(vcpu, isRedist, intid, 1, value, 0);
    else if (kind === ev.MMIO_DIST_READ || kind === ev.MMIO_REDIST_READ)
      vgic.readRegister(vcpu, isRedist, intid, value);
    else if (kind === ev.EOI && (value & BY_THE_RULES) !== 0) vgic.endInterrupt(vcpu, intid, (value >>> 8) & 7);
    else if (kind === ev.PRIORITY_DROP) vgic.dropPriority(vcpu);
    else if (kind === ev.DEACTIVATE && (value & BY_THE_RULES) !== 0)
      vgic.deactivateInterrupt(vcpu, intid, (value >>> 8) & 7);
    else if (kind !== ev.SGI || (intid & THROUGH_SGI0R) === 0) engine.step(ev.packWord(kind, vcpu, intid), value);
  }

  return {
    machine,
    apply,
    inject(vcpu, intid, level) {
      if (known(vcpu, intid) < 0) return EINVAL;
      vgic.inject(vcpu, intid, level);
      return 0;
    },
    write: (vcpu, frame, offset, length, lo, hi) =>
      vgic.writeRegister(vcpu, frame === 'redist', offset, length, lo | 0, hi | 0),
    read: (vcpu, frame, offset, length) => vgic.readRegister(vcpu, frame === 'redist', offset, length),
    acknowledge: (vcpu) => ({ intid: vgic.acknowledge(vcpu), source: 0 }),
    deactivate(vcpu, intid, source) {
      vgic.deactivateInterrupt(vcpu, intid, source);
      return false;
    },
    lrs(vcpu) {
      const words: LrWord[] = [];
      for (let lr = 0; lr < nrLr; lr++) {
        if (lrUsed[vcpu * nrLr + lr] === 1) words.push({ slot: lr, lo: vgic.lrLo(vcpu, lr), hi: vgic.lrHi(vcpu, lr) });
      }
      return words;
    },
    hcr: (vcpu) => state.hcr[vcpu],
    eoiCount: () => 0,
    irq(vcpu, intid): IrqView | undefined {
      const slot = known(vcpu, intid);
      if (slot < 0) return undefined;
      const w = word[slot];
      return {
        enabled: (w & ENABLED) !== 0,
        latch: (w & LATCH) !== 0,
        line: false,
        active: (w & ACTIVE) !== 0,
        pending: (w & LATCH) !== 0,
        level: (w & LEVEL) !== 0,
        priority: priorityOf(w),
        group: (w & GROUP) !== 0 ? 1 : 0,
        queuedOn: queuedOn(w),
        target: targetOf(w),
        hw: (w & HW) !== 0,
        sources: 0,
        activeSource: 0,
        onLr: lrOf[slot] >= 0,
        references: slot >= state.lpiSlotBase ? state.lpiRefs[slot - state.lpiSlotBase] : 0,
      };
    },
    xenOldIrq(vcpu, intid): XenOldView | undefined {
      const slot = known(vcpu, intid);
      if (slot < 0) return undefined;
      return {
        queued: (word[slot] & LATCH) !== 0,
        active: (word[slot] & ACTIVE) !== 0,
        visible: lrOf[slot] >= 0,
        enabled: (word[slot] & ENABLED) !== 0,
        migrating: migrating[slot] === 1,
        prioritySnapshot: snapshot[slot],
        inInflight: inflight.has(slot),
        inLrPending: lrPending.has(slot),
      };
    },
    list: (vcpu) => intids(list.order(vcpu)),
    lrPending: (vcpu) => intids(lrPending.order(vcpu)),
    pendingTest: (vcpu) => vgic.pendingTest(vcpu),
    kicks: (): KickView => ({
      kicks: perVcpu((vcpu) => unblocks[vcpu]),
      requestSet: perVcpu(() => false),
      halts: 0,
      processUpdate: perVcpu(() => false),
      broadcasts: 0,
      activeSpis: 0,
      unblocks: perVcpu((vcpu) => unblocks[vcpu]),
      ipis: perVcpu((vcpu) => ipis[vcpu]),
    }),
    ackNotified: () => 0,
    takeLocks() {
      const before = locksTaken;
      locksTaken = locks();
      return locksTaken - before;
    },
    phys(vcpu, hostIrq) {
      const row = physRowOf(nrVcpus, vcpu, hostIrq);
      return { pending: (physPending[row] | physLine[row]) !== 0, active: physActive[row] === 1 };
    },
    fatal: () => undefined,
  };
}
