/**
 * One Block frame → columns. Aligned plain columns become views of the file's bytes; dictionary blocks are expanded into
 * scratch arrays that live as long as the decoder. The cost of a block that is not looked into is a few dozen steps.
 */
import { InputError } from '../base/errors.js';
import { computeBlockChecksum } from './block-checksum.js';
import type { EventBlock } from './events.js';
import {
  BLOCK_CHECKSUM,
  BLOCK_CODE,
  BLOCK_CODE_BITS,
  BLOCK_COLUMNS,
  BLOCK_COUNT,
  BLOCK_DICT_VALUE,
  BLOCK_DICT_WORD,
  BLOCK_DT,
  BLOCK_DT_BITS,
  BLOCK_DT_CODE,
  BLOCK_DT_ESCAPE,
  BLOCK_FIRST_EVENT,
  BLOCK_FIRST_TICK,
  BLOCK_VALUE,
  BLOCK_WORD,
  IS_LITTLE_ENDIAN,
  joinWords,
  MAX_BLOCK_EVENTS,
  PAD,
  WIRE_FIXED32,
  WIRE_FIXED64,
  WIRE_LEN,
  WIRE_VARINT,
} from './wire.js';

const NR_FIELDS = 16;
const EMPTY = new Uint8Array(0);
const DAMAGED = 'the file is damaged: copy it again or import the recording again';

/** Wire type of each field of Block; -1 = no such field. */
const WIRE_OF_FIELD = new Int8Array(NR_FIELDS).fill(-1);
for (const field of [...BLOCK_COLUMNS, PAD]) WIRE_OF_FIELD[field] = WIRE_LEN;
for (const field of [BLOCK_CHECKSUM, BLOCK_COUNT]) WIRE_OF_FIELD[field] = WIRE_FIXED32;
for (const field of [BLOCK_FIRST_EVENT, BLOCK_FIRST_TICK]) WIRE_OF_FIELD[field] = WIRE_FIXED64;
for (const field of [BLOCK_CODE_BITS, BLOCK_DT_BITS]) WIRE_OF_FIELD[field] = WIRE_VARINT;

export interface BlockDecoderOptions {
  readonly verifyChecksums: boolean;
  /** Fill `dt`; without it a dictionary block leaves `dt` as it was (a replay that takes no notice of time). */
  readonly times: boolean;
}

export interface BlockDecoder {
  /**
   * Reads the block whose body is `arena[at .. at + length)` and lies at byte `offset` of the file. Fills `block` and
   * returns the stored checksum. Throws InputError if the block is not sound.
   */
  decode(arena: Uint8Array, at: number, length: number, offset: number, block: EventBlock): number;
}

