/** Behaviour seen in the compiled C code, one test a note: native-reference section 5; vgic-spec 3.5 for mapped ones. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { HCR_EN, HCR_UIE } from '../gic/lr.js';
import * as ev from '../trace/events.js';
import { TestMachine } from './test-machine.js';

/** Enables `intids` and injects them in that order, all at priority 0x80. */
function queueEnabled(machine: TestMachine, ...intids: number[]): void {
  for (const intid of intids) {
    machine.setPriority(intid, 0x80);
    machine.enable(intid);
    machine.inject(intid);
  }
}

/** The word of an edge interrupt of group 1, on a GICv3 host. */
function lrOf(state: 'P' | 'A' | 'PA', priority: number, intid: number): string {
  const top = { P: '5', A: '9', PA: 'd' }[state];
  return `${top}0${priority.toString(16).padStart(2, '0')}${intid.toString(16).padStart(12, '0')}`;
}

test('note 1: more active interrupts than list registers', () => {
  const machine = new TestMachine({ nrLr: 2 });
  for (const intid of [40, 41, 42]) machine.apply(ev.ACTIVE, intid, 1);
  queueEnabled(machine, 50);
  machine.setPriority(50, 0);
  assert.deepEqual(machine.flush(), [lrOf('A', 0, 40), lrOf('A', 0, 41)]);
  assert.equal(machine.vgic.hcr(0), HCR_EN | HCR_UIE);
  machine.eoi(42);
  assert.equal(machine.vgic.lastEoiLr, -1);
  machine.eoi(40);
  machine.sync();
  assert.equal(machine.vgic.irq(0, 42)?.active, true);
  assert.deepEqual(machine.list(), [41, 42, 50]);
  assert.deepEqual(machine.flush(), [lrOf('A', 0, 41), lrOf('A', 0, 42)]);
  machine.eoi(42);
  assert.equal(machine.vgic.lastEoiLr, 1);
});

test('note 2: sorted only on overflow, and then for good', () => {
  const machine = new TestMachine({ nrLr: 2 });
  queueEnabled(machine, 40, 41);
  machine.setPriority(41, 0x10);
  assert.deepEqual(machine.flush(), [lrOf('P', 0x80, 40), lrOf('P', 0x10, 41)]);
  machine.sync();
  queueEnabled(machine, 42);
  assert.deepEqual(machine.flush(), [lrOf('P', 0x10, 41), lrOf('P', 0x80, 40)]);
  assert.deepEqual(machine.list(), [41, 40, 42]);
  machine.setPriority(42, 0);
  machine.sync();
  assert.deepEqual(machine.list(), [41, 40, 42]);
  machine.flush();
  assert.deepEqual(machine.list(), [42, 41, 40]);
});

test('note 3: an SGI of several senders is presented one sender at a time and holds back what is less urgent', () => {
  const machine = new TestMachine({ model: 'gicv2', nrVcpus: 3 });
  machine.setPriority(5, 0x40);
  queueEnabled(machine, 40);
  machine.sendSgi(5, 1, 2);
  machine.sendSgi(5, 1, 1);
  // pending, EOI, sender 1, priority 0x40 >> 3 = 8
  assert.deepEqual(machine.flush(), ['14080405']);
  assert.equal(machine.vgic.irq(0, 5)?.source, 1 << 2);
  assert.equal(machine.vgic.irq(0, 5)?.latch, true);
  assert.equal(machine.ack(), 5);
  machine.sync();
  assert.equal(machine.vgic.irq(0, 5)?.activeSource, 1);
  // active only, EOI: the second sender waits
  assert.deepEqual(machine.flush(), ['24080405']);
  machine.eoi(5);
  machine.sync();
  assert.deepEqual(machine.flush(), ['14000805', '18000028']);
  assert.equal(machine.vgic.irq(0, 5)?.source, 0);
});

test('note 3 on a GICv3 host: the sender stands in bits 12:10 of the virtual INTID', () => {
  const machine = new TestMachine({ model: 'gicv2-on-gicv3', nrVcpus: 3 });
  machine.sendSgi(5, 1, 2);
  machine.sendSgi(5, 1, 1);
  assert.deepEqual(machine.flush(), ['4000020000000405']);
});

