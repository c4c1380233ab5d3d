import assert from 'node:assert/strict';
import { test } from 'node:test';
import { doorbellStudy } from './doorbell.js';
import { countHalts, createTurns } from './doorbell-halts.js';
import { countHandlerSteps, fateOf, MOMENTS } from './doorbell-handler.js';
import { createDoorbellMachine } from './doorbell-machine.js';

const vgic = createDoorbellMachine();

test('the handler that asks the pending test grows with the list, the other does not', () => {
  for (const depth of [1, 4, 100]) {
    // List lock; each entry visited, under its irq_lock.
    assert.equal(countHandlerSteps(vgic, 'pending-test-first', depth), 1 + 2 * depth);
    assert.equal(countHandlerSteps(vgic, 'pending-last', depth), 1);
  }
});

test('a wake-up alone loses one moment, of GICv4.0; kick and request lose none', () => {
  const asleep: string[] = [];
  for (const version of [40, 41] as const) {
    for (const notify of ['kick', 'wake-only'] as const) {
      for (const { id } of MOMENTS) {
        const { isAsleep } = fateOf(vgic, { version, handler: 'pending-last', notify }, id);
        if (isAsleep) asleep.push(`${version} ${notify} ${id}`);
      }
    }
  }
  assert.deepEqual(asleep, ['40 wake-only read-back']);
});

test('the same arrivals in every variant, and nobody sleeps for ever', () => {
  for (const rates of [
    { maybe: 0, closed: 0 },
    { maybe: 100, closed: 100 },
  ]) {
    const turns = createTurns(3, rates);
    const none = countHalts(vgic, null, turns);
    for (const version of [40, 41] as const) {
      const counts = countHalts(vgic, { version, handler: 'pending-last', notify: 'kick' }, turns);
      assert.equal(counts.arrivals, none.arrivals);
      assert.equal(counts.kicks, counts.doorbells + counts.injections);
      assert.equal(counts.injections, none.injections - none.arrivals, 'the ordinary interrupts');
      assert.ok(counts.direct > 0 && counts.ipis < none.ipis / 10);
      assert.equal(counts.asleep, 0);
      assert.ok(counts.spurious >= none.spurious);
      assert.equal(counts.masks > 0, version === 40);
    }
    assert.equal(none.spurious > 0, rates.closed > 0);
  }
});

test('what the pending test finds is of a vCPU that is awake', () => {
  const turns = createTurns(3, { maybe: 0, closed: 0 });
  const counts = countHalts(vgic, { version: 41, handler: 'pending-test-first', notify: 'kick' }, turns);
  assert.ok(counts.skipped > 0);
  assert.deepEqual([counts.skippedBlocked, counts.asleep], [0, 0]);
});

test('the study: whole tables, the same twice, and the interleavings', () => {
  const study = doorbellStudy.run({ seed: 1 });
  assert.deepEqual(doorbellStudy.run({ seed: 1 }), study);
  for (const { caption, columns, rows } of study.tables) {
    assert.ok(rows.length > 0, caption);
    for (const row of rows) assert.equal(row.length, columns.length, caption);
  }
  const explored = study.tables.at(-1)!;
  const wakes = explored.rows.filter(([model]) => model === 'doorbell-wake');
  assert.equal(wakes.length, 13);
  // The column "lost" of vgic-spec 4.4.
  assert.deepEqual(
    wakes.map((row) => row[6]),
    [0, 8, 1, 22, 0, 3, 13, 8, 414, 0, 0, 31, 0],
  );
});