/** A decoder with its own scratch arrays, made when the first block needs them. */
export function createBlockDecoder(file: string, options: BlockDecoderOptions): BlockDecoder {
  // Arena index and length (or value) of each field of the block at hand; start -1 = absent.
  const start = new Int32Array(NR_FIELDS);
  const size = new Int32Array(NR_FIELDS);
  const scratch = new Map<number, Int32Array>();
  let codes16 = new Uint16Array(0);
  const columns: Uint8Array[] = BLOCK_COLUMNS.map(() => EMPTY);

  const refuse = (offset: number, what: string): never => {
    throw new InputError(file, `byte ${offset}`, what, DAMAGED);
  };

  const findFields = (arena: Uint8Array, begin: number, end: number, offset: number): void => {
    start.fill(-1);
    size.fill(0);
    let at = begin;
    while (at < end) {
      const tag = arena[at++];
      const field = tag >>> 3;
      const wire = tag & 7;
      // Tags beyond 127 would be fields that no version of a block has.
      if (tag > 0x7f || WIRE_OF_FIELD[field] !== wire)
        refuse(offset + at - 1 - begin, `unknown field ${tag} in a block`);
      if (field !== PAD && start[field] >= 0) refuse(offset + at - 1 - begin, `field ${field} of a block occurs twice`);
      let length = wire === WIRE_FIXED64 ? 8 : 4;
      start[field] = at;
      if (wire === WIRE_LEN || wire === WIRE_VARINT) {
        let number = 0;
        let shift = 0;
        let byte = 0x80;
        for (; byte > 0x7f && shift < 35; shift += 7) {
          byte = at < end ? arena[at++] : 0xff;
          number += (byte & 0x7f) * 2 ** shift;
        }
        if (byte > 0x7f || number > 0x7fffffff) refuse(offset + at - begin, 'a number in a block is too long');
        start[field] = at;
        length = wire === WIRE_LEN ? number : 0;
        size[field] = number;
      } else {
        size[field] = length;
      }
      if (length > end - at) refuse(offset + start[field] - begin, `field ${field} reaches beyond its block`);
      at += length;
    }
  };

  const fixed32 = (view: DataView, field: number): number =>
    start[field] < 0 ? 0 : view.getUint32(start[field], true);
  const fixed64 = (view: DataView, field: number, offset: number): number => {
    if (start[field] < 0) return 0;
    const value = joinWords(view.getUint32(start[field], true), view.getUint32(start[field] + 4, true));
    if (!Number.isSafeInteger(value)) refuse(offset, `field ${field} of a block is beyond 2^53`);
    return value;
  };

  /** Scratch of `count` numbers for one field, kept for the next block. */
  const scratchFor = (field: number, count: number): Int32Array => {
    let array = scratch.get(field);
    if (array === undefined || array.length < count) {
      array = new Int32Array(count);
      scratch.set(field, array);
    }
    return array;
  };

  /** The column as numbers: a view if the bytes allow it, otherwise a copy. */
  const column = (arena: Uint8Array, field: number): Int32Array => {
    const count = size[field] >>> 2;
    const place = arena.byteOffset + start[field];
    if (count === 0) return scratchFor(field, 0);
    if (IS_LITTLE_ENDIAN && (place & 3) === 0) return new Int32Array(arena.buffer, place, count);
    const copy = scratchFor(field, count);
    const view = new DataView(arena.buffer, place, 4 * count);
    for (let event = 0; event < count; event++) copy[event] = view.getInt32(4 * event, true);
    return copy;
  };

  const verify = (arena: Uint8Array, block: EventBlock, stored: number, offset: number): void => {
    BLOCK_COLUMNS.forEach((field, at) => {
      columns[at] = size[field] === 0 ? EMPTY : arena.subarray(start[field], start[field] + size[field]);
    });
    const { count, firstEvent, firstTick } = block;
    const sum = computeBlockChecksum(count, firstEvent, firstTick, size[BLOCK_CODE_BITS], size[BLOCK_DT_BITS], columns);
    if (sum !== stored) refuse(offset, `wrong checksum in the block of event ${firstEvent}`);
  };

  const takePlain = (arena: Uint8Array, block: EventBlock, offset: number): void => {
    const bytes = 4 * block.count;
    if (size[BLOCK_WORD] !== bytes || size[BLOCK_VALUE] !== bytes || size[BLOCK_DT] !== bytes) {
      refuse(offset, `the columns of a block do not hold its ${block.count} events`);
    }
    block.dictionary = undefined;
    block.word = column(arena, BLOCK_WORD);
    block.value = column(arena, BLOCK_VALUE);
    block.dt = column(arena, BLOCK_DT);
  };

  const expand = (arena: Uint8Array, block: EventBlock, offset: number): void => {
    const { count } = block;
    const codeBits = size[BLOCK_CODE_BITS];
    const dtBits = size[BLOCK_DT_BITS];
    if ((codeBits !== 8 && codeBits !== 16) || (dtBits !== 0 && dtBits !== 8 && dtBits !== 16)) {
      refuse(offset, `codes of ${codeBits} and ${dtBits} bits`);
    }
    if (
      size[BLOCK_CODE] !== packedBytes(count, codeBits) ||
      size[BLOCK_DT_CODE] !== packedBytes(count, dtBits) ||
      size[BLOCK_DICT_WORD] !== size[BLOCK_DICT_VALUE] ||
      ((size[BLOCK_DICT_WORD] | size[BLOCK_DT_ESCAPE]) & 3) !== 0
    ) {
      refuse(offset, `the columns of a block do not hold its ${count} events`);
    }
    const words = column(arena, BLOCK_DICT_WORD);
    const values = column(arena, BLOCK_DICT_VALUE);
    const entries = size[BLOCK_DICT_WORD] >>> 2;
    block.word = scratchFor(BLOCK_WORD, count);
    block.value = scratchFor(BLOCK_VALUE, count);
    block.dictionary = { count: entries, word: words, value: values };
    if (codes16.length < count) codes16 = new Uint16Array(count);
    const codes = unpackCodes(arena, start[BLOCK_CODE], count, codeBits, codes16);
    if (!expandCodes(codes, count, words, values, entries, block.word, block.value)) {
      refuse(offset, `a code beyond the ${entries} entries of the dictionary`);
    }
    if (!options.times) return;
    block.dt = scratchFor(BLOCK_DT, count);
    if (dtBits === 0) {
      if (size[BLOCK_DT_ESCAPE] !== 0) refuse(offset, 'escaped times without a column that refers to them');
      block.dt.fill(0, 0, count);
      return;
    }
    const escapes = column(arena, BLOCK_DT_ESCAPE);
    const nrEscapes = size[BLOCK_DT_ESCAPE] >>> 2;
    // The scratch of the codes is free again.
    block.dt.set(unpackCodes(arena, start[BLOCK_DT_CODE], count, dtBits, codes16).subarray(0, count));
    if (placeEscapes(block.dt, count, 2 ** dtBits - 1, escapes, nrEscapes) !== nrEscapes) {
      refuse(offset, `the block has ${nrEscapes} escaped times and refers to another number of them`);
    }
  };

  return {
    decode(arena, at, length, offset, block) {
      findFields(arena, at, at + length, offset);
      const view = new DataView(arena.buffer, arena.byteOffset, arena.length);
      const stored = fixed32(view, BLOCK_CHECKSUM);
      block.count = fixed32(view, BLOCK_COUNT);
      block.firstEvent = fixed64(view, BLOCK_FIRST_EVENT, offset);
      block.firstTick = fixed64(view, BLOCK_FIRST_TICK, offset);
      if (block.count === 0 || block.count > MAX_BLOCK_EVENTS) {
        refuse(offset, `a block of ${block.count} events; 1 to ${MAX_BLOCK_EVENTS} are possible`);
      }
      if (options.verifyChecksums) verify(arena, block, stored, offset);
      const plain = size[BLOCK_WORD] !== 0;
      const dictionary = size[BLOCK_CODE] !== 0;
      if (plain === dictionary) refuse(offset, 'a block is either plain or has a dictionary');
      if (plain) takePlain(arena, block, offset);
      else expand(arena, block, offset);
      if (block.dt.length > 0 && options.times && block.dt[0] !== 0) refuse(offset, 'the first dt of a block is not 0');
      return stored;
    },
  };
}

