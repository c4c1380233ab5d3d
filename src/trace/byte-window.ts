/**
 * A moving view of a byte source. The arena index of a byte is its file offset modulo 8, so that what is aligned in
 * the file is aligned in memory and columns can be viewed as typed arrays without a copy.
 */
import type { ByteSource } from './source.js';

const ALIGNMENT = 8;
/** Read ahead this much: few system calls, yet small beside the process itself. */
const ARENA_BYTES = 4 << 20;
/** A source of unknown size may be tiny. */
const FIRST_PIPE_ARENA = 1 << 16;

export interface ByteWindow {
  /** Where the bytes are. Take it anew after every `ensure`. */
  readonly arena: Uint8Array;
  /**
   * Makes bytes `offset` to `offset + length` available and returns true; false if the source ends before. Allocates
   * no more than the source holds.
   */
  ensure(offset: number, length: number): boolean;
  /** Arena index of the byte at file `offset`, which `ensure` has made available. */
  indexOf(offset: number): number;
  /** Bytes available from `offset` on without reading. */
  available(offset: number): number;
}

/** A window over `source`; a source that is in memory is viewed as a whole. */
export function createByteWindow(source: ByteSource): ByteWindow {
  if (source.bytes !== undefined) return viewWhole(source.bytes);
  const known = source.size >= 0;
  let arena = new Uint8Array(known ? Math.min(ARENA_BYTES, source.size + 2 * ALIGNMENT) : FIRST_PIPE_ARENA);
  // Arena index = file offset - base; base is a multiple of ALIGNMENT. The arena holds bytes begin to end of the file.
  let base = 0;
  let begin = 0;
  let end = 0;

  const moveTo = (offset: number, length: number): void => {
    const from = offset - base;
    base = offset - (offset % ALIGNMENT);
    begin = offset;
    const room = offset - base + length;
    if (room <= arena.length) {
      if (end > offset) arena.copyWithin(offset - base, from, from + end - offset);
    } else {
      const larger = new Uint8Array(Math.max(room, known ? 0 : Math.min(2 * arena.length, ARENA_BYTES)));
      if (end > offset) larger.set(arena.subarray(from, from + end - offset), offset - base);
      arena = larger;
    }
  };

  return {
    get arena() {
      return arena;
    },
    ensure(offset, wanted) {
      if (offset >= begin && offset + wanted <= end) return true;
      // What there is of it becomes available all the same, so that a caller can look at a short file.
      const length = known ? Math.min(wanted, Math.max(0, source.size - offset)) : wanted;
      // Going back (seek), or leaping ahead: nothing in the arena is of use.
      if (offset < begin || offset > end) end = offset;
      moveTo(offset, length);
      while (end < offset + length) {
        const got = source.read(arena.subarray(end - base), end, arena.length - (end - base));
        if (got === 0) return false;
        end += got;
      }
      return length === wanted;
    },
    indexOf: (offset) => offset - base,
    available: (offset) => Math.max(0, end - offset),
  };
}

function viewWhole(bytes: Uint8Array): ByteWindow {
  return {
    arena: bytes,
    ensure: (offset, length) => offset + length <= bytes.length,
    indexOf: (offset) => offset,
    available: (offset) => Math.max(0, bytes.length - offset),
  };
}
