/** The checksum of a block: over what the block says, not over how it was encoded (proto/README.md, "Checksums"). */
import { crc32 } from './crc32.js';
import { highWord } from './wire.js';

const PREFIX_NUMBERS = 15;
const prefix = new Uint8Array(PREFIX_NUMBERS * 4);
const prefixView = new DataView(prefix.buffer);

/** CRC-32 of the counts and then the columns' bytes, `columns` in the order of BLOCK_COLUMNS (empty if absent). */
export function computeBlockChecksum(
  count: number,
  firstEvent: number,
  firstTick: number,
  codeBits: number,
  dtBits: number,
  columns: readonly Uint8Array[],
): number {
  let at = 0;
  const put = (value: number): void => {
    prefixView.setUint32(at, value, true);
    at += 4;
  };
  put(count);
  put(firstEvent >>> 0);
  put(highWord(firstEvent));
  put(firstTick >>> 0);
  put(highWord(firstTick));
  put(codeBits);
  put(dtBits);
  for (const column of columns) put(column.length);
  let crc = crc32(prefix);
  for (const column of columns) if (column.length > 0) crc = crc32(column, crc);
  return crc;
}

/** One step of End.checksum: the CRC so far, continued over one block checksum. */
export function chainChecksum(chain: number, checksum: number): number {
  chainView.setUint32(0, checksum, true);
  return crc32(chainBytes, chain);
}

const chainBytes = new Uint8Array(4);
const chainView = new DataView(chainBytes.buffer);
