/**
 * The reduced search against the full one, on random programs: both come to rest in the same memories. That is more than one
 * verdict: an order of dependent steps that is left out shows as a memory that is never reached.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { createLockMachine } from './lock-machine.js';
import { search } from './search.js';
import type { System } from './system.js';
import { type Block, createWeakSystem, type Decision, type Operation } from './weak-memory.js';

interface Compared {
  readonly full: { readonly states: number; readonly rests: readonly string[] };
  readonly reduced: { readonly states: number; readonly rests: readonly string[] };
}

/** `create` makes the system, given what is to be told of every state of rest. */
function compare(create: (atRest: (rest: readonly number[]) => void) => System): Compared {
  const explore = (reduced: boolean): Compared['full'] => {
    const rests = new Set<string>();
    const { states, problem } = search(
      create((rest) => rests.add(rest.join(' '))),
      { reduced },
    );
    assert.equal(problem, null);
    return { states, rests: [...rests].sort() };
  };
  return { full: explore(false), reduced: explore(true) };
}

/** Requires equal ends, and tells whether the reduction left states out, and whether there was more than one end. */
function requireSame({ full, reduced }: Compared): { isSmaller: boolean; isRich: boolean } {
  assert.deepEqual(reduced.rests, full.rests);
  return { isSmaller: reduced.states < full.states, isRich: full.rests.length > 1 };
}

const CELLS = 2;
const place = fc.nat({ max: CELLS - 1 });
/** cell := other cell + add, in two steps, under the lock or not; or once more from the start, while a cell is 0. */
const lockStep = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant('add' as const),
      from: place,
      to: place,
      add: fc.nat({ max: 2 }),
      isLocked: fc.boolean(),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('again' as const), from: place }) },
);
type LockStep = typeof lockStep extends fc.Arbitrary<infer Value> ? Value : never;

/** Values stay below this, so that loops have an end. */
const LIMIT = 4;

function buildLocked(
  programs: readonly (readonly LockStep[])[],
  hasHandler: boolean,
  tell: (rest: readonly number[]) => void,
): System {
  const machine = createLockMachine();
  const lock = machine.lock('lock', 1);
  const cells = Array.from({ length: CELLS }, (_, at) => machine.cell(`cell ${at}`, 0));
  for (const [index, program] of programs.entries()) {
    const isHandler = hasHandler && index === 0;
    machine.thread(
      `thread ${index}`,
      (p) => {
        const seen = p.local('seen');
        const turns = p.local('turns');
        p.label('start');
        for (const step of program) {
          const from = cells[step.from];
          if (step.kind === 'again') {
            p.step('again?', { reads: [from], jumps: ['start'] }, ({ get, set, goto }) => {
              if (get(from) === 0 && get(turns) === 0) {
                set(turns, 1);
                goto('start');
              }
              return get(from);
            });
            continue;
          }
          const to = cells[step.to];
          // A handler that waits for what it interrupted would be a deadlock, and the end of most comparisons.
          const isLocked = step.isLocked && !hasHandler;
          if (isLocked) p.lock(lock);
          p.step('reads', { reads: [from] }, ({ get, set }) => {
            set(seen, get(from));
            return get(from);
          });
          p.step('writes', { writes: [to] }, ({ get, set }) => {
            set(to, Math.min(LIMIT, get(seen) + step.add));
            return get(seen);
          });
          if (isLocked) p.unlock(lock);
        }
      },
      hasHandler && index < 2 ? { cpu: 0, isHandler } : {},
    );
  }
  return machine.build({
    atRest(get) {
      tell(cells.map(get));
      return null;
    },
  });
}

for (const hasHandler of [false, true]) {
  test(`lock programs${hasHandler ? ' with a handler' : ''}: the reduced search comes to rest wherever the full one does`, () => {
    const seen = { smaller: 0, rich: 0 };
    const programs = fc.array(fc.array(lockStep, { minLength: 1, maxLength: 2 }), { minLength: 2, maxLength: 3 });
    fc.assert(
      fc.property(programs, (threads) => {
        const { isSmaller, isRich } = requireSame(compare((tell) => buildLocked(threads, hasHandler, tell)));
        seen.smaller += isSmaller ? 1 : 0;
        seen.rich += isRich ? 1 : 0;
      }),
      { seed: 2, numRuns: 150 },
    );
    assert.ok(seen.smaller > 30 && seen.rich > 50, JSON.stringify(seen));
  });
}

