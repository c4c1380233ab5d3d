/** Effects of distributor and redistributor registers on one interrupt. vgic-spec 1.22, section 10 (column xen-old). */
import * as Counting from '#counting';
import * as Intid from '../../gic/intid.js';
import { createHostMapping } from '../host-mapping.js';
import type { RegisterEffects } from '../registers.js';
import { slotOf } from '../state.js';
import * as Word from '../word.js';
import type { XenOldState } from './columns.js';
import * as OwnColumns from './columns.js';
import type { XenOldInject } from './inject.js';
import type { ListRegisters } from './list-registers.js';

// V8 folds a module's own constants, not imported ones: 1.2-2x in hot loops (bench/README.md).
const { COUNTED } = Counting;
const { isLpi, isSpi } = Intid;
const { ENABLED, EXISTS, HW, LEVEL, PRIORITY_FIELD, PRIORITY_SHIFT, TARGET_FIELD, TARGET_SHIFT, targetOf } = Word;
const { IDLE_PRIORITY, NO_LR } = OwnColumns;

/** What the table of rows of the other machines asks beside: xen-old decodes its registers in its own mmio.ts. */
export type XenOldRegisters = RegisterEffects;

export function createRegisters(x: XenOldState, { raise }: ListRegisters, injected: XenOldInject): XenOldRegisters {
  const { s, inflight, lrPending, snapshot, lrOf, migrating, current } = x;
  const { word, physRow, physPending, pmr, apr, dist, nrVcpus, spiSlotBase, cost } = s;
  const { deliver, removeFromQueues, targetFor } = injected;
  const hostMapping = createHostMapping(s);

  /** Row of an interrupt that registers name (LPIs are configured in memory), or -1. */
  function known(vcpu: number, intid: number): number {
    const slot = isLpi(intid) ? -1 : slotOf(s, vcpu, intid);
    return slot >= 0 && (word[slot] & EXISTS) !== 0 ? slot : -1;
  }

  /** vgic_enable_irqs and vgic_disable_irqs see only the bits that change. */
  function enable(vcpu: number, slot: number): void {
    if ((word[slot] & ENABLED) !== 0) return;
    if (COUNTED) cost.locks += 1;
    word[slot] |= ENABLED;
    if (inflight.has(slot) && lrOf[slot] === NO_LR) raise(targetFor(vcpu, slot), slot);
  }

  /** It stays inflight, and in its list register. */
  function disable(slot: number): void {
    if ((word[slot] & ENABLED) === 0) return;
    if (COUNTED) cost.locks += 1;
    word[slot] &= ~ENABLED;
    lrPending.remove(slot);
  }

  /** vgic_migrate_irq: may the target change, and what becomes of an interrupt that is under way? */
  function migrate(slot: number, to: number): boolean {
    if (COUNTED) cost.locks += 1;
    if ((word[slot] & HW) === 0) return true;
    if (migrating[slot] !== 0) return false;
    if (lrPending.has(slot)) {
      removeFromQueues(slot);
      deliver(to, slot);
    } else if (inflight.has(slot)) {
      migrating[slot] = 1;
    }
    return true;
  }

  return {
    setEnable(vcpu, intid, on, user) {
      if (!user) current[0] = vcpu;
      const slot = known(vcpu, intid);
      if (slot < 0) return;
      if (on) enable(vcpu, slot);
      else disable(slot);
      if (!COUNTED) return;
      if (on) cost.endAppend(targetFor(vcpu, slot));
      else cost.endKeyChange(targetFor(vcpu, slot));
    },
    setPriority(vcpu, intid, priority) {
      current[0] = vcpu;
      const slot = known(vcpu, intid);
      if (slot < 0) return;
      // All eight bits are kept and compared; the next injection takes them.
      word[slot] = (word[slot] & ~PRIORITY_FIELD) | ((priority & 0xff) << PRIORITY_SHIFT);
      if (COUNTED) cost.endKeyChange(targetFor(vcpu, slot));
    },
    setPending(vcpu, intid, on, user) {
      if (!user) current[0] = vcpu;
      const slot = known(vcpu, intid);
      if (slot < 0 || !on) return;
      // The physical interrupt will come by itself.
      if (slot >= spiSlotBase && (word[slot] & HW) !== 0) physPending[physRow[slot]] = 1;
      else deliver(targetFor(vcpu, slot), slot);
      if (COUNTED) cost.endAppend(targetFor(vcpu, slot));
    },
    setActive(vcpu, _intid, _on, user) {
      // ISACTIVER faults the guest, ICACTIVER does nothing: neither changes state.
      if (!user) current[0] = vcpu;
    },
    setConfig(vcpu, intid, level) {
      current[0] = vcpu;
      const slot = known(vcpu, intid);
      if (slot < 0 || !isSpi(intid)) return;
      word[slot] = level ? word[slot] | LEVEL : word[slot] & ~LEVEL;
      if (COUNTED) cost.endKeyChange(targetFor(vcpu, slot));
    },
    setTarget(intid, target) {
      const slot = known(0, intid);
      // A target that does not exist is ignored, and so is the one it has.
      if (slot < 0 || !isSpi(intid) || target < 0 || target >= nrVcpus) return;
      if (target !== targetOf(word[slot]) && migrate(slot, target))
        word[slot] = (word[slot] & ~TARGET_FIELD) | ((target + 1) << TARGET_SHIFT);
      if (COUNTED) cost.endKeyChange(targetFor(0, slot));
    },
    // IGROUPR, CPENDSGIR and SPENDSGIR do not exist here.
    setGroupWord: () => {},
    setGroup: () => {},
    setSgiSources: () => {},
    setDistEnable(on) {
      // Stored; delivery does not ask.
      dist[0] = on ? 1 : 0;
    },
    mapHw(vcpu, intid, hostIrq, swResample) {
      const slot = known(vcpu, intid);
      if (slot < 0) return;
      hostMapping.map(slot, vcpu, hostIrq, swResample);
    },
    unmapHw(vcpu, intid) {
      const slot = known(vcpu, intid);
      if (slot < 0) return;
      hostMapping.unmap(slot);
    },
    pendingTest(vcpu) {
      // It reads PMR and active priorities from the hardware: of the current vCPU.
      current[0] = vcpu;
      const apBits = apr[vcpu];
      const running = apBits === 0 ? IDLE_PRIORITY : 31 - Math.clz32(apBits & -apBits);
      const limit = Math.min(pmr[vcpu] >>> 3, running);
      const anchor = inflight.anchors + vcpu;
      const nextOf = inflight.next;
      const words = word;
      const keys = snapshot;
      let walked = 0;
      let runnable = false;
      for (let slot = nextOf[anchor]; slot !== anchor; slot = nextOf[slot]) {
        walked++;
        if (keys[slot] >>> 3 >= limit) break;
        if ((words[slot] & ENABLED) !== 0) {
          runnable = true;
          break;
        }
      }
      if (COUNTED) {
        cost.locks += 1;
        cost.visits += walked;
        cost.endPendingTest(vcpu);
      }
      return runnable;
    },
  };
}
