/**
 * Test support: rules of the specification on commands, delivery and LPIs that no shipped scenario shows, each as a short
 * run on a started machine of two vCPUs (its-machine.ts). Any model behind ConformTarget can be put to them.
 */
import assert from 'node:assert/strict';
import * as ev from '../../trace/events.js';
import {
  COLLECTION_TABLE,
  type CommandFields,
  configAddress,
  DEVICE_TABLE,
  encodeCommand,
  GICR_CTLR,
  GICR_INVALLR,
  GICR_INVLPIR,
  GICR_PENDBASER,
  GICR_PROPBASER,
  GITS_BASER_COLLECTIONS,
  GITS_BASER_DEVICES,
  GITS_CBASER,
  GITS_CTLR,
  GITS_CWRITER,
  itsOf,
  OPCODES,
  pendingAddress,
  QUEUE,
  VALID,
  writeBytes,
  writeIts,
  writeRedist,
} from './its-machine.js';
import {
  AFTER_61,
  EBUSY,
  EFAULT,
  ITT,
  type ItsDriver,
  type ItsRule,
  KVM,
  mapTwo,
  ONLY_61,
  rule,
} from './test-its-driver.js';
import { ITS_SAVE_RULES } from './test-its-save-rules.js';

function writeQueue({ target }: ItsDriver, at: number, fields: CommandFields): void {
  for (const [index, word] of encodeCommand(fields).entries()) writeBytes(target, QUEUE + at * 32 + index * 4, 4, word);
}

const MAP_DEVICE_9: CommandFields = { opcode: OPCODES.MAPD, device: 9, bits: 2, itt: ITT, valid: true };

const QUEUE_RULES: readonly ItsRule[] = [
  rule('a CWRITER write runs what is queued, and the queue is a ring (6.2)', KVM, (driver) => {
    writeQueue(driver, 0, { opcode: OPCODES.SYNC });
    writeIts(driver.target, GITS_CWRITER, 127 * 32);
    writeQueue(driver, 127, MAP_DEVICE_9);
    writeQueue(driver, 0, { opcode: OPCODES.MAPC, collection: 3, target: 0, valid: true });
    writeIts(driver.target, GITS_CWRITER, 32);
    assert.deepEqual([driver.devices, driver.collections], [[9], [3]]);
  }),
  rule('an offset beyond the queue is ignored (6.2)', KVM, (driver) => {
    writeQueue(driver, 0, MAP_DEVICE_9);
    writeIts(driver.target, GITS_CWRITER, 0x1000);
    assert.deepEqual(driver.devices, []);
    writeIts(driver.target, GITS_CWRITER, 32);
    assert.deepEqual(driver.devices, [9]);
  }),
  rule('what is queued while the ITS is off runs when it is enabled (6.2)', KVM, (driver) => {
    writeIts(driver.target, GITS_CTLR, 0);
    writeQueue(driver, 0, MAP_DEVICE_9);
    writeIts(driver.target, GITS_CWRITER, 32);
    assert.deepEqual(driver.devices, []);
    writeIts(driver.target, GITS_CTLR, 1);
    assert.deepEqual(driver.devices, [9]);
  }),
  rule('a queue slot that cannot be read is passed over (6.2)', KVM, (driver) => {
    driver.setTable(GITS_CBASER, 0x4300_0000, VALID);
    writeIts(driver.target, GITS_CWRITER, 64);
    driver.setTable(GITS_CBASER, QUEUE, VALID);
    writeQueue(driver, 0, MAP_DEVICE_9);
    writeIts(driver.target, GITS_CWRITER, 32);
    assert.deepEqual(driver.devices, [9]);
  }),
  rule('CBASER is forced to 64 KiB, and is not written while the ITS is on (6.2)', KVM, (driver) => {
    driver.setTable(GITS_CBASER, QUEUE + 0xf000, VALID);
    writeIts(driver.target, GITS_CBASER, 0x4300_0000);
    writeQueue(driver, 0, MAP_DEVICE_9);
    writeIts(driver.target, GITS_CWRITER, 32);
    assert.deepEqual(driver.devices, [9]);
  }),
  rule('the ITS is not enabled without its tables (6.2)', KVM, (driver) => {
    for (const register of [GITS_BASER_DEVICES, GITS_BASER_COLLECTIONS, GITS_CBASER]) {
      writeIts(driver.target, GITS_CTLR, 0);
      writeIts(driver.target, register + 4, 0);
      writeIts(driver.target, GITS_CTLR, 1);
      assert.equal(itsOf(driver.target).msi(1, 1), EBUSY);
      writeIts(driver.target, register + 4, VALID);
      writeIts(driver.target, GITS_CTLR, 1);
      assert.equal(itsOf(driver.target).msi(1, 1), 0);
    }
  }),
  rule('a BASER that another valid value is written to keeps the lists (6.2)', ONLY_61, (driver) => {
    mapTwo(driver);
    driver.setTable(GITS_BASER_DEVICES, DEVICE_TABLE + 0x2_0000, VALID);
    driver.setTable(GITS_BASER_COLLECTIONS, COLLECTION_TABLE + 0x2_0000, VALID);
    assert.deepEqual([driver.devices, driver.collections], [[5], [1]]);
    driver.setTable(GITS_BASER_COLLECTIONS, COLLECTION_TABLE, 0);
    assert.deepEqual([driver.devices, driver.collections], [[5], []]);
  }),
  rule('a BASER whose value changed frees what it stood for (6.2)', AFTER_61, (driver) => {
    mapTwo(driver);
    driver.setTable(GITS_BASER_DEVICES, DEVICE_TABLE, VALID);
    assert.deepEqual([driver.devices, driver.collections], [[5], [1]]);
    driver.setTable(GITS_BASER_DEVICES, DEVICE_TABLE + 0x2_0000, VALID);
    assert.deepEqual([driver.devices, driver.collections], [[], [1]]);
    assert.equal(driver.target.irq(0, 8192), undefined);
  }),
];

