import assert from 'node:assert/strict';
import { test } from 'node:test';
import { reference } from '../strategy/index.js';
import { ENABLE, FLUSH, INJECT, NOP, packWord, SYNC, WAKEUP, WFI } from '../trace/events.js';
import { PATH_PENDING } from '../vgic/counters.js';
import { createVgic } from '../vgic/vgic.js';
import { createEngine } from './engine.js';
import { readVgr1 } from './test-traces.js';

const { machine } = readVgr1('golden/typical-s01.bin.gz').header;

/** Pending tests booked by events of one kind, replayed as a block and one by one. */
function pendingTests(kind: number): number[] {
  const word = new Int32Array(3).fill(packWord(kind, 0, 0));
  const value = new Int32Array(3);
  return [true, false].map((asBlock) => {
    const vgic = createVgic(machine, reference.create({}));
    const engine = createEngine(vgic);
    if (asBlock) engine.run(word, value, word.length);
    else for (const w of word) engine.step(w, 0);
    return vgic.state.cost.calls[PATH_PENDING];
  });
}

test('a guest that waits is asked for pending interrupts once, in a block and step by step', () => {
  assert.deepEqual(pendingTests(WFI), [3, 3]);
});

test('a request keeps a vCPU from blocking although nothing passes the pending test; Xen has no request', () => {
  for (const [flavour, isBlocked] of [
    ['kvm-6.1', false],
    ['kvm-7.2', false],
    ['xen-new', true],
  ] as const) {
    const vgic = createVgic({ ...machine, flavour, model: 'gicv2', nrLpis: 0 }, reference.create({}));
    const { step } = createEngine(vgic);
    vgic.setTarget(40, 0);
    step(packWord(ENABLE, 0, 40), 1);
    step(packWord(FLUSH, 0, 0), 0);
    step(packWord(SYNC, 0, 0), 0);
    step(packWord(WFI, 0, 0), 0);
    assert.equal(vgic.kicks.isBlocked(0), true);
    step(packWord(INJECT, 0, 40), 1);
    assert.equal(vgic.kicks.isBlocked(0), false);
    // Switched off again: what was asked for is gone, the request is not.
    step(packWord(ENABLE, 0, 40), 0);
    step(packWord(WFI, 0, 0), 0);
    assert.equal(vgic.kicks.isBlocked(0), isBlocked, flavour);
    // An entry consumes the request.
    step(packWord(FLUSH, 0, 0), 0);
    step(packWord(SYNC, 0, 0), 0);
    step(packWord(WFI, 0, 0), 0);
    assert.equal(vgic.kicks.isBlocked(0), true, flavour);
  }
});

test('other facts and NOP ask nothing', () => {
  assert.deepEqual(pendingTests(WAKEUP), [0, 0]);
  assert.deepEqual(pendingTests(NOP), [0, 0]);
});
