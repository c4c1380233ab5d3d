/** CRC-32 (reflected polynomial 0xedb88320, as in zip and PNG). */
import * as zlib from 'node:zlib';

/** Table-driven CRC-32 for runtimes without one of their own (zlib.crc32: Node 20.15, 22.2). */
export function crc32ByTable(bytes: Uint8Array, seed = 0): number {
  let crc = ~seed;
  for (let at = 0; at < bytes.length; at++) crc = (crc >>> 8) ^ TABLE[(crc ^ bytes[at]) & 0xff];
  return ~crc >>> 0;
}

const TABLE = Int32Array.from({ length: 256 }, (_, byte) => {
  let crc = byte;
  for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0xedb88320 : crc >>> 1;
  return crc;
});

/** CRC-32 of `bytes`, continuing from `seed` (the CRC of what came before). Unsigned 32-bit. */
export const crc32: (bytes: Uint8Array, seed?: number) => number =
  typeof zlib.crc32 === 'function' ? (bytes, seed = 0) => zlib.crc32(bytes, seed) : crc32ByTable;
