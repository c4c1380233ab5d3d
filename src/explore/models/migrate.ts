/** Migration between two ap_lists in prune: two list locks, and a moment without any lock (vgic-spec 1.5, 1.20). */
import type { Model, Variant } from '../model.js';
import type { ProblemKind, System } from '../system.js';
import { atRest, createVgicMachine } from './interrupt.js';
import { flushLpis, KVM_PRUNE, type PruneRules, prune } from './prune-program.js';
import { inject, retarget, UPSTREAM } from './queue-program.js';

/** Each vCPU prunes its list, on which is an interrupt for the other. */
function createCrossing(rules: PruneRules, checksOrder: boolean): System {
  const vgic = createVgicMachine();
  const there = vgic.interrupt('SPI A', { latch: true, target: 1, queuedOn: 0 });
  const back = vgic.interrupt('SPI B', { latch: true, target: 0, queuedOn: 1 });
  vgic.machine.thread('prune 0', (p) => prune(p, vgic, 0, [there, back], rules));
  vgic.machine.thread('prune 1', (p) => prune(p, vgic, 1, [back, there], rules));
  return vgic.machine.build({ atRest: atRest(vgic, [there, back]), checksOrder });
}

/** A vCPU prunes; meanwhile an interrupt on its list is retargeted, from one vCPU to the other. */
function createRetargeted(rules: PruneRules, from: number, to: number): System {
  const vgic = createVgicMachine();
  const irq = vgic.interrupt('SPI', { latch: true, target: from, queuedOn: 0 });
  vgic.machine.thread('prune 0', (p) => prune(p, vgic, 0, [irq], rules));
  vgic.machine.thread('ITARGETSR', (p) => retarget(p, irq, to));
  // vCPU 0 is awake: it is about to look at its list.
  return vgic.machine.build({ atRest: atRest(vgic, [irq], [0]) });
}

/** A vCPU prunes; meanwhile another one turns its LPIs off, and a device injects the LPI again. */
function createFlushed(rules: PruneRules): System {
  const vgic = createVgicMachine();
  const lpi = vgic.interrupt('LPI', { latch: true, target: 1, queuedOn: 0 });
  vgic.machine.thread('prune 0', (p) => prune(p, vgic, 0, [lpi], rules));
  vgic.machine.thread('EnableLPIs', (p) => flushLpis(p, vgic, 0, lpi));
  vgic.machine.thread('injector', (p) => inject(p, vgic, lpi, { ...UPSTREAM, irqsave: false }));
  return vgic.machine.build({ atRest: atRest(vgic, [lpi]) });
}

const variant = (id: string, summary: string, expected: ProblemKind | null, create: () => System): Variant => ({
  id,
  summary,
  expected,
  create,
});

const CROSSED: PruneRules = { ...KVM_PRUNE, ascending: false };

export const migrate: Model = {
  id: 'migrate',
  summary: 'prune moves interrupts between the lists of two vCPUs',
  variants: [
    variant('crossing', 'two prunes, lower list first', null, () => createCrossing(KVM_PRUNE, true)),
    variant('crossing-own-first', 'two prunes, own list first', 'lock-order', () => createCrossing(CROSSED, true)),
    variant('crossing-abba', 'two prunes, own list first, carried on to the end', 'deadlock', () =>
      createCrossing(CROSSED, false),
    ),
    variant('leaving', 'prune, ITARGETSR away', null, () => createRetargeted(KVM_PRUNE, 0, 1)),
    variant('leaving-no-kick', 'prune, ITARGETSR away, new owner not told (xen-new)', 'lost-wakeup', () =>
      createRetargeted({ ...KVM_PRUNE, kicks: false }, 0, 1),
    ),
    variant('returning', 'prune, ITARGETSR back', null, () => createRetargeted(KVM_PRUNE, 1, 0)),
    variant('returning-no-oracle', 'prune, ITARGETSR back, oracle not asked again', 'wrong-list', () =>
      createRetargeted({ ...KVM_PRUNE, rechecksOracle: false }, 1, 0),
    ),
    variant('flushed', 'prune, EnableLPIs off, inject', null, () => createFlushed(KVM_PRUNE)),
    variant(
      'flushed-no-owner',
      'prune, EnableLPIs off, inject; irq.vcpu not checked (KVM before 2026)',
      'not-on-list',
      () => createFlushed({ ...KVM_PRUNE, rechecksOwner: false }),
    ),
  ],
};
