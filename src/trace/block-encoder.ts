/** Columns of events → one Block frame, plain or as a dictionary, whichever is smaller. */
import { computeBlockChecksum } from './block-checksum.js';
import type { EventBlock } from './events.js';
import { createFrameWriter } from './frame-writer.js';
import {
  BLOCK_CHECKSUM,
  BLOCK_CODE_BITS,
  BLOCK_COLUMNS,
  BLOCK_COUNT,
  BLOCK_DT_BITS,
  BLOCK_FIRST_EVENT,
  BLOCK_FIRST_TICK,
  IS_LITTLE_ENDIAN,
  MAX_BLOCK_BYTES,
  MAX_BLOCK_EVENTS,
  TRACE_BLOCKS,
} from './wire.js';

// Open addressing, at most half full.
const TABLE_BITS = 17;
const TABLE_SIZE = 1 << TABLE_BITS;
const TABLE_SHIFT = 32 - TABLE_BITS;
const EMPTY = new Uint8Array(0);

export interface BlockEncoder {
  /** The frame of `block` for byte `position` of the file; valid until the next call. */
  encode(block: EventBlock, position: number): { frame: Uint8Array; checksum: number };
}

/** An encoder with its own scratch tables (about 4 MB). `form`: "smallest" (default) or always the plain one. */
export function createBlockEncoder(form: 'smallest' | 'plain' = 'smallest'): BlockEncoder {
  const out = createFrameWriter(MAX_BLOCK_BYTES / 2);
  const table = new Int32Array(TABLE_SIZE);
  const dictWord = new Int32Array(MAX_BLOCK_EVENTS);
  const dictValue = new Int32Array(MAX_BLOCK_EVENTS);
  const codes = new Int32Array(MAX_BLOCK_EVENTS);
  const codeBytes = new Uint8Array(2 * MAX_BLOCK_EVENTS);
  const dtBytes = new Uint8Array(2 * MAX_BLOCK_EVENTS);
  const escapes = new Int32Array(MAX_BLOCK_EVENTS);

  /** Fills dictWord, dictValue (in order of first use) and codes; returns the number of entries. */
  const buildDictionary = (block: EventBlock): number => {
    const { word, value, count } = block;
    table.fill(0);
    let entries = 0;
    for (let event = 0; event < count; event++) {
      const w = word[event];
      const v = value[event];
      let place = Math.imul(Math.imul(w, 0x9e3779b1) ^ v, 0x85ebca6b) >>> TABLE_SHIFT;
      // 0 = free, otherwise code + 1.
      for (;;) {
        const code = table[place] - 1;
        if (code < 0) {
          table[place] = ++entries;
          dictWord[entries - 1] = w;
          dictValue[entries - 1] = v;
          codes[event] = entries - 1;
          break;
        }
        if (dictWord[code] === w && dictValue[code] === v) {
          codes[event] = code;
          break;
        }
        place = (place + 1) & (TABLE_SIZE - 1);
      }
    }
    return entries;
  };

  const encodeColumns = (block: EventBlock): { codeBits: number; dtBits: number; columns: Uint8Array[] } => {
    const { count } = block;
    const plain = [asBytes(block.word, count), asBytes(block.value, count), asBytes(block.dt, count)];
    const plainForm = { codeBits: 0, dtBits: 0, columns: [...plain, EMPTY, EMPTY, EMPTY, EMPTY, EMPTY] };
    if (form === 'plain') return plainForm;
    const entries = buildDictionary(block);
    const codeBits = entries <= 256 ? 8 : 16;
    const dtBits = chooseDtBits(block.dt, count);
    const code = packInts(codes, count, codeBits, codeBytes);
    const nrEscapes = collectEscapes(block.dt, count, dtBits, escapes);
    const dtCode = packTimes(block.dt, count, dtBits, dtBytes);
    const dictionary = [
      asBytes(dictWord, entries),
      asBytes(dictValue, entries),
      code,
      dtCode,
      asBytes(escapes, nrEscapes),
    ];
    if (totalLength(dictionary) >= totalLength(plain)) return plainForm;
    return { codeBits, dtBits, columns: [EMPTY, EMPTY, EMPTY, ...dictionary] };
  };

  return {
    encode(block, position) {
      const { codeBits, dtBits, columns } = encodeColumns(block);
      const { count, firstEvent, firstTick } = block;
      const checksum = computeBlockChecksum(count, firstEvent, firstTick, codeBits, dtBits, columns);
      out.start(position);
      const body = out.open(TRACE_BLOCKS);
      out.fixed32(BLOCK_CHECKSUM, checksum);
      out.fixed32(BLOCK_COUNT, count);
      out.fixed64(BLOCK_FIRST_EVENT, firstEvent);
      out.fixed64(BLOCK_FIRST_TICK, firstTick);
      if (codeBits !== 0) out.varint(BLOCK_CODE_BITS, codeBits);
      if (dtBits !== 0) out.varint(BLOCK_DT_BITS, dtBits);
      BLOCK_COLUMNS.forEach((field, column) => {
        out.column(field, columns[column]);
      });
      out.close(body);
      return { frame: out.frame(), checksum };
    },
  };
}

