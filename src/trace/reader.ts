/**
 * Trace file → blocks of columns, one by one in constant memory. The framer is our own and does a fixed amount of work a
 * block; protobuf.ts decodes the same file the ordinary way. Layout and rules: proto/README.md.
 */
import { InputError } from '../base/errors.js';
import { chainChecksum } from './block-checksum.js';
import { createBlockDecoder } from './block-decoder.js';
import { createByteWindow } from './byte-window.js';
import { crc32 } from './crc32.js';
import type { EventBlock } from './events.js';
import type { TraceHeader } from './header.js';
import { decodeHeader } from './header-message.js';
import { checkMagic, MAGIC_BYTES } from './magic.js';
import { parseMessage } from './message-fields.js';
import type { ByteSource } from './source.js';
import { readIndex, type TraceIndex } from './trace-index.js';
import {
  END_BLOCKS,
  END_CHECKSUM,
  END_EVENTS,
  MAX_BLOCK_BYTES,
  MAX_HEADER_BYTES,
  PAD,
  TRACE_BLOCKS,
  TRACE_END,
  TRACE_HEADER,
  TRACE_HEADER_CHECKSUM,
  WIRE_FIXED32,
  WIRE_FIXED64,
  WIRE_LEN,
  WIRE_VARINT,
} from './wire.js';

export interface OpenTraceOptions {
  /** Take what is there of a file that was cut off; `truncatedAt` then says where. Default: InputError. */
  readonly allowTruncated?: boolean;
  /** Compare every block with its checksum. Default true. */
  readonly verifyChecksums?: boolean;
  /** Fill `block.dt`. Default true; a replay that does not look at time is faster without. */
  readonly times?: boolean;
}

export interface TraceReader {
  /** What error messages call the file. */
  readonly name: string;
  readonly header: TraceHeader;
  /**
   * Reads the next block and returns true; false after the last one. The arrays of `block` are views of buffers that
   * the following call overwrites. Throws InputError when the file is damaged or, without `allowTruncated`, cut off.
   */
  next(block: EventBlock): boolean;
  /** Byte offset at which a cut-off file ends, or null. Known once `next` has returned false. */
  readonly truncatedAt: number | null;
  /** Events read or passed so far: the index of the event that the next block begins with. */
  readonly events: number;
  /**
   * Makes `next` read the block that holds `event` (by the index; without one by passing the blocks before it).
   * Returns false if the trace ends before. Not for sources of unknown size.
   */
  seekEvent(event: number): boolean;
  /** As seekEvent, to the last block that begins at or before `tick` (ticks since the start of the trace). */
  seekTick(tick: number): boolean;
}

const CUT_OFF = 'read what is left with info or replay and --allow-truncated, or import the recording again';
const DAMAGED = 'the file is damaged: copy it again or import the recording again';
/** Tag and length of a frame. */
const MAX_FRAME_HEAD = 15;
const MAX_END_BYTES = 4096;

