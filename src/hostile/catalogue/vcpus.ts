/** Rows 5, 6, 16 and 22 of vgic-spec 8.2: what several vCPUs do to each other. */
import { lrs, other, programRow, rounds, spis, vcpus } from '../hostile-workload.js';
import { doing, SHARES } from '../program.js';

/** Without xen-new: lists as long stop its host (row 24). */
const KVM = ['kvm-6.1', 'kvm-7.2', 'kvm-6.19'];
const others = (n: number): number[] => Array.from({ length: n - 1 }, (_, at) => at + 1);

export const sgiBroadcast = programRow({
  name: 'sgi-broadcast',
  row: 5,
  summary: 'sends an SGI to all other vCPUs, which run: a queue operation and an IPI for each',
  hurts: 'every other vCPU: exits; the sender pays the queue operations in short sections',
  bound: '16 SGIs per vCPU, so lists do not grow; IPI rate is the cost',
  flavours: [...KVM, 'xen-new', 'xen-old'],
  params: [vcpus(8), rounds(64), lrs],
  vcpus: ({ n }) => n,
  interrupts: 1,
  setUp: [],
  round: ({ n }) => [
    ...others(n).map((vcpu) => doing('enter', { vcpu })),
    doing('sgi', { value: 1 }),
    ...others(n).flatMap((vcpu) => [doing('exit', { vcpu }), doing('drain', { vcpu })]),
  ],
});

export const affinityPingPong = programRow({
  name: 'affinity-ping-pong',
  row: 6,
  summary:
    'retargets half of the pending SPIs of a vCPU that runs; its exit moves them one by one, walking those that stay',
  hurts: "the old vCPU's exit: one long prune, with interrupts off in pieces; a kick for each that moves",
  bound: 'worst 480 kept in front of 480 moved: 231 thousand irq_locks per exit',
  flavours: KVM,
  params: [spis(960), rounds(2), lrs],
  vcpus: 2,
  setUp: [doing('pend', { vcpu: 1 })],
  round: [
    doing('enter'),
    doing('target', { vcpu: 1, from: SHARES / 2, value: 1 }),
    doing('exit'),
    doing('enter', { vcpu: 1 }),
    doing('target', { vcpu: 0, from: SHARES / 2, value: 0 }),
    doing('exit'),
    doing('exit', { vcpu: 1 }),
  ],
});

export const distToggle = programRow({
  name: 'dist-toggle',
  row: 16,
  summary: 'switches the distributor off and on: asks of each vCPU whether one of its masked interrupts is deliverable',
  hurts: "the writer's time, with interrupts off for each vCPU's list",
  bound: 'V * n',
  flavours: KVM,
  params: [
    spis(960),
    rounds(32),
    other('vcpus', 'vCPUs, SPIs on all but the first; with two the longest section is longest', 2, 2, 33),
    lrs,
  ],
  vcpus: ({ vcpus }) => vcpus,
  setUp: ({ vcpus }) => [
    ...others(vcpus).flatMap((vcpu) => [
      doing('target', { ...shareOf(vcpu, vcpus), value: vcpu }),
      doing('pmr', { vcpu, value: 0x80 }),
    ]),
    doing('pend'),
  ],
  round: [doing('dist', { value: 0 }), doing('dist', { value: 1 })],
});

/** An equal share for each vCPU but the first; the last takes the rest. */
function shareOf(vcpu: number, vcpus: number): { from: number; to: number } {
  const each = Math.floor(SHARES / (vcpus - 1));
  return { from: (vcpu - 1) * each, to: vcpu === vcpus - 1 ? SHARES : vcpu * each };
}

export const multiSgi = programRow({
  name: 'multi-sgi',
  row: 22,
  summary: 'eight vCPUs send one SGI to one of them, GICv2: kvm-6.1 sorts at every entry, however short the list',
  hurts: "the vCPU's own time with interrupts off",
  bound: 'n',
  flavours: ['kvm-6.1'],
  params: [spis(3), rounds(32), lrs],
  vcpus: 8,
  model: 'gicv2',
  setUp: [doing('pend', { vcpu: 1 })],
  round: [
    ...others(8).map((vcpu) => doing('sgi', { vcpu, value: 16 + 1 })),
    doing('sgi', { vcpu: 0, value: 16 + 1 }),
    doing('enter'),
    doing('exit'),
  ],
});
