/** KVM's timers with a vgic: conformance P48 to P50 driven by the timer itself, load and put, emulated timers. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import * as C from './contexts.js';
import { createTimerMachine, KVM_FLAVOURS } from './test-machine.js';

const EXPIRED = C.TIMER_ENABLE | C.TIMER_ISTATUS;
const RUNNING = C.TIMER_ENABLE;
const VIRTUAL = C.VIRTUAL_TIMER;
const PHYSICAL = C.PHYSICAL_TIMER;
const IDLE = { line: false, pending: false, active: false, hw: true, queued: false };

for (const flavour of KVM_FLAVOURS) {
  test(`P48 normal life of a direct timer (${flavour})`, () => {
    const { vgic, timers, ppi, phys } = createTimerMachine(flavour);
    timers.load(0);
    timers.setTimer(0, VIRTUAL, RUNNING);
    vgic.flush(0);
    timers.setTimer(0, VIRTUAL, EXPIRED);
    assert.deepEqual(phys(0, 27), { line: 1, active: 1 });
    vgic.sync(0);
    assert.deepEqual(ppi(0, 27), { line: true, pending: true, active: false, hw: true, queued: true });
    vgic.flush(0);
    assert.deepEqual([vgic.lrLo(0, 0) >>> 0, vgic.lrHi(0, 0) >>> 0], [0x1b, 0x7000001b]);
    assert.equal(ppi(0, 27).line, false);
    assert.equal(vgic.ack(0, 0, 0), 27);
    timers.setTimer(0, VIRTUAL, RUNNING);
    vgic.eoi(0, 27);
    assert.deepEqual(phys(0, 27), { line: 0, active: 0 });
    vgic.sync(0);
    assert.deepEqual(ppi(0, 27), IDLE);
    const { hostInterrupts, exitsByHostInterrupt, injections, redundantInjections } = timers.counts();
    assert.deepEqual([hostInterrupts, exitsByHostInterrupt, injections, redundantInjections], [1, 1, 1, 0]);
  });

  test(`P49 never acknowledged, level still high (${flavour})`, () => {
    const { vgic, timers, ppi, phys } = createTimerMachine(flavour);
    timers.load(0);
    timers.setTimer(0, VIRTUAL, EXPIRED);
    vgic.flush(0);
    vgic.sync(0);
    assert.deepEqual(ppi(0, 27), { line: true, pending: true, active: false, hw: true, queued: true });
    assert.deepEqual(phys(0, 27), { line: 1, active: 1 });
  });

  test(`P50 never acknowledged, the guest silenced the timer (${flavour})`, () => {
    const { vgic, timers, ppi, phys } = createTimerMachine(flavour);
    timers.load(0);
    timers.setTimer(0, VIRTUAL, EXPIRED);
    vgic.flush(0);
    timers.setTimer(0, VIRTUAL, EXPIRED | C.TIMER_IMASK);
    vgic.sync(0);
    assert.deepEqual(ppi(0, 27), IDLE);
    assert.deepEqual(phys(0, 27), { line: 0, active: 0 });
  });
}

test('an EOI with the level still high: the host interrupt fires once more', () => {
  const { vgic, timers, ppi, phys } = createTimerMachine('kvm-7.2');
  timers.load(0);
  timers.setTimer(0, VIRTUAL, EXPIRED);
  vgic.flush(0);
  vgic.ack(0, 0, 0);
  vgic.eoi(0, 27);
  assert.equal(phys(0, 27).active, 0);
  timers.settle(0);
  timers.settle(0);
  assert.equal(timers.counts().hostInterrupts, 2);
  vgic.sync(0);
  assert.equal(ppi(0, 27).pending, true);
});

test('two vCPUs: lines, active states and injections are banked', () => {
  const { vgic, timers, ppi, phys } = createTimerMachine('kvm-6.1');
  for (const vcpu of [0, 1]) timers.load(vcpu);
  timers.setTimer(0, VIRTUAL, RUNNING);
  timers.setTimer(1, VIRTUAL, EXPIRED);
  assert.deepEqual([phys(0, 27).line, phys(1, 27).line], [0, 1]);
  assert.deepEqual([ppi(0, 27).pending, ppi(1, 27).pending], [false, true]);
  vgic.flush(0);
  assert.equal(vgic.ack(0, 0, 0), 1023);
});

test('load: line and physical active state follow what happened meanwhile; a redundant level is dropped', () => {
  const { timers, ppi, phys } = createTimerMachine('kvm-6.1');
  timers.load(0);
  timers.setTimer(0, VIRTUAL, RUNNING);
  timers.put(0, false);
  timers.setTimer(0, VIRTUAL, EXPIRED);
  assert.equal(ppi(0, 27).pending, false);
  assert.equal(timers.counts().hostInterrupts, 0);
  timers.load(0);
  assert.equal(ppi(0, 27).pending, true);
  assert.deepEqual(phys(0, 27), { line: 1, active: 1 });
  timers.put(0, false);
  timers.load(0);
  const { injections, redundantInjections, hostInterrupts, activeStateWrites } = timers.counts();
  assert.deepEqual([injections, redundantInjections, hostInterrupts, activeStateWrites], [2, 1, 0, 2]);
  timers.put(0, false);
  timers.setTimer(0, VIRTUAL, RUNNING);
  timers.load(0);
  assert.deepEqual(phys(0, 27), { line: 0, active: 0 });
  assert.equal(ppi(0, 27).pending, false);
});

test('load while the virtual interrupt is active: physical active, although the level is low', () => {
  const { vgic, timers, phys } = createTimerMachine('kvm-7.2');
  timers.load(0);
  timers.setTimer(0, VIRTUAL, EXPIRED);
  vgic.flush(0);
  vgic.ack(0, 0, 0);
  timers.setTimer(0, VIRTUAL, RUNNING);
  vgic.sync(0);
  timers.put(0, false);
  timers.load(0);
  assert.deepEqual(phys(0, 27), { line: 0, active: 1 });
});

test('WFI: a soft timer wakes the vCPU, and the load injects', () => {
  const { timers, ppi } = createTimerMachine('kvm-7.2');
  timers.load(0);
  timers.setTimer(0, VIRTUAL, RUNNING);
  timers.put(0, true);
  timers.setTimer(0, VIRTUAL, EXPIRED);
  timers.setTimer(0, VIRTUAL, EXPIRED);
  const { softTimerStarts, softTimerExpiries, wakeups, injections } = timers.counts();
  assert.deepEqual([softTimerStarts, softTimerExpiries, wakeups, injections], [1, 1, 1, 0]);
  timers.load(0);
  assert.equal(ppi(0, 27).pending, true);
});

test('WFI without a timer that can fire arms nothing; with one that is due it wakes at once', () => {
  const { timers } = createTimerMachine('kvm-7.2');
  timers.load(0);
  timers.setTimer(0, VIRTUAL, EXPIRED | C.TIMER_IMASK);
  timers.put(0, true);
  assert.equal(timers.counts().softTimerStarts, 0);
  timers.load(0);
  timers.setTimer(0, VIRTUAL, EXPIRED);
  timers.put(0, true);
  assert.deepEqual([timers.counts().softTimerStarts, timers.counts().wakeups], [1, 1]);
});

test('emulated physical timer: a trap and a soft timer for each access, no mapping, a level that falls by itself', () => {
  const { vgic, timers, ppi, phys } = createTimerMachine('kvm-6.1');
  timers.load(0);
  timers.setTimer(0, PHYSICAL, RUNNING | C.TIMER_TRAPPED);
  timers.setTimer(0, PHYSICAL, EXPIRED);
  assert.deepEqual(ppi(0, 30), { line: true, pending: true, active: false, hw: false, queued: true });
  assert.deepEqual(phys(0, 30), { line: 0, active: 0 });
  vgic.flush(0);
  assert.equal(vgic.ack(0, 0, 0), 30);
  vgic.sync(0);
  timers.setTimer(0, PHYSICAL, RUNNING | C.TIMER_TRAPPED);
  assert.equal(ppi(0, 30).line, false);
  const { hostInterrupts, traps, softTimerStarts, softTimerExpiries, injections } = timers.counts();
  assert.deepEqual([hostInterrupts, traps, softTimerStarts, softTimerExpiries, injections], [0, 2, 2, 1, 2]);
});

test('a nested guest: a timer changes between direct and emulated, and its mapping with it', () => {
  const { timers, ppi } = createTimerMachine('kvm-7.2');
  timers.load(0);
  timers.setTimer(0, C.EL2_VIRTUAL_TIMER, RUNNING);
  assert.equal(ppi(0, 28).hw, true);
  timers.setTimer(0, C.EL2_VIRTUAL_TIMER, RUNNING | C.TIMER_TRAPPED);
  assert.equal(ppi(0, 28).hw, false);
  timers.setTimer(0, C.EL2_VIRTUAL_TIMER, EXPIRED);
  assert.equal(timers.counts().softTimerExpiries, 1);
  timers.setTimer(0, C.EL2_VIRTUAL_TIMER, 0);
  assert.equal(ppi(0, 28).hw, true);
});

// --- Random runs of one direct timer.

type Step = 'load' | 'put' | 'block' | 'run' | 'handle' | number;
const steps = fc.array(
  fc.oneof(
    fc.constantFrom<Step>('load', 'put', 'block', 'run', 'handle'),
    fc.integer({ min: 0, max: 7 }) as fc.Arbitrary<Step>,
  ),
  { minLength: 1, maxLength: 100 },
);

test('random runs: a high level of a running vCPU is never forgotten, and host interrupts are bounded', () => {
  for (const flavour of KVM_FLAVOURS) {
    fc.assert(
      fc.property(steps, (script) => {
        const { vgic, timers, ppi, phys } = createTimerMachine(flavour, { nrVcpus: 1 });
        const { loaded } = timers.columns;
        let bits = 0;
        let chances = 0;
        for (const step of script) {
          if (typeof step === 'number') {
            if (C.isLevelHigh(step) && !C.isLevelHigh(bits)) chances += 1;
            timers.setTimer(0, VIRTUAL, step);
            bits = step;
          } else if (step === 'load') timers.load(0);
          else if (step === 'put' || step === 'block') timers.put(0, step === 'block');
          else {
            timers.load(0);
            vgic.flush(0);
            if (step === 'handle' && vgic.ack(0, 0, 0) === 27) {
              vgic.eoi(0, 27);
              // The guest ends it without silencing it: one more interrupt.
              chances += 1;
            }
            timers.settle(0);
            vgic.sync(0);
          }
          const high = C.isLevelHigh(bits);
          assert.equal(phys(0, 27).line, high ? 1 : 0);
          const isKnown = ppi(0, 27).pending || ppi(0, 27).active;
          if (high && loaded[0] === 1) assert.ok(isKnown && phys(0, 27).active === 1);
          if (step === 'run' || step === 'handle') assert.equal(isKnown, high);
          assert.ok(timers.counts().hostInterrupts <= chances);
        }
      }),
      { numRuns: 150, seed: 11 },
    );
  }
});
