/** Runs of empty slots: as a walk slot by slot finds them, whatever is written in between; a hostile restore ends soon. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { createItsMachine } from '../../study/its-machine.js';
import { createEmptySlots, SLOTS_A_PAGE } from './empty-slots.js';
import { GuestMemory, PAGE_BYTES } from './guest-memory.js';
import { ITE_LPI_MASK, VALID_MASK } from './table-entries.js';

const RANGE = { base: 0x40000000, bytes: 2 * PAGE_BYTES };

function walk(memory: GuestMemory, address: number, most: number, mask: { lo: number; hi: number }): number {
  let slots = 0;
  while (slots < most && memory.peekDouble(address + 8 * slots)) {
    if (((memory.lo & mask.lo) | (memory.hi & mask.hi)) !== 0) break;
    slots += 1;
    if ((address + 8 * slots) % PAGE_BYTES === 0) break;
  }
  return slots;
}

test('as a walk slot by slot finds them, looked at once or often, before and after a write', () => {
  const write = fc.tuple(
    fc.nat(2 * SLOTS_A_PAGE - 1),
    fc.constantFrom(0, 1, 0x10000),
    fc.constantFrom(0, 1, -(2 ** 31)),
  );
  const question = fc.tuple(fc.nat(2 * SLOTS_A_PAGE), fc.integer({ min: 1, max: 3 * SLOTS_A_PAGE }));
  const rounds = fc.array(
    fc.tuple(fc.array(write, { maxLength: 8 }), fc.array(question, { minLength: 1, maxLength: 6 })),
    {
      maxLength: 4,
    },
  );
  fc.assert(
    fc.property(rounds, (drawn) => {
      const memory = new GuestMemory(RANGE);
      const masks = [VALID_MASK, ITE_LPI_MASK].map((mask) => ({ mask, slots: createEmptySlots(memory, mask) }));
      for (const [writes, questions] of drawn) {
        for (const [slot, lo, hi] of writes) memory.writeDouble(RANGE.base + 8 * slot, lo, hi);
        for (const [slot, most] of [...questions, ...questions, ...questions]) {
          const address = RANGE.base + 8 * slot;
          for (const { mask, slots } of masks)
            assert.equal(slots.count(address, most), walk(memory, address, most, mask));
        }
      }
    }),
    { numRuns: 100, seed: 5 },
  );
});

const TABLE = 0x41000000;
const PAGE_OF_JUNK = 0x40800000;
/** ICID 1 and no LPI; no valid device either. */
const JUNK = 1;

/** An empty ITS whose device table of `pages` pages lies at TABLE. */
function createHostile(indirect: boolean, pages: number): ReturnType<typeof createItsMachine>['its'] {
  const { its } = createItsMachine('kvm-7.2', 1);
  its.write(0x000, 0);
  its.write(0x100, TABLE | (pages - 1));
  its.write(0x104, -(2 ** 31) | (indirect ? 2 ** 30 : 0));
  its.write(0x000, 1);
  return its;
}

test('65,536 devices that share 65,536 slots without an LPI are counted, not walked', () => {
  const its = createHostile(false, 8);
  for (let event = 0; event < 65536; event++) its.memory.writeDouble(PAGE_OF_JUNK + 8 * event, JUNK, 0);
  const table = (PAGE_OF_JUNK / 256) * 32 + 15;
  for (let id = 0; id < 65536; id++) its.memory.writeDouble(TABLE + 8 * id, table, -(2 ** 31) | (1 << 17));
  assert.equal(its.restore(), 0);
  assert.equal(its.objects.devices.length, 65536);
  assert.equal(its.costs.last('table slots'), 65536 * 65536 + 65536 + 1);
  // Another one on top finds no room; all go then.
  assert.equal(its.restore(), -12);
  assert.equal(its.objects.devices.length, 0);
});

test('two levels of which every first-level slot names one page without a device are counted, not walked', () => {
  const its = createHostile(true, 128);
  for (let slot = 0; slot < SLOTS_A_PAGE; slot++) its.memory.writeDouble(PAGE_OF_JUNK + 8 * slot, JUNK, 0);
  const firstLevel = 128 * SLOTS_A_PAGE;
  for (let slot = 0; slot < firstLevel; slot++) its.memory.writeDouble(TABLE + 8 * slot, PAGE_OF_JUNK, -(2 ** 31));
  assert.equal(its.restore(), 0);
  assert.equal(its.costs.last('table slots'), firstLevel * (SLOTS_A_PAGE + 1) + 1);
});

test('65,536 devices, eight of each number, go at once', () => {
  const its = createHostile(false, 1);
  for (let id = 0; id < SLOTS_A_PAGE; id++)
    its.memory.writeDouble(TABLE + 8 * id, (PAGE_OF_JUNK / 256) * 32, -(2 ** 31) | (1 << 17));
  for (let round = 1; round <= 8; round++) {
    assert.equal(its.restore(), 0);
    assert.equal(its.objects.devices.length, round * SLOTS_A_PAGE);
  }
  its.dropAll();
  assert.equal(its.objects.devices.length, 0);
});