test('note 4: a second SGI of the same sender collapses; one sent while active is delivered after the EOI', () => {
  const machine = new TestMachine({ model: 'gicv2' });
  machine.sendSgi(5, 1, 1);
  machine.sendSgi(5, 1, 1);
  machine.flush();
  machine.ack();
  machine.eoi(5);
  machine.sync();
  assert.deepEqual(machine.list(), []);
  machine.sendSgi(5, 1, 1);
  machine.flush();
  machine.ack();
  machine.sendSgi(5, 1, 1);
  machine.eoi(5);
  machine.sync();
  assert.deepEqual(machine.flush(), ['10000405']);
});

test('note 5: the latch of an edge is taken at populate and comes back at fold', () => {
  const machine = new TestMachine();
  queueEnabled(machine, 40);
  machine.flush();
  assert.equal(machine.vgic.irq(0, 40)?.latch, false);
  machine.sync();
  assert.equal(machine.vgic.irq(0, 40)?.latch, true);
});

test('note 5: ISPENDR of a level interrupt survives an exit after the acknowledge alone', () => {
  const machine = new TestMachine();
  machine.makeLevel(40);
  machine.enable(40);
  machine.apply(ev.PENDING, 40, 1);
  machine.flush();
  machine.ack();
  machine.sync();
  assert.equal(machine.vgic.irq(0, 40)?.latch, true);
  machine.flush();
  machine.eoi(40);
  machine.sync();
  assert.equal(machine.vgic.irq(0, 40)?.latch, false);
  assert.deepEqual(machine.vgic.lastNotifications, [8]);
  assert.deepEqual(machine.list(), []);
});

test('note 6: ICPENDR of an edge interrupt in a running list register is lost', () => {
  const machine = new TestMachine();
  queueEnabled(machine, 40);
  machine.flush();
  machine.apply(ev.PENDING, 40, 0, 1);
  machine.sync();
  assert.equal(machine.vgic.irq(0, 40)?.latch, true);
});

test('note 7: raised again while active, an edge interrupt becomes active and pending, a level one never', () => {
  const machine = new TestMachine();
  queueEnabled(machine, 40);
  machine.makeLevel(41);
  queueEnabled(machine, 41);
  machine.flush();
  machine.ack();
  machine.ack();
  machine.inject(40);
  machine.sync();
  assert.deepEqual(machine.flush(), [lrOf('PA', 0x80, 40), '9080020000000029']);
  assert.equal(machine.ack(), 1023, 'the pending half waits for the EOI');
  machine.eoi(40);
  assert.equal(machine.lrs()[0], lrOf('P', 0x80, 40));
});

test('note 8: a line that falls leaves the list register pending until the exit', () => {
  const machine = new TestMachine();
  machine.makeLevel(40);
  queueEnabled(machine, 40);
  machine.flush();
  machine.inject(40, 0);
  assert.deepEqual(machine.lrs(), ['5080020000000028']);
  machine.sync();
  assert.deepEqual(machine.list(), []);
});

test('note 9: disabled while queued, it leaves at the exit, but counts for the sort and the underflow request', () => {
  const machine = new TestMachine({ nrLr: 1 });
  queueEnabled(machine, 40, 41);
  machine.disable(40);
  machine.setPriority(41, 0xf0);
  assert.deepEqual(machine.flush(), [lrOf('P', 0xf0, 41)]);
  assert.deepEqual(machine.list(), [41, 40]);
  assert.equal(machine.vgic.hcr(0), HCR_EN | HCR_UIE);
  machine.sync();
  assert.equal(machine.vgic.hcr(0), HCR_EN);
  assert.deepEqual(machine.list(), [41]);
  assert.equal(machine.vgic.irq(0, 40)?.latch, true);
  machine.enable(40);
  assert.deepEqual(machine.list(), [41, 40]);
});

test('note 10: a new affinity takes effect at the exit of the old vCPU', () => {
  const machine = new TestMachine();
  queueEnabled(machine, 40, 41);
  machine.apply(ev.TARGET, 40, 1);
  assert.deepEqual(machine.vgic.lastKicks, []);
  assert.deepEqual(machine.flush(), [lrOf('P', 0x80, 41)]);
  assert.deepEqual(machine.list(1), []);
  machine.sync();
  assert.deepEqual(machine.vgic.lastKicks, [1]);
  assert.deepEqual(machine.list(1), [40]);

  machine.flush();
  machine.ack();
  machine.apply(ev.TARGET, 41, 1);
  machine.sync();
  assert.deepEqual(machine.list(0), [41], 'active interrupts do not move');
});

