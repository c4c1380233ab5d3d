/** What flavours other than kvm-6.1 do differently and no shipped scenario shows: vgic-spec 1.13, 1.16, 1.19, 2.1, 2.3, B.9. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as ev from '../trace/events.js';
import { sortCarrying, sortHalving } from './merge-sort.js';
import { TestMachine } from './test-machine.js';

const BY_RULES = 1;
const ACK_BY_RULES = 1 << 2;
/** CPUIF values: PMR 0xf8, group 1 on. */
const OPEN = 0xf8 | (1 << 9);
const SPLIT_EOI = OPEN | (1 << 10);

/** n equal SPIs of xen-new, enabled, routed and pending on vCPU 0. */
function queueEqual(n: number): TestMachine {
  const machine = new TestMachine({ flavour: 'xen-new', model: 'gicv2', nrVcpus: 1, nrSpis: 512 });
  for (let intid = 32; intid < 32 + n; intid++) {
    machine.apply(ev.TARGET, intid, 0);
    machine.enable(intid);
    machine.inject(intid);
  }
  return machine;
}

test('xen-new: 256 equal interrupts stop the host in the sort, 255 and 257 do not', () => {
  for (const [n, fatal] of [
    [255, undefined],
    [256, 'host-deadlock'],
    [257, undefined],
    [512 - 32, undefined],
  ] as const) {
    const machine = queueEqual(n);
    machine.flush();
    assert.equal(machine.vgic.fatal, fatal, `${n} interrupts`);
  }
});

test('xen-new: once the host has stopped nothing has an effect', () => {
  const machine = queueEqual(256);
  machine.flush();
  const before = machine.list();
  machine.inject(400);
  machine.sync();
  machine.apply(ev.ENABLE, 32, 0);
  assert.deepEqual(machine.list(), before);
  assert.equal(machine.vgic.irq(0, 32)?.enabled, true);
  assert.equal(machine.vgic.irq(0, 400)?.latch, false);
});

test('both sorts give one order, at powers of two for the same number of comparisons', () => {
  const items = Array.from({ length: 300 }, (_, index) => ({ key: (index * 7919) % 13, index }));
  const compare = (a: { key: number }, b: { key: number }): number => a.key - b.key;
  assert.deepEqual(sortCarrying(items, compare).items, sortHalving(items, compare).items);
  const power = items.slice(0, 256);
  assert.equal(sortCarrying(power, compare).nrComparisons, sortHalving(power, compare).nrComparisons);
});

test('the running priority survives exit and entry, and a coarse binary point stops preemption', () => {
  const machine = new TestMachine();
  machine.apply(ev.CPUIF, 0, OPEN);
  for (const [intid, priority] of [
    [40, 0x40],
    [41, 0x38],
    [42, 0x20],
  ]) {
    machine.setPriority(intid, priority);
    machine.enable(intid);
  }
  const acknowledge = (): number => {
    machine.apply(ev.ACK, 0, ACK_BY_RULES);
    return machine.vgic.lastAck;
  };
  machine.apply(ev.CPUIF, 0, OPEN | (7 << 15));
  machine.inject(40);
  machine.flush();
  assert.equal(acknowledge(), 40);
  machine.sync();
  machine.inject(41);
  machine.flush();
  assert.equal(acknowledge(), 1023, '0x38 and 0x40 are one group of 128');
  machine.apply(ev.EOI, 999, BY_RULES);
  assert.equal(machine.vgic.eoiMisses, 1);
  machine.apply(ev.CPUIF, 0, OPEN);
  assert.equal(acknowledge(), 41, 'any EOI drops the running priority');
  machine.sync();
  machine.inject(42);
  machine.flush();
  machine.apply(ev.CPUIF, 0, OPEN & ~(1 << 9));
  assert.equal(acknowledge(), 1023, 'its group is off');
  machine.apply(ev.CPUIF, 0, (OPEN & ~0xff) | 0x20);
  assert.equal(acknowledge(), 1023, 'not below PMR');
});

