/** A small protobuf encoder over one reused buffer. Unlike a general one it knows where in the file each byte will be. */
import { assert } from '../base/errors.js';
import { highWord, PAD, WIRE_FIXED32, WIRE_FIXED64, WIRE_LEN, WIRE_VARINT } from './wire.js';

/** Width of every length we write: not the shortest varint, but one whose size is known before the contents are. */
export const LENGTH_BYTES = 4;
const COLUMN_ALIGNMENT = 8;

export interface FrameWriter {
  /** Begins a frame that will lie at byte `position` of the file. */
  start(position: number): void;
  varint(field: number, value: number): void;
  fixed32(field: number, value: number): void;
  fixed64(field: number, value: number): void;
  /** A field of raw bytes; its length takes `lengthBytes` bytes (default LENGTH_BYTES). */
  bytes(field: number, contents: Uint8Array, lengthBytes?: number): void;
  /** A packed column; padding before it puts its first byte at a multiple of 8 of the file. Empty: nothing. */
  column(field: number, contents: Uint8Array): void;
  /** A pad field of exactly `total` bytes, tag and length included; 0 or at least 2. */
  pad(total: number): void;
  /** Opens a nested message; close it with the value returned. */
  open(field: number): number;
  close(mark: number): void;
  /** Overwrites the fixed32 whose tag is at `mark` (a `size()` taken before it was written). */
  patchFixed32(mark: number, value: number): void;
  /** Bytes since `start`. */
  size(): number;
  /** A view of the frame; valid until the next `start`. */
  frame(): Uint8Array;
}

/** A frame writer for frames of up to `capacity` bytes. */
export function createFrameWriter(capacity: number): FrameWriter {
  const store = new Uint8Array(capacity);
  const view = new DataView(store.buffer);
  let start = 0;
  let at = 0;

  const tag = (field: number, wire: number): void => {
    store[at++] = (field << 3) | wire;
  };
  const bytes = (field: number, contents: Uint8Array, lengthBytes = LENGTH_BYTES): void => {
    assert(contents.length < 2 ** (7 * LENGTH_BYTES), `a field of ${contents.length} bytes`);
    tag(field, WIRE_LEN);
    writeWideVarint(store, at, contents.length, lengthBytes);
    at += lengthBytes;
    store.set(contents, at);
    at += contents.length;
  };
  const pad = (total: number): void => {
    if (total === 0) return;
    tag(PAD, WIRE_LEN);
    const lengthBytes = Math.min(LENGTH_BYTES, total - 1);
    writeWideVarint(store, at, total - 1 - lengthBytes, lengthBytes);
    store.fill(0, at + lengthBytes, at + total - 1);
    at += total - 1;
  };

  return {
    start(position) {
      start = position;
      at = 0;
    },
    varint(field, value) {
      tag(field, WIRE_VARINT);
      let rest = value;
      for (; rest > 0x7f; rest >>>= 7) store[at++] = (rest & 0x7f) | 0x80;
      store[at++] = rest;
    },
    fixed32(field, value) {
      tag(field, WIRE_FIXED32);
      view.setUint32(at, value, true);
      at += 4;
    },
    fixed64(field, value) {
      tag(field, WIRE_FIXED64);
      view.setUint32(at, value >>> 0, true);
      view.setUint32(at + 4, highWord(value), true);
      at += 8;
    },
    bytes,
    column(field, contents) {
      if (contents.length === 0) return;
      const shift = (start + at + 1 + LENGTH_BYTES) % COLUMN_ALIGNMENT;
      const missing = (COLUMN_ALIGNMENT - shift) % COLUMN_ALIGNMENT;
      // A pad field has at least two bytes.
      pad(missing === 1 ? missing + COLUMN_ALIGNMENT : missing);
      bytes(field, contents);
    },
    pad,
    open(field) {
      tag(field, WIRE_LEN);
      at += LENGTH_BYTES;
      return at;
    },
    close(mark) {
      writeWideVarint(store, mark - LENGTH_BYTES, at - mark, LENGTH_BYTES);
    },
    patchFixed32(mark, value) {
      view.setUint32(mark + 1, value, true);
    },
    size: () => at,
    frame: () => store.subarray(0, at),
  };
}

/** A varint of exactly `width` bytes; longer than needed is legal. */
function writeWideVarint(store: Uint8Array, at: number, value: number, width: number): void {
  let rest = value;
  for (let byte = 0; byte < width - 1; byte++, rest >>>= 7) store[at + byte] = (rest & 0x7f) | 0x80;
  store[at + width - 1] = rest;
}
