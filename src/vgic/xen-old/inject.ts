/** What devices, other vCPUs and the ITS do to an interrupt, and who is kicked for it. vgic-spec 1.9, 1.22, 2.4. */
import * as Counting from '#counting';
import * as Intid from '../../gic/intid.js';
import { HostStop } from '../host-stop.js';
import type { Inject } from '../inject.js';
import { isSgiTarget } from '../sgi-targets.js';
import { slotOf } from '../state.js';
import * as Word from '../word.js';
import type { XenOldState } from './columns.js';
import * as OwnColumns from './columns.js';
import type { ListRegisters } from './list-registers.js';

// V8 folds a module's own constants, not imported ones: 1.2-2x in hot loops (bench/README.md).
const { COUNTED } = Counting;
const { NR_PRIVATE_IRQS } = Intid;
const { ENABLED, EXISTS, LATCH, newLpi, PRIORITY_FIELD, PRIORITY_SHIFT, priorityOf } = Word;
const { TARGET_FIELD, TARGET_SHIFT, targetOf } = Word;
const { NO_LR } = OwnColumns;

export interface XenOldInject extends Inject {
  /** vgic_inject_irq of a rising level. Does not close the call in the cost counters. */
  deliver(vcpu: number, slot: number): void;
  /** Takes a row out of both lists; it is no longer QUEUED. */
  removeFromQueues(slot: number): void;
  /** The vCPU that a row is delivered to; `vcpu` for its private ones. */
  targetFor(vcpu: number, slot: number): number;
}

export function createInject(x: XenOldState, lrs: ListRegisters): XenOldInject {
  const { s, inflight, lrPending, snapshot, lrOf, migrating, current, kicks } = x;
  const { word, lpiRefs, lpiSlotBase, spiSlotBase, nrVcpus, cost } = s;
  const { raise, updateLr, enterInflight, leaveInflight } = lrs;

  const raisesDisabled = s.flavour.defect === 'XSA-223';
  const trustsTargets = s.flavour.defect === 'XSA-225';

  /** XSA-223: an interrupt that is inflight without a list register has no number that could be written. */
  function checkLr(slot: number): void {
    if (lrOf[slot] === NO_LR) throw new HostStop('memory-error', 'a list register with an invalid number is written');
  }

  /** XSA-225: the highest target of a list names a vCPU that is not there. */
  function checkTargets(firstVcpu: number, targets: number): void {
    if (targets !== 0 && firstVcpu + 31 - Math.clz32(targets) >= nrVcpus)
      throw new HostStop('memory-error', 'an SGI is sent to a vCPU behind the last one');
  }

  const targetFor = (vcpu: number, slot: number): number => (slot < spiSlotBase ? vcpu : targetOf(word[slot]));

  function deliver(vcpu: number, slot: number): void {
    if (COUNTED) cost.locks += 1;
    const w = word[slot] | LATCH;
    word[slot] = w;
    const wasInflight = inflight.has(slot);
    if (wasInflight) {
      // The index of the list register is not checked to be one of this vCPU: after a retarget it may be another's.
      if (((w & ENABLED) !== 0 || raisesDisabled) && !lrPending.has(slot) && vcpu === current[0]) {
        if (raisesDisabled) checkLr(slot);
        updateLr(vcpu, lrOf[slot]);
      }
    } else {
      snapshot[slot] = priorityOf(w);
      if ((w & ENABLED) !== 0) raise(vcpu, slot);
      enterInflight(vcpu, slot);
    }
    if (COUNTED) kicks.kick(vcpu, wasInflight);
  }

  function removeFromQueues(slot: number): void {
    word[slot] &= ~LATCH;
    leaveInflight(slot);
    lrPending.remove(slot);
  }

  function known(vcpu: number, intid: number): number {
    const slot = slotOf(s, vcpu, intid);
    return slot >= 0 && (word[slot] & EXISTS) !== 0 ? slot : -1;
  }

  function inject(vcpu: number, intid: number, level: number): void {
    const slot = known(vcpu, intid);
    if (slot < 0) return;
    if (COUNTED) cost.injections += 1;
    // A falling level means nothing, whatever the configuration.
    if (level !== 0) deliver(targetFor(vcpu, slot), slot);
    else if (COUNTED) cost.redundantInjections += 1;
    if (COUNTED) cost.endAppend(targetFor(vcpu, slot));
  }

  return {
    deliver,
    removeFromQueues,
    targetFor,
    inject,
    lineLevel: inject,
    sgi(sender, intid, firstVcpu, targets, allButSelf, groupZeroOnly) {
      // A Xen guest has no ICC_SGI0R.
      if (groupZeroOnly) return;
      current[0] = sender;
      if (trustsTargets && !allButSelf) checkTargets(firstVcpu, targets);
      for (let vcpu = 0; vcpu < nrVcpus; vcpu++) {
        if (!isSgiTarget(vcpu, sender, firstVcpu, targets, allButSelf)) continue;
        deliver(vcpu, vcpu * NR_PRIVATE_IRQS + intid);
        if (COUNTED) cost.endAppend(vcpu);
      }
    },
    physLine(row, level) {
      s.physLine[row] = level;
    },
    mapLpi(intid, target, priority, enabled) {
      const slot = slotOf(s, target, intid);
      if (slot < 0) return;
      lpiRefs[slot - lpiSlotBase] += 1;
      if ((word[slot] & EXISTS) !== 0) return;
      word[slot] = newLpi(target, priority, enabled);
    },
    unmapLpi(intid) {
      const slot = known(0, intid);
      if (slot < 0) return;
      lpiRefs[slot - lpiSlotBase] -= 1;
      if (lpiRefs[slot - lpiSlotBase] > 0) return;
      // What a list register still holds is dropped when that is read back.
      removeFromQueues(slot);
      word[slot] = 0;
      snapshot[slot] = 0;
      lrOf[slot] = NO_LR;
      migrating[slot] = 0;
      if (COUNTED) {
        cost.locks += 1;
        cost.endKeyChange(targetFor(0, slot));
      }
    },
    configLpi(intid, config) {
      const slot = known(0, intid);
      if (slot < 0) return;
      const enable = (config & 1) !== 0 ? ENABLED : 0;
      word[slot] = (word[slot] & ~(PRIORITY_FIELD | ENABLED)) | ((config & 0xfc) << PRIORITY_SHIFT) | enable;
      if (enable === 0) lrPending.remove(slot);
      else if (inflight.has(slot) && lrOf[slot] === NO_LR) raise(targetFor(0, slot), slot);
      if (COUNTED) {
        cost.locks += 1;
        cost.endKeyChange(targetFor(0, slot));
      }
    },
    moveLpi(intid, target) {
      const slot = known(0, intid);
      if (slot < 0) return;
      word[slot] = (word[slot] & ~TARGET_FIELD) | ((target + 1) << TARGET_SHIFT);
      if (COUNTED) {
        cost.locks += 1;
        cost.endKeyChange(targetFor(0, slot));
      }
    },
    clearLpi(intid) {
      const slot = known(0, intid);
      if (slot < 0) return;
      // Too late for one that the guest can see.
      if (lrOf[slot] === NO_LR) removeFromQueues(slot);
      if (COUNTED) {
        cost.locks += 1;
        cost.endKeyChange(targetFor(0, slot));
      }
    },
    pendLpi: (intid, latch) => inject(0, intid, latch),
    // LPIs that were enabled once stay so.
    dropLpis: () => {},
  };
}
