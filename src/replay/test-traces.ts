/** Test support: event files and traces of traces/ as replayable events in memory. */
import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { importVgr1 } from '../import/vgr1.js';
import type { EventBlock, EventSink } from '../trace/events.js';
import { createEventBlock, packWord } from '../trace/events.js';
import type { TraceHeader } from '../trace/header.js';
import type { BlockSource } from './replay.js';

/** traces/ of the project, seen from dist/src/replay. */
export const tracesFolder = new URL('../../../traces/', import.meta.url);

export const readGzip = (path: string): Buffer => gunzipSync(readFileSync(new URL(path, tracesFolder)));

export interface EventColumns {
  readonly word: number[];
  readonly value: number[];
  readonly sink: EventSink;
}

export function collectEvents(): EventColumns {
  const word: number[] = [];
  const value: number[] = [];
  return {
    word,
    value,
    sink: {
      event(kind, vcpu, intid, eventValue) {
        word.push(packWord(kind, vcpu, intid));
        value.push(eventValue | 0);
      },
    },
  };
}

export function sourceOf(header: TraceHeader, word: ArrayLike<number>, value: ArrayLike<number>): BlockSource {
  let done = false;
  return {
    header,
    next(block: EventBlock): boolean {
      if (done) return false;
      done = true;
      Object.assign(block, createEventBlock(), {
        count: word.length,
        word: Int32Array.from(word),
        value: Int32Array.from(value),
        dt: new Int32Array(word.length),
      });
      return true;
    },
  };
}

/** An event file below traces/, e.g. `golden/typical-s01.bin.gz`. */
export function readVgr1(path: string): { header: TraceHeader; word: Int32Array; value: Int32Array } {
  const columns = collectEvents();
  const header = importVgr1(readGzip(path), path, columns.sink);
  return { header, word: Int32Array.from(columns.word), value: Int32Array.from(columns.value) };
}

/** A long recording made short: its first events, of the first block alone. */
export function firstEvents(source: BlockSource, most: number): BlockSource {
  let isRead = false;
  return {
    header: source.header,
    next(block) {
      if (isRead || !source.next(block)) return false;
      isRead = true;
      block.count = Math.min(block.count, most);
      return true;
    },
  };
}
