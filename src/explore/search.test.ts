/** Counts that can be made by hand: the engine has to agree before a model is believed. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { countExecutions } from './executions.js';
import { createLockMachine } from './lock-machine.js';
import type { Assembler, Cell, Lock } from './lock-program.js';
import { search } from './search.js';
import type { System } from './system.js';

/** n steps that touch nothing. */
function idle(p: Assembler, steps: number): void {
  for (let at = 0; at < steps; at++) p.step(`step ${at}`, {}, () => at);
}

function binomial(n: number, k: number): number {
  let result = 1;
  for (let i = 1; i <= k; i++) result = (result * (n - k + i)) / i;
  return result;
}

test('two threads of n and m independent steps have C(n + m, n) interleavings of (n + 1)(m + 1) states', () => {
  for (const [n, m] of [
    [0, 3],
    [1, 1],
    [2, 3],
    [5, 4],
    [10, 10],
  ]) {
    const machine = createLockMachine();
    machine.thread('a', (p) => idle(p, n));
    machine.thread('b', (p) => idle(p, m));
    const system = machine.build();
    assert.deepEqual(countExecutions(system), { all: binomial(n + m, n), failing: 0 });
    const full = search(system);
    assert.equal(full.states, (n + 1) * (m + 1));
    assert.equal(full.transitions, n * (m + 1) + m * (n + 1));
    // No step depends on another: one order stands for all.
    assert.equal(search(system, { reduced: true }).states, n + m + 1);
  }
});

test('three threads of two steps each have 6! / (2! 2! 2!) interleavings', () => {
  const machine = createLockMachine();
  for (const name of ['a', 'b', 'c']) machine.thread(name, (p) => idle(p, 2));
  assert.equal(countExecutions(machine.build())?.all, 90);
});

test('two threads with a lock: one before the other, and a step before the lock anywhere until its own lock', () => {
  const build = (before: number): System => {
    const machine = createLockMachine();
    const lock = machine.lock('lock', 1);
    for (const name of ['a', 'b'])
      machine.thread(name, (p) => {
        idle(p, before);
        p.lock(lock);
        p.unlock(lock);
      });
    return machine.build();
  };
  assert.equal(countExecutions(build(0))?.all, 2);
  // a's section first: a, lock, unlock keep their order and b's step has 4 places; the same the other way round.
  assert.equal(countExecutions(build(1))?.all, 8);
  // Each is before, inside or behind its section: 3 * 3 states without the one where both are inside.
  assert.equal(search(build(0)).states, 8);
});

test('a handler may start before, between and after the steps of its CPU, but not while interrupts are off', () => {
  const build = (isMasked: boolean): System => {
    const machine = createLockMachine();
    machine.thread(
      'process',
      (p) => {
        if (isMasked) p.irqsOff();
        idle(p, 3);
        if (isMasked) p.irqsOn();
      },
      { cpu: 0 },
    );
    machine.thread('handler', (p) => idle(p, 2), { cpu: 0, isHandler: true });
    return machine.build();
  };
  assert.equal(countExecutions(build(false))?.all, 4);
  assert.equal(countExecutions(build(true))?.all, 2);
});

test('a loop without end has no number of executions, but its states are exhausted', () => {
  const machine = createLockMachine();
  const turns = machine.cell('turns', 0);
  machine.thread('a', (p) => {
    p.label('again');
    p.step('turns', { writes: [turns], jumps: ['again'] }, ({ get, set, goto }) => {
      set(turns, 1 - get(turns));
      goto('again');
      return 0;
    });
  });
  machine.thread('b', (p) => idle(p, 1));
  const system = machine.build();
  assert.equal(countExecutions(system), null);
  assert.equal(search(system).states, 4);
  // The reduced search must not stay in the loop of a for ever.
  assert.ok(search(system, { reduced: true }).states >= 3);
});

test('numbers of executions beyond 2^53 are not given', () => {
  const machine = createLockMachine();
  for (const name of ['a', 'b']) machine.thread(name, (p) => idle(p, 40));
  assert.equal(countExecutions(machine.build()), null);
});

/** How one increment of a shared counter is protected: the locks taken around its read and its write. */
const PROTECTIONS = ['none', 'a', 'b', 'a b', 'b a'] as const;

function buildCounter(threads: readonly (readonly (typeof PROTECTIONS)[number][])[]): System {
  const machine = createLockMachine();
  const locks: Record<string, Lock> = { a: machine.lock('a', 1, 0), b: machine.lock('b', 1, 1) };
  const counter: Cell = machine.cell('counter', 0);
  for (const [index, protections] of threads.entries())
    machine.thread(`thread ${index}`, (p) => {
      const seen = p.local('seen');
      for (const protection of protections) {
        const around = protection === 'none' ? [] : protection.split(' ').map((name) => locks[name]);
        for (const lock of around) p.lock(lock);
        p.step('reads', { reads: [counter] }, ({ get, set }) => {
          set(seen, get(counter));
          return get(counter);
        });
        p.step('writes', { writes: [counter] }, ({ get, set }) => {
          set(counter, get(seen) + 1);
          return get(seen) + 1;
        });
        for (const lock of around.toReversed()) p.unlock(lock);
      }
    });
  const increments = threads.flat().length;
  return machine.build({
    checksOrder: false,
    atRest: (get) => (get(counter) === increments ? null : { kind: 'lost-interrupt', text: 'an increment was lost' }),
  });
}

