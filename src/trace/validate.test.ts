import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createBlockEncoder } from './block-encoder.js';
import { ABORTED_ENTRY, ACK, createEventBlock, EOI, FLUSH, FOLD, INJECT, NOP, PRUNE, SYNC, WAKEUP } from './events.js';
import { expectTrace, HEADER, makeEvents, type TestEvent, writeTrace } from './fixtures.test.support.js';
import type { TraceHeader } from './header.js';
import { createMemorySource, createMemoryTarget } from './source.js';
import { validateTrace } from './validate.js';
import { END_FRAME_BYTES } from './wire.js';

const event = (kind: number, vcpu = 0, intid = 0, value = 0): TestEvent => ({ kind, vcpu, intid, value, dt: 1 });

function findProblems(events: readonly TestEvent[], header: TraceHeader = HEADER): string[] {
  const report = validateTrace(createMemorySource(writeTrace(events, { blockEvents: 3 }, header), 'x.vgt'));
  assert.equal(report.nrProblems, report.problems.length);
  assert.ok(report.isComplete);
  assert.equal(report.events, events.length);
  return report.problems.map(({ place, what }) => `${place}: ${what}`);
}

test('a sound trace has no problems', () => {
  assert.deepEqual(findProblems(makeEvents(40)), []);
  const inParts = [FLUSH, ACK, EOI, ABORTED_ENTRY, FOLD, PRUNE, PRUNE, FLUSH, SYNC].map((kind) => event(kind, 1, 0));
  assert.deepEqual(findProblems(inParts), []);
});

test('the life cycle of each vCPU is checked', () => {
  const cases: [number[], string][] = [
    [[SYNC], 'event 0: sync of vCPU 0 while it is out of the guest'],
    [[FLUSH, FLUSH], 'event 1: flush of vCPU 0 while it is in the guest'],
    [[FLUSH, SYNC, ACK], 'event 2: ack of vCPU 0 while it is out of the guest'],
    [[FLUSH, SYNC, EOI], 'event 2: eoi of vCPU 0 while it is out of the guest'],
    [[FLUSH, FOLD, FLUSH], 'event 2: flush of vCPU 0 between its fold and its prune'],
    [[FLUSH, PRUNE], 'event 1: prune of vCPU 0 without a fold before it'],
    [[FLUSH, FOLD, PRUNE, FLUSH, PRUNE], 'event 4: prune of vCPU 0 without a fold before it'],
  ];
  for (const [kinds, problem] of cases) {
    assert.deepEqual(findProblems(kinds.map((kind) => event(kind))), [problem]);
  }
  assert.deepEqual(findProblems([event(FLUSH, 0), event(FLUSH, 1), event(SYNC, 1), event(SYNC, 0)]), []);
});

test('ranges, fidelity and gaps are checked', () => {
  assert.deepEqual(findProblems([event(INJECT, 0, 96, 1)]), [
    'event 0: inject: no INTID 96; the machine has 0 to 95 and 8192 to 65535',
  ]);
  assert.deepEqual(findProblems([event(127)]), ['event 0: unknown event kind 127']);
  // One report a kind.
  assert.deepEqual(findProblems([event(NOP), event(WAKEUP), event(WAKEUP)], { ...HEADER, fidelity: 0 }), [
    'event 1: wakeup belongs to level L1, the trace declares L0',
  ]);
  const gaps = [
    { afterEvent: 1, lost: 0, place: 'line 4' },
    { afterEvent: 0, lost: 0, place: 'line 3' },
    { afterEvent: 2, lost: 0, place: 'line 9' },
  ];
  assert.deepEqual(findProblems([event(NOP), event(NOP)], { ...HEADER, gaps }), [
    'header: the gap after event 0 is out of order',
    'header: a gap after event 2, the trace has 2',
  ]);
});

test('blocks whose times overlap are reported', () => {
  const block = createEventBlock(2);
  block.count = 2;
  block.word.fill(NOP);
  const target = createMemoryTarget();
  const header = writeTrace([]);
  target.write(header.subarray(0, header.length - END_FRAME_BYTES));
  const encoder = createBlockEncoder();
  // The first block lasts until tick 50, the second begins at tick 20.
  let position = header.length - END_FRAME_BYTES;
  for (const [firstEvent, firstTick, dt] of [
    [0, 0, 50],
    [2, 20, 1],
  ]) {
    Object.assign(block, { firstEvent, firstTick });
    block.dt[1] = dt;
    const { frame } = encoder.encode(block, position);
    target.write(frame);
    position += frame.length;
  }
  const report = validateTrace(createMemorySource(target.bytes()));
  assert.deepEqual(report.problems[0], { place: 'event 2', what: 'time goes back' });
});

test('damage ends the pass and is the last problem; the list is bounded', () => {
  const events = makeEvents(200);
  const bytes = writeTrace(events, { blockEvents: 50, form: 'plain' });
  const cut = validateTrace(createMemorySource(bytes.subarray(0, bytes.length - 1), 'cut.vgt'));
  assert.equal(cut.isComplete, false);
  assert.equal(cut.events, expectTrace(events).word.length);
  assert.match(cut.problems[0].what, /cut off/);

  const flipped = bytes.slice();
  flipped[bytes.length - 5000] ^= 4;
  const damaged = validateTrace(createMemorySource(flipped, 'bad.vgt'));
  assert.equal(damaged.nrProblems, 1);
  assert.ok(damaged.events < events.length && damaged.header !== null);

  const none = validateTrace(createMemorySource(new Uint8Array(3), 'none.vgt'));
  assert.deepEqual([none.header, none.nrProblems, none.isComplete], [null, 1, false]);

  const many = validateTrace(createMemorySource(writeTrace(events.map(() => event(SYNC)))), 5);
  assert.deepEqual([many.problems.length, many.nrProblems], [5, events.length]);
});
