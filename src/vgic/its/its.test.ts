/** Rules of vgic-spec section 6 that no shipped scenario pins, by example. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { COLLECTION_TABLE, COMMAND_QUEUE, CONFIG_TABLE, DEVICE_TABLE, PENDING_TABLE } from '../../gic/its-layout.js';
import { createItsMachine, ITT_AREA, type ItsMachine, MEMORY_END } from '../../study/its-machine.js';
import { NR_WIDE_LPIS } from '../state.js';
import { LATCH, targetOf } from '../word.js';

const BOTH = ['kvm-6.1', 'kvm-7.2'] as const;
const FEW_VCPUS = 2;
const EFAULT = -14;
const EBUSY = -16;
const EEXIST = -17;
const EINVAL = -22;
const ENOMEM = -12;

/** Device 5 with 4 event bits, collection 1 on vCPU 1; LPIs from 8192 enabled with priority 0xa0. */
function createMapped(flavour: string): ItsMachine {
  const machine = createItsMachine(flavour, FEW_VCPUS);
  for (let lpi = 0; lpi < 16; lpi++) machine.its.memory.poke(CONFIG_TABLE + lpi, 0xa1, 1);
  assert.equal(machine.mapDevice(5, ITT_AREA, 4, true), 0);
  assert.equal(machine.mapCollection(1, 1, true), 0);
  return machine;
}

function pokeDouble({ its }: ItsMachine, address: number, value: bigint): void {
  its.memory.poke(address, Number(BigInt.asIntN(32, value)), 4);
  its.memory.poke(address + 4, Number(BigInt.asIntN(32, value >> 32n)), 4);
}
function peekDouble({ its: { memory } }: ItsMachine, address: number): bigint {
  assert.ok(memory.peekDouble(address));
  return (BigInt(memory.hi >>> 0) << 32n) | BigInt(memory.lo >>> 0);
}
const ids = ({ its }: ItsMachine): number[] => its.objects.devices.items().map(({ key }) => key);
const collectionIds = ({ its }: ItsMachine): number[] => its.objects.collections.items().map(({ key }) => key);
const queued = ({ vgic }: ItsMachine, vcpu: number): number[] =>
  vgic.list.order(vcpu).map((slot) => vgic.state.intidOfSlot[slot]);
const hasLatch = ({ vgic }: ItsMachine, lpi: number): boolean => (vgic.state.word[vgic.findLpi(lpi)] & LATCH) !== 0;
const setRedist = ({ vgic }: ItsMachine, vcpu: number, offset: number, value: number): void => {
  vgic.mmioWrite(vcpu, true, offset, 4, value, 0);
};

