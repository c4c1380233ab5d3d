/** Rows 1 to 4, 17 and 18 of vgic-spec 8.2: many interrupts pending on one list. */
import { lrs, other, programRow, rounds, spis } from '../hostile-workload.js';
import { doing, SHARES } from '../program.js';

/** Without xen-new: lists as long stop its host (row 24). */
const KVM = ['kvm-6.1', 'kvm-7.2', 'kvm-6.19'];
const LAST = { from: SHARES - 1, to: SHARES - 1 };
const SCATTERED = 34;

export const neverAck = programRow({
  name: 'never-ack',
  row: 1,
  summary: 'never reads IAR: one vCPU makes all SPIs of another one pending, whose entries sort and whose exits walk',
  hurts: "the vCPU's own time, and the interrupt latency of its host CPU: every flush and prune with interrupts off",
  bound: '960: about 17.8k locks per flush (A)',
  flavours: KVM,
  params: [
    spis(960),
    rounds(8),
    other('priorities', 'ladder: 0..31 one level for all, 32 rising, 33 falling, 34 scattered', SCATTERED, 0, 63),
    other('writer', 'vCPU that writes: 1: while vCPU 0 is out; 0: vCPU 0 itself, an exit each write', 1, 0, 1),
    lrs,
  ],
  vcpus: 2,
  setUp: ({ priorities, writer }) => [
    doing('priority', { vcpu: writer, value: priorities }),
    doing('pend', { vcpu: writer }),
  ],
  round: [doing('enter'), doing('exit')],
});

export const priorityChurn = programRow({
  name: 'priority-churn',
  row: 2,
  summary: 'rewrites the priority of one interrupt of a long list before each entry: the list is never sorted',
  hurts: "as never-ack; takes away what a flag 'the list is sorted' saves",
  bound: 'same as 1',
  flavours: KVM,
  params: [spis(960), rounds(64), lrs],
  setUp: [doing('pend')],
  round: [doing('priority', { ...LAST, value: 0 }), doing('priority', { ...LAST, value: 30 })],
});

export const enableToggle = programRow({
  name: 'enable-toggle',
  row: 3,
  summary: 'disables and enables all pending SPIs of a vCPU that runs: one exit unlinks them all, then all are queued',
  hurts: "the writer's time; the other vCPU's exit with interrupts off",
  bound: '960 inserts + 960 removals per round',
  flavours: KVM,
  params: [spis(960), rounds(8), lrs],
  vcpus: 2,
  setUp: [doing('pend', { vcpu: 1 })],
  round: [doing('enter'), doing('disable', { vcpu: 1 }), doing('exit'), doing('enable', { vcpu: 1 })],
});

export const pendStorm = programRow({
  name: 'pend-storm',
  row: 4,
  summary: 'makes the SPIs of a vCPU that runs pending and not pending again, a word a write',
  hurts: "the writer's time in short sections, and the other vCPU: a kick each",
  bound: '32 per write',
  flavours: [...KVM, 'xen-new'],
  params: [spis(32), rounds(64), lrs],
  vcpus: 2,
  setUp: [],
  round: [doing('enter'), doing('pend', { vcpu: 1 }), doing('unpend', { vcpu: 1 }), doing('exit')],
});

export const parkBelowPmr = programRow({
  name: 'park-below-pmr',
  row: 17,
  summary: 'masks n pending interrupts by PMR and waits: each test whether it is runnable walks all of them',
  hurts: "the vCPU's own time with interrupts off, at every wait and wake-up",
  bound: 'n',
  flavours: KVM,
  params: [spis(960), rounds(64), lrs],
  vcpus: 2,
  setUp: [
    doing('priority', { vcpu: 1, value: 30 }),
    doing('pend', { vcpu: 1 }),
    doing('pmr', { value: 0x80 }),
    doing('enter'),
    doing('wfi'),
  ],
  round: [doing('wfi')],
});

export const maintenanceExits = programRow({
  name: 'maintenance-exits',
  row: 18,
  summary: 'handles k - 1 of k list registers a run: an underflow exit for as many, with more always waiting',
  hurts: "the vCPU's own time: exits",
  bound: '-',
  flavours: KVM,
  params: [spis(960), rounds(300), lrs],
  vcpus: 2,
  setUp: [doing('pend', { vcpu: 1 })],
  round: ({ lrs: k }) => [doing('enter'), doing('drain', { value: Math.max(1, k - 1) }), doing('exit')],
});
