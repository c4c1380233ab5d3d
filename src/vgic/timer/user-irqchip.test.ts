/** A userspace irqchip: conformance P76 and P77, and the machine of vgic-spec 5.3 against a second, plain one. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import * as C from './contexts.js';
import { createTimerMachine, KVM_FLAVOURS } from './test-machine.js';
import type { Timers } from './timers.js';

const EXPIRED = C.TIMER_ENABLE | C.TIMER_ISTATUS;
const RUNNING = C.TIMER_ENABLE;
const OFF = 0;
const VIRTUAL = C.VIRTUAL_TIMER;
const PHYSICAL = C.PHYSICAL_TIMER;

interface UserMachine {
  readonly timers: Timers;
  level(timer: number): number;
  isMasked(timer: number): boolean;
}

function createUserMachine(flavour: string, activeStates: boolean): UserMachine {
  const { timers, phys } = createTimerMachine(flavour);
  timers.setIrqchip(false);
  timers.setActiveStates(activeStates);
  return {
    timers,
    level: (timer) => timers.columns.line[timer],
    isMasked: (timer) =>
      activeStates ? phys(0, C.TIMER_PPIS[timer]).active === 1 : timers.columns.hostOff[timer] === 1,
  };
}

for (const flavour of KVM_FLAVOURS) {
  for (const activeStates of [true, false]) {
    const where = `${flavour}, host ${activeStates ? 'with' : 'without'} active states`;

    test(`P76 one expiry (${where})`, () => {
      const { timers, level, isMasked } = createUserMachine(flavour, activeStates);
      const told = (): number => timers.columns.told[0];
      timers.setTimer(0, VIRTUAL, RUNNING);
      assert.equal(timers.enter(0), 0);
      assert.deepEqual([level(VIRTUAL), told(), isMasked(VIRTUAL)], [0, 0, false]);

      // It expires in the guest: exit; before the next entry level and told bit differ.
      timers.setTimer(0, VIRTUAL, EXPIRED);
      assert.equal(timers.counts().exitsByHostInterrupt, 1);
      assert.equal(level(VIRTUAL), 1);
      timers.exit(0);
      assert.notEqual(timers.enter(0), 0);
      assert.equal(told(), 0x1);

      // User space runs it again without touching the timer: it enters, masked, and nothing more comes of the timer.
      assert.equal(timers.enter(0), 0);
      assert.equal(isMasked(VIRTUAL), true);
      for (let turn = 0; turn < 3; turn++) {
        timers.exit(0);
        assert.equal(timers.enter(0), 0);
        assert.equal(isMasked(VIRTUAL), true);
      }
      assert.equal(timers.counts().hostInterrupts, 1);
      assert.equal(timers.counts().exitsToUser, 1);

      // The guest disables the timer and exits: unmasked at the sync, one more return to user space.
      timers.setTimer(0, VIRTUAL, OFF);
      timers.exit(0);
      assert.equal(isMasked(VIRTUAL), false);
      assert.notEqual(timers.enter(0), 0);
      assert.equal(told(), 0x0);
      assert.equal(timers.enter(0), 0);
      assert.equal(timers.counts().exitsToUser, 2);
    });

    test(`P77 both lines change in one exit (${where})`, () => {
      const { timers } = createUserMachine(flavour, activeStates);
      timers.setTimer(0, PHYSICAL, EXPIRED);
      timers.setTimer(0, VIRTUAL, RUNNING);
      assert.equal(timers.enter(0), 0x2);
      assert.equal(timers.columns.told[0], 0x2);
      assert.equal(timers.enter(0), 0);
      timers.setTimer(0, PHYSICAL, EXPIRED | C.TIMER_IMASK);
      timers.setTimer(0, VIRTUAL, EXPIRED);
      timers.exit(0);
      assert.equal(timers.enter(0), 0x3);
      assert.equal(timers.columns.told[0], 0x1);
      assert.equal(timers.enter(0), 0);
    });
  }
}

test('an emulated physical timer is told like a direct one, without host interrupt and mask', () => {
  const { timers, isMasked } = createUserMachine('kvm-6.1', true);
  timers.setTimer(0, PHYSICAL, RUNNING | C.TIMER_TRAPPED);
  assert.equal(timers.enter(0), 0);
  timers.setTimer(0, PHYSICAL, EXPIRED);
  timers.exit(0);
  assert.equal(timers.enter(0), 0x2);
  assert.equal(isMasked(PHYSICAL), false);
  const { hostInterrupts, traps, softTimerStarts, softTimerExpiries, injections } = timers.counts();
  assert.deepEqual([hostInterrupts, traps, softTimerStarts, softTimerExpiries, injections], [0, 1, 1, 1, 0]);
});

test('a return to user space for another reason tells the levels: no return of its own', () => {
  const { timers } = createUserMachine('kvm-7.2', true);
  timers.setTimer(0, VIRTUAL, RUNNING);
  timers.enter(0);
  timers.setTimer(0, VIRTUAL, EXPIRED);
  timers.exit(0);
  timers.returnToUser(0);
  assert.equal(timers.columns.told[0], 1);
  assert.equal(timers.enter(0), 0);
  assert.equal(timers.counts().exitsToUser, 0);
});

// --- Random scripts.

/** The table of vgic-spec 5.3 for one vCPU, two direct timers, and nothing else. */
class PlainMachine {
  where: 'user' | 'host' | 'guest' = 'user';
  told = [0, 0];
  hosts = 0;
  readonly high = [0, 0];
  readonly level = [0, 0];
  readonly masked = [0, 0];