for (const flavour of BOTH) {
  test(`${flavour}: the queue wraps, a slot that cannot be read is skipped, CWRITER beyond it is ignored`, () => {
    const machine = createMapped(flavour);
    const { its } = machine;
    const last = COMMAND_QUEUE + 4096 - 32;
    // MAPC 2 → vCPU 0 in the last slot, MAPC 3 in the first.
    for (const [address, id] of [
      [last, 2],
      [COMMAND_QUEUE, 3],
    ]) {
      pokeDouble(machine, address, 0x09n);
      pokeDouble(machine, address + 16, (1n << 63n) | BigInt(id));
    }
    its.write(0x88, 4096);
    assert.equal(its.read(0x88), 0);
    its.write(0x88, 4096 - 32);
    assert.deepEqual([its.read(0x90), collectionIds(machine)], [4096 - 32, [1, 3]]);
    its.write(0x88, 32);
    assert.deepEqual([its.read(0x90), collectionIds(machine)], [32, [1, 3, 2]]);
    its.write(0x00, 0);
    its.write(0x80, MEMORY_END);
    its.write(0x00, 1);
    its.write(0x88, 64);
    assert.equal(its.read(0x90), 64);
  });

  test(`${flavour}: registers are for a disabled ITS, and an ITS without tables cannot be enabled`, () => {
    const machine = createMapped(flavour);
    const { its } = machine;
    const before = its.read(0x100);
    its.write(0x100, 0);
    its.write(0x80, 0x40070000);
    assert.deepEqual([its.read(0x100), its.read(0x80)], [before, COMMAND_QUEUE | 0]);
    its.write(0x00, 0);
    its.write(0x84, 0);
    its.write(0x00, 1);
    assert.equal(its.read(0x00) & 1, 0);
    // The queue's base is forced to 64 KiB, the collection table to one level.
    its.write(0x80, 0x40021000);
    assert.equal(its.read(0x80), 0x40020000);
    its.write(0x10c, -1);
    assert.equal(its.read(0x10c) & (1 << 30), 0);
    // A CPU that writes to the translation register reaches nothing.
    its.write(0x10040, 3);
    assert.equal(its.read(0x08), 0x1 | (7 << 4) | (15 << 8) | (15 << 13));
  });

  test(`${flavour}: an MSI by outcome`, () => {
    const machine = createMapped(flavour);
    const { its } = machine;
    machine.mapEvent(5, 3, 8192, 1);
    machine.mapEvent(5, 4, 8193, 9);
    assert.deepEqual(
      [its.signalMsi(5, 3), its.signalMsi(5, 2), its.signalMsi(5, 4), its.signalMsi(6, 0)],
      [1, 0, 0, 0],
    );
    assert.deepEqual(queued(machine, 1), [8192]);
    assert.equal(its.cachedReferences(machine.vgic.findLpi(8192)), 1);
    setRedist(machine, 1, 0, 0);
    assert.deepEqual(queued(machine, 1), []);
    assert.equal(its.cachedReferences(machine.vgic.findLpi(8192)), 0);
    assert.equal(its.signalMsi(5, 3), EBUSY);
    setRedist(machine, 1, 0, 1);
    its.write(0x00, 0);
    assert.equal(its.signalMsi(5, 3), EBUSY);
  });

  test(`${flavour}: a pending bit survives DISCARD and MAPTI while the LPI is queued`, () => {
    const machine = createMapped(flavour);
    machine.mapEvent(5, 3, 8192, 1);
    machine.its.signalMsi(5, 3);
    assert.equal(machine.discard(5, 3), 0);
    assert.deepEqual(queued(machine, 1), [8192]);
    machine.mapEvent(5, 7, 8192, 1);
    assert.equal(hasLatch(machine, 8192), true);
    assert.equal(machine.mapDevice(5, 0, 1, false), 0);
    machine.vgic.setDistEnable(false);
    machine.vgic.sync(1);
    assert.equal(machine.vgic.findLpi(8192), -1);
  });

  test(`${flavour}: EnableLPIs reads the pending table unless PTZ says that it is zero`, () => {
    const machine = createMapped(flavour);
    machine.mapEvent(5, 3, 8192, 1);
    machine.mapEvent(5, 4, 8201, 1);
    const table = PENDING_TABLE + 0x10000;
    setRedist(machine, 1, 0, 0);
    machine.its.memory.poke(table + 8192 / 8, 1, 1);
    setRedist(machine, 1, 0x7c, 1 << 30);
    setRedist(machine, 1, 0, 1);
    assert.deepEqual(queued(machine, 1), []);
    setRedist(machine, 1, 0, 0);
    setRedist(machine, 1, 0x7c, 0);
    setRedist(machine, 1, 0, 1);
    assert.deepEqual(queued(machine, 1), [8192]);
    // The bit stays, unlike one that a mapping imports.
    assert.equal(machine.its.memory.peekByte(table + 1024), 1);
    assert.equal(machine.its.savePending(), 0);
    machine.interrupt(5, 4);
    assert.equal(machine.its.savePending(), 0);
    assert.deepEqual(
      [0, 1].map((at) => machine.its.memory.peekByte(table + 1024 + at)),
      [1, 2],
    );
    // PENDBASER is read only while LPIs are enabled.
    setRedist(machine, 1, 0x78, 0);
    assert.equal(machine.vgic.mmioRead(1, true, 0x78, 4) & 0xffff0000, table);
  });

  test(`${flavour}: INVLPIR and INVALLR read configuration bytes again`, () => {
    const machine = createMapped(flavour);
    machine.mapEvent(5, 3, 8192, 1);
    machine.mapEvent(5, 4, 8193, 1);
    machine.its.memory.poke(CONFIG_TABLE, 0x40, 1);
    machine.its.memory.poke(CONFIG_TABLE + 1, 0x50, 1);
    const priority = (lpi: number): number => (machine.vgic.state.word[machine.vgic.findLpi(lpi)] >>> 8) & 0xff;
    setRedist(machine, 0, 0xa0, 8192);
    assert.deepEqual([priority(8192), priority(8193)], [0x40, 0xa0]);
    setRedist(machine, 0, 0xb0, 0);
    assert.equal(priority(8193), 0xa0);
    setRedist(machine, 1, 0xb0, 0);
    assert.equal(priority(8193), 0x50);
  });

  test(`${flavour}: a restore over a live ITS`, () => {
    const machine = createMapped(flavour);
    const { its } = machine;
    machine.mapEvent(5, 3, 8192, 1);
    assert.equal(its.save(), 0);
    assert.equal(its.restore(), EEXIST);
    assert.deepEqual(collectionIds(machine), []);
    assert.deepEqual(ids(machine), [5]);
    assert.equal(machine.interrupt(5, 3), 0x010307);
    // Without collections nothing is in the way: a second device with the same number.
    assert.equal(its.restore(), 0);
    assert.deepEqual(ids(machine), [5, 5]);
    assert.equal(machine.interrupt(5, 3), 0x010307);
    its.save();
    const [newer, older] = its.objects.devices.items();
    assert.deepEqual(
      [newer, older].map(({ entries }) => entries.items().map(({ collection }) => collection?.key)),
      [[1], [undefined]],
    );
  });

  test(`${flavour}: user space waits for every vCPU`, () => {
    const machine = createMapped(flavour);
    const { its, vgic } = machine;
    vgic.flush(0);
    assert.deepEqual([its.save(), its.restore(), its.savePending()], [EBUSY, EBUSY, EBUSY]);
    assert.deepEqual(ids(machine), [5]);
    vgic.sync(0);
    assert.equal(its.save(), 0);
  });

  test(`${flavour}: LPIs above 65535, which only a restore makes, and no more of them than there is room for`, () => {
    const machine = createMapped(flavour);
    const { its, vgic } = machine;
    machine.mapDevice(5, ITT_AREA, 12, true);
    its.save();
    const restoreAll = (count: number): number => {
      machine.drop();
      for (let event = 0; event < count; event++) {
        const next = event + 1 < count ? 1n : 0n;
        pokeDouble(machine, ITT_AREA + 8 * event, (next << 48n) | (BigInt(70000 + event) << 16n) | 1n);
      }
      return its.restore();
    };
    its.memory.poke(CONFIG_TABLE + 70001 - 8192, 0x31, 1);
    assert.equal(restoreAll(2), 0);
    const slot = vgic.findLpi(70001);
    assert.deepEqual([vgic.state.intidOfSlot[slot], targetOf(vgic.state.word[slot])], [70001, 1]);
    its.signalMsi(5, 1);
    assert.deepEqual(queued(machine, 1), [70001]);
    vgic.flush(1);
    assert.equal(vgic.lrLo(1, 0), 70001);
    // It goes while it is in a list register, and its row does not serve another number meanwhile.
    its.dropAll();
    assert.equal(vgic.ackByRules(1), 70001);
    vgic.sync(1);
    assert.equal(restoreAll(NR_WIDE_LPIS), 0);
    assert.equal(its.objects.devices.items()[0].entries.length, NR_WIDE_LPIS);
    assert.equal(restoreAll(NR_WIDE_LPIS + 1), ENOMEM);
    assert.deepEqual([ids(machine), collectionIds(machine)], [[], []]);
    // All 32 bits of the number count: its configuration byte is far outside the memory.
    pokeDouble(machine, ITT_AREA, (0xfffa2c13n << 16n) | 1n);
    assert.equal(its.restore(), EFAULT);
    assert.equal(machine.mapCollection(1, 1, true), 0);
    assert.equal(machine.mapDevice(5, ITT_AREA, 4, true), 0);
    assert.equal(machine.mapEvent(5, 0, 65536, 1), 0x010a06);
  });

  test(`${flavour}: PROPBASER bounds the LPIs that can be mapped; its table must be memory`, () => {
    const machine = createMapped(flavour);
    for (const vcpu of [0, 1]) setRedist(machine, vcpu, 0, 0);
    setRedist(machine, 0, 0x70, CONFIG_TABLE | 13);
    assert.equal(machine.mapEvent(5, 0, 16383, 1), 0);
    assert.equal(machine.mapEvent(5, 1, 16384, 1), 0x010a06);
    setRedist(machine, 1, 0x70, MEMORY_END | 15);
    assert.equal(machine.mapEvent(5, 1, 8192, 4), EFAULT);
    assert.deepEqual(collectionIds(machine), [1]);
    assert.equal(machine.vgic.findLpi(8192), -1);
  });

  test(`${flavour}: a two-level device table reaches what its first level names`, () => {
    const machine = createMapped(flavour);
    machine.drop();
    machine.setDeviceTable(true);
    assert.equal(machine.mapDevice(5, ITT_AREA, 4, true), 0x010801);
    pokeDouble(machine, DEVICE_TABLE, 0x8000000040600000n);
    assert.equal(machine.mapDevice(5, ITT_AREA, 4, true), 0);
    assert.equal(machine.mapDevice(8192, ITT_AREA, 4, true), 0x010801);
    assert.equal(machine.its.save(), 0);
    assert.equal(peekDouble(machine, 0x40600000 + 40), 0x8000000000000003n | (BigInt(ITT_AREA / 256) << 5n));
    machine.mapDevice(5, 0, 1, false);
    assert.equal(peekDouble(machine, 0x40600000 + 40), 0n);
  });
}

