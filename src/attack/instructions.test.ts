/** Instructions of guest programs: what a budget allows and what amplification is counted in. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createGenerator } from '../base/rng.js';
import { expandProgram } from '../hostile/expand.js';
import {
  doing,
  type GuestProgram,
  interruptsOn,
  type Op,
  type ProgramSize,
  programMachine,
} from '../hostile/program.js';
import { type Attacker, CAPABILITIES, defaultAttacker, writesOf } from './attacker.js';
import { dimensionIndex } from './dimensions.js';
import { createEvaluator } from './evaluate.js';
import { createInstructionCounter, estimateInstructions } from './instructions.js';
import { createProgramSource } from './mutate.js';

const SIZE: ProgramSize = { n: 64, nrLr: 4 };
const ALL: Attacker = { ...defaultAttacker, may: CAPABILITIES, vcpus: 4 };
const TARGET = { flavour: 'kvm-7.2', strategy: 'fifo' };

const once = (setUp: readonly Op[], vcpus = 1): GuestProgram => ({
  model: 'gicv3',
  vcpus,
  setUp,
  round: [],
  rounds: 0,
});

function instructionsOf(program: GuestProgram, size = SIZE, attacker = ALL): number {
  const machine = programMachine(program, size, TARGET.flavour, false);
  const options = { ...interruptsOn(program, size, machine), writesPerExit: writesOf(attacker) };
  const countOf = (given: GuestProgram, skip: number): { events: number; instructions: number } => {
    const counter = createInstructionCounter();
    let events = 0;
    expandProgram(given, machine, options, {
      event(kind, _vcpu, intid) {
        events += 1;
        if (events > skip) counter.see(kind, intid);
      },
    });
    return { events, instructions: counter.count };
  };
  const prologue = countOf({ ...program, setUp: [], rounds: 0 }, 0).events;
  return countOf(program, prologue).instructions;
}

test('an access that halts the guest is one instruction, however many vCPUs run', () => {
  const runs = [1, 2, 3].map((vcpu) => doing('enter', { vcpu }));
  for (const verb of ['activate', 'deactivate', 'active-read'] as const) {
    assert.equal(instructionsOf(once([doing(verb)])), 2, verb);
    assert.equal(instructionsOf(once([...runs, doing(verb)], 4)), 2, `${verb}, halting three`);
  }
  // Each of four interrupts is ended by itself.
  const dirs = doing('dir', { to: 4 });
  assert.equal(instructionsOf(once([dirs])), 4);
  assert.equal(instructionsOf(once([...runs, dirs], 4)), 4);
});

test('an exit that no write causes is one, but for those with which a program ends', () => {
  const visit = [doing('enter'), doing('exit')];
  assert.equal(instructionsOf(once([doing('pend'), ...visit])), 2);
  assert.equal(instructionsOf(once([doing('pend'), ...visit, ...visit, ...visit])), 4);
  assert.equal(instructionsOf(once([doing('enter', { vcpu: 1 }), doing('pend')], 2)), 2);
});

test('a budget is kept to the last instruction', () => {
  const program = once([doing('priority', { order: 'down', value: 32 })]);
  const size = { n: 8, nrLr: 4 };
  const fits = (instructions: number): boolean => {
    const attacker: Attacker = { ...ALL, instructions, writesPerExit: 'unlimited' };
    const limits = { events: 1024, steps: 1e6, counted: size };
    return createEvaluator(attacker, limits).evaluate(program, TARGET, size).figures !== undefined;
  };
  assert.deepEqual([fits(8), fits(7)], [true, false]);
});

test('what is estimated is never more than what is needed', () => {
  const rng = createGenerator(11);
  for (const writesPerExit of [1, 'unlimited'] as const) {
    const attacker = { ...ALL, writesPerExit };
    const source = createProgramSource(rng, attacker);
    let program = source.random();
    for (let left = 500; left > 0; left--) {
      program = left % 5 === 0 ? source.random() : source.mutate(program);
      const size = { n: 1 + rng.nextBelow(50), nrLr: 1 + rng.nextBelow(6) };
      const [estimate, needed] = [estimateInstructions(program, size), instructionsOf(program, size, attacker)];
      assert.ok(estimate <= needed, `${estimate} > ${needed}: ${JSON.stringify({ program, size })}`);
    }
  }
});

test('amplification: a drain takes an acknowledge and an end for each interrupt', () => {
  const size = { n: 4, nrLr: 4 };
  const evaluator = createEvaluator(ALL, { events: 1024, steps: 1e6, counted: size });
  const at = dimensionIndex('amplification');
  const amplificationOf = (end: readonly Op[]): number | undefined =>
    evaluator.evaluate(once([doing('pend'), doing('enter'), ...end]), TARGET, size).figures?.[at];
  const drained = amplificationOf([doing('drain')]);
  assert.ok(drained !== undefined && drained > 0);
  assert.equal(drained, amplificationOf([doing('ack', { value: 4 }), doing('eoi')]));
});