const DELIVERY_RULES: readonly ItsRule[] = [
  rule('an MSI is delivered, blocked by its mapping, or refused (6.5)', KVM, (driver) => {
    const its = itsOf(driver.target);
    mapTwo(driver);
    assert.deepEqual([its.msi(5, 1), its.msi(5, 2)], [1, 0]);
    assert.deepEqual(driver.target.list(1), [8192]);
    writeRedist(driver.target, 1, GICR_CTLR, 0);
    assert.deepEqual([its.msi(5, 1), driver.target.list(1)], [EBUSY, []]);
    assert.equal(driver.command({ opcode: OPCODES.INT, device: 5, event: 1 }), EBUSY);
    writeIts(driver.target, GITS_CTLR, 0);
    writeRedist(driver.target, 1, GICR_CTLR, 1);
    assert.equal(its.msi(5, 1), EBUSY);
  }),
  rule('the cache holds what was used, whatever the collection does (6.5)', KVM, (driver) => {
    const its = itsOf(driver.target);
    mapTwo(driver);
    writeRedist(driver.target, 0, GICR_CTLR, 0);
    assert.equal(its.msi(5, 1), 1);
    driver.mapCollection(1, 0);
    assert.deepEqual([its.msi(5, 1), its.msi(5, 3)], [1, EBUSY]);
    // MAPC with V=0 drops the cache, even of a collection that nobody knows.
    driver.ok({ opcode: OPCODES.MAPC, collection: 77, target: 0, valid: false });
    assert.equal(its.msi(5, 1), EBUSY);
  }),
  rule('INT does not ask the cache (6.5)', KVM, (driver) => {
    mapTwo(driver);
    writeRedist(driver.target, 0, GICR_CTLR, 0);
    assert.equal(itsOf(driver.target).msi(5, 1), 1);
    driver.mapCollection(1, 0);
    assert.equal(driver.command({ opcode: OPCODES.INT, device: 5, event: 1 }), EBUSY);
  }),
  rule('events of the trace reach the ITS (trace/events.ts)', KVM, ({ target }) => {
    const words = encodeCommand({ opcode: OPCODES.MAPC, collection: 2, target: 1, valid: true });
    for (const [at, word] of words.entries()) target.apply(ev.ITS_WORD, 0, at, word);
    target.apply(ev.ITS_COMMAND, 0, 0, 0);
    // The words were used up: this one is no command.
    target.apply(ev.ITS_COMMAND, 0, 0, 0);
    assert.deepEqual(itsOf(target).tables().collections, [{ id: 2, target: 1 }]);
    target.apply(ev.ITS_CONTROL, 0, 0, 0);
    assert.equal(itsOf(target).readMemory(COLLECTION_TABLE), 0x8000_0000_0001_0002n);
    target.apply(ev.ITS_CONTROL, 0, 2, 0);
    assert.deepEqual(itsOf(target).tables().collections, []);
    target.apply(ev.ITS_CONTROL, 0, 1, 0);
    assert.deepEqual(itsOf(target).tables().collections, [{ id: 2, target: 1 }]);
  }),
  rule('memory is written byte by byte, and only where there is some (trace/events.ts)', KVM, ({ target }) => {
    target.apply(ev.MEM_AT, 0, 0, 0x41ff_fff8);
    target.apply(ev.MEM_WRITE, 0, 4, 0x0403_0201);
    target.apply(ev.MEM_WRITE, 0, 2, 0x0605);
    target.apply(ev.MEM_WRITE, 0, 1, 0x07);
    target.apply(ev.MEM_WRITE, 0, 1, 0x08);
    target.apply(ev.MEM_WRITE, 0, 1, 0x09);
    assert.equal(itsOf(target).readMemory(0x41ff_fff8), 0x0807_0605_0403_0201n);
    assert.equal(itsOf(target).readMemory(0x4200_0000), 0n);
  }),
];

