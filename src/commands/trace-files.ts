/** Files, pipes and gzip behind the byte sources and targets of trace/. */
import { createHash } from 'node:crypto';
import { closeSync, fstatSync, openSync, readSync, renameSync, rmSync, writeSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { InputError, UsageError } from '../base/errors.js';
import { type ByteSource, type ByteTarget, createMemorySource } from '../trace/source.js';

const STDIN = 0;
/** A gzip file is unpacked as a whole: this much at most, packed and unpacked. */
export const MAX_GUNZIP_BYTES = 256 << 20;
const CHUNK_BYTES = 1 << 20;

export interface FileSource extends ByteSource {
  close(): void;
}

/**
 * The bytes of a file, of a pipe, or of standard input ("-"). A file in gzip form is unpacked into memory first.
 * Throws InputError if there is no such file or it cannot be read.
 */
export function openFileSource(path: string): FileSource {
  const name = path === '-' ? 'standard input' : path;
  const fd = path === '-' ? STDIN : openForReading(path);
  const close = (): void => {
    if (fd !== STDIN) closeSync(fd);
  };
  try {
    const stat = fstatSync(fd);
    if (stat.isDirectory()) throw new InputError(name, 'byte 0', 'is a directory', 'name a file in it');
    const source = stat.isFile() && fd !== STDIN ? fileSource(fd, name, stat.size) : pipeSource(fd, name);
    const head = new Uint8Array(2);
    // Looks at the first bytes without taking them away from the reader.
    if (source.peek(head) === 2 && head[0] === 0x1f && head[1] === 0x8b) {
      const unpacked = gunzip(source, name);
      close();
      return { ...createMemorySource(unpacked, name), close: () => {} };
    }
    return { name, size: source.size, read: source.read, close };
  } catch (error) {
    close();
    throw error;
  }
}

interface PeekableSource extends ByteSource {
  /** Copies the first bytes; returns how many there are. */
  peek(target: Uint8Array): number;
}

function openForReading(path: string): number {
  try {
    return openSync(path, 'r');
  } catch (error) {
    throw new InputError(path, 'byte 0', `cannot be opened (${codeOf(error)})`, 'check the path and its permissions');
  }
}

const codeOf = (error: unknown): string => (error as NodeJS.ErrnoException).code ?? String(error);

function fileSource(fd: number, name: string, size: number): PeekableSource {
  const read = (target: Uint8Array, offset: number, length: number): number => readAt(fd, name, target, length, offset);
  return { name, size, read, peek: (target) => read(target, 0, target.length) };
}

/** A pipe is read once; what `peek` took is handed out first. */
function pipeSource(fd: number, name: string): PeekableSource {
  const kept = new Uint8Array(16);
  let nrKept = 0;
  return {
    name,
    size: -1,
    peek(target) {
      while (nrKept < target.length) {
        const got = readAt(fd, name, kept.subarray(nrKept), target.length - nrKept, null);
        if (got === 0) break;
        nrKept += got;
      }
      target.set(kept.subarray(0, Math.min(nrKept, target.length)));
      return Math.min(nrKept, target.length);
    },
    read(target, offset, length) {
      if (offset >= nrKept) return readAt(fd, name, target, length, null);
      const part = kept.subarray(offset, Math.min(nrKept, offset + length));
      target.set(part);
      return part.length;
    },
  };
}

function readAt(fd: number, name: string, target: Uint8Array, length: number, offset: number | null): number {
  for (;;) {
    try {
      return readSync(fd, target, 0, Math.min(length, target.length), offset);
    } catch (error) {
      const code = codeOf(error);
      if (code === 'EOF') return 0;
      // A pipe set to non-blocking by its other end has nothing yet.
      if (code !== 'EAGAIN')
        throw new InputError(name, `byte ${offset ?? '?'}`, `cannot be read (${code})`, 'check the file');
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 5);
    }
  }
}

function gunzip(source: ByteSource, name: string): Uint8Array {
  const limit = `${MAX_GUNZIP_BYTES >> 20} MiB`;
  const remedy = 'unpack it with "gzip -d" and name the unpacked file';
  const packed = readAll(source, MAX_GUNZIP_BYTES);
  if (packed === undefined) throw new InputError(name, 'byte 0', `gzip data of more than ${limit}`, remedy);
  try {
    return gunzipSync(packed, { maxOutputLength: MAX_GUNZIP_BYTES });
  } catch (error) {
    if (codeOf(error) === 'ERR_BUFFER_TOO_LARGE') {
      throw new InputError(name, 'byte 0', `unpacks to more than ${limit}`, remedy);
    }
    throw new InputError(name, `byte ${packed.length}`, `damaged gzip data (${codeOf(error)})`, 'copy the file again');
  }
}

/** Everything a source holds, or undefined if that is more than `most` bytes. */
export function readAll(source: ByteSource, most: number): Uint8Array | undefined {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for (;;) {
    const chunk = new Uint8Array(source.size >= 0 ? Math.min(CHUNK_BYTES, source.size - size + 1) : CHUNK_BYTES);
    const got = source.read(chunk, size, chunk.length);
    if (got === 0) return Buffer.concat(chunks, size);
    chunks.push(chunk.subarray(0, got));
    size += got;
    if (size > most) return undefined;
  }
}

/** sha256 of what `source` holds (unpacked, if it is gzip), lower-case hex: the name of a trace in results. */
export function hashSource(source: ByteSource): string {
  const hash = createHash('sha256');
  if (source.bytes !== undefined) return hash.update(source.bytes).digest('hex');
  const chunk = new Uint8Array(CHUNK_BYTES);
  for (let offset = 0; ; ) {
    const got = source.read(chunk, offset, chunk.length);
    if (got === 0) return hash.digest('hex');
    hash.update(chunk.subarray(0, got));
    offset += got;
  }
}

export interface FileTarget extends ByteTarget {
  /** Gives the file its name. Until then nothing of that name is touched. */
  commit(): void;
  /** Removes what was written. Does nothing after `commit`. */
  abort(): void;
}

/** Writes `path.partial` and renames it on `commit`. Throws UsageError if it cannot be made. */
export function createFileTarget(path: string): FileTarget {
  const partial = `${path}.partial`;
  let fd: number;
  try {
    fd = openSync(partial, 'w');
  } catch (error) {
    throw new UsageError(`${path}: cannot be written (${codeOf(error)}); name a file in a writable folder`);
  }
  let isOpen = true;
  const close = (): void => {
    closeSync(fd);
    isOpen = false;
  };
  const writeAll = (bytes: Uint8Array, position: number | null): void => {
    for (let at = 0; at < bytes.length; ) {
      try {
        at += writeSync(fd, bytes, at, bytes.length - at, position === null ? null : position + at);
      } catch (error) {
        throw new UsageError(`${path}: cannot be written (${codeOf(error)}); check the space left on the disk`);
      }
    }
  };
  return {
    name: path,
    write: (bytes) => writeAll(bytes, null),
    writeAt: (position, bytes) => writeAll(bytes, position),
    commit() {
      close();
      try {
        renameSync(partial, path);
      } catch (error) {
        rmSync(partial, { force: true });
        throw new UsageError(`${path}: cannot be written (${codeOf(error)}); name a file, not a folder`);
      }
    },
    abort() {
      if (!isOpen) return;
      close();
      rmSync(partial, { force: true });
    },
  };
}
