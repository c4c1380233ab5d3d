/**
 * Bytes of a Perfetto trace → its packets, one by one: `message Trace { repeated TracePacket packet = 1; }`. Compressed
 * packets (zlib) are unpacked; memory is bounded by the largest packet.
 */
import { inflateSync } from 'node:zlib';
import { InputError } from '../../base/errors.js';
import { Cursor, WireError } from './cursor.js';

const TRACE_PACKET = 1;
export const PACKET_COMPRESSED = 50;
export const PACKET_ZSTD = 133;
/** The service keeps a packet below 512 KiB when it compresses it, and bundles far below this. */
const MAX_PACKET_BYTES = 64 << 20;
const MAX_HEAD_BYTES = 15;
const DAMAGED = 'the file is damaged: copy it again or record it again';

export interface PacketSplitter {
  push(chunk: Uint8Array): void;
  /** Ends the trace; returns where the packet begins that was cut off, and how much of it there is. */
  end(): { readonly offset: number; readonly bytes: number } | undefined;
}

/** `visit` is called with the fields of each packet and the byte at which it begins. Throws InputError. */
export function createPacketSplitter(file: string, visit: (packet: Cursor, offset: number) => void): PacketSplitter {
  /** The beginning of a packet that is not all there, in the pieces in which it came; where it begins in the file. */
  let held: Uint8Array[] = [];
  let heldBytes = 0;
  let offset = 0;
  /** Bytes without which there is nothing to do. */
  let needed = 0;
  const refuse = (at: number, what: string): never => {
    throw new InputError(file, `byte ${at}`, what, DAMAGED);
  };

  const visitPacket = (bytes: Uint8Array, at: number, depth: number): void => {
    try {
      const fields = new Cursor(bytes);
      while (fields.next()) {
        if (fields.field === PACKET_ZSTD && fields.isBytes) {
          const remedy =
            'record with "compression_type: COMPRESSION_TYPE_DEFLATE", or unpack it with "traceconv decompress_packets"';
          throw new InputError(file, `byte ${at}`, 'packets compressed with zstd', remedy);
        }
        if (fields.field !== PACKET_COMPRESSED || !fields.isBytes) continue;
        if (depth > 0) refuse(at, 'compressed packets within compressed packets');
        visitCompressed(bytes.subarray(fields.from, fields.to), at);
      }
      visit(new Cursor(bytes), at);
    } catch (error) {
      if (!(error instanceof WireError)) throw error;
      refuse(at, `a packet that cannot be decoded (${error.message})`);
    }
  };

  const visitCompressed = (packed: Uint8Array, at: number): void => {
    let bytes: Uint8Array;
    try {
      bytes = inflateSync(packed, { maxOutputLength: MAX_PACKET_BYTES });
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      refuse(at, `compressed packets that cannot be unpacked (${code ?? 'zlib'})`);
      return;
    }
    const inner = new Cursor(bytes);
    while (inner.next()) if (inner.field === TRACE_PACKET) visitPacket(bytes.subarray(inner.from, inner.to), at, 1);
  };

  /** Length of the frame at `at` of `bytes`, its body's start and number; undefined if its head is not all there. */
  const readHead = (bytes: Uint8Array, at: number): { field: number; body: number; end: number } | undefined => {
    const position = offset + at;
    let here = at;
    const readVarint = (): number | undefined => {
      let number = 0;
      for (let shift = 0; shift < 49; shift += 7) {
        if (here >= bytes.length) return undefined;
        const byte = bytes[here++];
        number += (byte & 0x7f) * 2 ** shift;
        if (byte < 0x80) return number;
      }
      return refuse(position, 'no packet begins here');
    };
    const tag = readVarint();
    if (tag === undefined) return undefined;
    const wire = tag % 8;
    if (tag < 8 || (wire !== 0 && wire !== 1 && wire !== 2 && wire !== 5)) refuse(position, 'no packet begins here');
    const number = wire === 0 || wire === 2 ? readVarint() : 0;
    if (number === undefined) return undefined;
    const length = wire === 2 ? number : wire === 1 ? 8 : wire === 5 ? 4 : 0;
    if (length > MAX_PACKET_BYTES) refuse(position, `a packet of ${length} bytes; ${MAX_PACKET_BYTES} are possible`);
    return { field: wire === 2 ? Math.floor(tag / 8) : 0, body: here, end: here + length };
  };

  return {
    push(chunk) {
      held.push(chunk);
      heldBytes += chunk.length;
      if (heldBytes < needed) return;
      const bytes = held.length === 1 ? chunk : Buffer.concat(held);
      let at = 0;
      for (;;) {
        const head = readHead(bytes, at);
        needed = head === undefined ? 0 : head.end - at;
        if (head === undefined || head.end > bytes.length) break;
        if (head.field === TRACE_PACKET) visitPacket(bytes.subarray(head.body, head.end), offset + at, 0);
        at = head.end;
      }
      offset += at;
      heldBytes = bytes.length - at;
      held = heldBytes === 0 ? [] : [bytes.slice(at)];
    },
    end: () => (heldBytes === 0 ? undefined : { offset, bytes: heldBytes }),
  };
}

/** Field numbers of TracePacket by which a Perfetto trace is known: what its service writes into every packet. */
const FAMILIAR = new Set([1, 3, 6, 8, 10, 33, 36, 45, PACKET_COMPRESSED, 58, 79, 89, PACKET_ZSTD]);

const MIN_HEAD_BYTES = 16;
/** Our own traces begin with the same field, in which the name of the format comes first. */
const OWN_NAME = new TextEncoder().encode('\n\x11vgic-replay-trace');

function isOwnTrace(head: Uint8Array): boolean {
  const at = bodyOfFirst(head);
  return OWN_NAME.subarray(0, head.length - at).every((byte, i) => head[at + i] === byte);
}

/** Where the body of the first field begins. */
function bodyOfFirst(head: Uint8Array): number {
  let at = 1;
  while (at < MAX_HEAD_BYTES && at < head.length && head[at] > 0x7f) at++;
  return at + 1;
}

/** Does the beginning of a file look like a Perfetto trace? Every whole packet in it must be one. */
export function isPerfetto(head: Uint8Array): boolean {
  if (head.length < MIN_HEAD_BYTES || head[0] !== 0x0a || isOwnTrace(head)) return false;
  let packets = 0;
  let familiar = 0;
  try {
    const trace = new Cursor(head);
    while (trace.next()) {
      if (trace.field !== TRACE_PACKET || !trace.isBytes) return false;
      packets++;
      const fields = trace.message();
      while (fields.next()) if (FAMILIAR.has(fields.field)) familiar++;
    }
  } catch (error) {
    if (!(error instanceof WireError)) throw error;
    // The last packet may be longer than the head: then its beginning must do.
    return packets > 0 ? familiar >= packets && error.at > 0 : isLongPacket(head);
  }
  return familiar >= packets && packets > 0;
}

/** One packet that does not end within `head`: a compressed one, or a bundle of events. */
function isLongPacket(head: Uint8Array): boolean {
  const fields = new Cursor(head, bodyOfFirst(head));
  try {
    return fields.next() && FAMILIAR.has(fields.field);
  } catch (error) {
    if (!(error instanceof WireError)) throw error;
    // A first field that is cut off: its number tells.
    return FAMILIAR.has(fields.field);
  }
}