test('MAPC with V=0 checks its target in kvm-6.1 only', () => {
  const [list, xarray] = BOTH.map((flavour) => createMapped(flavour));
  assert.equal(list.mapCollection(1, 9, false), 0x010902);
  assert.equal(xarray.mapCollection(1, 9, false), 0);
  assert.deepEqual([collectionIds(list), collectionIds(xarray)], [[1], []]);
});

test('a BASER that is written with another valid value frees its objects in kvm-7.2 only', () => {
  for (const [flavour, kept] of [
    ['kvm-6.1', [5]],
    ['kvm-7.2', []],
  ] as const) {
    const machine = createMapped(flavour);
    machine.mapEvent(5, 0, 8192, 1);
    machine.its.write(0x00, 0);
    machine.its.write(0x100, DEVICE_TABLE);
    assert.deepEqual(ids(machine), [5], flavour);
    machine.its.write(0x100, DEVICE_TABLE + 0x300000);
    assert.deepEqual(ids(machine), kept, flavour);
    machine.its.write(0x10c, 0);
    assert.deepEqual(collectionIds(machine), [], flavour);
    machine.its.write(0x104, 0);
    assert.deepEqual(ids(machine), [], flavour);
    assert.equal(machine.vgic.findLpi(8192), -1, flavour);
  }
});