test('note 11: a disabled distributor strands what an exit prunes', () => {
  const machine = new TestMachine();
  machine.makeLevel(41);
  queueEnabled(machine, 40, 41);
  machine.apply(ev.DIST_ENABLE, 0, 0);
  assert.deepEqual(machine.flush(), []);
  machine.sync();
  machine.apply(ev.DIST_ENABLE, 0, 1);
  assert.deepEqual(machine.vgic.lastKicks, []);
  assert.deepEqual(machine.list(), []);
  machine.inject(41);
  assert.deepEqual(machine.list(), [], 'high again is filtered');
  machine.enable(41);
  machine.inject(40);
  assert.deepEqual(machine.list(), [41, 40]);
});

test('note 12: LPIs removed from a vCPU in the guest leave its list registers stale', () => {
  const machine = new TestMachine({ nrLpis: 57344 });
  machine.apply(ev.LPI_MAP, 8192, (0x80 << 8) | (1 << 16));
  machine.inject(8192);
  const words = machine.flush();
  assert.deepEqual(words, [lrOf('P', 0x80, 8192)]);
  machine.apply(ev.LPI_FLUSH, 0, 0);
  machine.sync();
  assert.deepEqual(machine.flush(), words);
});

test('note 13: an LPI unmapped while queued is delivered; mapped again it keeps its old target and priority', () => {
  const machine = new TestMachine({ nrLpis: 57344 });
  machine.apply(ev.LPI_MAP, 8192, (0x83 << 8) | (1 << 16));
  assert.equal(machine.vgic.irq(0, 8192)?.priority, 0x80);
  machine.inject(8192);
  machine.apply(ev.LPI_UNMAP, 8192, 0);
  machine.apply(ev.LPI_MAP, 8192, 0x10 << 8, 1);
  assert.equal(machine.vgic.irq(0, 8192)?.target, 0);
  machine.apply(ev.LPI_UNMAP, 8192, 0);
  assert.deepEqual(machine.flush(), [lrOf('P', 0x80, 8192)]);
  machine.ack();
  machine.eoi(8192);
  machine.sync();
  assert.equal(machine.vgic.irq(0, 8192), undefined, 'gone with its last reference');
});

test('note 14: reset state, and a group write queues the whole word', () => {
  const machine = new TestMachine();
  const summarize = (intid: number) => {
    const { enabled, level, priority, group, target } = machine.vgic.irq(1, intid)!;
    return { enabled, level, priority, group, target };
  };
  assert.deepEqual(summarize(3), { enabled: true, level: false, priority: 0, group: 1, target: 1 });
  assert.deepEqual(summarize(27), { enabled: false, level: true, priority: 0, group: 1, target: 1 });
  assert.deepEqual(summarize(40), { enabled: false, level: false, priority: 0, group: 1, target: 0 });
  machine.apply(ev.CONFIG, 27, 0);
  assert.equal(machine.vgic.irq(0, 27)?.level, true);

  queueEnabled(machine, 41, 40);
  machine.apply(ev.DIST_ENABLE, 0, 0);
  machine.sync();
  machine.apply(ev.DIST_ENABLE, 0, 1);
  machine.apply(ev.GROUP, 50, 0);
  assert.deepEqual(machine.list(), [40, 41]);
  assert.equal(machine.vgic.irq(0, 50)?.group, 0);
  assert.equal(machine.vgic.irq(0, 40)?.group, 1);
});

test('note 15 and section 6: a route beyond the machine goes nowhere on GICv3, to vCPU 0 on GICv2', () => {
  for (const [model, target] of [
    ['gicv3', -1],
    ['gicv2', 0],
  ] as const) {
    const machine = new TestMachine({ model });
    machine.apply(ev.TARGET, 40, 1);
    machine.apply(ev.TARGET, 40, 9);
    assert.equal(machine.vgic.irq(0, 40)?.target, target);
  }
});

/** The timer's PPI 27 tied to host interrupt 27, line high, queued. */
function createTimer(): TestMachine {
  const machine = new TestMachine();
  machine.apply(ev.HW_MAP, 27, 27);
  machine.enable(27);
  machine.apply(ev.PHYS_LINE, 27, 1);
  machine.inject(27);
  return machine;
}

test('mapped level interrupt, acknowledged and done', () => {
  const machine = createTimer();
  assert.deepEqual(machine.flush(), ['7000001b0000001b']);
  assert.equal(machine.vgic.irq(0, 27)?.line, false);
  machine.ack();
  machine.apply(ev.PHYS_LINE, 27, 0);
  machine.eoi(27);
  machine.sync();
  assert.deepEqual(machine.list(), []);
  assert.equal(machine.vgic.hostIrq(0, 27).active, false);
});

