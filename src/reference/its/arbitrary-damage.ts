/** Random damage to a word of a table that a save wrote (vgic-spec 6.8). */
import { chance, type Draw, pick, pickWeighted } from './draw.js';
import {
  COLLECTION_LAYOUTS,
  COLLECTIONS,
  ENTRIES_PER_PAGE,
  firstLevelSlot,
  HIGH_LPIS,
  LPIS,
  SECOND_LEVEL_PAGES,
  TWO_LEVELS,
  UNREADABLE_LPI,
} from './its-layout.js';
import type { ItsStep } from './its-steps.js';

type Change = (draw: Draw, word: bigint) => bigint;

const LOW_48 = (1n << 48n) - 1n;
const NEXT_EVENT_SHIFT = 48n;
const NEXT_DEVICE_SHIFT = 49n;
const NEXT_DEVICE_MASK = 0x3fffn << NEXT_DEVICE_SHIFT;
const LPI_SHIFT = 16n;
const LPI_MASK = 0xffff_ffffn << LPI_SHIFT;
const VALID = 1n << 63n;
const BITS_MASK = 0x1fn;
const ICID_MASK = 0xffffn;
const UNKNOWN_COLLECTIONS: readonly number[] = [77, 8192, 65535];
const MAX_SMALL_ITT = 32;

const flipBit: Change = ({ random }, word) => word ^ (1n << BigInt(random.nextBelow(64)));
const clear: Change = () => 0n;
const setCollection: Change = ({ random }, word) =>
  (word & ~ICID_MASK) | BigInt(pick(random, [...COLLECTIONS, ...UNKNOWN_COLLECTIONS]));

const withLpi = (word: bigint, lpi: number): bigint => (word & ~LPI_MASK) | (BigInt(lpi) << LPI_SHIFT);

const ITE_CHANGES: readonly (readonly [number, Change])[] = [
  [3, flipBit],
  [2, clear],
  [2, setCollection],
  [3, ({ random }, word) => (word & LOW_48) | (BigInt(random.nextBelow(MAX_SMALL_ITT)) << NEXT_EVENT_SHIFT)],
  [1, ({ random }, word) => withLpi(word, 1 + random.nextBelow(8191))],
  [3, ({ random }, word) => withLpi(word, pick(random, HIGH_LPIS))],
  [1, (_draw, word) => withLpi(word, UNREADABLE_LPI)],
  // Also an entry where there was none.
  [3, ({ random }) => withLpi(BigInt(pick(random, COLLECTIONS)), pick(random, LPIS))],
];

const DEVICE_CHANGES: readonly (readonly [number, Change])[] = [
  [3, flipBit],
  [1, clear],
  [
    3,
    ({ random }, word) =>
      (word & ~NEXT_DEVICE_MASK) | (BigInt(pick(random, [0, 1, 2, 5, 300, 0x3fff])) << NEXT_DEVICE_SHIFT),
  ],
  [1, (_draw, word) => word | BITS_MASK],
  [2, ({ random }, word) => (word & ~BITS_MASK) | BigInt(random.nextBelow(8))],
];

const COLLECTION_CHANGES: readonly (readonly [number, Change])[] = [
  [3, flipBit],
  [1, clear],
  [2, setCollection],
  [1, ({ random, nrVcpus }, word) => (word & ICID_MASK) | VALID | (BigInt(random.nextBelow(nrVcpus + 2)) << 16n)],
  [1, (_draw, word) => (word & ICID_MASK) | VALID | (0xffff_ffffn << 16n)],
  [2, ({ random }, word) => word | VALID | BigInt(pick(random, COLLECTIONS))],
];

const PAGE = 0x1_0000;

/** Where the device's entry lies, whether or not it is in reach. */
function deviceSlotOf({ deviceTable }: Draw, id: number): number {
  const base = deviceTable.lo - (deviceTable.lo % PAGE);
  if (deviceTable !== TWO_LEVELS) return base + 8 * id;
  const page = SECOND_LEVEL_PAGES.get(Math.floor(id / ENTRIES_PER_PAGE)) ?? base;
  return page + 8 * (id % ENTRIES_PER_PAGE);
}

function drawPlace(draw: Draw): readonly [address: number, changes: readonly (readonly [number, Change])[]] {
  const { random, tables } = draw;
  if (tables.devices.length > 0 && !chance(random, 4)) {
    const { id, itt, bits, entries } = pick(random, tables.devices);
    if (chance(random, 3)) return [deviceSlotOf(draw, id), DEVICE_CHANGES];
    const isEntry = entries.length > 0 && !chance(random, 3);
    const slot = isEntry ? pick(random, entries).event : random.nextBelow(Math.min(2 ** bits, MAX_SMALL_ITT));
    return [itt + 8 * slot, ITE_CHANGES];
  }
  if (chance(random, 8)) return [firstLevelSlot(random.nextBelow(8)), DEVICE_CHANGES];
  const table = pick(random, COLLECTION_LAYOUTS).lo;
  return [table + 8 * random.nextBelow(tables.collections.length + 1), COLLECTION_CHANGES];
}

export function drawDamage(draw: Draw): ItsStep {
  const [address, changes] = drawPlace(draw);
  const before = draw.readMemory(address);
  const value = pickWeighted(draw.random, changes)(draw, before);
  const label = `damage ${address.toString(16)}: ${before.toString(16)} -> ${value.toString(16)}`;
  return { label, op: 'memory', address, value };
}
