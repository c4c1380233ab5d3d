/**
 * ITS commands as the guest writes them: 32 bytes, given as eight 32-bit words, word 2n the low half of doubleword n.
 * GIC architecture IHI 0069, "ITS commands"; vgic-spec 6.6. Targets are processor numbers (GITS_TYPER.PTA = 0).
 */

export const ITS_COMMAND_WORDS = 8;
export const ITS_COMMAND_BYTES = 4 * ITS_COMMAND_WORDS;

export const ITS_MOVI = 0x01;
export const ITS_INT = 0x03;
export const ITS_CLEAR = 0x04;
export const ITS_SYNC = 0x05;
export const ITS_MAPD = 0x08;
export const ITS_MAPC = 0x09;
export const ITS_MAPTI = 0x0a;
export const ITS_MAPI = 0x0b;
export const ITS_INV = 0x0c;
export const ITS_INVALL = 0x0d;
export const ITS_MOVALL = 0x0e;
export const ITS_DISCARD = 0x0f;

/** Eight words, unsigned. */
export type ItsCommand = readonly number[];

const VALID = 0x8000_0000;
/** RDbase and the ITT address are fields of a doubleword that begin at bit 16 and bit 8: split over its halves. */
const RDBASE_SHIFT = 16;
const TWO_32 = 0x1_0000_0000;
/** Bits 51:8 of the address. */
const ITT_LOW_MASK = 0xffff_ff00;
const ITT_HIGH_MASK = 0x000f_ffff;

const command = (opcode: number, words: Readonly<Record<number, number>>): ItsCommand =>
  Array.from({ length: ITS_COMMAND_WORDS }, (_, word) => (word === 0 ? opcode : (words[word] ?? 0)) >>> 0);

/** The two halves of a doubleword that holds RDbase in bits 50:16, and `low` below it. */
const withTarget = (target: number, low: number): [number, number] => [
  ((target << RDBASE_SHIFT) >>> 0) + (low & 0xffff),
  Math.floor((target * (1 << RDBASE_SHIFT)) / TWO_32),
];

/** Device `device` has `eventBits` (1 to 16) bits of events, its table is at `ittAddress` (a multiple of 256). */
export const mapDevice = (device: number, eventBits: number, ittAddress: number): ItsCommand =>
  command(ITS_MAPD, {
    1: device,
    2: eventBits - 1,
    4: ittAddress & ITT_LOW_MASK,
    5: (Math.floor(ittAddress / TWO_32) & ITT_HIGH_MASK) | VALID,
  });

export const unmapDevice = (device: number): ItsCommand => command(ITS_MAPD, { 1: device });

export function mapCollection(collection: number, target: number): ItsCommand {
  const [low, high] = withTarget(target, collection);
  return command(ITS_MAPC, { 4: low, 5: high | VALID });
}

export const unmapCollection = (collection: number): ItsCommand => command(ITS_MAPC, { 4: collection });

export const mapEvent = (device: number, event: number, lpi: number, collection: number): ItsCommand =>
  command(ITS_MAPTI, { 1: device, 2: event, 3: lpi, 4: collection });

export const moveEvent = (device: number, event: number, collection: number): ItsCommand =>
  command(ITS_MOVI, { 1: device, 2: event, 4: collection });

const ofEvent =
  (opcode: number) =>
  (device: number, event: number): ItsCommand =>
    command(opcode, { 1: device, 2: event });

export const discardEvent = ofEvent(ITS_DISCARD);
export const invalidateEvent = ofEvent(ITS_INV);
export const raiseEvent = ofEvent(ITS_INT);
export const clearEvent = ofEvent(ITS_CLEAR);

export const invalidateCollection = (collection: number): ItsCommand => command(ITS_INVALL, { 4: collection });

/** MOVALL: everything that targets `from` shall target `to`. */
export function moveAll(from: number, to: number): ItsCommand {
  const [fromLow, fromHigh] = withTarget(from, 0);
  const [toLow, toHigh] = withTarget(to, 0);
  return command(ITS_MOVALL, { 4: fromLow, 5: fromHigh, 6: toLow, 7: toHigh });
}

export function synchronise(target: number): ItsCommand {
  const [low, high] = withTarget(target, 0);
  return command(ITS_SYNC, { 4: low, 5: high });
}
