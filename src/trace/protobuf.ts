/**
 * The schema as protobufjs sees it: codec of headers and reference decoder of whole files. The replay path reads blocks
 * with block-decoder.ts instead; tests hold the two together.
 */
import { readFileSync } from 'node:fs';
import protobuf from 'protobufjs';

// Seen from dist/src/trace, as published.
const SCHEMA_FILE = new URL('../../../proto/vgic/trace/v1/trace.proto', import.meta.url);

let root: protobuf.Root | undefined;

/** The message type `vgic.trace.v1.<name>`. */
export function lookupMessage(name: 'Trace' | 'Header'): protobuf.Type {
  root ??= protobuf.parse(readFileSync(SCHEMA_FILE, 'utf8')).root;
  return root.lookupType(`vgic.trace.v1.${name}`);
}

/** Events of a whole file in columns, and the rest as plain objects. For tests and small files: everything in memory. */
export interface DecodedTrace {
  readonly header: Record<string, unknown>;
  readonly blocks: number;
  readonly word: number[];
  readonly value: number[];
  /** Ticks since the start of the trace, one an event. */
  readonly tick: number[];
  /** The End message, or undefined in a file that was cut off. */
  readonly end: { events: number; blocks: number } | undefined;
}

interface BlockMessage {
  count: number;
  firstEvent: number;
  firstTick: number;
  word: number[];
  value: number[];
  dt: number[];
  dictWord: number[];
  dictValue: number[];
  code: number[];
  codeBits: number;
  dtCode: number[];
  dtBits: number;
  dtEscape: number[];
}

const PLAIN_OBJECT = { longs: Number, defaults: true, arrays: true } as const;

/** Decodes a file with protobufjs alone: no checksum is looked at. Throws what protobufjs throws. */
export function decodeTrace(bytes: Uint8Array): DecodedTrace {
  const type = lookupMessage('Trace');
  const trace = type.toObject(type.decode(bytes), PLAIN_OBJECT) as {
    header: Record<string, unknown>;
    blocks: BlockMessage[];
    end: { events: number; blocks: number } | null;
  };
  const word: number[] = [];
  const value: number[] = [];
  const tick: number[] = [];
  for (const block of trace.blocks) {
    let now = block.firstTick;
    let nextEscape = 0;
    for (let event = 0; event < block.count; event++) {
      if (block.codeBits === 0) {
        word.push(block.word[event] | 0);
        value.push(block.value[event] | 0);
        now += block.dt[event];
      } else {
        const code = unpack(block.code, block.codeBits, event);
        word.push(block.dictWord[code] | 0);
        value.push(block.dictValue[code] | 0);
        const dt = block.dtBits === 0 ? 0 : unpack(block.dtCode, block.dtBits, event);
        now += block.dtBits !== 0 && dt === 2 ** block.dtBits - 1 ? block.dtEscape[nextEscape++] : dt;
      }
      tick.push(now);
    }
  }
  return { header: trace.header, blocks: trace.blocks.length, word, value, tick, end: trace.end ?? undefined };
}

function unpack(words: readonly number[], bits: number, index: number): number {
  const perWord = 32 / bits;
  return (words[Math.floor(index / perWord)] >>> ((index % perWord) * bits)) & (2 ** bits - 1);
}

/** Decodes and encodes again, as a foreign protobuf tool would: fields in order of number, columns unaligned. */
export function reserializeTrace(bytes: Uint8Array): Uint8Array {
  const type = lookupMessage('Trace');
  return type.encode(type.decode(bytes)).finish();
}
