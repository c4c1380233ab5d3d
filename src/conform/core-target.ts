/** The typed-array core, with the flavour's own algorithm, as scenarios see it. */
import { flavourNamed } from '../gic/flavour/index.js';
import { LPI_BASE, type Machine, NO_SLOT, SPI_BASE } from '../gic/intid.js';
import { createEngine } from '../replay/engine.js';
import { reference } from '../strategy/index.js';
import { packWord } from '../trace/events.js';
import { HostStop } from '../vgic/host-stop.js';
import { physRowOf, slotOf } from '../vgic/state.js';
import { createVgic, type Vgic } from '../vgic/vgic.js';
import {
  ACTIVE,
  ENABLED,
  EXISTS,
  GROUP,
  HW,
  isPending,
  LATCH,
  LEVEL,
  LINE,
  priorityOf,
  queuedOn,
  targetOf,
} from '../vgic/word.js';
import { createXenOldVgic } from '../vgic/xen-old/index.js';
import { viewIts } from './core-its.js';
import type { ConformTarget, IrqView } from './target.js';

const EINVAL = -22;
export function createCoreTarget(machine: Machine): ConformTarget {
  if (flavourNamed(machine.flavour).structure === 'two-lists') return createXenOldTarget(machine);
  return createTarget(machine, createVgic(machine, reference.create({})));
}

