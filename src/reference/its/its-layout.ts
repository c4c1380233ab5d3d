/** Where random ITS traces put their tables, and what they name: few things, so that most commands meet one that exists. */
import { COLLECTION_TABLE, DEVICE_TABLE, INDIRECT, VALID } from './its-machine.js';

/** Both words of a valid GITS_BASER. */
export interface TableLayout {
  readonly lo: number;
  readonly hi: number;
}

const LARGE_TABLE = 0x4100_0000;
const LARGE_TABLE_PAGES = 8;
export const FIRST_LEVEL_TABLE = 0x4110_0000;
const SECOND_LEVEL_TABLES = 0x4111_0000;
const PAGE_SIZE = 0x1_0000;
export const ENTRIES_PER_PAGE = 8192;
const NO_MEMORY = 0x4300_0000;

export const ONE_PAGE: TableLayout = { lo: DEVICE_TABLE, hi: VALID };
/** Room for every device id. */
const EIGHT_PAGES: TableLayout = { lo: LARGE_TABLE | (LARGE_TABLE_PAGES - 1), hi: VALID };
export const TWO_LEVELS: TableLayout = { lo: FIRST_LEVEL_TABLE, hi: VALID + INDIRECT };
/** The first is that of the start. */
export const DEVICE_LAYOUTS: readonly TableLayout[] = [ONE_PAGE, EIGHT_PAGES, TWO_LEVELS];

const OTHER_COLLECTION_TABLE = 0x4003_0000;
export const COLLECTION_LAYOUTS: readonly TableLayout[] = [
  { lo: COLLECTION_TABLE, hi: VALID },
  { lo: OTHER_COLLECTION_TABLE, hi: VALID },
];

/** The second-level pages that may be there, by first-level index; the last one is no guest memory. */
export const SECOND_LEVEL_PAGES: ReadonlyMap<number, number> = new Map([
  [0, SECOND_LEVEL_TABLES],
  [1, SECOND_LEVEL_TABLES + PAGE_SIZE],
  [2, SECOND_LEVEL_TABLES + 2 * PAGE_SIZE],
  [7, SECOND_LEVEL_TABLES + 3 * PAGE_SIZE],
  [4, NO_MEMORY],
]);

export const DEVICES: readonly number[] = [0, 1, 2, 5, 300, 8191];
/** Beyond a flat table of one page; the distance from the first ones to the last is more than an entry can say. */
export const FAR_DEVICES: readonly number[] = [8192, 8200, 20000, 65535];
export const STRANGE_DEVICES: readonly number[] = [33000, 65536, 0x12345678];

export const COLLECTIONS: readonly number[] = [0, 1, 2, 9, 8191];
/** Beyond the collection table. */
export const STRANGE_COLLECTIONS: readonly number[] = [8192, 65535];

const NR_LPIS_USED = 14;
export const LPIS: readonly number[] = [...Array.from({ length: NR_LPIS_USED }, (_, at) => 8192 + at), 16383, 65535];
export const STRANGE_LPIS: readonly number[] = [0, 1, 8191, 65536, 70000];
/** What a corrupt entry may name, and a restore then makes. */
export const HIGH_LPIS: readonly number[] = [65536, 65537, 70000, 0x10_0000];
export const UNREADABLE_LPI = 0x8000_0000;

const SMALL_ITTS = 0x4020_0000;
const ITT_SIZE = 0x8000;
const NR_ITTS = 8;
const LARGE_ITT = 0x4120_0000;
/** The end of guest memory is in the middle of it. */
const CUT_ITT = 0x41ff_ff00;

export const ITTS: readonly number[] = Array.from({ length: NR_ITTS }, (_, at) => SMALL_ITTS + at * ITT_SIZE);
export const STRANGE_ITTS: readonly number[] = [LARGE_ITT, CUT_ITT, NO_MEMORY];

const tableOf = ({ lo }: TableLayout): number => lo - (lo % PAGE_SIZE);

/** Table slots of the devices used, in every layout. */
const deviceSlots: readonly number[] = [...DEVICES, ...FAR_DEVICES].flatMap((id) => [
  DEVICE_TABLE + 8 * id,
  LARGE_TABLE + 8 * id,
  (SECOND_LEVEL_PAGES.get(Math.floor(id / ENTRIES_PER_PAGE)) ?? NO_MEMORY) + 8 * (id % ENTRIES_PER_PAGE),
]);

const NR_COLLECTION_SLOTS = 16;
const collectionSlots: readonly number[] = COLLECTION_LAYOUTS.flatMap((layout) =>
  Array.from({ length: NR_COLLECTION_SLOTS }, (_, at) => tableOf(layout) + 8 * at),
);

export const firstLevelSlot = (index: number): number => FIRST_LEVEL_TABLE + 8 * index;

/** Words that saves and commands may write whatever is mapped. */
export const TABLE_SLOTS: readonly number[] = [...new Set([...deviceSlots, ...collectionSlots])];
