/** Command words against the fields of the architecture (IHI 0069), read back from 64-bit doublewords. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  clearEvent,
  discardEvent,
  type ItsCommand,
  invalidateCollection,
  invalidateEvent,
  mapCollection,
  mapDevice,
  mapEvent,
  moveAll,
  moveEvent,
  raiseEvent,
  synchronise,
  unmapCollection,
  unmapDevice,
} from './its-command.js';

/** The four doublewords in hex, as `trace` tools and the kernel's debug output show them. */
const hex = (words: ItsCommand): string[] =>
  [0, 2, 4, 6].map((low) => ((BigInt(words[low + 1]) << 32n) | BigInt(words[low])).toString(16));

test('each command puts its operands where the architecture has them', () => {
  const cases: readonly (readonly [ItsCommand, readonly string[]])[] = [
    [mapDevice(5, 4, 0x4020_0000), ['500000008', '3', '8000000040200000', '0']],
    [mapDevice(0xffff, 16, 0xf_0000_0000_0100), ['ffff00000008', 'f', '800f000000000100', '0']],
    [unmapDevice(5), ['500000008', '0', '0', '0']],
    [mapCollection(1, 3), ['9', '0', '8000000000030001', '0']],
    [mapCollection(0xffff, 0x12345), ['9', '0', '800000012345ffff', '0']],
    [unmapCollection(7), ['9', '0', '7', '0']],
    [mapEvent(5, 3, 8195, 2), ['50000000a', '200300000003', '2', '0']],
    [moveEvent(5, 3, 9), ['500000001', '3', '9', '0']],
    [discardEvent(5, 3), ['50000000f', '3', '0', '0']],
    [invalidateEvent(5, 3), ['50000000c', '3', '0', '0']],
    [raiseEvent(5, 3), ['500000003', '3', '0', '0']],
    [clearEvent(5, 3), ['500000004', '3', '0', '0']],
    [invalidateCollection(4), ['d', '0', '4', '0']],
    [moveAll(1, 0x10002), ['e', '0', '10000', '100020000']],
    [synchronise(2), ['5', '0', '20000', '0']],
  ];
  for (const [words, expected] of cases) {
    assert.equal(words.length, 8);
    assert.deepEqual(hex(words), expected);
  }
});
