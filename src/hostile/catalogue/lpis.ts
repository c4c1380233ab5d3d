/** Row 7 of vgic-spec 8.2 as the list sees it: LPIs by the guest's own INT commands. What the ITS does for it: its-commands.ts. */
import { lpis, lrs, other, programRow, rounds } from '../hostile-workload.js';
import { doing } from '../program.js';

const SCATTERED = 34;

export const lpiFlood = programRow({
  name: 'lpi-flood',
  row: 7,
  summary: 'raises n LPIs of another vCPU by INT commands, up to 32,767 a CWRITER write, and never acknowledges',
  hurts: 'as never-ack, and beyond what SPIs reach: sort, flush and prune over n with interrupts off',
  bound: '57344: up to about 0.9 M comparisons = 1.8 M irq_locks in one IRQs-off section (estimate: tens of ms)',
  flavours: ['kvm-6.1', 'kvm-7.2', 'kvm-6.19'],
  params: [
    lpis(8192),
    rounds(2),
    other('priorities', 'ladder: 0..31 one level for all, 32 rising, 33 falling, 34 scattered', SCATTERED, 0, 63),
    lrs,
  ],
  vcpus: 2,
  setUp: ({ priorities }) => [doing('lpi-config', { vcpu: 1, value: priorities }), doing('int', { vcpu: 1 })],
  round: [doing('enter'), doing('exit')],
});