test('mapped level interrupt, not acknowledged: the line decides', () => {
  for (const level of [0, 1]) {
    const machine = createTimer();
    machine.flush();
    machine.apply(ev.PHYS_LINE, 27, level);
    machine.apply(ev.PHYS_LINE, 27, 1 - level, 1);
    machine.sync();
    assert.deepEqual(machine.list(), level ? [27] : [], 'the bank of the other vCPU does not matter');
  }
});

test('mapped level interrupt, raised again while active', () => {
  const machine = createTimer();
  machine.flush();
  machine.ack();
  machine.sync();
  machine.inject(27);
  assert.equal(machine.vgic.irq(0, 27)?.line, true);
  assert.deepEqual(machine.flush(), ['b000001b0000001b']);
  machine.eoi(27);
  machine.sync();
  assert.deepEqual(machine.flush(), ['7000001b0000001b']);
});

test('an SGI of a GICv2 guest that is pending without a sender leaves the stale word of its list register', () => {
  const machine = new TestMachine({ model: 'gicv2' });
  machine.inject(3);
  assert.deepEqual(machine.flush(), ['00000000']);
  assert.equal(machine.vgic.usedLrs(0), 1);
});

test('acknowledge exactly what was recorded, or count a divergence', () => {
  const machine = new TestMachine();
  queueEnabled(machine, 40, 41);
  machine.setPriority(40, 0x10);
  machine.flush();
  machine.apply(ev.ACK, 41, 2);
  assert.equal(machine.vgic.lastAck, 41);
  machine.apply(ev.ACK, 1023, 2);
  assert.equal(machine.vgic.lastAck, 1023);
  assert.equal(machine.vgic.divergences, 0);
  machine.apply(ev.ACK, 41, 2);
  assert.equal(machine.vgic.divergences, 1);
  machine.apply(ev.ACK, 41, 0);
  assert.equal(machine.vgic.lastAck, 40, 'the assertion does not steer');
  assert.equal(machine.vgic.divergences, 2);
});

test('GUEST_LR_STATE sets the state bits, GUEST_DRAIN leaves nothing pending', () => {
  const machine = new TestMachine();
  queueEnabled(machine, 40, 41, 42);
  machine.setPriority(42, 0x10);
  machine.flush();
  machine.apply(ev.GUEST_LR_STATE, 1, 2);
  assert.equal(machine.lrs()[1], lrOf('A', 0x80, 41));
  machine.apply(ev.GUEST_DRAIN, 0, 0);
  assert.equal(machine.vgic.acks, 2);
  assert.equal(machine.vgic.lastAck, 40);
  machine.sync();
  assert.deepEqual(machine.list(), [41]);
});

test('FOLD and PRUNE are the two halves of SYNC', () => {
  const machine = new TestMachine();
  queueEnabled(machine, 40);
  machine.flush();
  machine.ack();
  machine.eoi(40);
  machine.apply(ev.FOLD, 0, 0);
  assert.equal(machine.vgic.usedLrs(0), 0);
  assert.deepEqual(machine.list(), [40]);
  machine.apply(ev.PRUNE, 0, 0);
  assert.deepEqual(machine.list(), []);
});

test('SGI lists: first vCPU, all but the sender, SGIs of a GICv3 guest have no sender', () => {
  const machine = new TestMachine({ nrVcpus: 18 });
  machine.apply(ev.SGI, 4 | (16 << 5), 0b10, 3);
  assert.deepEqual(machine.vgic.lastKicks, [17]);
  machine.apply(ev.SGI, 4 | (1 << 4), 0, 3);
  assert.equal(machine.vgic.lastKicks.length, 17);
  assert.equal(machine.vgic.irq(3, 4)?.latch, false);
  assert.equal(machine.vgic.irq(17, 4)?.source, 0);
});

