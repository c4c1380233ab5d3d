import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { Machine } from '../gic/intid.js';
import { strategyNamed } from '../strategy/index.js';
import { createQueueWindow } from './queue-window.js';
import { createVgic, type Vgic } from './vgic.js';

const machineOf = (flavour: string): Machine => ({
  flavour,
  model: flavour === 'xen-new' ? 'gicv2' : 'gicv3',
  nrVcpus: 2,
  nrSpis: 32,
  nrLpis: 0,
  nrLr: 2,
  distEnabledAtStart: true,
  pmrAtStart: 0xf8,
});

/** Everything that an injection may change. */
function pictureOf({ state, list, kicks }: Vgic): unknown {
  const { cost } = state;
  return {
    word: [...state.word],
    lists: [list.order(0), list.order(1)],
    queued: [...state.queuedRows],
    activeSpis: state.activeSpis[0],
    kicks: [...kicks.kicks],
    ipis: [...kicks.ipis],
    requests: [...kicks.requestSet],
    counted: [
      cost.injections,
      cost.redundantInjections,
      cost.kicks,
      cost.broadcasts,
      cost.kicksWhileQueued,
      cost.ipisWhileQueued,
    ],
    calls: [...cost.calls],
    sums: [...cost.sum],
    max: [...cost.max],
  };
}

/** What both machines do alike between two injections. */
function disturb(vgic: Vgic, what: number, intid: number): void {
  const vcpu = what & 1;
  if (what < 4) vgic.setEnable(vcpu, intid, what < 2, false);
  else if (what < 6) vgic.setConfig(0, intid, what === 4);
  else if (what < 8) vgic.setTarget(intid, vcpu);
  else if (what < 10) vgic.setPriority(vcpu, intid, intid << 3);
  else if (what < 12) vgic.setDistEnable(what === 10);
  else if (what < 14 && vgic.state.inGuest[vcpu] === 0) vgic.flush(vcpu);
  else if (vgic.state.inGuest[vcpu] === 1) {
    vgic.drain(vcpu, 0);
    vgic.sync(vcpu);
  }
}

for (const flavour of ['kvm-6.1', 'kvm-7.2', 'xen-new']) {
  for (const strategy of ['sort-on-flush', 'sort-on-insert']) {
    test(`${flavour}, ${strategy}: with nothing in the window it is the ordinary injection`, () => {
      const create = strategyNamed(strategy).create;
      const whole = createVgic(machineOf(flavour), create);
      const split = createVgic(machineOf(flavour), create);
      const window = createQueueWindow(split.state, split);
      const step = fc.tuple(fc.nat({ max: 39 }), fc.nat({ max: 1 }), fc.integer({ min: 20, max: 40 }));
      let queued = 0;
      fc.assert(
        fc.property(fc.array(step, { minLength: 10, maxLength: 60 }), (steps) => {
          whole.reset();
          split.reset();
          for (const vgic of [whole, split]) {
            for (let intid = 20; intid <= 40; intid++) {
              if (intid >= 32) vgic.setTarget(intid, intid & 1);
              for (const vcpu of [0, 1]) vgic.setEnable(vcpu, intid, true, false);
            }
          }
          for (const [what, level, intid] of steps) {
            if (what < 16) {
              disturb(whole, what, intid);
              disturb(split, what, intid);
              continue;
            }
            whole.inject(what & 1, intid, level);
            const attempt = window.begin(what & 1, intid, level);
            if (attempt.end === undefined) window.proceed(attempt);
            assert.notEqual(attempt.end, undefined);
            if (attempt.end === 'queued') queued++;
            assert.equal(attempt.retries, 0);
          }
          assert.deepEqual(pictureOf(split), pictureOf(whole));
        }),
        { seed: 18, numRuns: 60 },
      );
      assert.ok(queued > 60, `${queued} queued`);
    });
  }
}

test('a retry costs the two locks that were taken in vain and the irq_lock again', () => {
  const vgic = createVgic(machineOf('kvm-6.1'), strategyNamed('sort-on-flush').create);
  const window = createQueueWindow(vgic.state, vgic);
  vgic.setTarget(40, 0);
  vgic.setEnable(0, 40, true, false);
  const attempt = window.begin(0, 40, 1);
  assert.deepEqual([attempt.target, attempt.end, attempt.locks], [0, undefined, 1]);
  vgic.setTarget(40, 1);
  window.proceed(attempt);
  assert.deepEqual([attempt.target, attempt.end, attempt.locks, attempt.retries], [1, undefined, 4, 1]);
  window.proceed(attempt);
  assert.deepEqual([attempt.end, attempt.locks], ['queued', 6]);
  assert.deepEqual([vgic.list.length(0), vgic.list.length(1)], [0, 1]);
});
