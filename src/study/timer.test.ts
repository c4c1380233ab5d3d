/** The study of thread 003: deterministic, its tables agree with what they are made of. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { timerStudy } from './timer.js';
import { countTicks, type TimerCost, timerVariants } from './timer-cost.js';

const EXPIRIES = 200;
const costOf = (id: string): TimerCost => countTicks(timerVariants.find((variant) => variant.id === id)!, EXPIRIES);

test('two runs are one study, and every row has a cell for each column', () => {
  const study = timerStudy.run({ seed: 1 });
  assert.deepEqual(timerStudy.run({ seed: 2 }), study);
  for (const { columns, rows } of study.tables) for (const row of rows) assert.equal(row.length, columns.length);
  assert.match(
    study.answer[0],
    /^As shipped, no: 0 of [\d,]+ sequences .* and 0 go wrong; without the -EBUSY check [\d,]+ of [\d,]+ /,
  );
  assert.match(
    study.answer[1],
    /the host is interrupted more than once an expiry in 0 of these sequences, and in [\d,]+ of [\d,]+ if it is made not to mask its timer interrupt\.$/,
  );
  for (const { values } of study.chart!.series) assert.ok(values.every((value) => value > 0));
});

test('each variant: every expiry is handled once, and costs the same as the one before', () => {
  for (const variant of timerVariants) {
    const once = countTicks(variant, EXPIRIES);
    const twice = countTicks(variant, 2 * EXPIRIES);
    assert.equal(once.handled, EXPIRIES, variant.id);
    for (const key of Object.keys(once) as (keyof TimerCost)[]) {
      if (key !== 'locks') assert.equal(twice[key], 2 * once[key], `${variant.id}: ${key}`);
    }
  }
});

test('what an expiry costs', () => {
  const { hostInterrupts, guestExits, injections, masks } = costOf('vgic');
  assert.deepEqual([hostInterrupts, guestExits, injections, masks], [EXPIRIES, EXPIRIES, EXPIRIES, 0]);
  // An exit for the expiry, one for the access, one for the EOI of an interrupt that is not mapped.
  assert.equal(costOf('vgic-emulated').guestExits, 3 * EXPIRIES);
  assert.equal(costOf('vgic-wfi').hostInterrupts, 0);
  // Told by the return for the EOI, a fall needs no return of its own.
  assert.equal(costOf('user-active').exitsToUser, EXPIRIES);
  assert.equal(costOf('user-p76').exitsToUser, 2 * EXPIRIES);
  assert.equal(costOf('user-masked').activeStateWrites, 0);
  assert.equal(costOf('xen-new').redundantInjections, 3 * EXPIRIES);
});
