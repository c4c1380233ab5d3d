/**
 * Strategies that declare `identical` give the LR words of sort-on-flush at every flush: on the golden files and on the
 * beginnings of all recordings, as every flavour that has their machine. Whole recordings: vgic-replay replay.
 */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { flavours } from '../gic/flavour/index.js';
import { allStrategies } from '../strategy/index.js';
import type { EventBlock } from '../trace/events.js';
import { openTrace } from '../trace/reader.js';
import { createMemorySource } from '../trace/source.js';
import { type BlockSource, replayTrace } from './replay.js';
import { readVgr1, sourceOf, tracesFolder } from './test-traces.js';

const NR_EVENTS = 3000;

const identical = allStrategies().filter(({ strategy }) => strategy.equivalence === 'identical');

function demandIdentical(source: BlockSource, path: string): number {
  const { flavour } = source.header.machine;
  const parts = replayTrace(source, identical, { path, sha256: '', origin: 'recorded' });
  for (const { strategy, equivalence } of parts) {
    const { flushes, firstViolation } = equivalence;
    assert.equal(equivalence.identical, flushes, `${flavour}, ${path}: ${strategy.id} at event ${firstViolation}`);
  }
  return parts[0].equivalence.flushes;
}

const golden = readdirSync(new URL('golden/', tracesFolder)).filter(
  (name) => name.endsWith('-s03.bin.gz') || /^scen-.*\.bin\.gz$/.test(name),
);

test('identical strategies are so on golden files (others: strategies.test.ts)', () => {
  assert.equal(identical.length, 5);
  let flushes = 0;
  for (const file of golden) {
    const { header, word, value } = readVgr1(`golden/${file}`);
    flushes += demandIdentical(sourceOf(header, word.subarray(0, NR_EVENTS), value.subarray(0, NR_EVENTS)), file);
  }
  assert.ok(flushes > 5000, `${flushes} flushes`);
});

/** The beginning of a trace, as recorded on another flavour. */
function beginning(name: string, flavour: string): BlockSource | undefined {
  const reader = openTrace(createMemorySource(readFileSync(new URL(`recorded/${name}`, tracesFolder)), name));
  const { header } = reader;
  const { guestModels, hasLpis } = flavours.find(({ id }) => id === flavour) ?? flavours[0];
  if (!guestModels.includes(header.machine.model) || (header.machine.nrLpis > 0 && !hasLpis)) return undefined;
  let left = NR_EVENTS;
  return {
    header: { ...header, machine: { ...header.machine, flavour } },
    next(block: EventBlock): boolean {
      if (left <= 0 || !reader.next(block)) return false;
      block.count = Math.min(block.count, left);
      left -= block.count;
      return true;
    },
  };
}

const recordings = readdirSync(new URL('recorded/', tracesFolder)).filter((name) => name.endsWith('.vgt'));

flavours.forEach(({ id, structure }, index) => {
  if (structure !== 'ap-list') return;
  test(`${id}: identical strategies are so on the recordings`, () => {
    assert.ok(recordings.length > 20);
    let flushes = 0;
    // Each recording as half of the flavours.
    for (const name of recordings.filter((_, at) => at % 2 === index % 2)) {
      const source = beginning(name, id);
      if (source !== undefined) flushes += demandIdentical(source, name);
    }
    assert.ok(flushes > 500, `${flushes} flushes`);
  });
});
