/** The fields of one small message, for the few messages that are read without protobufjs. */
import { joinWords, WIRE_FIXED32, WIRE_FIXED64, WIRE_LEN, WIRE_VARINT } from './wire.js';

export interface MessageFields {
  /** 0 if absent, as in proto3. */
  fixed32(field: number): number;
  /** An exact integer, or NaN if it is beyond 2^53. */
  fixed64(field: number): number;
  /** The bytes of a length-delimited field; empty if absent. */
  bytes(field: number): Uint8Array;
}

/** Finds the fields of a message (the last of each number wins); undefined if the bytes are no message. */
export function parseMessage(bytes: Uint8Array): MessageFields | undefined {
  const places = new Map<number, { wire: number; at: number; length: number }>();
  let at = 0;
  const readVarint = (): number => {
    let number = 0;
    for (let shift = 0; shift < 49 && at < bytes.length; shift += 7) {
      const byte = bytes[at++];
      number += (byte & 0x7f) * 2 ** shift;
      if (byte < 0x80) return number;
    }
    return -1;
  };
  while (at < bytes.length) {
    const tag = readVarint();
    const wire = tag % 8;
    let length = 0;
    if (tag < 8) return undefined;
    if (wire === WIRE_FIXED32) length = 4;
    else if (wire === WIRE_FIXED64) length = 8;
    else if (wire !== WIRE_LEN && wire !== WIRE_VARINT) return undefined;
    if (wire === WIRE_LEN || wire === WIRE_VARINT) {
      const number = readVarint();
      if (number < 0) return undefined;
      if (wire === WIRE_LEN) length = number;
    }
    if (length > bytes.length - at) return undefined;
    places.set(Math.floor(tag / 8), { wire, at, length });
    at += length;
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const placeOf = (field: number, wire: number): number => {
    const place = places.get(field);
    return place?.wire === wire ? place.at : -1;
  };
  return {
    fixed32(field) {
      const place = placeOf(field, WIRE_FIXED32);
      return place < 0 ? 0 : view.getUint32(place, true);
    },
    fixed64(field) {
      const place = placeOf(field, WIRE_FIXED64);
      if (place < 0) return 0;
      const value = joinWords(view.getUint32(place, true), view.getUint32(place + 4, true));
      return Number.isSafeInteger(value) ? value : Number.NaN;
    },
    bytes(field) {
      const place = places.get(field);
      return place?.wire === WIRE_LEN ? bytes.subarray(place.at, place.at + place.length) : bytes.subarray(0, 0);
    },
  };
}
