import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { InputError } from '../base/errors.js';
import type { Machine } from '../gic/intid.js';
import {
  ACK,
  CONFIG,
  createEventBlock,
  type EventBlock,
  EXPECT_LR_LO,
  EXPECT_LRS,
  FLUSH,
  HW_MAP,
  HW_MAP_SW_RESAMPLE,
  INJECT,
  INTID_MASK,
  ITS_TRIGGER,
  KIND_MASK,
  LPI_MAP,
  MMIO_DIST,
  MMIO_DIST_BYTE,
  MMIO_REDIST,
  MSI_CACHED,
  PHYS_LINE,
  packWord,
  SGI,
  SGI_PEND,
  VCPU_MASK,
} from './events.js';
import { HEADER } from './fixtures.test.support.js';
import { checkBlockRanges, findRangeProblem } from './ranges.js';

// 4 vCPUs, 64 SPIs (INTIDs 32 to 95), 4 LRs.
const WITH_ITS: Machine = HEADER.machine;
const WITHOUT_ITS: Machine = { ...HEADER.machine, nrLpis: 0 };

function makeBlock(pairs: readonly (readonly [number, number])[], firstEvent = 0): EventBlock {
  const block = createEventBlock(pairs.length);
  pairs.forEach(([word, value], at) => {
    block.word[at] = word;
    block.value[at] = value;
  });
  block.count = pairs.length;
  block.firstEvent = firstEvent;
  return block;
}

test('every edge of every range', () => {
  // kind, last good intid field, first bad one (with an ITS).
  const edges: [number, number, number][] = [
    [INJECT, 95, 96],
    [INJECT, 65535, 65536],
    [ACK, 1023, 1022],
    [INJECT, 8192, 8191],
    [CONFIG, 0, 1023],
    [LPI_MAP, 8192, 95],
    [SGI_PEND, 15, 16],
    [SGI, 31, 32],
    [SGI, (1 << 14) - 512 + 31, 1 << 14],
    [MMIO_DIST_BYTE, 0xffff, 0x10000],
    [MSI_CACHED, 0, 1],
    [ITS_TRIGGER, 8192, 8191],
    [PHYS_LINE, 1019, 1020],
    [MMIO_DIST, 0xfffc, 0x10000],
    [MMIO_DIST, 0x80, 0x82],
    [MMIO_REDIST, 0x1fffc, 0x1fffe],
    [EXPECT_LRS, 4, 5],
    [EXPECT_LR_LO, 3, 4],
  ];
  for (const [kind, good, bad] of edges) {
    assert.equal(findRangeProblem(packWord(kind, 3, good), 0, WITH_ITS), undefined, `kind ${kind}, ${good}`);
    assert.notEqual(findRangeProblem(packWord(kind, 3, bad), 0, WITH_ITS), undefined, `kind ${kind}, ${bad}`);
    assert.notEqual(findRangeProblem(packWord(kind, 4, good), 0, WITH_ITS), undefined, `kind ${kind}, vCPU 4`);
  }
  assert.notEqual(findRangeProblem(packWord(INJECT, 0, 8192), 0, WITHOUT_ITS), undefined);
  assert.notEqual(findRangeProblem(packWord(LPI_MAP, 0, 8192), 0, WITHOUT_ITS), undefined);
  assert.equal(findRangeProblem(packWord(HW_MAP, 0, 27), 1019, WITH_ITS), undefined);
  assert.notEqual(findRangeProblem(packWord(HW_MAP, 0, 27), 1020, WITH_ITS), undefined);
  assert.notEqual(findRangeProblem(packWord(HW_MAP, 0, 27), -1, WITH_ITS), undefined);
  assert.equal(findRangeProblem(packWord(HW_MAP, 0, 27), HW_MAP_SW_RESAMPLE | 1019, WITH_ITS), undefined);
  assert.notEqual(findRangeProblem(packWord(HW_MAP, 0, 27), HW_MAP_SW_RESAMPLE | 1020, WITH_ITS), undefined);
  assert.notEqual(findRangeProblem(packWord(HW_MAP, 0, 27), (1 << 17) | 27, WITH_ITS), undefined);
  assert.notEqual(findRangeProblem(packWord(0, 0, 0), 0, WITH_ITS), undefined);
  assert.notEqual(findRangeProblem(packWord(127, 0, 0), 0, WITH_ITS), undefined);
});

test('the quick check of a block agrees with the check of each event', () => {
  const word = fc
    .tuple(
      fc.oneof(fc.nat(40), fc.nat(KIND_MASK)),
      fc.oneof({ arbitrary: fc.nat(3), weight: 20 }, { arbitrary: fc.nat(VCPU_MASK), weight: 1 }),
      fc.oneof({ arbitrary: fc.nat(40), weight: 20 }, { arbitrary: fc.nat(INTID_MASK), weight: 1 }),
    )
    .map(([kind, vcpu, intid]) => packWord(kind, vcpu, intid));
  const pairs = fc.array(fc.tuple(word, fc.nat(1100)), { maxLength: 20 });
  fc.assert(
    fc.property(pairs, fc.constantFrom(WITH_ITS, WITHOUT_ITS), fc.boolean(), (events, machine, withDictionary) => {
      const block = makeBlock(events, 1000);
      // A dictionary may hold an entry that no event uses.
      const spare: [number, number] = [packWord(127, 0, 0), 0];
      if (withDictionary) block.dictionary = makeBlock([...events, spare]);
      const first = events.findIndex(([packed, value]) => findRangeProblem(packed, value, machine) !== undefined);
      let place: string | undefined;
      try {
        checkBlockRanges(block, machine, 'x.vgt');
      } catch (error) {
        assert.ok(error instanceof InputError);
        place = error.place;
      }
      assert.equal(place, first < 0 ? undefined : `event ${1000 + first}`);
    }),
    { numRuns: 400, seed: 1 },
  );
});

test('the message names file, event and remedy', () => {
  const block = makeBlock([
    [packWord(FLUSH, 0, 0), 0],
    [packWord(INJECT, 1, 1021), 1],
  ]);
  assert.throws(() => checkBlockRanges(block, WITHOUT_ITS, 'a.vgt'), {
    exitCode: 4,
    message: /^a\.vgt: event 1: inject: no INTID 1021; the machine has 0 to 95; .*import the recording again$/,
  });
});