/** Xen's default vGIC: the same questions, but for its status bits, its second list and LRs with holes. */
function createXenOldTarget(machine: Machine): ConformTarget {
  const vgic = createXenOldVgic(machine);
  const target = createTarget(machine, vgic);
  const { state, columns } = vgic;
  const { word, nrLr } = state;
  const { inflight, lrPending, snapshot, lrOf, migrating, lrUsed } = columns;
  return {
    ...target,
    lrs: (vcpu) => target.lrs(vcpu).filter(({ slot }) => lrUsed[vcpu * nrLr + slot] === 1),
    irq(vcpu, intid) {
      const irq = target.irq(vcpu, intid);
      const slot = slotOf(state, vcpu, intid);
      return irq && { ...irq, onLr: lrOf[slot] >= 0, sources: 0, activeSource: 0 };
    },
    xenOldIrq(vcpu, intid) {
      const slot = slotOf(state, vcpu, intid);
      if (slot < 0 || (word[slot] & EXISTS) === 0) return undefined;
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
    lrPending: (vcpu) => lrPending.order(vcpu).map((slot) => state.intidOfSlot[slot]),
  };
}

function createTarget(machine: Machine, vgic: Vgic): ConformTarget {
  const engine = createEngine(vgic);
  const { state, kicks, list } = vgic;
  const { isXen } = state.flavour;
  const vcpus = Array.from({ length: machine.nrVcpus }, (_, vcpu) => vcpu);
  let stopped: HostStop | undefined;
  let locksTaken = 0;

  /** Runs a step unless the host has stopped; a stop gives `otherwise`. */
  function step<T>(run: () => T, otherwise: T): T {
    if (stopped !== undefined) return otherwise;
    try {
      return run();
    } catch (error) {
      if (!(error instanceof HostStop)) throw error;
      stopped = error;
      return otherwise;
    }
  }
  const existingSlot = (vcpu: number, intid: number): number => {
    const slot = intid < LPI_BASE ? slotOf(state, vcpu, intid) : vgic.findLpi(intid);
    return slot >= 0 && (state.word[slot] & EXISTS) !== 0 ? slot : NO_SLOT;
  };

  /** Mappings, the list, and what filled the last LR (last_lr_irq); not those of a translation cache. */
  const referencesOf = (slot: number): number =>
    state.lpiRefs[slot - state.lpiSlotBase] -
    (vgic.its()?.cachedReferences(slot) ?? 0) +
    (queuedOn(state.word[slot]) >= 0 ? 1 : 0) +
    vcpus.filter((vcpu) => state.lastLr[vcpu] === slot).length;

  function viewIrq(slot: number): IrqView {
    const w = state.word[slot];
    const isPrivate = slot < state.spiSlotBase;
    return {
      enabled: (w & ENABLED) !== 0,
      latch: (w & LATCH) !== 0,
      line: (w & LINE) !== 0,
      active: (w & ACTIVE) !== 0,
      pending: isPending(w),
      level: (w & LEVEL) !== 0,
      priority: priorityOf(w),
      group: (w & GROUP) !== 0 ? 1 : 0,
      queuedOn: queuedOn(w),
      target: targetOf(w),
      hw: (w & HW) !== 0,
      sources: isPrivate ? state.source[slot] : 0,
      activeSource: isPrivate ? state.activeSource[slot] : 0,
      onLr: state.onLr[slot] === 1,
      references: slot < state.lpiSlotBase ? 0 : referencesOf(slot),
    };
  }

  return {
    machine,
    apply: (kind, vcpu, intid, value) => step(() => engine.step(packWord(kind, vcpu, intid), value), undefined),
    inject(vcpu, intid, level) {
      if (existingSlot(vcpu, intid) < 0) return EINVAL;
      step(() => vgic.inject(vcpu, intid, level), undefined);
      return 0;
    },
    write: (vcpu, frame, offset, length, lo, hi) =>
      step(() => vgic.mmioWrite(vcpu, frame === 'redist', offset, length, lo | 0, hi | 0), true),
    read: (vcpu, frame, offset, length) => step(() => vgic.mmioRead(vcpu, frame === 'redist', offset, length), 0),
    acknowledge(vcpu) {
      const intid = step(() => vgic.ackByRules(vcpu), 1023);
      return { intid, source: vgic.lastSource() };
    },
    deactivate: (vcpu, intid, source) => step(() => vgic.dirByRules(vcpu, intid, source), false),
    lrs: (vcpu) =>
      Array.from({ length: state.usedLrs[vcpu] }, (_, slot) => ({
        slot,
        lo: vgic.lrLo(vcpu, slot),
        hi: vgic.lrHi(vcpu, slot),
      })),
    hcr: (vcpu) => state.hcr[vcpu],
    eoiCount: (vcpu) => state.eoiCount[vcpu],
    irq(vcpu, intid) {
      const slot = existingSlot(vcpu, intid);
      return slot < 0 ? undefined : viewIrq(slot);
    },
    xenOldIrq: () => undefined,
    list: (vcpu) => list.order(vcpu).map((slot) => state.intidOfSlot[slot]),
    lrPending: () => [],
    pendingTest: (vcpu) => step(() => vgic.pendingTest(vcpu), false),
    kicks: () => ({
      kicks: vcpus.map((vcpu) => (isXen ? 0 : kicks.kicks[vcpu])),
      requestSet: vcpus.map((vcpu) => !isXen && kicks.requestSet[vcpu] === 1),
      halts: state.cost.halts,
      processUpdate: vcpus.map((vcpu) => state.processUpdate[vcpu] === 1),
      broadcasts: state.cost.broadcasts,
      activeSpis: state.activeSpis[0],
      unblocks: vcpus.map((vcpu) => (isXen ? kicks.kicks[vcpu] : 0)),
      ipis: vcpus.map((vcpu) => (isXen ? kicks.ipis[vcpu] : 0)),
    }),
    ackNotified: (intid) => kicks.notified[intid - SPI_BASE] ?? 0,
    takeLocks() {
      const before = locksTaken;
      locksTaken = state.cost.locksSoFar();
      return locksTaken - before;
    },
    phys(vcpu, hostIrq) {
      const row = physRowOf(machine.nrVcpus, vcpu, hostIrq);
      return { pending: state.physPending[row] === 1, active: state.physActive[row] === 1 };
    },
    its() {
      const its = vgic.its();
      return its && viewIts(its, state);
    },
    fatal: () => stopped?.kind,
  };
}
