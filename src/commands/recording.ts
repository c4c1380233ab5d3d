/** Opens what may be a recording and tells what it is; what imports it is loaded by who does that. */
import { createReadStream, existsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { InputError } from '../base/errors.js';
import { hasMagic } from '../trace/magic.js';
import { type Format, isFtraceText } from './formats.js';
import { openPieces, takeHead } from './pieces.js';

/** A source that was opened and looked at; nothing of it is lost, so it may be a pipe. */
export interface Recording {
  /** Path, or "-". */
  readonly file: string;
  readonly format: Format;
  /** Bytes of the file as it lies on the disk, or -1 for a pipe. */
  readonly size: number;
  /** How often `importRecording` reads it. */
  readonly passes: 1 | 2;
  /** The unpacked bytes, once. `onBytes` is told how many packed bytes were read so far. */
  pieces(onBytes?: (bytes: number) => void): AsyncIterable<Uint8Array>;
  /** Needed if `pieces` was not read to its end. */
  close(): Promise<void>;
}

export const TRACE_NAMES = ['trace.txt', 'trace.txt.gz'];
const HEAD_BYTES = 65536;

/** The file a path stands for: a recording folder stands for the ftrace text in it. */
function sourceFileOf(path: string): string {
  if (path === '-' || !existsSync(path) || !statSync(path).isDirectory()) return path;
  const found = TRACE_NAMES.map((name) => join(path, name)).find((file) => existsSync(file));
  if (found !== undefined) return found;
  throw new InputError(path, 'folder', `holds no ${TRACE_NAMES.join(' or ')}`, 'name a recording folder or a file');
}

/** Opens `path` ("-": standard input) and, unless `format` is given, tells by its first bytes what it is. */
export async function openRecording(path: string, format?: Format): Promise<Recording> {
  const file = sourceFileOf(path);
  let read = 0;
  let tell = (_bytes: number): void => {};
  const pieces = openPieces(file, createRaw(file), (bytes) => {
    read = bytes;
    tell(bytes);
  });
  const { head, whole } = await takeHead(pieces, HEAD_BYTES);
  const stat = file === '-' ? undefined : statSync(file);
  const size = stat?.isFile() ? stat.size : -1;
  const close = async (): Promise<void> => void (await pieces.return());
  let found: Format;
  try {
    found = format ?? (hasMagic(head) ? 'vgt' : (await import('./detect-format.js')).detectFormat(nameOf(file), head));
  } catch (error) {
    await close();
    throw error;
  }
  return {
    file,
    format: found,
    size,
    passes: (isFtraceText(found) || found === 'perfetto') && size >= 0 ? 2 : 1,
    pieces(onBytes = () => {}) {
      tell = onBytes;
      onBytes(read);
      return whole;
    },
    close,
  };
}

export const nameOf = (file: string): string => (file === '-' ? 'standard input' : file);

export const createRaw = (file: string): AsyncIterable<Uint8Array> =>
  file === '-' ? process.stdin : createReadStream(file, { highWaterMark: 1 << 18 });
