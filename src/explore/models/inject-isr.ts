/** Injection from an interrupt handler, on a CPU that is injecting already: why the outer lock is taken with irqsave (1.5). */
import type { Model } from '../model.js';
import type { System } from '../system.js';
import { atRest, createVgicMachine } from './interrupt.js';
import { inject, UPSTREAM } from './queue-program.js';

function create(irqsave: boolean, isSameIrq: boolean): System {
  const vgic = createVgicMachine();
  const first = vgic.interrupt('SPI A');
  const second = isSameIrq ? first : vgic.interrupt('SPI B');
  const rules = { ...UPSTREAM, irqsave };
  vgic.machine.thread('injector', (p) => inject(p, vgic, first, rules), { cpu: 0 });
  // A handler runs with interrupts off: it has no need to turn them off.
  const write = { ...UPSTREAM, irqsave: false };
  vgic.machine.thread('handler', (p) => inject(p, vgic, second, write), { cpu: 0, isHandler: true });
  return vgic.machine.build({ atRest: atRest(vgic, isSameIrq ? [first] : [first, second]) });
}

export const injectIsr: Model = {
  id: 'inject-isr',
  summary: 'a handler injects on the CPU that is injecting already',
  variants: [
    { id: 'irqsave', summary: 'another interrupt, irqsave', expected: null, create: () => create(true, false) },
    {
      id: 'plain',
      summary: 'another interrupt, plain locks',
      expected: 'deadlock',
      create: () => create(false, false),
    },
    { id: 'same-irqsave', summary: 'the same interrupt, irqsave', expected: null, create: () => create(true, true) },
    {
      id: 'same-plain',
      summary: 'the same interrupt, plain locks',
      expected: 'deadlock',
      create: () => create(false, true),
    },
  ],
};
