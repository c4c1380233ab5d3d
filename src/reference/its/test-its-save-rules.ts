/** Test support: rules of the specification on table reach, saves and restores; see test-its-rules.ts. */
import assert from 'node:assert/strict';
import * as ev from '../../trace/events.js';
import { FIRST_LEVEL_TABLE, TWO_LEVELS } from './its-layout.js';
import {
  COLLECTION_TABLE,
  type CommandFields,
  configAddress,
  DEVICE_TABLE,
  GITS_BASER_DEVICES,
  itsOf,
  OPCODES,
  VALID,
  writeBytes,
} from './its-machine.js';
import {
  AFTER_61,
  EBUSY,
  EEXIST,
  EFAULT,
  EINVAL,
  ITT,
  type ItsRule,
  KVM,
  mapTwo,
  ONLY_61,
  rule,
} from './test-its-driver.js';

const VALID_ENTRY = 1n << 63n;
const SECOND_LEVEL = 0x4111_0000;

const REACH_RULES: readonly ItsRule[] = [
  rule('a device of a table of two levels is in reach by its first-level entry (6.3)', KVM, (driver) => {
    driver.setTable(GITS_BASER_DEVICES, TWO_LEVELS.lo, TWO_LEVELS.hi);
    const map: CommandFields = { opcode: OPCODES.MAPD, device: 8192 + 3, bits: 2, itt: ITT, valid: true };
    assert.equal(driver.command(map), 0x010801);
    driver.write(FIRST_LEVEL_TABLE + 8, BigInt(SECOND_LEVEL));
    assert.equal(driver.command(map), 0x010801);
    driver.write(FIRST_LEVEL_TABLE + 8, VALID_ENTRY | 0x4300_0000n);
    assert.equal(driver.command(map), 0x010801);
    driver.write(FIRST_LEVEL_TABLE + 8, VALID_ENTRY | BigInt(SECOND_LEVEL));
    assert.equal(driver.command(map), 0);
    driver.write(SECOND_LEVEL + 8 * 3, 1n);
    assert.equal(driver.command({ ...map, valid: false }), 0);
    assert.equal(driver.word(SECOND_LEVEL + 8 * 3), 0n);
  }),
  rule('a restore goes from one second-level page to the next (6.10)', KVM, (driver) => {
    driver.setTable(GITS_BASER_DEVICES, TWO_LEVELS.lo, TWO_LEVELS.hi);
    driver.write(FIRST_LEVEL_TABLE, VALID_ENTRY | BigInt(SECOND_LEVEL));
    driver.write(FIRST_LEVEL_TABLE + 16, VALID_ENTRY | BigInt(SECOND_LEVEL + 0x1_0000));
    driver.mapDevice(16384 + 5, 2, ITT);
    driver.mapDevice(7, 2, ITT + 0x8000);
    driver.restart();
    assert.equal(driver.word(SECOND_LEVEL + 8 * 7) >> 49n, (1n << 14n) | 16382n);
    assert.equal(itsOf(driver.target).restore(), 0);
    assert.deepEqual(driver.devices, [7, 16384 + 5]);
  }),
  rule('an event is in reach if its slot is guest memory (6.3)', KVM, (driver) => {
    driver.mapDevice(5, 6, 0x41ff_ff00);
    driver.mapEvent(5, 31, 8192, 1);
    assert.equal(driver.command({ opcode: OPCODES.MAPTI, device: 5, event: 32, lpi: 8193, collection: 1 }), 0x010a05);
  }),
  rule('a save with a device out of reach fails (6.9)', ONLY_61, (driver) => {
    mapTwo(driver);
    driver.setTable(GITS_BASER_DEVICES, 0x4300_0000, VALID);
    assert.equal(itsOf(driver.target).save(), EINVAL);
  }),
  rule(
    'a save leaves a device out of reach out, and what stands before it points behind it (E.8)',
    AFTER_61,
    (driver) => {
      driver.setTable(GITS_BASER_DEVICES, TWO_LEVELS.lo, TWO_LEVELS.hi);
      driver.write(FIRST_LEVEL_TABLE, VALID_ENTRY | BigInt(SECOND_LEVEL));
      driver.write(FIRST_LEVEL_TABLE + 8, VALID_ENTRY | BigInt(SECOND_LEVEL + 0x1_0000));
      driver.write(FIRST_LEVEL_TABLE + 16, VALID_ENTRY | BigInt(SECOND_LEVEL + 0x2_0000));
      for (const id of [1, 8193, 16385]) driver.mapDevice(id, 2, ITT);
      driver.write(FIRST_LEVEL_TABLE + 8, 0n);
      assert.equal(itsOf(driver.target).save(), 0);
      assert.equal((driver.word(SECOND_LEVEL + 8) >> 49n) & 0x3fffn, 16383n);
      driver.write(FIRST_LEVEL_TABLE + 16, 0n);
      assert.equal(itsOf(driver.target).save(), 0);
      assert.equal((driver.word(SECOND_LEVEL + 8) >> 49n) & 0x3fffn, 0n);
    },
  ),
];

