/** Rows 11, 12, 13, 20 and 21 of vgic-spec 8.2: interrupts that stay active, and accesses to active states. */
import { lrs, other, programRow, rounds, spis, vcpus } from '../hostile-workload.js';
import { doing, SHARES } from '../program.js';

const REWORKED = ['kvm-7.2', 'kvm-6.19'];
const ONE_EACH_ROUND = { from: 0, to: 0, slides: true };
const LESS_URGENT_FIRST = 33;

export const neverEoi = programRow({
  name: 'never-eoi',
  row: 11,
  summary: 'acknowledges and never ends: nested by priority, or in EOImode 1 with EOIs that drop the priority alone',
  hurts: 'the order of the flush: active interrupts are more than there are list registers',
  bound: '32 / all',
  flavours: ['kvm-7.2', 'kvm-6.19', 'kvm-6.1'],
  params: [
    spis(256),
    rounds(256),
    other('mode', 'EOImode: 0: nested, one a group priority; 1: EOI without DIR', 1, 0, 1),
    lrs,
  ],
  setUp: ({ mode }) => [doing('priority', { value: LESS_URGENT_FIRST }), doing('eoi-mode', { value: mode })],
  round: ({ mode }) => [
    doing('pend', ONE_EACH_ROUND),
    doing('ack-nested', { value: 1 }),
    ...(mode === 1 ? [doing('drop', { value: 1 })] : []),
  ],
});

export const activeForEver = programRow({
  name: 'active-for-ever',
  row: 12,
  summary:
    'makes most SPIs active by ISACTIVER and the rest pending: kvm-6.1 gives every list register to an active one',
  hurts: 'the guest itself: what is pending starves; flush and prune with interrupts off walk all of them',
  bound: '960',
  flavours: ['kvm-6.1', 'kvm-7.2', 'kvm-6.19'],
  params: [spis(960), rounds(16), lrs],
  setUp: [doing('activate', { to: SHARES - 4 }), doing('pend', { from: SHARES - 4 })],
  round: [doing('enter'), doing('drain'), doing('exit')],
});

export const activeAccess = programRow({
  name: 'active-access',
  row: 13,
  summary: 'reads ISACTIVER in a loop: every access takes all vCPUs out of the guest',
  hurts: 'every other vCPU of the VM, and what waits for config_lock',
  bound: 'V per access',
  flavours: ['kvm-6.1', 'kvm-7.2', 'kvm-6.19'],
  params: [vcpus(8), rounds(64), lrs],
  vcpus: ({ n }) => n,
  interrupts: 1,
  setUp: ({ n }) => enterAll(n, 1),
  round: [doing('active-read', { from: 0, to: 0 })],
});

const enterAll = (n: number, from: number) =>
  Array.from({ length: n - from }, (_, at) => doing('enter', { vcpu: from + at }));

export const shuffledEoi = programRow({
  name: 'shuffled-eoi',
  row: 20,
  summary:
    'ends active interrupts that are in no list register, in another order than the list: each end walks the list',
  hurts: "the vCPU's own time with interrupts off; what it ends is another interrupt than it named",
  bound: 'n',
  flavours: REWORKED,
  params: [spis(960), rounds(14), lrs],
  setUp: [doing('pend', { to: SHARES - 2 }), doing('activate', { from: SHARES - 2 })],
  round: [doing('enter'), doing('eoi', { ...ONE_EACH_ROUND, from: SHARES - 1, to: SHARES - 1 }), doing('exit')],
});

export const dirElsewhere = programRow({
  name: 'dir-elsewhere',
  row: 21,
  summary: 'EOImode 1: one vCPU writes DIR for interrupts that are active in list registers of another that runs',
  hurts: 'every vCPU of the VM: each such DIR halts the guest',
  bound: 'V',
  flavours: REWORKED,
  params: [vcpus(8), rounds(16), lrs],
  vcpus: ({ n }) => n,
  interrupts: 4,
  setUp: ({ n }) => [
    doing('target', { value: 1 }),
    ...Array.from({ length: n }, (_, vcpu) => doing('eoi-mode', { vcpu, value: 1 })),
    ...enterAll(n, 1),
  ],
  round: ({ lrs: k }) => [
    doing('pend'),
    doing('exit', { vcpu: 1 }),
    doing('ack', { vcpu: 1, value: k }),
    doing('dir', { vcpu: 0 }),
  ],
});
