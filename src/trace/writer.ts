/** Events → trace file. Constant memory but for 24 bytes a block of index (and the tables of one block). */
import { assert } from '../base/errors.js';
import { chainChecksum } from './block-checksum.js';
import { createBlockEncoder } from './block-encoder.js';
import { crc32 } from './crc32.js';
import {
  createEventBlock,
  type EventSink,
  INTID_MASK,
  INTID_SHIFT,
  KIND_MASK,
  VCPU_MASK,
  VCPU_SHIFT,
} from './events.js';
import { createFrameWriter, LENGTH_BYTES } from './frame-writer.js';
import type { Gap, TraceHeader } from './header.js';
import { decodeHeader, encodeHeader } from './header-message.js';
import type { ByteTarget } from './source.js';
import {
  END_BLOCKS,
  END_CHECKSUM,
  END_EVENTS,
  END_INDEX_OFFSET,
  INDEX_CHECKSUM,
  INDEX_FIRST_EVENT,
  INDEX_FIRST_TICK,
  INDEX_OFFSET,
  MAX_BLOCK_EVENTS,
  MAX_HEADER_BYTES,
  TRACE_END,
  TRACE_HEADER,
  TRACE_HEADER_CHECKSUM,
  TRACE_INDEX,
} from './wire.js';

export interface TraceWriterOptions {
  /** Events a block, 1 to 65536 (default). */
  readonly blockEvents?: number;
  /** "smallest" (default): plain or dictionary, block by block. "plain": 12 bytes an event, no dictionary to expand. */
  readonly form?: 'smallest' | 'plain';
  /** Write the index (default true). */
  readonly index?: boolean;
  /** Bytes kept free after the header for what `finish` adds, if the header must be written before (default 16384). */
  readonly reserve?: number;
}

export interface TraceWriter extends EventSink {
  /** Events taken so far. */
  readonly events: number;
  /** Ticks from the start of the trace to the last event. */
  readonly ticks: number;
  /**
   * Writes what is left. `final` replaces fields of the header that were not known at the start; gaps that do not fit
   * into the reserve are joined into the last one (their lost events add up). Returns the size of the file in bytes.
   */
  finish(final?: Partial<TraceHeader>): number;
}

const DEFAULT_RESERVE = 16384;
const CHECKSUM_FRAME_BYTES = 5;
const INDEX_ENTRY_BYTES = 24;
const INDEX_OVERHEAD = 128;
const MAX_DT = 0xffffffff;
// Copies in this module: imported constants are not folded into the code of `event`.
const NOT_KIND: number = ~KIND_MASK;
const NOT_VCPU: number = ~VCPU_MASK;
const NOT_INTID: number = ~INTID_MASK;
const VCPU_AT: number = VCPU_SHIFT;
const INTID_AT: number = INTID_SHIFT;

/**
 * A writer of one trace to `target`. Throws InputError if the header describes no possible machine, and (a bug of the
 * caller) if an event does not fit into its fields or goes back in time.
 */
export function createTraceWriter(
  target: ByteTarget,
  header: TraceHeader,
  options: TraceWriterOptions = {},
): TraceWriter {
  const { blockEvents = MAX_BLOCK_EVENTS, form = 'smallest', index = true, reserve = DEFAULT_RESERVE } = options;
  assert(blockEvents >= 1 && blockEvents <= MAX_BLOCK_EVENTS, `blocks of ${blockEvents} events`);
  decodeHeader(encodeHeader(header), target.name);

  const encoder = createBlockEncoder(form);
  const block = createEventBlock(blockEvents);
  const offsets: number[] = [];
  const firstEvents: number[] = [];
  const firstTicks: number[] = [];
  let position = 0;
  let headerBytes = 0;
  let events = 0;
  let now = 0;
  let chain = 0;
  let finished = false;

  const append = (bytes: Uint8Array): void => {
    target.write(bytes);
    position += bytes.length;
  };

  const writeBlock = (): void => {
    if (block.count === 0) return;
    if (position === 0) {
      append(encodeHeaderFrames(header, encodeHeader(header).length + reserve));
      headerBytes = position;
    }
    const { frame, checksum } = encoder.encode(block, position);
    offsets.push(position);
    firstEvents.push(block.firstEvent);
    firstTicks.push(block.firstTick);
    append(frame);
    chain = chainChecksum(chain, checksum);
    block.count = 0;
  };

  return {
    get events() {
      return events;
    },
    get ticks() {
      return now;
    },

    event(kind, vcpu, intid, value, dt) {
      if (((kind & NOT_KIND) | (vcpu & NOT_VCPU) | (intid & NOT_INTID)) !== 0 || !(dt >= 0) || finished) {
        assert(!finished, 'event after finish');
        assert(false, `event ${events} does not fit: kind ${kind}, vCPU ${vcpu}, INTID ${intid}, dt ${dt}`);
      }
      now += dt;
      // A longer pause than the column holds starts a block, which has the full time of its first event.
      if (block.count === blockEvents || dt > MAX_DT) writeBlock();
      const at = block.count;
      if (at === 0) {
        assert(Number.isSafeInteger(now), `event ${events}: ${now} ticks is no exact integer`);
        block.firstEvent = events;
        block.firstTick = now;
      }
      block.word[at] = kind | (vcpu << VCPU_AT) | (intid << INTID_AT);
      block.value[at] = value;
      block.dt[at] = at === 0 ? 0 : dt;
      block.count = at + 1;
      events++;
    },

    finish(final = {}) {
      assert(!finished, 'finish twice');
      const complete = { ...header, ...final };
      decodeHeader(encodeHeader(complete), target.name);
      // A trace that fits into one block gets its header now, without reserve.
      if (position === 0) append(encodeHeaderFrames(complete, 0));
      else target.writeAt(0, encodeHeaderFrames(complete, 0, headerBytes));
      writeBlock();
      finished = true;
      const indexOffset = index && offsets.length > 0 ? position : 0;
      if (indexOffset !== 0) append(encodeIndex(position, offsets, firstEvents, firstTicks));
      append(encodeEnd(events, offsets.length, chain, indexOffset));
      return position;
    },
  };
}

