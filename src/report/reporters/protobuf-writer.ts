/** Protobuf messages written field by field: the few that a Perfetto trace is made of. Numbers are whole and not below 0. */

export interface MessageWriter {
  varint(field: number, value: number): void;
  text(field: number, value: string): void;
  message(field: number, write: (inner: MessageWriter) => void): void;
}

const WIRE_VARINT = 0;
const WIRE_LEN = 2;
const FIRST_BYTES = 1 << 16;
/** A varint of 53 bits. */
const MAX_VARINT = 8;

/** The bytes of what `write` writes. */
export function writeMessage(write: (writer: MessageWriter) => void): Uint8Array {
  let bytes = new Uint8Array(FIRST_BYTES);
  let at = 0;
  const reserve = (more: number): void => {
    if (at + more <= bytes.length) return;
    const grown = new Uint8Array(Math.max(2 * bytes.length, at + more));
    grown.set(bytes);
    bytes = grown;
  };
  const putVarint = (value: number): void => {
    reserve(MAX_VARINT);
    let left = value;
    while (left >= 0x80) {
      bytes[at++] = (left % 0x80) | 0x80;
      left = Math.floor(left / 0x80);
    }
    bytes[at++] = left;
  };
  const putTag = (field: number, wire: number): void => putVarint(field * 8 + wire);
  const writer: MessageWriter = {
    varint(field, value) {
      putTag(field, WIRE_VARINT);
      putVarint(value);
    },
    text(field, value) {
      const encoded = new TextEncoder().encode(value);
      putTag(field, WIRE_LEN);
      putVarint(encoded.length);
      reserve(encoded.length);
      bytes.set(encoded, at);
      at += encoded.length;
    },
    message(field, writeInner) {
      putTag(field, WIRE_LEN);
      const lengthAt = at;
      // The length is known afterwards: what is inside moves up by the bytes that it takes.
      writeInner(writer);
      const length = at - lengthAt;
      const end = at;
      putVarint(length);
      const lengthBytes = bytes.slice(end, at);
      bytes.copyWithin(lengthAt + lengthBytes.length, lengthAt, end);
      bytes.set(lengthBytes, lengthAt);
    },
  };
  write(writer);
  return bytes.subarray(0, at);
}