const LOCATIONS = 3;
const location = fc.nat({ max: LOCATIONS - 1 });
const operation: fc.Arbitrary<Operation> = fc.oneof(
  fc.record({ kind: fc.constant('write' as const), at: location, value: fc.nat({ max: 1 }) }),
  fc.record({ kind: fc.constant('read' as const), at: location }),
  fc.record({ kind: fc.constantFrom('mb' as const, 'wmb' as const, 'rmb' as const) }),
);
const operations = fc.array(operation, { minLength: 1, maxLength: 3 });
const thread = fc.record({
  turn: operations,
  woken: fc.option(operations, { nil: undefined }),
  /** What it decides if it read a 1 in this turn, and if not; null: it never decides. */
  decisions: fc.option(
    fc.tuple(
      fc.constantFrom<Decision>('stop', 'loop', 'schedule'),
      fc.constantFrom<Decision>('stop', 'loop', 'schedule'),
    ),
    { nil: null },
  ),
});
type RandomThread = typeof thread extends fc.Arbitrary<infer Value> ? Value : never;

function buildWeak(threads: readonly RandomThread[], tell: (rest: readonly number[]) => void): System {
  const blockOf = (block: readonly Operation[], decisions: RandomThread['decisions']): Block => ({
    operations: block,
    decide: decisions === null ? undefined : (values) => decisions[values.includes(1) ? 0 : 1],
  });
  return createWeakSystem({
    locations: Array.from({ length: LOCATIONS }, (_, at) => [`l${at}`, 0] as const),
    threads: threads.map(({ turn, woken, decisions }, at) => ({
      name: `P${at}`,
      turn: blockOf(turn, decisions),
      woken: woken === undefined || decisions === null ? undefined : blockOf(woken, ['stop', 'loop']),
    })),
    sleeps: { at: 0, equals: 0 },
    maxTurns: 2,
    valueName: (_, value) => String(value),
    atRest(memory, asleep) {
      tell([...memory, -1, ...asleep]);
      return null;
    },
  });
}

test('weak memory, with sleepers: the reduced search comes to rest wherever the full one does', () => {
  const seen = { smaller: 0, rich: 0 };
  fc.assert(
    fc.property(fc.array(thread, { minLength: 2, maxLength: 3 }), (threads) => {
      const { isSmaller, isRich } = requireSame(compare((tell) => buildWeak(threads, tell)));
      seen.smaller += isSmaller ? 1 : 0;
      seen.rich += isRich ? 1 : 0;
    }),
    { seed: 3, numRuns: 400 },
  );
  assert.ok(seen.smaller > 100 && seen.rich > 40, JSON.stringify(seen));
});

test('what a sleeper will read once it is woken is waited for', () => {
  const [TASK, DATA, NOTE] = [0, 1, 2];
  const compared = compare((tell) =>
    createWeakSystem({
      locations: ['task', 'data', 'note'].map((name) => [name, 0] as const),
      threads: [
        {
          name: 'sleeper',
          turn: { operations: [{ kind: 'read', at: TASK }], decide: () => 'schedule' },
          woken: {
            operations: [
              { kind: 'read', at: DATA },
              { kind: 'write-if', at: NOTE, value: 1, given: 0, equals: 0, wmb: false },
            ],
            decide: () => 'stop',
          },
        },
        {
          name: 'waker',
          turn: {
            operations: [
              { kind: 'write', at: DATA, value: 1 },
              { kind: 'write', at: TASK, value: 1 },
            ],
          },
        },
      ],
      sleeps: { at: TASK, equals: 0 },
      maxTurns: 2,
      valueName: (_, value) => String(value),
      atRest(memory) {
        tell(memory);
        return null;
      },
    }),
  );
  requireSame(compared);
  assert.deepEqual(compared.full.rests, ['1 1 0', '1 1 1']);
});
