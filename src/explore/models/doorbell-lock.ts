/** The rejected doorbell handler, which asks the pending test and so takes the list lock (vgic-spec 4.3). */
import type { Assembler, Cell } from '../lock-program.js';
import type { Model, Variant } from '../model.js';
import type { System } from '../system.js';
import { atRest, createVgicMachine, type Interrupt, type Vgic } from './interrupt.js';
import { inject, put, UPSTREAM } from './queue-program.js';

/** Pending test of vCPU 0 (1.21), as far as locks go: the list lock, then the irq_lock of each entry. Ends at `yes`, or goes on. */
function testPending(p: Assembler, vgic: Vgic, irq: Interrupt): void {
  p.lock(vgic.listLocks[0]);
  p.step(
    (links) => (links > 0 ? `comes to ${irq.name} in the list` : 'the list is empty'),
    { reads: [irq.links[0]], jumps: ['no'] },
    ({ get, goto }) => {
      if (get(irq.links[0]) === 0) goto('no');
      return get(irq.links[0]);
    },
  );
  p.lock(irq.lock);
  p.step(
    (value) => `${irq.name} is ${value === 1 ? '' : 'not '}pending and enabled`,
    { reads: [irq.enabled, irq.latch], jumps: ['not this one'] },
    ({ get, goto }) => {
      const isPending = get(irq.enabled) * get(irq.latch);
      if (isPending === 0) goto('not this one');
      return isPending;
    },
  );
  p.unlock(irq.lock);
  p.unlock(vgic.listLocks[0], 'yes');
  p.label('not this one');
  p.unlock(irq.lock);
  p.label('no');
  p.unlock(vgic.listLocks[0]);
}

function tellVcpu(p: Assembler, vgic: Vgic, pendingLast: Cell): void {
  p.step('pending_last := 1', { writes: [pendingLast] }, ({ set }) => put(set, pendingLast, 1));
  p.step('kicks vCPU 0', { writes: [vgic.kicked[0]] }, ({ set }) => put(set, vgic.kicked[0], 1));
}

function create(irqsave: boolean, testsFirst: boolean): System {
  const vgic = createVgicMachine();
  const irq = vgic.interrupt('SPI');
  const pendingLast = vgic.machine.cell('pending_last', 0);
  vgic.machine.thread('injector', (p) => inject(p, vgic, irq, { ...UPSTREAM, irqsave }), { cpu: 0 });
  vgic.machine.thread(
    'doorbell',
    (p) => {
      if (testsFirst) testPending(p, vgic, irq);
      tellVcpu(p, vgic, pendingLast);
      // Something is pending anyway: nothing to tell.
      p.label('yes');
    },
    { cpu: 0, isHandler: true },
  );
  return vgic.machine.build({ atRest: atRest(vgic, [irq]) });
}

const variant = (
  id: string,
  summary: string,
  expected: Variant['expected'],
  irqsave: boolean,
  testsFirst: boolean,
): Variant => ({ id, summary, expected, create: () => create(irqsave, testsFirst) });

export const doorbellLock: Model = {
  id: 'doorbell-lock',
  summary: 'a doorbell fires on the CPU that is injecting into the same vCPU',
  variants: [
    variant('irqs-on-test', 'locks with IRQs on, handler asks the pending test first', 'deadlock', false, true),
    variant('irqs-on', 'locks with IRQs on, handler takes no lock', null, false, false),
    variant('irqs-off-test', 'locks with IRQs off, handler asks the pending test first', null, true, true),
    variant('irqs-off', 'locks with IRQs off, handler takes no lock (upstream)', null, true, false),
  ],
};
