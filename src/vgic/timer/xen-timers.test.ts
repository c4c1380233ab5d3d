/** Xen's timers: unmapped PPIs, a host interrupt that masks itself. vgic-spec 5.5. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as C from './contexts.js';
import { createTimerMachine } from './test-machine.js';

const EXPIRED = C.TIMER_ENABLE | C.TIMER_ISTATUS;
const RUNNING = C.TIMER_ENABLE;

for (const flavour of ['xen-new', 'xen-old']) {
  test(`an expiry masks the timer and injects once (${flavour})`, () => {
    const { vgic, timers } = createTimerMachine(flavour);
    timers.load(0);
    timers.setTimer(0, C.VIRTUAL_TIMER, RUNNING);
    timers.refreshLines(0);
    vgic.flush(0);
    timers.setTimer(0, C.VIRTUAL_TIMER, EXPIRED);
    timers.settle(0);
    assert.deepEqual([timers.counts().hostInterrupts, timers.counts().masks], [1, 1]);
    vgic.sync(0);
    timers.refreshLines(0);
    vgic.flush(0);
    assert.equal(vgic.ack(0, 0, 0), 27);
    timers.setTimer(0, C.VIRTUAL_TIMER, RUNNING);
    vgic.eoi(0, 27);
    vgic.sync(0);
    timers.refreshLines(0);
    vgic.flush(0);
    assert.equal(vgic.ack(0, 0, 0), 1023);
    assert.equal(timers.counts().unmasks, 1);
  });
}

test('xen-new computes both lines on every return, mostly in vain; xen-old does not', () => {
  const injectionsOf = (flavour: string): number[] => {
    const { timers } = createTimerMachine(flavour);
    timers.setTimer(0, C.VIRTUAL_TIMER, RUNNING);
    for (let entry = 0; entry < 10; entry++) timers.refreshLines(0);
    return [timers.counts().injections, timers.counts().redundantInjections];
  };
  assert.deepEqual(injectionsOf('xen-new'), [20, 20]);
  assert.deepEqual(injectionsOf('xen-old'), [0, 0]);
});

test('the line of xen-new falls at the entry after the guest re-armed, not before', () => {
  const { timers, ppi } = createTimerMachine('xen-new');
  timers.load(0);
  timers.setTimer(0, C.VIRTUAL_TIMER, EXPIRED);
  timers.refreshLines(0);
  assert.equal(ppi(0, 27).line, true);
  timers.setTimer(0, C.VIRTUAL_TIMER, RUNNING);
  assert.equal(ppi(0, 27).line, true);
  timers.refreshLines(0);
  assert.equal(ppi(0, 27).line, false);
});

test("the physical timer traps; its soft timer's expiry injects, one that is due at once", () => {
  const { timers, ppi } = createTimerMachine('xen-new');
  timers.load(0);
  timers.setTimer(0, C.PHYSICAL_TIMER, RUNNING | C.TIMER_TRAPPED);
  assert.equal(ppi(0, 30).line, false);
  timers.setTimer(0, C.PHYSICAL_TIMER, EXPIRED);
  assert.equal(ppi(0, 30).line, true);
  timers.setTimer(0, C.PHYSICAL_TIMER, EXPIRED | C.TIMER_TRAPPED);
  const { traps, softTimerStarts, softTimerExpiries, hostInterrupts } = timers.counts();
  assert.deepEqual([traps, softTimerStarts, softTimerExpiries, hostInterrupts], [2, 2, 2, 0]);
});