const SAVE_RULES: readonly ItsRule[] = [
  rule('saves and restores need every vCPU out of the guest (6.9, 6.10)', KVM, (driver) => {
    mapTwo(driver);
    driver.target.apply(ev.FLUSH, 1, 0, 0);
    assert.deepEqual([itsOf(driver.target).save(), itsOf(driver.target).restore()], [EBUSY, EBUSY]);
    assert.equal(driver.word(DEVICE_TABLE + 40), 0n);
  }),
  rule('an unmapped collection is saved and comes back (6.8)', KVM, (driver) => {
    driver.mapDevice(5);
    driver.mapEvent(5, 1, 8192, 6);
    driver.restart();
    assert.equal(driver.word(COLLECTION_TABLE), 0x8000_ffff_ffff_0006n);
    assert.equal(itsOf(driver.target).restore(), 0);
    assert.deepEqual(itsOf(driver.target).tables().collections, [{ id: 6, target: null }]);
    assert.equal(driver.target.irq(0, 8192)?.target, -1);
  }),
  rule('a restore over a live ITS frees the collections and leaves orphans (6.10)', KVM, (driver) => {
    mapTwo(driver);
    assert.equal(itsOf(driver.target).save(), 0);
    assert.equal(itsOf(driver.target).restore(), EEXIST);
    assert.deepEqual([driver.devices, driver.collections], [[5], []]);
    // Nothing is in the way now: the device is there twice, and the next save turns the two round.
    assert.equal(itsOf(driver.target).restore(), 0);
    assert.deepEqual([driver.devices, driver.collections], [[5, 5], [1]]);
    const collectionOf = (): (number | null)[] =>
      itsOf(driver.target)
        .tables()
        .devices.map(({ entries }) => entries[0].collection);
    assert.deepEqual(collectionOf(), [null, 1]);
  }),
  rule('a restore makes LPIs beyond the advertised numbers (6.10)', KVM, (driver) => {
    mapTwo(driver);
    driver.restart();
    writeBytes(driver.target, configAddress(70000), 1, 0x81);
    driver.write(ITT + 8, (2n << 48n) | (70000n << 16n) | 1n);
    assert.equal(itsOf(driver.target).restore(), 0);
    assert.equal(itsOf(driver.target).msi(5, 1), 1);
    assert.deepEqual(driver.target.list(1), [70000]);
    const irq = driver.target.irq(0, 70000);
    assert.deepEqual([irq?.priority, irq?.references, irq?.target], [0x80, 2, 1]);
    driver.target.apply(ev.CPUIF, 1, 0, 0xff | (1 << 9));
    driver.target.apply(ev.FLUSH, 1, 0, 0);
    assert.equal(driver.target.acknowledge(1).intid, 70000);
    driver.target.apply(ev.EOI, 1, 70000, 1);
    driver.target.apply(ev.SYNC, 1, 0, 0);
    assert.deepEqual([driver.target.list(1), driver.latch(70000)], [[], false]);
  }),
  rule('what a failed restore had made is gone (6.10)', KVM, (driver) => {
    mapTwo(driver);
    driver.restart();
    // The first entry is sound; the second names an unknown collection, then an LPI whose configuration is out of memory.
    const damages: readonly (readonly [bigint, number])[] = [
      [0x2000_0002n, EINVAL],
      [0x8000_0000_0001n, EFAULT],
    ];
    for (const [entry, error] of damages) {
      driver.write(ITT + 24, entry);
      assert.equal(itsOf(driver.target).restore(), error);
      assert.deepEqual([driver.devices, driver.collections], [[], []]);
      assert.equal(driver.target.irq(0, 8192), undefined);
    }
  }),
  rule('a restored device has at most 16 event bits (6.10)', KVM, (driver) => {
    mapTwo(driver);
    driver.restart();
    const entry = driver.word(DEVICE_TABLE + 40);
    driver.write(DEVICE_TABLE + 40, (entry & ~0x1fn) | 16n);
    assert.equal(itsOf(driver.target).restore(), EINVAL);
  }),
  rule('bytes of an earlier save stay, and a restore may find them (6.9)', KVM, (driver) => {
    mapTwo(driver);
    assert.equal(itsOf(driver.target).save(), 0);
    driver.mapDevice(5);
    driver.mapEvent(5, 8, 8200, 1);
    driver.restart();
    assert.equal(itsOf(driver.target).restore(), 0);
    assert.deepEqual([driver.lpiOf(5, 1), driver.lpiOf(5, 3), driver.lpiOf(5, 8)], [8192, 8195, undefined]);
  }),
];

export const ITS_SAVE_RULES: readonly ItsRule[] = [...REACH_RULES, ...SAVE_RULES];