test('the reduced search has the verdict of the full one on random lock programs', () => {
  const verdicts = { right: 0, wrong: 0 };
  const program = fc.array(fc.constantFrom(...PROTECTIONS), { minLength: 1, maxLength: 2 });
  fc.assert(
    fc.property(fc.array(program, { minLength: 1, maxLength: 3 }), (threads) => {
      const system = buildCounter(threads);
      const [full, reduced] = [search(system), search(system, { reduced: true })];
      assert.equal(reduced.problem === null, full.problem === null);
      assert.ok(full.problem !== null || reduced.states <= full.states);
      const executions = countExecutions(system);
      assert.equal(executions?.failing === 0, full.problem === null);
      verdicts[full.problem === null ? 'right' : 'wrong']++;
    }),
    { seed: 1, numRuns: 150 },
  );
  assert.ok(verdicts.right > 20 && verdicts.wrong > 20, JSON.stringify(verdicts));
});

test('a deadlock of two is found although a third thread can go on for ever', () => {
  const machine = createLockMachine();
  const [a, b] = [machine.lock('a', 1, 0), machine.lock('b', 1, 1)];
  for (const [name, first, second] of [
    ['up', a, b],
    ['down', b, a],
  ] as const)
    machine.thread(name, (p) => {
      p.lock(first);
      p.lock(second);
      p.unlock(second);
      p.unlock(first);
    });
  machine.thread('idler', (p) => {
    p.label('again');
    p.step('idles', { jumps: ['again'] }, ({ goto }) => {
      goto('again');
      return 0;
    });
  });
  const { problem, schedule } = search(machine.build({ checksOrder: false }));
  assert.deepEqual(problem, { kind: 'deadlock', text: 'up waits for b, held by down; down waits for a, held by up' });
  assert.equal(schedule.length, 2);
});

test('locks against their order, a cell without its lock and a lock that is never given back are problems', () => {
  const machine = (): { build(write: (p: Assembler) => void): System; outer: Lock; inner: Lock; cell: Cell } => {
    const created = createLockMachine();
    const [outer, inner] = [created.lock('outer', 1), created.lock('inner', 2)];
    const cell = created.cell('cell', 0, [inner]);
    const build = (write: (p: Assembler) => void): System => {
      created.thread('one', write);
      created.thread('two', (p) => {
        p.lock(outer);
        p.unlock(outer);
      });
      return created.build();
    };
    return { build, outer, inner, cell };
  };
  const problemOf = (write: (p: Assembler, m: ReturnType<typeof machine>) => void): string | undefined => {
    const made = machine();
    return search(made.build((p) => write(p, made))).problem?.text;
  };
  assert.equal(
    problemOf((p, { inner, outer }) => {
      p.lock(inner);
      p.lock(outer);
    }),
    'one: locks outer while it holds inner',
  );
  assert.equal(
    problemOf((p, { cell }) =>
      p.step('writes', { writes: [cell] }, ({ set }) => {
        set(cell, 1);
        return 1;
      }),
    ),
    'one: writes cell without inner',
  );
  assert.equal(
    problemOf((p, { cell }) => p.step('reads', { reads: [cell] }, ({ get }) => get(cell))),
    'one: reads cell without inner',
  );
  assert.equal(
    problemOf((p, { outer }) => p.lock(outer)),
    'two waits for outer, held by one; one is done',
  );
  assert.equal(
    problemOf((p, { outer }) => {
      p.lock(outer);
      p.lock(outer);
    }),
    'one waits for outer, held by itself',
  );
});

test('a step that is wrong in one order only is found, although the other order leads to the same state', () => {
  const machine = createLockMachine();
  const flag = machine.cell('flag', 0);
  machine.thread('looks', (p) =>
    p.step('looks', { reads: [flag] }, ({ get, fail }) => {
      if (get(flag) === 1) fail('unprotected', 'too late');
      return 0;
    }),
  );
  machine.thread('sets', (p) =>
    p.step('sets', { writes: [flag] }, ({ set }) => {
      set(flag, 1);
      return 1;
    }),
  );
  const system = machine.build();
  assert.equal(search(system).problem?.text, 'looks: too late');
  assert.equal(search(system, { reduced: true }).problem?.text, 'looks: too late');
  assert.deepEqual(countExecutions(system), { all: 2, failing: 1 });
});

test('a step that touches what it did not declare is a bug of the model', () => {
  const machine = createLockMachine();
  const cell = machine.cell('cell', 0);
  machine.thread('one', (p) => p.step('reads', {}, ({ get }) => get(cell)));
  assert.throws(() => search(machine.build()), /one reads cell undeclared/);
});