  fire(timer: number): void {
    if (this.where === 'user' || this.high[timer] === 0 || this.masked[timer] === 1) return;
    this.hosts += 1;
    this.level[timer] = 1;
    this.masked[timer] = 1;
  }

  set(timer: number, high: number): void {
    this.high[timer] = high;
    this.fire(timer);
  }

  /** The bits that user space is told of. */
  enter(): number {
    if (this.where === 'user') for (const timer of [0, 1]) this.level[timer] = this.masked[timer] = this.high[timer];
    this.where = 'host';
    const differing = (this.told[0] ^ this.level[0]) + 2 * (this.told[1] ^ this.level[1]);
    this.told = [...this.level];
    this.where = differing === 0 ? 'guest' : 'user';
    return differing;
  }

  exit(): void {
    this.where = 'host';
    for (const timer of [0, 1]) {
      if (this.masked[timer] === 0 || this.high[timer] === 1) continue;
      this.masked[timer] = 0;
      this.level[timer] = 0;
    }
  }
}

type Step = 'run' | 'exit' | readonly [timer: number, bits: number];
const steps = fc.array(
  fc.oneof(
    { weight: 2, arbitrary: fc.constant('run' as const) },
    { weight: 1, arbitrary: fc.constant('exit' as const) },
    { weight: 3, arbitrary: fc.tuple(fc.constantFrom(VIRTUAL, PHYSICAL), fc.integer({ min: 0, max: 7 })) },
  ),
  { minLength: 1, maxLength: 120 },
);
const RUNS = { numRuns: 300, seed: 5 };

/** Plays a script; steps that the place of the vCPU forbids are passed over. `after` sees both after each step. */
function play(
  flavour: string,
  activeStates: boolean,
  script: readonly Step[],
  after: (machine: UserMachine, plain: PlainMachine, differing: number | undefined) => void,
): void {
  const machine = createUserMachine(flavour, activeStates);
  const { timers } = machine;
  const plain = new PlainMachine();
  for (const timer of [VIRTUAL, PHYSICAL]) timers.setTimer(0, timer, OFF);
  for (const step of script) {
    let differing: number | undefined;
    if (step === 'run') {
      if (plain.where === 'guest') continue;
      differing = timers.enter(0);
      assert.equal(differing, plain.enter());
    } else if (step === 'exit') {
      if (plain.where !== 'guest') continue;
      timers.exit(0);
      plain.exit();
    } else {
      timers.setTimer(0, step[0], step[1]);
      plain.set(step[0], C.isLevelHigh(step[1]) ? 1 : 0);
    }
    after(machine, plain, differing);
  }
}

for (const flavour of KVM_FLAVOURS) {
  for (const activeStates of [true, false]) {
    test(`random scripts: level, told and masked as the plain machine has them (${flavour}, ${activeStates})`, () => {
      fc.assert(
        fc.property(steps, (script) => {
          play(flavour, activeStates, script, ({ timers, level, isMasked }, plain) => {
            assert.equal(timers.columns.told[0], plain.told[0] + 2 * plain.told[1]);
            for (const timer of [VIRTUAL, PHYSICAL]) {
              assert.equal(level(timer), plain.level[timer]);
              assert.equal(isMasked(timer), plain.masked[timer] === 1);
            }
            assert.equal(timers.counts().hostInterrupts, plain.hosts);
          });
        }),
        RUNS,
      );
    });
  }
}

test('the told word is at the levels after one step, whatever came before; then the vCPU enters', () => {
  fc.assert(
    fc.property(steps, (script) => {
      play('kvm-7.2', true, script, ({ timers, level }, _plain, differing) => {
        if (differing === undefined) return;
        assert.equal(timers.columns.told[0], level(VIRTUAL) + 2 * level(PHYSICAL));
      });
    }),
    RUNS,
  );
});

test('no storm: host interrupts and returns to user space are at most the changes of level', () => {
  fc.assert(
    fc.property(steps, fc.boolean(), (script, activeStates) => {
      const high = [0, 0];
      let rises = 0;
      let changes = 0;
      for (const step of script) {
        if (typeof step === 'string') continue;
        const now = C.isLevelHigh(step[1]) ? 1 : 0;
        if (now !== high[step[0]]) changes += 1;
        if (now > high[step[0]]) rises += 1;
        high[step[0]] = now;
      }
      play('kvm-6.1', activeStates, script, ({ timers }) => {
        assert.ok(timers.counts().hostInterrupts <= rises);
        assert.ok(timers.counts().exitsToUser <= changes);
      });
    }),
    RUNS,
  );
});

test('in the guest the host interrupt of a high level is masked, and an unmasked one has a low level', () => {
  fc.assert(
    fc.property(steps, fc.boolean(), (script, activeStates) => {
      play('kvm-7.2', activeStates, script, ({ isMasked }, plain) => {
        if (plain.where !== 'guest') return;
        for (const timer of [VIRTUAL, PHYSICAL]) if (plain.high[timer] === 1) assert.equal(isMasked(timer), true);
      });
    }),
    RUNS,
  );
});

test('6.1 and 7.2 tell the same words at the same entries', () => {
  fc.assert(
    fc.property(steps, (script) => {
      const wordsOf = (flavour: string): number[] => {
        const words: number[] = [];
        play(flavour, true, script, ({ timers }) => words.push(timers.columns.told[0]));
        return words;
      };
      assert.deepEqual(wordsOf('kvm-6.1'), wordsOf('kvm-7.2'));
    }),
    { ...RUNS, numRuns: 100 },
  );
});
