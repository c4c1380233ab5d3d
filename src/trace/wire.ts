/** Numbers of the file layout that writer and reader share: proto/vgic/trace/v1/trace.proto. */

export const FORMAT_NAME = 'vgic-replay-trace';
export const FORMAT_VERSION = 1;

/** A block never holds more events. */
export const MAX_BLOCK_EVENTS = 65536;
/** A block frame is never longer: plain columns need 12 bytes an event, a foreign dictionary block at most 16. */
export const MAX_BLOCK_BYTES = 1 << 21;
export const MAX_HEADER_BYTES = 1 << 20;

// Protobuf wire types.
export const WIRE_VARINT = 0;
export const WIRE_FIXED64 = 1;
export const WIRE_LEN = 2;
export const WIRE_FIXED32 = 5;

// Fields of Trace.
export const TRACE_HEADER = 1;
export const TRACE_BLOCKS = 2;
export const TRACE_HEADER_CHECKSUM = 3;
export const TRACE_INDEX = 4;
export const TRACE_END = 5;
export const PAD = 15;

// Fields of Block.
export const BLOCK_CHECKSUM = 1;
export const BLOCK_COUNT = 2;
export const BLOCK_FIRST_EVENT = 3;
export const BLOCK_FIRST_TICK = 4;
export const BLOCK_WORD = 5;
export const BLOCK_VALUE = 6;
export const BLOCK_DT = 7;
export const BLOCK_DICT_WORD = 8;
export const BLOCK_DICT_VALUE = 9;
export const BLOCK_CODE = 10;
export const BLOCK_CODE_BITS = 11;
export const BLOCK_DT_CODE = 12;
export const BLOCK_DT_BITS = 13;
export const BLOCK_DT_ESCAPE = 14;

/** The columns of a block in the order in which the checksum takes them. */
export const BLOCK_COLUMNS: readonly number[] = [
  BLOCK_WORD,
  BLOCK_VALUE,
  BLOCK_DT,
  BLOCK_DICT_WORD,
  BLOCK_DICT_VALUE,
  BLOCK_CODE,
  BLOCK_DT_CODE,
  BLOCK_DT_ESCAPE,
];

// Fields of Index and End.
export const INDEX_CHECKSUM = 1;
export const INDEX_OFFSET = 2;
export const INDEX_FIRST_EVENT = 3;
export const INDEX_FIRST_TICK = 4;
export const END_EVENTS = 1;
export const END_BLOCKS = 2;
export const END_CHECKSUM = 3;
export const END_INDEX_OFFSET = 4;
/** Bytes of the End frame as the writer makes it: the last bytes of the file. */
export const END_FRAME_BYTES = 5 + 9 + 5 + 5 + 9;

const TWO_32 = 4294967296;
export const highWord = (value: number): number => Math.floor(value / TWO_32);
export const joinWords = (low: number, high: number): number => (high >>> 0) * TWO_32 + (low >>> 0);

/** Typed-array views of file bytes are right only on a little-endian machine. */
export const IS_LITTLE_ENDIAN = new Uint8Array(Uint16Array.of(1).buffer)[0] === 1;
