/** The comparator of the list sort, which takes two irq_locks, also of one element with itself (vgic-spec 1.13). */
import type { Assembler } from '../lock-program.js';
import type { Model, Variant } from '../model.js';
import type { ProblemKind, System } from '../system.js';
import { createVgicMachine, type Interrupt } from './interrupt.js';
import { inject, UPSTREAM } from './queue-program.js';

/** irq_locks in the order of the arguments. */
function compare(p: Assembler, a: Interrupt, b: Interrupt, isGuarded: boolean): void {
  if (a === b && isGuarded) {
    p.step(`compares ${a.name} with itself: equal`, {}, () => 0);
    return;
  }
  p.lock(a.lock);
  p.lock(b.lock);
  p.step(
    `compares ${a.name} with ${b.name}`,
    { reads: [a.enabled, a.latch, b.enabled, b.latch] },
    ({ get }) => get(b.enabled) * get(b.latch) - get(a.enabled) * get(a.latch) + 1,
  );
  p.unlock(b.lock);
  p.unlock(a.lock);
}

interface Setting {
  readonly isGuarded: boolean;
  /** Sort under the list lock. */
  readonly locksList: boolean;
  readonly checksOrder: boolean;
}

/**
 * Flush of vCPU 0 sorts two entries; the sort of long lists also compares one with itself in its last merge. Beside it a device
 * injects one of them; without the list lock, a second sort compares the same two the other way round.
 */
function create({ isGuarded, locksList, checksOrder }: Setting): System {
  const vgic = createVgicMachine();
  const a = vgic.interrupt('SPI A', { latch: true, queuedOn: 0 });
  const b = vgic.interrupt('SPI B', { latch: true, queuedOn: 0 });
  const sort = (p: Assembler, first: Interrupt, second: Interrupt): void => {
    if (locksList) p.lock(vgic.listLocks[0]);
    compare(p, first, second, isGuarded);
    compare(p, second, second, isGuarded);
    if (locksList) p.unlock(vgic.listLocks[0]);
  };
  vgic.machine.thread('flush 0', (p) => sort(p, a, b));
  vgic.machine.thread('sort', (p) => sort(p, b, a));
  vgic.machine.thread('injector', (p) => inject(p, vgic, a, { ...UPSTREAM, irqsave: false }));
  return vgic.machine.build({ checksOrder });
}

const variant = (id: string, summary: string, expected: ProblemKind | null, setting: Partial<Setting>): Variant => ({
  id,
  summary,
  expected,
  create: () => create({ isGuarded: true, locksList: true, checksOrder: true, ...setting }),
});

export const comparator: Model = {
  id: 'comparator',
  summary: 'the sort compares two entries under both irq_locks, and one with itself',
  variants: [
    variant('guard', 'returns at once for one element and itself (KVM)', null, {}),
    variant('no-guard', 'takes the lock of one element twice (xen-new)', 'deadlock', { isGuarded: false }),
    variant('no-list-lock', 'sorts without the list lock', 'lock-order', { locksList: false }),
    variant('no-list-lock-abba', 'sorts without the list lock, carried on to the end', 'deadlock', {
      locksList: false,
      checksOrder: false,
    }),
  ],
};
