/**
 * The index at the end of a file: where each block lies. It is a short cut only: an index that does not fit the file
 * (a foreign tool moved the blocks) is not used, and whoever jumps by it finds the block's own numbers.
 */
import { crc32 } from './crc32.js';
import { type MessageFields, parseMessage } from './message-fields.js';
import type { ByteSource } from './source.js';
import {
  END_FRAME_BYTES,
  END_INDEX_OFFSET,
  INDEX_CHECKSUM,
  INDEX_FIRST_EVENT,
  INDEX_FIRST_TICK,
  INDEX_OFFSET,
  joinWords,
  TRACE_END,
  TRACE_INDEX,
} from './wire.js';

export interface TraceIndex {
  /** Byte offset, first event and first tick of each block, in order. */
  readonly offset: Float64Array;
  readonly firstEvent: Float64Array;
  readonly firstTick: Float64Array;
  /** The last block for which `isBefore` holds (it holds for a leading part of them), or -1. */
  findLast(isBefore: (firstEvent: number, firstTick: number) => boolean): number;
}

/** Enough for 10^11 events; a false offset must not make the reader take in the whole file. */
const MAX_INDEX_BYTES = 1 << 26;

/** The index of a source of known size, or undefined if there is none that fits. */
export function readIndex(source: ByteSource): TraceIndex | undefined {
  const endAt = source.size - END_FRAME_BYTES;
  if (endAt < 0) return undefined;
  const end = parseOnly(readBytes(source, endAt, END_FRAME_BYTES), TRACE_END);
  const indexAt = end?.fixed64(END_INDEX_OFFSET) ?? 0;
  // Not so with NaN either.
  if (!(indexAt > 0 && indexAt < endAt && endAt - indexAt <= MAX_INDEX_BYTES)) return undefined;
  const fields = parseOnly(readBytes(source, indexAt, endAt - indexAt), TRACE_INDEX);
  if (fields === undefined) return undefined;
  const columns = [INDEX_OFFSET, INDEX_FIRST_EVENT, INDEX_FIRST_TICK].map((field) => fields.bytes(field));
  const blocks = columns[0].length / 8;
  const sum = columns.reduce((crc, column) => crc32(column, crc), 0);
  const isSound = Number.isInteger(blocks) && columns.every((column) => column.length === columns[0].length);
  if (!isSound || sum !== fields.fixed32(INDEX_CHECKSUM)) return undefined;
  const [offset, firstEvent, firstTick] = columns.map(readFixed64);
  return {
    offset,
    firstEvent,
    firstTick,
    findLast(isBefore) {
      let low = 0;
      let high = blocks;
      while (low < high) {
        const middle = (low + high) >>> 1;
        if (isBefore(firstEvent[middle], firstTick[middle])) low = middle + 1;
        else high = middle;
      }
      return low - 1;
    },
  };
}

/** The fields of the message that is the only field, with number `field`, in `bytes`. */
function parseOnly(bytes: Uint8Array | undefined, field: number): MessageFields | undefined {
  const outer = bytes === undefined ? undefined : parseMessage(bytes);
  const body = outer?.bytes(field);
  return body === undefined || body.length === 0 ? undefined : parseMessage(body);
}

function readBytes(source: ByteSource, offset: number, length: number): Uint8Array | undefined {
  const bytes = new Uint8Array(length);
  let have = 0;
  while (have < length) {
    const got = source.read(bytes.subarray(have), offset + have, length - have);
    if (got === 0) return undefined;
    have += got;
  }
  return bytes;
}

function readFixed64(bytes: Uint8Array): Float64Array {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  return Float64Array.from({ length: bytes.length / 8 }, (_, at) =>
    joinWords(view.getUint32(8 * at, true), view.getUint32(8 * at + 4, true)),
  );
}