/** Opens a trace: reads and checks its header. Throws InputError if it is no trace, or none that can be read. */
export function openTrace(source: ByteSource, options: OpenTraceOptions = {}): TraceReader {
  const { allowTruncated = false, verifyChecksums = true, times = true } = options;
  const file = source.name;
  const window = createByteWindow(source);
  const decoder = createBlockDecoder(file, { verifyChecksums, times });

  // The frame at hand, filled by readFrame: one object for the whole trace.
  const frame = { field: 0, wire: 0, offset: 0, body: 0, length: 0 };
  let position = 0;
  let events = 0;
  let blocks = 0;
  let lastTick = 0;
  let chain = 0;
  let headerSum = 0;
  let isHeaderVerified = false;
  let isSequential = true;
  let isEnded = false;
  let firstFrame = 0;
  let isDone = false;
  let truncatedAt: number | null = null;
  let index: TraceIndex | undefined | null = null;

  const refuse = (offset: number, what: string, remedy = DAMAGED): never => {
    throw new InputError(file, `byte ${offset}`, what, remedy);
  };

  /** Ends the trace at a place where bytes are missing. */
  const cutOff = (offset: number, what: string): false => {
    if (!allowTruncated) refuse(offset, what, CUT_OFF);
    truncatedAt = offset;
    isDone = true;
    return false;
  };

  /** Reads tag and length at `position`; false at the end of the file, or where it was cut off. */
  const readFrame = (): boolean => {
    if (!window.ensure(position, 1)) return !isEnded ? cutOff(position, 'the file was cut off: no End') : false;
    window.ensure(position, MAX_FRAME_HEAD);
    const have = Math.min(window.available(position), MAX_FRAME_HEAD);
    const { arena } = window;
    const first = window.indexOf(position);
    let at = 0;
    const readVarint = (): number => {
      let number = 0;
      for (let shift = 0; shift < 49; shift += 7) {
        if (at >= have) return -1;
        const byte = arena[first + at++];
        number += (byte & 0x7f) * 2 ** shift;
        if (byte < 0x80) return number;
      }
      return refuse(position, 'no frame begins here');
    };
    const tag = readVarint();
    if (tag < 0) return cutOff(position, 'the file was cut off in a tag');
    frame.field = Math.floor(tag / 8);
    frame.wire = tag % 8;
    frame.offset = position;
    if (frame.field === 0) refuse(position, 'no frame begins here');
    if (frame.wire === WIRE_LEN || frame.wire === WIRE_VARINT) {
      const number = readVarint();
      if (number < 0) return cutOff(position, 'the file was cut off in a length');
      frame.length = frame.wire === WIRE_LEN ? number : 0;
    } else if (frame.wire === WIRE_FIXED32) {
      frame.length = 4;
    } else if (frame.wire === WIRE_FIXED64) {
      frame.length = 8;
    } else {
      refuse(position, `unknown wire type ${frame.wire}`);
    }
    frame.body = position + at;
    position = frame.body + frame.length;
    return true;
  };

  /** Makes the body of the frame at hand available; false where the file was cut off. */
  const loadBody = (what: string, most: number): boolean => {
    if (frame.length > most) refuse(frame.offset, `${what} of ${frame.length} bytes; ${most} are possible`);
    if (window.ensure(frame.body, frame.length)) return true;
    return cutOff(frame.offset, `the file was cut off in ${what}`);
  };

  const bodyBytes = (): Uint8Array => {
    const at = window.indexOf(frame.body);
    return window.arena.subarray(at, at + frame.length);
  };

  /** Passes the body of the frame at hand, which nobody needs; false where the file was cut off. */
  const skipBody = (): boolean => {
    if (source.size >= 0) {
      return position <= source.size || cutOff(frame.offset, 'the file was cut off in a frame');
    }
    // A pipe: the bytes have to be read to be passed.
    for (let at = frame.body; at < position; at += MAX_HEADER_BYTES) {
      if (!window.ensure(at, Math.min(MAX_HEADER_BYTES, position - at))) {
        return cutOff(frame.offset, 'the file was cut off in a frame');
      }
    }
    return true;
  };

  const readHeader = (): TraceHeader => {
    window.ensure(0, MAGIC_BYTES);
    const head = window.indexOf(0);
    checkMagic(file, window.arena.subarray(head, head + Math.min(MAGIC_BYTES, window.available(0))));
    if (!readFrame() || !loadBody('the header', MAX_HEADER_BYTES)) {
      throw new InputError(
        file,
        `byte ${frame.offset}`,
        'the file was cut off in its header',
        'import the recording again',
      );
    }
    const bytes = bodyBytes().slice();
    headerSum = crc32(bytes);
    firstFrame = position;
    // The file of another tool may have this frame after the blocks: then it is checked there.
    if (!(readFrame() && frame.field === TRACE_HEADER_CHECKSUM && takeHeaderChecksum())) jump(firstFrame, 0);
    return decodeHeader(bytes, file);
  };

  const takeHeaderChecksum = (): boolean => {
    if (frame.wire !== WIRE_FIXED32) refuse(frame.offset, 'a header checksum of the wrong type');
    if (!loadBody('the header checksum', 4)) return false;
    const [b0, b1, b2, b3] = bodyBytes();
    if ((b0 | (b1 << 8) | (b2 << 16) | (b3 << 24)) >>> 0 !== headerSum)
      refuse(frame.offset, 'wrong checksum of the header');
    isHeaderVerified = true;
    return true;
  };

  const takeBlock = (block: EventBlock): boolean => {
    if (frame.wire !== WIRE_LEN) refuse(frame.offset, 'a block of the wrong type');
    if (!loadBody('a block', MAX_BLOCK_BYTES)) return false;
    const checksum = decoder.decode(window.arena, window.indexOf(frame.body), frame.length, frame.body, block);
    if (block.firstEvent !== events) {
      refuse(frame.offset, `a block begins with event ${block.firstEvent} where event ${events} is expected`);
    }
    if (block.firstTick < lastTick) refuse(frame.offset, 'a block begins before the one in front of it');
    lastTick = block.firstTick;
    events += block.count;
    blocks++;
    chain = chainChecksum(chain, checksum);
    return true;
  };

  const takeEnd = (): boolean => {
    if (frame.wire !== WIRE_LEN) refuse(frame.offset, 'an End of the wrong type');
    if (!loadBody('the End', MAX_END_BYTES)) return false;
    const fields = parseMessage(bodyBytes());
    if (fields === undefined) return refuse(frame.offset, 'the End cannot be decoded');
    const written = fields.fixed64(END_EVENTS);
    if (written !== events) refuse(frame.offset, `${events} events were read, ${written} were written`);
    if (isSequential && (fields.fixed32(END_BLOCKS) !== blocks || fields.fixed32(END_CHECKSUM) !== chain)) {
      refuse(frame.offset, 'the blocks are not those that were written');
    }
    isEnded = true;
    if (!isHeaderVerified) refuse(frame.offset, 'the checksum of the header is missing');
    return true;
  };

  const next = (block: EventBlock): boolean => {
    while (!isDone && readFrame()) {
      if (isEnded && frame.field !== PAD) {
        const what = frame.field === TRACE_HEADER ? 'a second trace begins' : 'bytes follow';
        refuse(frame.offset, `${what} after the end of the trace`, 'cut the file here');
      }
      if (frame.field === TRACE_BLOCKS) return takeBlock(block);
      if (frame.field === TRACE_HEADER) refuse(frame.offset, 'a second header');
      let isComplete: boolean;
      if (frame.field === TRACE_END) isComplete = takeEnd();
      else if (frame.field === TRACE_HEADER_CHECKSUM) isComplete = takeHeaderChecksum();
      else isComplete = skipBody();
      if (!isComplete) break;
    }
    isDone = true;
    return false;
  };

  /** Goes to the block at `offset`, which begins with `firstEvent`. */
  const jump = (offset: number, firstEvent: number): void => {
    position = offset;
    events = firstEvent;
    lastTick = 0;
    blocks = 0;
    chain = 0;
    isEnded = false;
    isDone = false;
    truncatedAt = null;
    isSequential = offset === firstFrame;
  };

  const header = readHeader();

  /** Shared by both seeks: `isBefore(block)` = the block, given by its first event and tick, is not past the goal. */
  const seek = (
    isBefore: (firstEvent: number, firstTick: number) => boolean,
    reaches: (lastEvent: number) => boolean,
  ): boolean => {
    if (source.size < 0)
      throw new InputError(file, 'byte 0', 'a pipe cannot be read from the middle', 'save it to a file');
    if (index === null) index = readIndex(source);
    jump(firstFrame, 0);
    if (index !== undefined) {
      const at = index.findLast(isBefore);
      if (at > 0) jump(index.offset[at], index.firstEvent[at]);
    }
    return passBlocks(isBefore, reaches);
  };

  /** Reads blocks until the next one is past the goal, then goes back to the last that is not. */
  const passBlocks = (
    isBefore: (firstEvent: number, firstTick: number) => boolean,
    reaches: (lastEvent: number) => boolean,
  ): boolean => {
    const probe: EventBlock = { count: 0, firstTick: 0, firstEvent: 0, word: NONE, value: NONE, dt: NONE };
    let found = -1;
    let foundEvent = 0;
    let foundLast = -1;
    while (next(probe)) {
      if (!isBefore(probe.firstEvent, probe.firstTick)) break;
      found = frame.offset;
      foundEvent = probe.firstEvent;
      foundLast = probe.firstEvent + probe.count - 1;
      if (reaches(foundLast)) break;
    }
    if (found < 0 || !reaches(foundLast)) return false;
    jump(found, foundEvent);
    return true;
  };

  return {
    name: file,
    header,
    next,
    get truncatedAt() {
      return truncatedAt;
    },
    get events() {
      return events;
    },
    seekEvent: (event) =>
      seek(
        (firstEvent) => firstEvent <= event,
        (lastEvent) => lastEvent >= event,
      ),
    seekTick: (tick) =>
      seek(
        (_, firstTick) => firstTick <= tick,
        () => true,
      ),
  };
}

const NONE = new Int32Array(0);