const packedBytes = (count: number, bits: number): number => Math.ceil((count * bits) / 32) * 4;

/**
 * `count` codes of 8 or 16 bits at `at` as 16-bit numbers: a view, or `scratch` if they have to be widened or lie unevenly.
 * Always the same type, so that the loop over them is compiled for one.
 */
function unpackCodes(arena: Uint8Array, at: number, count: number, bits: number, scratch: Uint16Array): Uint16Array {
  const place = arena.byteOffset + at;
  if (bits === 8) {
    scratch.set(new Uint8Array(arena.buffer, place, count));
    return scratch;
  }
  if (IS_LITTLE_ENDIAN && (place & 1) === 0) return new Uint16Array(arena.buffer, place, count);
  for (let event = 0; event < count; event++) scratch[event] = arena[at + 2 * event] | (arena[at + 2 * event + 1] << 8);
  return scratch;
}

/**
 * Two look-ups an event. Returns false if a code has no entry. Two events a turn: 1.5 against 2.0 ns an event
 * (Node 20, dictionary of 2600 entries).
 */
function expandCodes(
  codes: Uint16Array,
  count: number,
  words: Int32Array,
  values: Int32Array,
  entries: number,
  word: Int32Array,
  value: Int32Array,
): boolean {
  // Negative as soon as one code is too large.
  let sign = 0;
  let event = 0;
  for (; event + 1 < count; event += 2) {
    const code = codes[event];
    const code2 = codes[event + 1];
    sign |= (entries - 1 - code) | (entries - 1 - code2);
    word[event] = words[code];
    word[event + 1] = words[code2];
    value[event] = values[code];
    value[event + 1] = values[code2];
  }
  if (event < count) {
    const code = codes[event];
    sign |= entries - 1 - code;
    word[event] = words[code];
    value[event] = values[code];
  }
  return sign >= 0;
}

/** With fewer escapes than one in this many events it pays to search for them. */
const SPARSE = 32;

/** Replaces each escape code in `dt` by the next escape. Returns how many there were, at most one more than `nrEscapes`. */
function placeEscapes(
  dt: Int32Array,
  count: number,
  escapeCode: number,
  escapes: Int32Array,
  nrEscapes: number,
): number {
  let met = 0;
  if (nrEscapes * SPARSE > count) {
    for (let event = 0; event < count && met <= nrEscapes; event++) {
      if (dt[event] === escapeCode) dt[event] = escapes[met++];
    }
    return met;
  }
  const times = dt.subarray(0, count);
  for (let at = times.indexOf(escapeCode); at >= 0 && met <= nrEscapes; at = times.indexOf(escapeCode, at + 1)) {
    times[at] = escapes[met++];
  }
  return met;
}
