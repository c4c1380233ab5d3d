/** Rows 14 and 23 to 25 of vgic-spec 8.2: a device that helps, and what stops Xen's host. */
import { lrs, programRow, rounds, spis } from '../hostile-workload.js';
import { doing } from '../program.js';

export const levelHeld = programRow({
  name: 'level-held',
  row: 14,
  summary: 'ends level interrupts whose lines stay high: an exit each round, and the same ones again at once',
  hurts: "the vCPU's own time: exits, with short sections",
  bound: 'per interrupt',
  flavours: ['kvm-6.1', 'kvm-7.2', 'kvm-6.19', 'xen-new'],
  params: [spis(4), rounds(256), lrs],
  setUp: [doing('level'), doing('raise')],
  round: [doing('enter'), doing('drain'), doing('exit')],
});

export const deviceInsert = programRow({
  name: 'device-insert',
  row: 23,
  summary: 'n interrupts wait and devices raise more: each is put into two sorted lists by a walk over those that wait',
  hurts: "who injects: the device's context, under vgic.lock with interrupts off",
  bound: '992',
  flavours: ['xen-old'],
  params: [spis(960), rounds(8), lrs],
  setUp: [doing('raise')],
  round: [doing('enter'), doing('drain'), doing('exit'), doing('raise')],
});

export const equalInterrupts = programRow({
  name: 'equal-interrupts',
  row: 24,
  summary: '256 pending SPIs of one priority: the list sort compares one with itself and takes its lock twice',
  hurts: 'the host: it hangs',
  bound: 'host hang',
  flavours: ['xen-new'],
  params: [spis(256), rounds(1), lrs],
  setUp: [doing('pend')],
  round: [doing('enter'), doing('exit')],
});

export const pendSgi = programRow({
  name: 'pend-sgi',
  row: 25,
  summary: 'sets an SGI pending by ISPENDR0, without a sender: the assertion at the next entry fails',
  hurts: 'the host: it crashes',
  bound: 'host crash',
  flavours: ['xen-new'],
  params: [{ ...spis(1), summary: 'SPIs, which do not matter' }, rounds(1), lrs],
  setUp: [],
  round: [doing('pend-private', { value: 1 }), doing('enter'), doing('exit')],
});
