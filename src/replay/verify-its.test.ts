/** MSIs of the shipped recordings against a translation cache and tables that follow the guest's own commands. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import * as K from '../trace/events.js';
import { openTrace } from '../trace/reader.js';
import { createMemorySource } from '../trace/source.js';
import type { BlockSource } from './replay.js';
import { collectEvents, sourceOf, tracesFolder } from './test-traces.js';
import { createTestTranslator, type TranslatorFault } from './test-translator.js';
import { type ItsPrediction, type ItsRecord, type MsiTranslator, translatorOf, verifyIts } from './verify-its.js';

const open = (name: string): BlockSource =>
  openTrace(createMemorySource(readFileSync(new URL(`recorded/${name}.vgt`, tracesFolder)), name));

const verifyWith = (fault: TranslatorFault): ItsRecord =>
  verifyIts(open('bare-lpi'), (machine) => createTestTranslator(machine, fault));

const predictionOf = ({ prediction }: ItsRecord): ItsPrediction => {
  assert.ok(prediction !== null);
  return prediction;
};

/** LPIs that INJECT events make pending. */
function countInjectedLpis(source: BlockSource): number {
  const block = K.createEventBlock();
  let count = 0;
  while (source.next(block)) {
    for (let i = 0; i < block.count; i++) {
      if (K.wordKind(block.word[i]) === K.INJECT && K.wordIntid(block.word[i]) >= 8192) count++;
    }
  }
  return count;
}

test('bare-lpi: every hit, every miss and every LPI of the recorded kernel is predicted', () => {
  const record = verifyWith({});
  assert.deepEqual(record, {
    trace: 'bare-lpi',
    asked: 6000,
    hits: 1366,
    misses: 4634,
    translations: 4869,
    dropped: 0,
    commands: 1113,
    prediction: { outcomesAgree: 6000, lpis: 6235, lpisAgree: 6235, differences: 0, mismatches: [] },
  });
});

test('bare-lpi: a model whose MSI is one step differs where two threads were between question and translation', () => {
  const record = verifyIts(open('bare-lpi'), (machine) => {
    const { command, lookUp, translate } = createTestTranslator(machine);
    const its: MsiTranslator = {
      command,
      msi(device, event) {
        const found = lookUp(device, event);
        return { hit: found !== null, lpi: found ?? translate(device, event) };
      },
    };
    return translatorOf(its);
  });
  const { outcomesAgree, lpis, lpisAgree, mismatches } = predictionOf(record);
  assert.deepEqual({ outcomesAgree, lpis, lpisAgree }, { outcomesAgree: 5997, lpis: 6235, lpisAgree: 6233 });
  // No LPI is wrong: a hit is taken for a miss, or the other way round.
  assert.ok(mismatches.every(({ recorded, predicted }) => recorded === null || predicted === null));
});

test('control: a cache of another size, order or life, or other tables, is found out', () => {
  const outcomes = (fault: TranslatorFault): number => 6000 - predictionOf(verifyWith(fault)).outcomesAgree;
  assert.ok(outcomes({ entries: 31 }) > 0);
  assert.ok(outcomes({ entries: 33 }) > 0);
  assert.ok(outcomes({ isFifo: true }) > 0);
  assert.ok(outcomes({ ignores: [0x01] }) > 500, 'MOVI drops the cache');
  assert.ok(outcomes({ ignores: [0x03] }) === 0, 'an INT is also seen as a translation');
  assert.equal(predictionOf(verifyWith({ lpiOffset: 1 })).lpisAgree, 0);
  assert.equal(predictionOf(verifyWith({ ignores: [0x09] })).lpisAgree, 0, 'nothing is translated without MAPC');
});

for (const name of ['bare-lpi', 'virtio-pci-blk', 'virtio-pci-net']) {
  test(`${name}: each LPI that was injected is a hit or a translation`, () => {
    const { hits, misses, asked, translations, dropped } = verifyIts(open(name), createTestTranslator);
    assert.equal(hits + translations - dropped, countInjectedLpis(open(name)));
    assert.equal(hits + misses, asked);
  });
}

for (const [name, asked] of [
  ['virtio-pci-blk', 2114],
  ['virtio-pci-net', 2676],
] as const) {
  test(`${name}: a Linux guest copies no command: counted, not predicted`, () => {
    const record = verifyIts(open(name), createTestTranslator);
    assert.equal(record.asked, asked);
    assert.equal(record.translations, 2);
    assert.equal(record.commands, 0);
    assert.equal(record.prediction, null);
  });
}

test('a recording without an ITS has nothing to count', () => {
  const { asked, translations, commands, prediction } = verifyIts(open('bare-flood-big'), createTestTranslator);
  assert.deepEqual(
    { asked, translations, commands, prediction },
    { asked: 0, translations: 0, commands: 0, prediction: null },
  );
});

test('a difference is named by event, question and both answers; an LPI is compared even where the outcome is right', () => {
  const columns = collectEvents();
  const command = (words: readonly number[]): void => {
    for (const [index, word] of words.entries()) columns.sink.event(K.GUEST_ITS_WORD, 0, index, word, 0);
  };
  const { header } = open('bare-lpi');
  // Device 2 with event 5 → LPI 8200 in collection 1 on vCPU 0.
  command([0x08, 2, 6, 0, 0, -(2 ** 31)]);
  command([0x09, 0, 0, 0, 1, -(2 ** 31)]);
  command([0x0a, 2, 5, 8200, 1, 0]);
  const question = (2 << 16) | 5;
  columns.sink.event(K.MSI_CACHED, 0, 0, question, 0);
  columns.sink.event(K.ITS_TRIGGER, 0, 8200, question, 0);
  columns.sink.event(K.MSI_CACHED, 0, 8201, question, 0);
  columns.sink.event(K.MSI_CACHED, 0, 0, question, 0);
  columns.sink.event(K.ITS_TRIGGER, 0, 0, (2 << 16) | 6, 0);
  const record = verifyIts(sourceOf(header, columns.word, columns.value), createTestTranslator);
  assert.equal(record.commands, 3);
  assert.equal(record.dropped, 1);
  const { outcomesAgree, lpis, lpisAgree, mismatches } = predictionOf(record);
  assert.deepEqual({ outcomesAgree, lpis, lpisAgree }, { outcomesAgree: 2, lpis: 2, lpisAgree: 1 });
  const common = { tick: 0, what: 'cache', device: 2, eventId: 5 };
  assert.deepEqual(mismatches, [
    { ...common, event: 20, recorded: 8201, predicted: 8200 },
    { ...common, event: 21, recorded: null, predicted: 8200 },
  ]);
});