const LPI_RULES: readonly ItsRule[] = [
  rule('MOVALL leaves collections alone, so that MAPC undoes it (6.6)', KVM, (driver) => {
    mapTwo(driver);
    driver.ok({ opcode: OPCODES.MOVALL, target: 1, otherTarget: 0 });
    assert.equal(driver.target.irq(0, 8192)?.target, 0);
    driver.mapCollection(1, 1);
    assert.equal(driver.target.irq(0, 8192)?.target, 1);
  }),
  rule('an LPI that two events name is one LPI (6.6)', KVM, (driver) => {
    mapTwo(driver);
    driver.mapCollection(2, 0);
    writeBytes(driver.target, configAddress(8192), 1, 0x40);
    driver.mapEvent(5, 7, 8192, 2);
    const irq = driver.target.irq(0, 8192);
    assert.deepEqual([irq?.references, irq?.target, irq?.priority], [2, 1, 0xa0]);
  }),
  rule('a pending bit survives DISCARD and MAPTI while the LPI is queued (6.6)', KVM, (driver) => {
    mapTwo(driver);
    driver.ok({ opcode: OPCODES.INT, device: 5, event: 1 });
    driver.ok({ opcode: OPCODES.DISCARD, device: 5, event: 1 });
    assert.deepEqual([driver.latch(8192), driver.target.irq(0, 8192)?.references], [true, 1]);
    driver.mapEvent(5, 2, 8192, 1);
    assert.deepEqual([driver.latch(8192), driver.target.list(1)], [true, [8192]]);
  }),
  rule('the LPI numbers that MAPTI accepts end with PROPBASER (6.6)', KVM, (driver) => {
    const { target } = driver;
    for (const vcpu of [0, 1]) writeRedist(target, vcpu, GICR_CTLR, 0);
    writeRedist(target, 0, GICR_PROPBASER, 0x4008_0000 | 13);
    for (const vcpu of [0, 1]) writeRedist(target, vcpu, GICR_CTLR, 1);
    // While the LPIs of that vCPU are on, the write is ignored (2.5).
    writeRedist(target, 1, GICR_PROPBASER, 0x4008_0000 | 15);
    driver.mapDevice(5);
    assert.equal(driver.command({ opcode: OPCODES.MAPTI, device: 5, event: 1, lpi: 16384, collection: 1 }), 0x010a06);
    driver.mapEvent(5, 1, 16383, 1);
  }),
  rule('a mapping whose pending byte cannot be read fails (6.7)', KVM, (driver) => {
    driver.mapDevice(5);
    driver.mapCollection(1, 1);
    writeRedist(driver.target, 1, GICR_CTLR, 0);
    writeRedist(driver.target, 1, GICR_PENDBASER, 0x4300_0000);
    assert.equal(driver.command({ opcode: OPCODES.MAPTI, device: 5, event: 1, lpi: 8192, collection: 1 }), EFAULT);
    assert.deepEqual([driver.lpiOf(5, 1), driver.target.irq(0, 8192)], [undefined, undefined]);
    // Without a target there is no byte to read.
    driver.mapEvent(5, 1, 8192, 2);
    assert.equal(driver.target.irq(0, 8192)?.target, -1);
  }),
  rule('EnableLPIs reads the pending table of its vCPU, unless PTZ says that it is zero (6.7)', KVM, (driver) => {
    const { target } = driver;
    mapTwo(driver);
    driver.mapCollection(2, 0);
    driver.mapEvent(5, 7, 8199, 2);
    for (const vcpu of [0, 1]) writeBytes(target, pendingAddress(vcpu, 8192), 1, 0xff);
    writeRedist(target, 1, GICR_CTLR, 0);
    writeRedist(target, 1, GICR_PENDBASER + 4, 1 << 30);
    writeRedist(target, 1, GICR_CTLR, 1);
    assert.deepEqual([driver.latch(8192), driver.latch(8195)], [false, false]);
    writeRedist(target, 1, GICR_CTLR, 0);
    writeRedist(target, 1, GICR_PENDBASER + 4, 0);
    writeRedist(target, 1, GICR_CTLR, 1);
    assert.deepEqual([driver.latch(8192), driver.latch(8195), driver.latch(8199)], [true, true, false]);
    assert.deepEqual(target.list(1), [8192, 8195]);
    assert.equal(driver.word(pendingAddress(1, 8192)) & 0xffn, 0xffn);
  }),
  rule('saved pending tables have the bits of LPIs with a target, and no others are touched (6.7)', KVM, (driver) => {
    const { target } = driver;
    mapTwo(driver);
    driver.ok({ opcode: OPCODES.INT, device: 5, event: 3 });
    writeBytes(target, pendingAddress(1, 8192), 1, 0b101);
    assert.equal(itsOf(target).savePending(), 0);
    assert.equal(driver.word(pendingAddress(1, 8192)) & 0xffn, 0b1100n);
    target.apply(ev.FLUSH, 0, 0, 0);
    assert.equal(itsOf(target).savePending(), EBUSY);
  }),
  rule('INVLPIR and INVALLR read configurations again (2.5)', KVM, (driver) => {
    const { target } = driver;
    mapTwo(driver);
    for (const lpi of [8192, 8195]) writeBytes(target, configAddress(lpi), 1, 0x41);
    writeRedist(target, 0, GICR_INVLPIR, 8192);
    assert.deepEqual([target.irq(0, 8192)?.priority, target.irq(0, 8195)?.priority], [0x40, 0xa0]);
    writeRedist(target, 0, GICR_INVALLR, 0);
    assert.equal(target.irq(0, 8195)?.priority, 0xa0);
    writeRedist(target, 1, GICR_INVALLR, 0);
    assert.equal(target.irq(0, 8195)?.priority, 0x40);
  }),
  rule('INVLPIR and INVALLR have no effect while LPIs are off (IHI 0069)', KVM, (driver) => {
    const { target } = driver;
    mapTwo(driver);
    writeRedist(target, 1, GICR_CTLR, 0);
    for (const lpi of [8192, 8195]) writeBytes(target, configAddress(lpi), 1, 0x41);
    writeRedist(target, 1, GICR_INVLPIR, 8192);
    writeRedist(target, 1, GICR_INVALLR, 0);
    assert.deepEqual([target.irq(0, 8192)?.priority, target.irq(0, 8195)?.priority], [0xa0, 0xa0]);
  }),
  rule('INVALL goes through LPIs as they were made (1.23)', ONLY_61, (driver) => {
    assert.deepEqual(invalidateMasked(driver), [8195, 8192]);
  }),
  rule('INVALL goes through LPIs by number (1.3)', AFTER_61, (driver) => {
    assert.deepEqual(invalidateMasked(driver), [8192, 8195]);
  }),
];

/** The list after two pending LPIs, the higher made first, were enabled by one INVALL. */
function invalidateMasked(driver: ItsDriver): number[] {
  driver.mapDevice(5);
  driver.mapCollection(1, 1);
  for (const [event, lpi] of [
    [1, 8195],
    [3, 8192],
  ]) {
    driver.mapEvent(5, event, lpi, 1);
    driver.ok({ opcode: OPCODES.INT, device: 5, event });
  }
  driver.enable(8192, 8195);
  driver.ok({ opcode: OPCODES.INVALL, collection: 1 });
  return driver.target.list(1);
}

/** Each is put to a machine that was started (`startIts`). */
export const ITS_RULES: readonly ItsRule[] = [...QUEUE_RULES, ...DELIVERY_RULES, ...LPI_RULES, ...ITS_SAVE_RULES];