test('raw writes: one word reaches its interrupts, IROUTER by affinity, SGIR by filter', () => {
  const v3 = new TestMachine({ nrVcpus: 18 });
  v3.apply(ev.MMIO_DIST, 0x104, 0b110);
  assert.deepEqual(
    [32, 33, 34, 35].map((intid) => v3.vgic.irq(0, intid)?.enabled),
    [false, true, true, false],
  );
  v3.apply(ev.MMIO_DIST, 0x420, 0x40_3f_20_10);
  assert.deepEqual(
    [32, 33, 34, 35].map((intid) => v3.vgic.irq(0, intid)?.priority),
    [0x10, 0x20, 0x38, 0x40],
  );
  v3.apply(ev.MMIO_DIST, 0x6000 + 8 * 40, 0x101);
  assert.equal(v3.vgic.irq(0, 40)?.target, 17);
  v3.apply(ev.MMIO_DIST, 0x6004 + 8 * 40, 0);
  assert.equal(v3.vgic.irq(0, 40)?.target, 17, 'the upper word is ignored');
  v3.apply(ev.MMIO_DIST, 0x6000 + 8 * 40, 0x300);
  assert.equal(v3.vgic.irq(0, 40)?.target, -1);
  v3.apply(ev.MMIO_DIST, 0x100, -1);
  assert.equal(v3.vgic.irq(0, 20)?.enabled, false, 'private ones are in the redistributor');
  v3.apply(ev.MMIO_REDIST, 0x10100, 1 << 20, 2);
  assert.equal(v3.vgic.irq(2, 20)?.enabled, true);
  assert.equal(v3.vgic.irq(0, 20)?.enabled, false);
  v3.apply(ev.MMIO_DIST, 0xc08, 0xa);
  v3.apply(ev.MMIO_DIST, 0xc0c, 0xa);
  assert.equal(v3.vgic.irq(0, 33)?.level, false);
  assert.equal(v3.vgic.irq(0, 34)?.level, true);

  const v2 = new TestMachine({ model: 'gicv2', nrVcpus: 4 });
  v2.apply(ev.MMIO_DIST, 0xf00, (0b0110 << 16) | 7);
  assert.deepEqual(v2.vgic.lastKicks, [1, 2]);
  v2.apply(ev.MMIO_DIST, 0xf00, (1 << 24) | 7, 2);
  assert.deepEqual(v2.vgic.lastKicks, [0, 1, 3]);
  v2.apply(ev.MMIO_DIST, 0xf00, (2 << 24) | 7, 2);
  assert.deepEqual(v2.vgic.lastKicks, [2]);
  v2.apply(ev.MMIO_DIST, 0xf00, (3 << 24) | (0xff << 16) | 7, 2);
  assert.deepEqual(v2.vgic.lastKicks, []);
  assert.equal(v2.vgic.irq(1, 7)?.source, 0b101);
  v2.apply(ev.MMIO_DIST, 0xf14, 0b001 << 24, 1);
  assert.equal(v2.vgic.irq(1, 7)?.source, 0b100);
  v2.apply(ev.MMIO_DIST, 0x820, 0b1100);
  assert.equal(v2.vgic.irq(0, 32)?.target, 2);
  v2.apply(ev.MMIO_DIST, 0x820, 0xf0);
  assert.equal(v2.vgic.irq(0, 32)?.target, 0, 'no vCPU of the machine');
});

test('user space: SGIs of a GICv2 guest, lines, and mapped interrupts are different from guest accesses', () => {
  const machine = new TestMachine({ model: 'gicv2' });
  machine.apply(ev.PENDING, 3, 1, 1);
  assert.equal(machine.vgic.irq(1, 3)?.latch, false, 'ignored from the guest');
  machine.apply(ev.PENDING, 3, 3, 1);
  assert.equal(machine.vgic.irq(1, 3)?.source, 1 << 1);
  machine.apply(ev.PENDING, 3, 2, 1);
  assert.equal(machine.vgic.irq(1, 3)?.source, 0);

  machine.makeLevel(40);
  machine.enable(40);
  machine.apply(ev.LINE_LEVEL, 40, 1);
  assert.deepEqual(machine.list(), [40]);

  machine.apply(ev.HW_MAP, 41, 300);
  machine.apply(ev.ACTIVE, 41, 3);
  assert.equal(machine.vgic.irq(0, 41)?.active, false);
  machine.apply(ev.PENDING, 41, 3);
  assert.equal(machine.vgic.hostIrq(0, 300).active, false);
  machine.apply(ev.PENDING, 41, 1);
  assert.equal(machine.vgic.hostIrq(0, 300).active, true);
});

test('facts, expectations and interrupts that do not exist change nothing', () => {
  const machine = new TestMachine();
  for (const kind of [ev.NOP, ev.WFI, ev.EXPECT_LRS]) machine.apply(kind, 40, 1);
  for (const intid of [96, 1019, 8192]) {
    for (const kind of [ev.INJECT, ev.ENABLE, ev.PENDING, ev.GROUP, ev.HW_MAP, ev.LPI_CONFIG])
      machine.apply(kind, intid, 1);
  }
  machine.apply(ev.INJECT, 40, 1, 2);
  assert.equal(machine.vgic.cost('inject').calls, 0);
  assert.equal(machine.vgic.irq(0, 40)?.latch, false);
});
