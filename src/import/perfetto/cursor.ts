/** Walks along the fields of protobuf bytes without making objects of them. */

/** The bytes are no message; `at` is where, counted from the start of the cursor's array. */
export class WireError extends Error {
  readonly at: number;
  constructor(at: number, what: string) {
    super(what);
    this.at = at;
  }
}

const WIRE_VARINT = 0;
const WIRE_FIXED64 = 1;
const WIRE_LEN = 2;
const WIRE_FIXED32 = 5;
const TWO_32 = 4294967296;

/** After `next` returned true: the field at hand. */
export class Cursor {
  readonly bytes: Uint8Array;
  readonly #end: number;
  #at: number;
  #wire = 0;
  field = 0;
  /** Value of a varint or fixed field: its halves, unsigned. */
  low = 0;
  high = 0;
  /** Bytes of a length-delimited field; empty for others. */
  from = 0;
  to = 0;

  constructor(bytes: Uint8Array, from = 0, to = bytes.length) {
    this.bytes = bytes;
    this.#at = from;
    this.#end = to;
  }

  /** Moves to the next field; false at the end. Throws WireError. */
  next(): boolean {
    if (this.#at >= this.#end) return false;
    const start = this.#at;
    this.#readVarint();
    if (this.high !== 0) throw new WireError(start, 'a field number beyond 2^29');
    this.field = this.low >>> 3;
    this.#wire = this.low & 7;
    if (this.field === 0) throw new WireError(start, 'field number 0');
    this.from = 0;
    this.to = 0;
    switch (this.#wire) {
      case WIRE_VARINT:
        this.#readVarint();
        return true;
      case WIRE_FIXED64:
        this.low = this.#readFixed32();
        this.high = this.#readFixed32();
        return true;
      case WIRE_FIXED32:
        this.low = this.#readFixed32();
        this.high = 0;
        return true;
      case WIRE_LEN: {
        this.#readVarint();
        const length = this.high * TWO_32 + this.low;
        if (length > this.#end - this.#at) throw new WireError(start, 'a field that is longer than what holds it');
        this.from = this.#at;
        this.to = this.#at + length;
        this.#at = this.to;
        return true;
      }
      default:
        throw new WireError(start, `wire type ${this.#wire}`);
    }
  }

  /** Another cursor that begins where this one stands. */
  copy(): Cursor {
    return new Cursor(this.bytes, this.#at, this.#end);
  }

  get isBytes(): boolean {
    return this.#wire === WIRE_LEN;
  }

  /** A cursor over the message at hand. Throws WireError if the field is none. */
  message(): Cursor {
    if (!this.isBytes) throw new WireError(this.#at, `field ${this.field} is no message`);
    return new Cursor(this.bytes, this.from, this.to);
  }

  /** The number at hand as unsigned 64 bits; not exact beyond 2^53. */
  get unsigned(): number {
    return this.high * TWO_32 + this.low;
  }

  /** The number at hand as signed 64 bits, which is how signed 32-bit fields travel too; not exact beyond 2^53. */
  get signed(): number {
    return (this.high | 0) * TWO_32 + this.low;
  }

  get text(): string {
    return new TextDecoder().decode(this.bytes.subarray(this.from, this.to));
  }

  #readFixed32(): number {
    const at = this.#at;
    if (at + 4 > this.#end) throw new WireError(at, 'the bytes end in a number');
    this.#at = at + 4;
    const { bytes } = this;
    return (bytes[at] | (bytes[at + 1] << 8) | (bytes[at + 2] << 16) | (bytes[at + 3] << 24)) >>> 0;
  }

  #readVarint(): void {
    const start = this.#at;
    let low = 0;
    let high = 0;
    for (let shift = 0; shift < 70; shift += 7) {
      if (this.#at >= this.#end) throw new WireError(start, 'the bytes end in a number');
      const byte = this.bytes[this.#at++];
      const bits = byte & 0x7f;
      if (shift < 28) low |= bits << shift;
      else if (shift === 28) {
        low |= bits << 28;
        high = bits >>> 4;
      } else if (shift < 63) high |= bits << (shift - 32);
      else high |= (bits & 1) << 31;
      if (byte < 0x80) {
        this.low = low >>> 0;
        this.high = high >>> 0;
        return;
      }
    }
    throw new WireError(start, 'a number of more than ten bytes');
  }
}
