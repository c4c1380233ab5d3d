/** Interrupts that are active outside the LRs (kvm-7.2): cases that random streams found. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Machine } from '../gic/intid.js';
import { apListStrategies, reference, strategyNamed } from '../strategy/index.js';
import * as K from '../trace/events.js';
import { CONTROL_GROUP0, CONTROL_GROUP1 } from '../vgic/cpuif.js';
import { createVgic, type Vgic } from '../vgic/vgic.js';
import { ACTIVE } from '../vgic/word.js';
import { playSteps, SERVE_AND_LEAVE, type Step, slotOn0 } from './test-steps.js';

const MACHINE: Machine = {
  flavour: 'kvm-7.2',
  model: 'gicv2',
  nrVcpus: 1,
  nrSpis: 32,
  nrLpis: 0,
  nrLr: 1,
  distEnabledAtStart: true,
  pmrAtStart: 0xf8,
};

function play(steps: readonly Step[], machine = MACHINE, create = reference.create({})): Vgic {
  const vgic = createVgic(machine, create);
  playSteps(vgic, steps);
  return vgic;
}

const isActive = (vgic: Vgic, intid: number): boolean => (vgic.state.word[slotOn0(vgic, intid)] & ACTIVE) !== 0;

/** SGI 1 is active outside the only LR and has an edge without sender when the EOI of it is counted. */
const SENDERLESS: readonly Step[] = [
  [K.SGI, 1, 1],
  ...SERVE_AND_LEAVE,
  [K.ACTIVE, 32, 1],
  [K.SGI, 7, 1],
  [K.FLUSH, 0, 0],
  [K.EOI, 1, 0],
  [K.INJECT, 1, 1],
  [K.SYNC, 0, 0],
];

test('the empty LR value of a senderless SGI outside the LRs is folded into SGI 0, not into another row', () => {
  const vgic = play(SENDERLESS);
  assert.equal(isActive(vgic, 32), true);
  assert.equal(isActive(vgic, 1), true);
});

test('an interrupt that is folded outside the LRs was in none: on_lr stays clear', () => {
  const vgic = play(SENDERLESS);
  assert.equal(vgic.state.onLr[slotOn0(vgic, 1)], 0);
});

test('EOIcount finds nothing behind an LPI that EnableLPIs off took off the list', () => {
  const lpi = 8192;
  const steps: readonly Step[] = [
    [K.SGI, 1, 1],
    ...SERVE_AND_LEAVE,
    [K.LPI_MAP, lpi, 1 << 16],
    [K.INJECT, lpi, 1],
    [K.FLUSH, 0, 0],
    [K.EOI, 1, 0],
  ];
  const machine: Machine = { ...MACHINE, model: 'gicv3', nrLpis: 57344 };
  assert.equal(isActive(play([...steps, [K.SYNC, 0, 0]], machine), 1), false);
  assert.equal(isActive(play([...steps, [K.LPI_FLUSH, 0, 0], [K.SYNC, 0, 0]], machine), 1), true);
});

/** SGIs 1 to 3 are active, two of them outside the only LR, which SGI 7 takes; the guest ends all three. */
const THREE_ENDS: readonly Step[] = [
  ...[1, 2, 3].flatMap((sgi): Step[] => [[K.SGI, sgi, 1], ...SERVE_AND_LEAVE]),
  [K.SGI, 7, 1],
  [K.FLUSH, 0, 0],
  ...[1, 2, 3].map((sgi) => [K.EOI, sgi, 0] as const),
  [K.SYNC, 0, 0],
];

for (const { id } of apListStrategies) {
  test(`${id}: every counted EOI deactivates, also where the list is reordered meanwhile`, () => {
    const vgic = play(THREE_ENDS, MACHINE, strategyNamed(id).create);
    assert.deepEqual(
      [1, 2, 3].map((sgi) => isActive(vgic, sgi)),
      [false, false, false],
    );
  });
}

/** As THREE_ENDS; SGI 7, whose entry is the last in the LRs, was acknowledged and ended too. */
const LAST_ENDS: readonly Step[] = [
  ...THREE_ENDS.slice(0, -4),
  [K.ACK, 0, 0],
  [K.EOI, 7, 0],
  ...[1, 2, 3].map((sgi) => [K.EOI, sgi, 0] as const),
  [K.SYNC, 0, 0],
];

/** SPIs 33 and 32 are active, and 40 pending less urgent: 32 ends, then 40 is acknowledged in the only LR. */
const ACKNOWLEDGED_AFTER_END: readonly Step[] = [
  ...[
    [32, 0x20],
    [33, 0xa0],
    [40, 0x80],
  ].flatMap(([intid, priority]): Step[] => [
    [K.PRIORITY, intid, priority],
    [K.ENABLE, intid, 1],
  ]),
  [K.ACTIVE, 33, 1],
  [K.ACTIVE, 32, 1],
  [K.INJECT, 40, 1],
  [K.FLUSH, 0, 0],
  [K.EOI, 32, 0],
  [K.ACK, 0, 0],
  [K.SYNC, 0, 0],
];

/** The group of SPI 32 is turned off after the entry: behind 33 it would be another order than the one that the entry made. */
const GROUP_OFF_AFTER_ENTRY: readonly Step[] = [
  [K.GROUP, 32, 0],
  [K.CPUIF, 0, CONTROL_GROUP0 | CONTROL_GROUP1 | 0xf8],
  ...ACKNOWLEDGED_AFTER_END.slice(0, -3),
  [K.EOI, 32, 0],
  [K.CPUIF, 0, CONTROL_GROUP1 | 0xf8],
  [K.SYNC, 0, 0],
];

/** Who is still active at the end, by flavour: the one that walks from the head takes what is in the LRs first. */
const ENDS: readonly (readonly [what: string, steps: readonly Step[], active: Readonly<Record<string, number[]>>])[] = [
  ['the last in the LRs ended too', LAST_ENDS, { 'kvm-7.2': [], 'kvm-6.19': [] }],
  ['a less urgent one is active in an LR', ACKNOWLEDGED_AFTER_END, { 'kvm-7.2': [33, 40], 'kvm-6.19': [32, 33] }],
  ['a group went off after the entry', GROUP_OFF_AFTER_ENTRY, { 'kvm-7.2': [33], 'kvm-6.19': [33] }],
];

/** Upstream, and those that answer nextActive themselves. */
for (const id of ['sort-on-flush', 'buckets', 'bounded-buckets', 'heap', 'bao']) {
  for (const [what, steps, expected] of ENDS) {
    test(`${id}: counted EOIs end what upstream's would: ${what}`, () => {
      for (const [flavour, active] of Object.entries(expected)) {
        const machine: Machine = { ...MACHINE, flavour, model: steps === LAST_ENDS ? 'gicv2' : 'gicv3' };
        const vgic = play(steps, machine, strategyNamed(id).create);
        const left = [1, 2, 3, 7, 32, 33, 40].filter((intid) => isActive(vgic, intid));
        assert.deepEqual(left, active, flavour);
      }
    });
  }
}
