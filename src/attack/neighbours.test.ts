/** Small steps of a program: all that a climb needs are there, and all of them can be expanded. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { doing, type GuestProgram, SHARES } from '../hostile/program.js';
import { lengthOf } from './archive.js';
import { defaultAttacker, findForbidden } from './attacker.js';
import { insertionsOf, neighboursOf } from './neighbours.js';

const odd: GuestProgram = {
  model: 'gicv3',
  vcpus: 2,
  setUp: [doing('pend', { to: 49 }), doing('target', { vcpu: 1, from: 49, value: 1 })],
  round: [doing('wfi', { to: 0 })],
  rounds: 3,
};

const has = (programs: readonly GuestProgram[], wanted: GuestProgram): boolean =>
  programs.some((program) => JSON.stringify(program) === JSON.stringify(wanted));

test('neighbours leave out, move ends alone and together, and try other vCPUs and rounds', () => {
  const all = neighboursOf(odd, defaultAttacker);
  const [pend, target] = odd.setUp;
  assert.ok(has(all, { ...odd, setUp: [target] }));
  assert.ok(has(all, { ...odd, setUp: [{ ...pend, to: SHARES }, target] }));
  assert.ok(
    has(all, {
      ...odd,
      setUp: [
        { ...pend, to: 48 },
        { ...target, from: 48 },
      ],
    }),
  );
  assert.ok(has(all, { ...odd, setUp: [target, pend] }));
  assert.ok(has(all, { ...odd, setUp: [pend, { ...pend, vcpu: 1 }, target] }));
  assert.ok(has(all, { ...odd, rounds: 2 }));
  assert.ok(has(all, { ...odd, model: 'gicv2' }));
});

test('neighbours differ from each other and from the program, and are what the attacker may do', () => {
  const all = neighboursOf(odd, defaultAttacker);
  const texts = new Set([odd, ...all].map((program) => JSON.stringify(program)));
  assert.equal(texts.size, all.length + 1);
  for (const program of [...all, ...insertionsOf(odd, defaultAttacker, 1)]) {
    assert.equal(findForbidden(program, defaultAttacker), undefined);
    for (const { from, to } of [...program.setUp, ...program.round])
      assert.ok(from >= 0 && from <= to && to <= SHARES, `${from}-${to}`);
  }
});

test('insertions add one operation, or the same by each vCPU', () => {
  const all = insertionsOf(odd, defaultAttacker, 1);
  const sgi = doing('sgi', { to: 0, value: 16 });
  const [pend, target] = odd.setUp;
  assert.ok(has(all, { ...odd, setUp: [pend, { ...sgi, vcpu: 1 }, target] }));
  assert.ok(has(all, { ...odd, setUp: [pend, sgi, { ...sgi, vcpu: 1 }, target] }));
});

test('what an operation needs comes with it, just before it or before all others', () => {
  const all = insertionsOf(odd, defaultAttacker, 2);
  const dir = [doing('eoi-mode', { vcpu: 1, to: 0, value: 1 }), doing('dir', { vcpu: 1 })];
  assert.ok(has(all, { ...odd, setUp: [...odd.setUp, ...dir] }));
  const [off, on] = [0, 1].map((value) => doing('dist', { to: 0, value }));
  assert.ok(has(all, { ...odd, setUp: [off, ...odd.setUp, on] }));
  assert.ok(has(all, { ...odd, setUp: [...odd.setUp, off] }));
});

test('a program of round spans is shorter than the same of odd ones', () => {
  const round = { ...odd, setUp: odd.setUp.map((op) => ({ ...op, to: SHARES, from: 0 })) };
  assert.ok(lengthOf(round) < lengthOf(odd));
});
