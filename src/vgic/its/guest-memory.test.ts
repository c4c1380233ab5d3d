/** Guest memory: bytes, words and doublewords agree, and nothing lies outside the range. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { GuestMemory, PAGE_BYTES } from './guest-memory.js';

const RANGE = { base: 0x40000000, bytes: 2 * PAGE_BYTES };
const END = RANGE.base + RANGE.bytes;

test('little endian, across pages too', () => {
  const memory = new GuestMemory(RANGE);
  const edge = RANGE.base + PAGE_BYTES - 3;
  assert.equal(memory.poke(edge, 0x44332211, 4), true);
  assert.deepEqual(
    [0, 1, 2, 3].map((at) => memory.peekByte(edge + at)),
    [0x11, 0x22, 0x33, 0x44],
  );
  assert.equal(memory.peekDouble(edge), true);
  assert.deepEqual([memory.lo, memory.hi], [0x44332211, 0]);
  assert.equal(memory.poke(edge + 1, 0xaabb, 2), true);
  assert.equal(memory.peekDouble(edge), true);
  assert.equal(memory.lo >>> 0, 0x44aabb11);
});

test('outside the range nothing is read or written, not even in part', () => {
  const memory = new GuestMemory(RANGE);
  for (const address of [RANGE.base - 1, END - 7, END, 0, 2 ** 51]) assert.equal(memory.readDouble(address), false);
  for (const address of [RANGE.base - 1, END]) assert.equal(memory.readByte(address), -1);
  assert.equal(memory.poke(END - 2, -1, 4), false);
  assert.equal(memory.peekByte(END - 2), 0);
  assert.equal(memory.writeDouble(END - 8, 1, 2), true);
  assert.equal(memory.readDouble(END - 8), true);
  assert.deepEqual([memory.lo, memory.hi], [1, 2]);
});

test('pages are backed when something is written that is not zero, and each write makes another version', () => {
  const memory = new GuestMemory(RANGE);
  memory.poke(RANGE.base, 0, 4);
  assert.equal(memory.backedBytes(), 0);
  assert.equal(memory.page(0), undefined);
  memory.poke(RANGE.base + 84, 1, 4);
  assert.equal(memory.backedBytes(), PAGE_BYTES);
  assert.deepEqual(
    [RANGE.base, END - 1, RANGE.base - 1, END].map((address) => memory.pageOf(address)),
    [0, 1, -1, -1],
  );
  const versions = [memory.version(0)];
  for (const write of [
    () => memory.poke(RANGE.base + 84, 2, 4),
    () => memory.writeByte(RANGE.base, 1),
    () => memory.clear(),
  ]) {
    write();
    versions.push(memory.version(0));
  }
  assert.equal(new Set(versions).size, versions.length);
  assert.equal(memory.peekByte(RANGE.base + 84), 0);
});

test('what the hypervisor does is counted, what the guest does is not', () => {
  const memory = new GuestMemory(RANGE);
  memory.poke(RANGE.base, 1, 4);
  memory.peekByte(RANGE.base);
  assert.deepEqual([memory.reads, memory.writes], [0, 0]);
  memory.readByte(RANGE.base);
  memory.readDouble(RANGE.base);
  memory.writeByte(RANGE.base, 2);
  assert.deepEqual([memory.reads, memory.writes], [2, 1]);
});
