import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ACK, EXPECT_LRS, FLUSH, INJECT, ITS_TRIGGER, LOST, MSI_CACHED, SGI, SYNC, TIMER_LEVEL } from './events.js';
import { HEADER, type TestEvent, writeTrace } from './fixtures.test.support.js';
import { collectInfo } from './info.js';
import { openTrace } from './reader.js';
import { createMemorySource } from './source.js';

const EVENTS: TestEvent[] = [
  { kind: INJECT, vcpu: 0, intid: 27, value: 1, dt: 10 },
  { kind: INJECT, vcpu: 0, intid: 27, value: 0, dt: 10 },
  { kind: INJECT, vcpu: 1, intid: 40, value: 1, dt: 10 },
  { kind: INJECT, vcpu: 1, intid: 8200, value: 1, dt: 10 },
  // SGI 3 to vCPUs 16 and 17 of a large machine: the INTID is in the low bits.
  { kind: SGI, vcpu: 0, intid: 3 | (16 << 5), value: 3, dt: 10 },
  { kind: FLUSH, vcpu: 0, intid: 0, value: 0, dt: 10 },
  { kind: EXPECT_LRS, vcpu: 0, intid: 2, value: 1, dt: 0 },
  { kind: ACK, vcpu: 0, intid: 27, value: 2, dt: 10 },
  { kind: ACK, vcpu: 0, intid: 1023, value: 2, dt: 10 },
  { kind: ACK, vcpu: 0, intid: 0, value: 0, dt: 10 },
  { kind: SYNC, vcpu: 0, intid: 0, value: 0, dt: 10 },
  { kind: LOST, vcpu: 0, intid: 0, value: 9, dt: 0 },
];

test('one pass counts kinds, vCPUs, interrupts, LRs and time', () => {
  const info = collectInfo(openTrace(createMemorySource(writeTrace(EVENTS, { blockEvents: 5 }))), 2);
  assert.equal(info.events, EVENTS.length);
  assert.equal(info.blocks, 3);
  assert.equal(info.flushes, 1);
  // 100 ticks of 1000 ns.
  assert.equal(info.durationNs, 100_000);
  assert.equal(info.eventsPerSecond, EVENTS.length * 10_000);
  assert.deepEqual(info.byKind.slice(0, 2), [
    { name: 'inject', events: 4 },
    { name: 'ack', events: 3 },
  ]);
  assert.deepEqual(info.byVcpu, [10, 2, 0, 0]);
  assert.deepEqual(info.named, { sgi: 1, ppi: 3, spi: 1, lpi: 1 });
  assert.deepEqual(info.raised, { sgi: 1, ppi: 1, spi: 1, lpi: 1 });
  assert.deepEqual(info.topIntids, [
    { intid: 27, events: 3, raised: 1 },
    { intid: 3, events: 1, raised: 1 },
  ]);
  assert.deepEqual(info.usedLrs, [0, 0, 1]);
  assert.equal(info.spuriousAcks, 1);
  assert.equal(info.lostEvents, 9);
  assert.equal(info.truncatedAt, null);
});

test('MSIs are counted by hit and miss; facts name no interrupt a second time', () => {
  const question = 5;
  const { msis, named, byKind } = collectInfo(
    openTrace(
      createMemorySource(
        writeTrace([
          { kind: TIMER_LEVEL, vcpu: 0, intid: 27, value: 1, dt: 1 },
          { kind: INJECT, vcpu: 0, intid: 27, value: 1, dt: 0 },
          { kind: MSI_CACHED, vcpu: 0, intid: 0, value: question, dt: 1 },
          { kind: ITS_TRIGGER, vcpu: 0, intid: 8197, value: question, dt: 1 },
          { kind: INJECT, vcpu: 0, intid: 8197, value: 1, dt: 0 },
          { kind: MSI_CACHED, vcpu: 0, intid: 8197, value: question, dt: 1 },
          { kind: INJECT, vcpu: 0, intid: 8197, value: 1, dt: 0 },
          { kind: MSI_CACHED, vcpu: 0, intid: 0, value: question, dt: 1 },
        ]),
      ),
    ),
  );
  assert.deepEqual(msis, { asked: 3, hits: 1, translations: 1 });
  assert.deepEqual(named, { sgi: 0, ppi: 1, spi: 0, lpi: 2 });
  assert.deepEqual(byKind[0], { name: 'inject', events: 3 });
});

test('an empty trace has no rate', () => {
  const info = collectInfo(openTrace(createMemorySource(writeTrace([]))));
  assert.deepEqual([info.events, info.durationNs, info.eventsPerSecond, info.byKind], [0, 0, null, []]);
  assert.deepEqual(info.header, HEADER);
});

test('a cut-off trace says where it ends', () => {
  const bytes = writeTrace(EVENTS, { blockEvents: 5 });
  const reader = openTrace(createMemorySource(bytes.subarray(0, bytes.length - 1)), { allowTruncated: true });
  const info = collectInfo(reader);
  assert.equal(info.events, EVENTS.length);
  assert.ok(info.truncatedAt !== null && info.truncatedAt < bytes.length);
});
