/** An evaluation depends on the program alone; the attacker's limits are kept. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { UsageError } from '../base/errors.js';
import { createGenerator } from '../base/rng.js';
import { doing, type GuestProgram, NEXT_VCPU, verbInfo } from '../hostile/program.js';
import { strategies } from '../strategy/index.js';
import { type Attacker, CAPABILITIES, defaultAttacker, findForbidden, parseCapabilities, verbsOf } from './attacker.js';
import { boundOf, mostOf } from './bounds.js';
import { dimensionIndex, dimensions } from './dimensions.js';
import { createEvaluator, type Limits } from './evaluate.js';
import { estimateInstructions } from './instructions.js';
import { createProgramSource } from './mutate.js';

const SIZE = { n: 40, nrLr: 4 };
const LIMITS: Limits = { events: 8192, steps: 400_000, counted: SIZE };
const ALL: Attacker = { ...defaultAttacker, may: ['mmio', 'sgi', 'device'] };

const FLAVOURS = ['kvm-6.1', 'kvm-7.2', 'xen-new'];

function programs(count: number, attacker: Attacker): GuestProgram[] {
  const source = createProgramSource(createGenerator(7), attacker);
  const made: GuestProgram[] = [];
  while (made.length < count) {
    const last = made.at(-1);
    made.push(last === undefined || made.length % 4 === 0 ? source.random() : source.mutate(last));
  }
  return made;
}

test('the same figures on a model that ran other programs before', () => {
  const used = createEvaluator(ALL, LIMITS);
  for (const flavour of FLAVOURS)
    for (const { id: strategy } of strategies)
      for (const program of programs(6, ALL)) {
        const fresh = createEvaluator(ALL, LIMITS).evaluate(program, { flavour, strategy }, SIZE);
        const again = used.evaluate(program, { flavour, strategy }, SIZE);
        assert.deepEqual(again, fresh, `${flavour} ${strategy} ${JSON.stringify(program)}`);
      }
});

test('no random program exceeds what a strategy declares', () => {
  const evaluator = createEvaluator(ALL, LIMITS);
  for (const flavour of FLAVOURS)
    for (const { id: strategy } of strategies)
      for (const program of programs(16, ALL)) {
        const target = { flavour, strategy };
        const { figures } = evaluator.evaluate(program, target, SIZE);
        for (const [at, figure] of (figures ?? []).entries()) {
          const bound = boundOf(target, at, program, SIZE);
          if (bound === undefined) continue;
          assert.ok(figure <= bound, `${flavour} ${strategy} ${dimensions[at].id}: ${figure} > ${bound}`);
        }
      }
});

test('no guest maps an interrupt: a retarget in xen-old takes one lock, whatever is queued', () => {
  const program: GuestProgram = {
    model: 'gicv2',
    vcpus: 2,
    setUp: [doing('pend', { vcpu: 1 }), doing('target', { vcpu: 1, value: 1 })],
    round: [],
    rounds: 0,
  };
  const target = { flavour: 'xen-old', strategy: 'xen-old' };
  const dimension = dimensionIndex('rekey-steps');
  const { figures } = createEvaluator(ALL, LIMITS).evaluate(program, target, SIZE);
  assert.equal(figures?.[dimension], 1);
  assert.equal(boundOf(target, dimension, program, SIZE), 1);
});

test('a bound that depends on the interrupt controller: that of the worst one', () => {
  const program: GuestProgram = { model: 'gicv3', vcpus: 2, setUp: [doing('pend')], round: [], rounds: 0 };
  const dimension = dimensionIndex('flush-steps');
  const bounds = (model: GuestProgram['model']): (number | undefined)[] =>
    [boundOf, mostOf].map((of) =>
      of({ flavour: 'kvm-6.1', strategy: 'top-k' }, dimension, { ...program, model }, { n: 960, nrLr: 4 }),
    );
  const [own, most] = bounds('gicv3');
  assert.ok(own! < most! / 4);
  assert.deepEqual(bounds('gicv2'), [most, most]);
});

test('appendix A: 8,426 comparisons for 960 scattered priorities', () => {
  const size = { n: 960, nrLr: 4 };
  const program: GuestProgram = {
    model: 'gicv3',
    vcpus: 2,
    setUp: [doing('priority', { vcpu: 1, value: 34 }), doing('pend', { vcpu: 1 })],
    round: [doing('enter')],
    rounds: 1,
  };
  const evaluator = createEvaluator(defaultAttacker, { events: 1 << 16, steps: 1e7, counted: size });
  const { figures } = evaluator.evaluate(program, { flavour: 'kvm-6.1', strategy: 'sort-on-flush' }, size);
  assert.equal(figures?.[dimensionIndex('flush-comparisons')], 8426);
  assert.equal(figures?.[dimensionIndex('flush-locks')], 17817);
});

test('an attacker has the verbs of its capabilities, and no program of others', () => {
  const has = (may: Attacker['may']): Set<string> =>
    new Set(verbsOf({ ...defaultAttacker, may }).map(({ verb }) => verb));
  assert.ok(has(['mmio']).has('pend') && !has(['mmio']).has('sgi') && !has(['mmio']).has('raise'));
  assert.ok(has(['device']).has('raise') && has([]).has('enter') && !has([]).has('pend'));
  const evaluator = createEvaluator(defaultAttacker, LIMITS);
  for (const verb of ['raise', 'int'] as const) {
    const program: GuestProgram = { model: 'gicv3', vcpus: 1, setUp: [doing(verb)], round: [], rounds: 0 };
    assert.match(findForbidden(program, defaultAttacker) ?? '', new RegExp(verbInfo(verb).needs));
    const { figures } = evaluator.evaluate(program, { flavour: 'kvm-6.1', strategy: 'buckets' }, SIZE);
    assert.equal(figures, undefined);
  }
  const wide: GuestProgram = { model: 'gicv3', vcpus: 3, setUp: [], round: [], rounds: 0 };
  assert.match(findForbidden(wide, defaultAttacker) ?? '', /3 vCPUs/);
  assert.deepEqual(parseCapabilities('sgi, device,sgi'), ['sgi', 'device']);
  assert.throws(() => parseCapabilities('mmoi'), UsageError);
});

test('instructions of random programs: the estimate is near, and the budget is kept', () => {
  const attacker: Attacker = { ...defaultAttacker, may: CAPABILITIES, instructions: 200 };
  const tight = createEvaluator(attacker, LIMITS);
  const target = { flavour: 'kvm-6.1', strategy: 'fifo' };
  let kept = 0;
  for (const program of programs(60, attacker)) {
    const { figures } = tight.evaluate(program, target, SIZE);
    if (figures !== undefined) kept++;
    if (estimateInstructions(program, SIZE) > 200) assert.equal(figures, undefined);
  }
  assert.ok(kept > 10 && kept < 60, `${kept} of 60`);
  const retargets: GuestProgram = {
    model: 'gicv3',
    vcpus: 2,
    setUp: [],
    round: [doing('target', { value: NEXT_VCPU })],
    rounds: 6,
  };
  assert.equal(tight.evaluate(retargets, target, SIZE).figures, undefined);
});

test('requests: a broadcast asks every vCPU', () => {
  const size = { n: 4, nrLr: 4 };
  const evaluator = createEvaluator({ ...ALL, vcpus: 4 }, { ...LIMITS, counted: size });
  const dimension = dimensionIndex('kicks');
  const requestsOf = (flavour: string): number | undefined => {
    const program: GuestProgram = { model: 'gicv3', vcpus: 4, setUp: [doing('pend')], round: [], rounds: 0 };
    return evaluator.evaluate(program, { flavour, strategy: 'fifo' }, size).figures?.[dimension];
  };
  // One write: a request for each of four interrupts, but the first of kvm-7.2 is one to each of four vCPUs (vgic-spec 1.9).
  assert.deepEqual(['kvm-6.1', 'kvm-7.2'].map(requestsOf), [4, 3 + 4]);
});

test('amplification has the walks to LPIs by number in it, where the hypervisor walks', () => {
  const attacker: Attacker = { ...ALL, may: ['lpis'] };
  const program: GuestProgram = { model: 'gicv3', vcpus: 1, setUp: [doing('int')], round: [], rounds: 0 };
  const size = { n: 32, nrLr: 4 };
  const evaluator = createEvaluator(attacker, { ...LIMITS, counted: size });
  const at = dimensionIndex('amplification');
  const stepsOf = (flavour: string): number => {
    const { figures } = evaluator.evaluate(program, { flavour, strategy: 'buckets' }, size);
    return 32 * (figures?.[at] ?? 0);
  };
  // One INT each for 32 LPIs; a walk of kvm-6.1 takes a lock and visits those before.
  assert.ok(stepsOf('kvm-6.1') >= stepsOf('kvm-7.2') + (32 * 33) / 2);
});

test('a fold behind list registers in list order: as declared, to the step', () => {
  const program: GuestProgram = {
    model: 'gicv3',
    vcpus: 2,
    // Thirty-one actives at the end of the list, and as many EOIs of what is in no list register.
    setUp: [
      doing('pend'),
      doing('activate', { from: 62 }),
      doing('activate', { from: 61, to: 61 }),
      doing('eoi', { from: 62 }),
      doing('eoi', { from: 63, to: 63 }),
    ],
    round: [],
    rounds: 0,
  };
  const size = { n: 960, nrLr: 4 };
  const evaluator = createEvaluator(defaultAttacker, { events: 1 << 16, steps: 1e7, counted: size });
  const dimension = dimensionIndex('fold-steps');
  for (const strategy of ['fifo', 'unlimited-lrs']) {
    const target = { flavour: 'kvm-7.2', strategy };
    assert.equal(evaluator.evaluate(program, target, size).figures?.[dimension], 1951, strategy);
    assert.equal(boundOf(target, dimension, program, size), 1951, strategy);
  }
});