test('kvm-7.2 on a GICv2 host: no TDIR, no vSGIEOICount, and DIR stays in the guest', () => {
  const machine = new TestMachine({ flavour: 'kvm-7.2', model: 'gicv2' });
  machine.apply(ev.CPUIF, 0, SPLIT_EOI | (1 << 8));
  machine.enable(40);
  machine.inject(40);
  machine.flush();
  assert.equal(machine.vgic.hcr(0), 0xa1);
  machine.ack();
  machine.apply(ev.DEACTIVATE, 40, BY_RULES);
  assert.equal(machine.vgic.lastEoiLr, 0);
  assert.equal(machine.vgic.usedLrs(0), 1);
});

test('kvm-7.2: a DIR write that traps ends the stay in the guest', () => {
  const machine = new TestMachine({ flavour: 'kvm-7.2' });
  machine.apply(ev.CPUIF, 0, SPLIT_EOI);
  machine.enable(40);
  machine.inject(40);
  machine.flush();
  machine.ack();
  machine.apply(ev.DEACTIVATE, 40, BY_RULES);
  assert.equal(machine.vgic.usedLrs(0), 0);
  assert.equal(machine.vgic.irq(0, 40)?.active, false);
  assert.deepEqual(machine.list(), [40], 'until the next entry prunes');
  machine.flush();
  assert.deepEqual(machine.list(), []);
});

test('kvm-7.2: the last list register keeps its LPI until the prune', () => {
  const machine = new TestMachine({ flavour: 'kvm-7.2', nrLpis: 57344, nrLr: 1 });
  machine.apply(ev.LPI_MAP, 8192, (0x80 << 8) | (1 << 16));
  machine.inject(8192);
  machine.flush();
  machine.apply(ev.LPI_UNMAP, 8192, 0);
  machine.apply(ev.LPI_FLUSH, 0, 0);
  assert.equal(machine.vgic.references(8192), 1);
  machine.sync();
  assert.deepEqual(machine.vgic.lpis(), []);
});

test('who is halted by a read of active states', () => {
  const haltsOf = (flavour: string, model: 'gicv3' | 'gicv2', offset: number): number => {
    const machine = new TestMachine({ flavour, model });
    machine.flush(1);
    const frame = model === 'gicv3' && offset < 0x304 ? 'redist' : 'dist';
    machine.vgic.read(0, frame, frame === 'redist' ? 0x10000 + offset : offset, 4);
    assert.equal(machine.vgic.state.vcpus[1].inGuest, machine.vgic.state.halts === 0);
    return machine.vgic.state.halts;
  };
  assert.deepEqual(
    ['kvm-6.1', 'kvm-7.2'].map((flavour) => [haltsOf(flavour, 'gicv3', 0x300), haltsOf(flavour, 'gicv3', 0x304)]),
    [
      [1, 1],
      [0, 1],
    ],
  );
  assert.deepEqual(
    ['kvm-6.1', 'kvm-7.2', 'xen-new'].map((flavour) => [
      haltsOf(flavour, 'gicv2', 0x300),
      haltsOf(flavour, 'gicv2', 0x304),
    ]),
    [
      [0, 1],
      [0, 1],
      [0, 0],
    ],
  );
});

test('accesses that are not allowed: width, alignment, no such interrupt', () => {
  for (const [flavour, handled, value] of [
    ['kvm-7.2', true, 0],
    ['xen-new', false, -1],
  ] as const) {
    const { vgic } = new TestMachine({ flavour, model: 'gicv2' });
    for (const [offset, length] of [
      [0x104, 1],
      [0x422, 4],
      [0x400 + 96, 1],
      [0x6100, 8],
    ]) {
      assert.equal(vgic.write(0, 'dist', offset, length, 0xff), handled);
      assert.equal(vgic.read(0, 'dist', offset, length), value);
    }
    assert.equal(vgic.write(0, 'dist', 0x421, 1, 0xff), true);
    assert.equal(vgic.read(0, 'dist', 0x420, 4), 0xf800);
  }
});

test('ICC_SGI0R reaches group 0 only', () => {
  const machine = new TestMachine({ flavour: 'kvm-7.2' });
  const throughSgi0r = 4 | (1 << 13);
  machine.sendSgi(throughSgi0r, 0b10, 0);
  assert.deepEqual(machine.list(1), []);
  machine.apply(ev.GROUP_ONE, 4, 0, 1);
  machine.sendSgi(throughSgi0r, 0b10, 0);
  assert.deepEqual(machine.list(1), [4]);
});
