/** The bytes of a stream piece by piece, unpacked if they are gzip, with errors that name the file and the byte. */
import { pipeline, Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { InputError } from '../base/errors.js';

const UNPACKED_BYTES = 1 << 18;

export type Pieces = AsyncGenerator<Uint8Array, void, undefined>;

/**
 * What `raw` holds, unpacked. `file` ("-": standard input) is for messages; `onBytes` is told how many packed bytes were
 * read so far. Throws InputError if it cannot be read or is damaged.
 */
export async function* openPieces(
  file: string,
  raw: AsyncIterable<Uint8Array>,
  onBytes: (bytes: number) => void,
): Pieces {
  const name = file === '-' ? 'standard input' : file;
  const packed = countBytes(name, raw, onBytes);
  const { head, whole } = await takeHead(packed, 2);
  if (head[0] !== 0x1f || head[1] !== 0x8b) {
    yield* whole;
    return;
  }
  const gunzip = createGunzip({ chunkSize: UNPACKED_BYTES });
  // The error is thrown where the pieces are taken.
  pipeline(Readable.from(whole, { objectMode: false }), gunzip, () => {});
  try {
    yield* gunzip as AsyncIterable<Uint8Array>;
  } catch (error) {
    if (error instanceof InputError) throw error;
    const isCut = (error as NodeJS.ErrnoException).code === 'Z_BUF_ERROR';
    throw new InputError(
      name,
      `byte ${gunzip.bytesWritten}`,
      isCut ? 'the gzip data was cut off' : `damaged gzip data (${(error as Error).message})`,
      'copy the file again',
    );
  }
}

async function* countBytes(name: string, raw: AsyncIterable<Uint8Array>, onBytes: (bytes: number) => void): Pieces {
  let read = 0;
  try {
    for await (const piece of raw) {
      read += piece.length;
      onBytes(read);
      yield piece;
    }
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === undefined) throw error;
    const remedy = code === 'ENOENT' ? 'check the path' : 'check the file and its permissions';
    throw new InputError(name, `byte ${read}`, `cannot be read (${code})`, remedy);
  }
}

/** The first `length` bytes (fewer only at the end), and all of the pieces, those included. */
export async function takeHead(pieces: Pieces, length: number): Promise<{ head: Uint8Array; whole: Pieces }> {
  const taken: Uint8Array[] = [];
  for (let have = 0; have < length; ) {
    const { value, done } = await pieces.next();
    if (done) break;
    taken.push(value);
    have += value.length;
  }
  const head = taken.length === 1 ? taken[0] : Buffer.concat(taken);
  async function* readWhole(): Pieces {
    yield* taken;
    yield* pieces;
  }
  return { head: head.subarray(0, length), whole: readWhole() };
}
