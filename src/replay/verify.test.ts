/** Every shipped recording against the LRs it recorded; and that verify finds, and rightly blames, what is broken on purpose. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import * as K from '../trace/events.js';
import { openTrace } from '../trace/reader.js';
import { createMemorySource } from '../trace/source.js';
import type { BlockSource } from './replay.js';
import { collectEvents, sourceOf, tracesFolder } from './test-traces.js';
import { type VerifyRecord, verifyTrace } from './verify.js';

const open = (name: string): BlockSource =>
  openTrace(createMemorySource(readFileSync(new URL(`recorded/${name}`, tracesFolder)), name));

/** The recording with events replaced: `edit` returns the new word and value, or undefined to make it a NOP. */
function edited(
  name: string,
  edit: (word: number, value: number, event: number) => readonly [number, number] | undefined,
): VerifyRecord {
  const source = open(name);
  return verifyTrace({
    header: source.header,
    next(block) {
      if (!source.next(block)) return false;
      block.dictionary = undefined;
      const word = block.word.slice(0, block.count);
      const value = block.value.slice(0, block.count);
      for (let i = 0; i < block.count; i++) {
        const now = edit(word[i], value[i], block.firstEvent + i);
        [word[i], value[i]] = now ?? [K.packWord(K.NOP, 0, 0), 0];
      }
      block.word = word;
      block.value = value;
      return true;
    },
  });
}

const recordings = readdirSync(new URL('recorded/', tracesFolder)).filter((name) => name.endsWith('.vgt'));

for (const name of recordings) {
  test(`${name}: the model fills the list registers as the recorded kernel did`, () => {
    const source = open(name);
    const record = verifyTrace(source);
    const { nrVcpus, model } = source.header.machine;
    const least = nrVcpus === 1 ? 1 : model === 'gicv3' ? 0.9999 : 0.997;
    assert.ok(record.entries > 3000);
    assert.ok(record.identical >= least * record.entries, `${record.identical} of ${record.entries}`);
    assert.ok(record.uieIdentical >= record.identical);
    assert.equal(record.explained, record.entries - record.identical);
    assert.equal(record.unexplained, 0);
    if (nrVcpus === 1) assert.equal(record.reordered, 0);
    assert.equal(record.foldsIdentical, record.folds);
    assert.equal(record.divergences, 0);
  });
}

test('a wrong group bit is a fault of the model, however busy the other CPUs are', () => {
  const groupBit = 1 << 28;
  const record = edited('ipi-4.vgt', (word, value) => [
    word,
    K.wordKind(word) === K.EXPECT_LR_HI && value !== 0 ? value ^ groupBit : value,
  ]);
  assert.ok(record.causes['model-fault'] > 0.9 * (record.entries - record.identical));
  assert.ok(record.identical < record.entries / 2);
});

test('an input that is missing from a recording is named as such, and the replay finds its way back', () => {
  let seen = 0;
  const record = edited('bare-ack-eoi.vgt', (word, value) => {
    const isPend = K.wordKind(word) === K.PENDING && (value & 1) === 1;
    return isPend && ++seen === 5000 ? undefined : [word, value];
  });
  assert.ok(seen >= 5000);
  assert.ok(record.causes['unrecorded-input'] > 0);
  assert.equal(record.causes['model-fault'], 0);
  assert.ok(record.identical > 0.99 * record.entries);
});

test('what a lost event may have changed is no fault of the model; without the loss it would be one', () => {
  for (const [instead, blamed, other] of [
    [[K.packWord(K.LOST, 0, 0), 1] as const, 'unrecorded-input', 'model-fault'],
    [undefined, 'model-fault', 'unrecorded-input'],
  ] as const) {
    let seen = 0;
    const record = edited('bare-ack-eoi.vgt', (word, value) =>
      K.wordKind(word) === K.PRIORITY && ++seen === 100 ? instead : [word, value],
    );
    assert.ok(seen >= 100);
    assert.ok(record.causes[blamed] > 0, blamed);
    assert.equal(record.causes[other], 0, other);
    assert.equal(record.unexplained > 0, blamed === 'model-fault');
  }
});

test('priorities that are not those of the recording show as faults, because nothing else raced', () => {
  const record = edited('bare-ack-eoi.vgt', (word, value) => [word, K.wordKind(word) === K.PRIORITY ? 0xa0 : value]);
  assert.ok(record.causes['model-fault'] > 0);
  assert.equal(record.causes['cross-cpu-window'], 0);
});

test('recorded LRs of an interrupt that the model has on another list do not tie the lists together', () => {
  const { header } = open('bare-sgi-storm.vgt');
  const { word, value, sink } = collectEvents();
  const flush = (vcpu: number, intids: readonly number[]): void => {
    sink.event(K.FLUSH, vcpu, 0, 0, 0);
    sink.event(K.EXPECT_LRS, vcpu, intids.length, 1, 0);
    for (const [lr, intid] of intids.entries()) {
      sink.event(K.EXPECT_LR_LO, vcpu, lr, intid, 0);
      sink.event(K.EXPECT_LR_HI, vcpu, lr, 0x50000000, 0);
    }
    sink.event(K.SYNC, vcpu, 0, 0, 0);
  };
  for (const [kind, intid] of [[K.DIST_ENABLE, 0] as const, [K.ENABLE, 40] as const, [K.PENDING, 40] as const])
    sink.event(kind, 0, intid, 1, 0);
  // The recording has SPI 40 on vCPU 1, then nowhere, while the model has it on vCPU 0.
  for (const recorded of [[40], [], [40], []]) flush(1, recorded);
  flush(0, [40]);
  const record = verifyTrace(sourceOf(header, word, value));
  assert.equal(record.entries, 5);
  assert.ok(record.identical >= 1, 'vCPU 0 still has it');
});

test('after a difference the state that the recorded LRs imply is taken over: an edge is not pending beside an LR that is active only', () => {
  const { header } = open('bare-sgi-storm.vgt');
  const { word, value, sink } = collectEvents();
  for (const kind of [K.DIST_ENABLE, K.ENABLE, K.ACTIVE, K.PENDING])
    sink.event(kind, 0, kind === K.DIST_ENABLE ? 0 : 40, 1, 0);
  for (let entry = 0; entry < 3; entry++) {
    sink.event(K.FLUSH, 0, 0, 0, 0);
    sink.event(K.EXPECT_LRS, 0, 1, 1, 0);
    sink.event(K.EXPECT_LR_LO, 0, 0, 40, 0);
    sink.event(K.EXPECT_LR_HI, 0, 0, 0x90000000, 0);
    sink.event(K.SYNC, 0, 0, 0, 0);
  }
  const record = verifyTrace(sourceOf(header, word, value));
  assert.equal(record.entries, 3);
  assert.equal(record.identical, 2);
  assert.equal(record.explained + record.unexplained, 1);
});