const totalLength = (columns: readonly Uint8Array[]): number => columns.reduce((sum, column) => sum + column.length, 0);

/** The first `count` numbers as little-endian bytes. */
export function asBytes(numbers: Int32Array, count: number): Uint8Array {
  const width = numbers.BYTES_PER_ELEMENT;
  const bytes = new Uint8Array(numbers.buffer, numbers.byteOffset, count * width);
  if (IS_LITTLE_ENDIAN) return bytes;
  const swapped = new Uint8Array(bytes.length);
  for (let at = 0; at < bytes.length; at++) swapped[at] = bytes[at - (at % width) + (width - 1 - (at % width))];
  return swapped;
}

/** 0 (every dt is 0), 8 or 16 bits, whichever takes the fewest bytes with its escapes. */
function chooseDtBits(dt: Int32Array, count: number): 0 | 8 | 16 {
  let nonZero = 0;
  let beyond8 = 0;
  let beyond16 = 0;
  for (let event = 0; event < count; event++) {
    const ticks = dt[event] >>> 0;
    if (ticks !== 0) nonZero++;
    if (ticks >= 0xff) beyond8++;
    if (ticks >= 0xffff) beyond16++;
  }
  if (nonZero === 0) return 0;
  return count + 4 * beyond8 <= 2 * count + 4 * beyond16 ? 8 : 16;
}

function collectEscapes(dt: Int32Array, count: number, bits: number, escapes: Int32Array): number {
  if (bits === 0) return 0;
  const escapeCode = 2 ** bits - 1;
  let nrEscapes = 0;
  for (let event = 0; event < count; event++) if (dt[event] >>> 0 >= escapeCode) escapes[nrEscapes++] = dt[event];
  return nrEscapes;
}

/** Packs numbers that fit into `bits` (0, 8, 16), least significant byte first, to whole 32-bit words. */
function packInts(numbers: Int32Array, count: number, bits: number, target: Uint8Array): Uint8Array {
  const width = bits / 8;
  const size = Math.ceil((count * width) / 4) * 4;
  target.fill(0, count * width, size);
  for (let event = 0; event < count; event++) {
    target[event * width] = numbers[event];
    if (width === 2) target[event * width + 1] = numbers[event] >>> 8;
  }
  return target.subarray(0, size);
}

/** As packInts, with everything too large for `bits` written as the escape code. */
function packTimes(dt: Int32Array, count: number, bits: number, target: Uint8Array): Uint8Array {
  if (bits === 0) return EMPTY;
  const escapeCode = 2 ** bits - 1;
  const width = bits / 8;
  const size = Math.ceil((count * width) / 4) * 4;
  target.fill(0, count * width, size);
  for (let event = 0; event < count; event++) {
    const ticks = Math.min(dt[event] >>> 0, escapeCode);
    target[event * width] = ticks;
    if (width === 2) target[event * width + 1] = ticks >>> 8;
  }
  return target.subarray(0, size);
}
