/** Every shipped trace, read three ways: by the framer, by protobufjs, and by writing its events again, byte for byte. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import protobuf from 'protobufjs';
import { createEventBlock, wordIntid, wordKind, wordVcpu } from './events.js';
import { decodeTrace } from './protobuf.js';
import { openTrace } from './reader.js';
import { createMemorySource, createMemoryTarget } from './source.js';
import { TRACE_BLOCKS, TRACE_INDEX } from './wire.js';
import { createTraceWriter } from './writer.js';

const folder = new URL('../../../traces/recorded/', import.meta.url);
/** The blocks as they stand in the file, tags and padding included; the header before them has room of its own. */
function blockBytes(bytes: Uint8Array): Buffer {
  const reader = protobuf.Reader.create(bytes);
  let from = -1;
  let to = bytes.length;
  while (reader.pos < reader.len) {
    const at = reader.pos;
    const tag = reader.uint32();
    if (tag >>> 3 === TRACE_BLOCKS && from < 0) from = at;
    if (tag >>> 3 === TRACE_INDEX) to = Math.min(to, at);
    reader.skipType(tag & 7);
  }
  return Buffer.from(bytes.subarray(from, to));
}

const files = readdirSync(folder).filter((name) => name.endsWith('.vgt'));

test('there are recordings', () => assert.equal(files.length, 22));

for (const file of files) {
  test(`${file}: framer, protobufjs and the raw bytes agree`, () => {
    const bytes = readFileSync(new URL(file, folder));
    const reference = decodeTrace(bytes);
    const reader = openTrace(createMemorySource(bytes, file));
    const target = createMemoryTarget(file);
    const writer = createTraceWriter(target, reader.header);
    const block = createEventBlock();
    let event = 0;
    let last = 0;
    let differences = 0;
    while (reader.next(block)) {
      let tick = block.firstTick;
      for (let i = 0; i < block.count; i++, event++) {
        tick += block.dt[i] >>> 0;
        const word = block.word[i];
        if (
          word !== reference.word[event] ||
          block.value[i] !== reference.value[event] ||
          tick !== reference.tick[event]
        )
          differences++;
        writer.event(wordKind(word), wordVcpu(word), wordIntid(word), block.value[i], tick - last);
        last = tick;
      }
    }
    writer.finish();
    assert.equal(differences, 0);
    assert.equal(event, reference.word.length);
    assert.equal(event, reference.end?.events);
    assert.ok(blockBytes(target.bytes()).equals(blockBytes(bytes)), 'written again, the blocks are other bytes');
  });
}