test('a device that its table no longer reaches ends the save of kvm-6.1, and is left out by kvm-7.2', () => {
  for (const [flavour, result] of [
    ['kvm-6.1', EINVAL],
    ['kvm-7.2', 0],
  ] as const) {
    const machine = createItsMachine(flavour, FEW_VCPUS);
    machine.setDeviceTable(true);
    pokeDouble(machine, DEVICE_TABLE, 0x8000000040600000n);
    pokeDouble(machine, DEVICE_TABLE + 8, 0x8000000040610000n);
    for (const id of [3, 8200, 7]) machine.mapDevice(id, ITT_AREA, 4, true);
    pokeDouble(machine, DEVICE_TABLE + 8, 0n);
    assert.equal(machine.its.save(), result, flavour);
    // 7.2: "next" goes to the next device that is saved (E.8); 6.1 had already counted on 8200.
    const next = Number((peekDouble(machine, 0x40600000 + 56) >> 49n) & 0x3fffn);
    assert.equal(next, flavour === 'kvm-6.1' ? 8193 : 0, flavour);
  }
});

test('the cache of kvm-6.1 keeps 16 translations a vCPU, the last used ones', () => {
  const machine = createItsMachine('kvm-6.1', 1);
  machine.mapCollection(1, 0, true);
  machine.mapDevice(0, ITT_AREA, 5, true);
  for (let event = 0; event < 17; event++) machine.mapEvent(0, event, 8192 + event, 1);
  const { its, vgic } = machine;
  for (let event = 0; event < 16; event++) its.signalMsi(0, event);
  its.signalMsi(0, 0);
  its.signalMsi(0, 16);
  const cached = (event: number): number => its.cachedReferences(vgic.findLpi(8192 + event));
  assert.deepEqual([0, 1, 2, 16].map(cached), [1, 0, 1, 1]);
  assert.equal(its.costs.counts()['MSI cached calls'], 1);
  machine.moveAll(0, 0);
  assert.equal(cached(0), 1);
  machine.discard(0, 5);
  assert.equal(cached(0), 0);
});

test('INVALL goes in mapping order in kvm-6.1, by number in kvm-7.2', () => {
  for (const [flavour, order] of [
    ['kvm-6.1', [8194, 8192, 8193]],
    ['kvm-7.2', [8192, 8193, 8194]],
  ] as const) {
    const machine = createMapped(flavour);
    const { memory } = machine.its;
    for (const [event, lpi] of [8194, 8192, 8193].entries()) {
      memory.poke(CONFIG_TABLE + lpi - 8192, 0xa0, 1);
      machine.mapEvent(5, event, lpi, 1);
      machine.interrupt(5, event);
      memory.poke(CONFIG_TABLE + lpi - 8192, 0xa1, 1);
    }
    assert.deepEqual(queued(machine, 1), []);
    machine.invalidateAll(1);
    assert.deepEqual(queued(machine, 1), order, flavour);
  }
});

test('an entry that lost its collection is saved as 0, and a full collection table has no end mark', () => {
  const machine = createMapped('kvm-7.2');
  machine.mapEvent(5, 1, 8192, 1);
  machine.mapCollection(1, 1, false);
  assert.equal(machine.its.save(), 0);
  assert.equal(peekDouble(machine, ITT_AREA + 8), 0n);
  for (let id = 0; id < 8192; id++) machine.mapCollection(id, 0, true);
  pokeDouble(machine, COLLECTION_TABLE + 65536, 0x1234n);
  assert.equal(machine.its.save(), 0);
  assert.equal(peekDouble(machine, COLLECTION_TABLE + 65536), 0x1234n);
  assert.equal(peekDouble(machine, COLLECTION_TABLE + 65528), 0x8000000000001fffn);
});