/**
 * Header, its checksum and padding. `exact` = total bytes to fill (a header written before), joining gaps until it
 * fits; otherwise header plus room for `contents` header bytes.
 */
function encodeHeaderFrames(header: TraceHeader, contents: number, exact?: number): Uint8Array {
  let bytes = encodeHeader(header);
  const room = (exact ?? MAX_HEADER_BYTES) - 1 - LENGTH_BYTES - CHECKSUM_FRAME_BYTES;
  for (let gaps = header.gaps.length; bytes.length > room; gaps = Math.floor(gaps * 0.9)) {
    assert(gaps > 1, `the header grew to ${bytes.length} bytes, ${room} are reserved`);
    bytes = encodeHeader({ ...header, gaps: joinGaps(header.gaps, gaps - 1) });
  }
  const frames = 1 + LENGTH_BYTES + bytes.length + CHECKSUM_FRAME_BYTES;
  const total = exact ?? frames + padFor(frames, contents - bytes.length);
  // A rest of one byte is too short for a pad field: the length of the header takes it.
  const rest = total - frames;
  const out = createFrameWriter(total);
  out.start(0);
  out.bytes(TRACE_HEADER, bytes, rest === 1 ? LENGTH_BYTES + 1 : LENGTH_BYTES);
  out.fixed32(TRACE_HEADER_CHECKSUM, crc32(bytes));
  out.pad(rest === 1 ? 0 : rest);
  return out.frame();
}

/** Padding so that `frames` bytes end at a multiple of 8 with at least `spare` bytes to grow. */
function padFor(frames: number, spare: number): number {
  const least = Math.max(0, spare);
  return least + ((8 - ((frames + least) % 8)) % 8);
}

/** The first `keep` gaps, the last of which stands for all that follow. */
function joinGaps(gaps: readonly Gap[], keep: number): Gap[] {
  const last = gaps[keep - 1];
  const joined = gaps.slice(keep - 1);
  // One unknown number makes the sum unknown.
  const lost = joined.some((gap) => gap.lost === 0) ? 0 : joined.reduce((sum, gap) => sum + gap.lost, 0);
  const place = `${last.place} and ${joined.length - 1} more gaps after it`;
  return [...gaps.slice(0, keep - 1), { afterEvent: last.afterEvent, lost, place }];
}

function encodeIndex(position: number, offsets: number[], firstEvents: number[], firstTicks: number[]): Uint8Array {
  const columns = [offsets, firstEvents, firstTicks].map(asFixed64);
  const out = createFrameWriter(offsets.length * INDEX_ENTRY_BYTES + INDEX_OVERHEAD);
  out.start(position);
  const body = out.open(TRACE_INDEX);
  out.fixed32(
    INDEX_CHECKSUM,
    columns.reduce((crc, column) => crc32(column, crc), 0),
  );
  [INDEX_OFFSET, INDEX_FIRST_EVENT, INDEX_FIRST_TICK].forEach((field, column) => {
    out.column(field, columns[column]);
  });
  out.close(body);
  return out.frame();
}

function asFixed64(numbers: readonly number[]): Uint8Array {
  const bytes = new Uint8Array(numbers.length * 8);
  const view = new DataView(bytes.buffer);
  numbers.forEach((number, at) => {
    view.setBigUint64(at * 8, BigInt(number), true);
  });
  return bytes;
}

function encodeEnd(events: number, blocks: number, checksum: number, indexOffset: number): Uint8Array {
  const out = createFrameWriter(64);
  out.start(0);
  const body = out.open(TRACE_END);
  out.fixed64(END_EVENTS, events);
  out.fixed32(END_BLOCKS, blocks);
  out.fixed32(END_CHECKSUM, checksum);
  out.fixed64(END_INDEX_OFFSET, indexOffset);
  out.close(body);
  return out.frame();
}
