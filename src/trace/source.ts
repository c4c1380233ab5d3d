/** Where trace bytes come from and go to. File-backed ones: commands/trace-files.ts. */

export interface ByteSource {
  /** What error messages call it. */
  readonly name: string;
  /** Total bytes, or -1 if unknown (a pipe). */
  readonly size: number;
  /**
   * Reads up to `length` bytes at byte `offset` of the source to the start of `target`.
   * Returns the number read; 0 only at the end. A source of unknown size is read once, without going back.
   */
  read(target: Uint8Array, offset: number, length: number): number;
  /** All bytes, if they are in memory anyway: the reader then looks at them without a copy. */
  readonly bytes?: Uint8Array;
}

export interface ByteTarget {
  readonly name: string;
  /** Appends; the callee takes the bytes before it returns. */
  write(bytes: Uint8Array): void;
  /** Overwrites bytes that have been written before. */
  writeAt(position: number, bytes: Uint8Array): void;
}

/** A source over bytes in memory. */
export function createMemorySource(bytes: Uint8Array, name = 'memory'): ByteSource {
  return { name, size: bytes.length, bytes, read: (target, offset, length) => copyOut(bytes, target, offset, length) };
}

function copyOut(bytes: Uint8Array, target: Uint8Array, offset: number, length: number): number {
  const part = bytes.subarray(offset, offset + length);
  target.set(part);
  return part.length;
}

export interface MemoryTarget extends ByteTarget {
  /** A copy of what has been written. */
  bytes(): Uint8Array;
}

/** A target that keeps everything in memory. */
export function createMemoryTarget(name = 'memory'): MemoryTarget {
  let store = new Uint8Array(4096);
  let size = 0;
  return {
    name,
    write(bytes) {
      if (size + bytes.length > store.length) {
        const larger = new Uint8Array(Math.max(store.length * 2, size + bytes.length));
        larger.set(store.subarray(0, size));
        store = larger;
      }
      store.set(bytes, size);
      size += bytes.length;
    },
    writeAt(position, bytes) {
      if (position + bytes.length > size) throw new RangeError(`writeAt beyond the ${size} bytes written`);
      store.set(bytes, position);
    },
    bytes: () => store.slice(0, size),
  };
}
