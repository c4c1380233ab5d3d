/** The keyed list against a plain array: order, first match, and the nodes a walk would visit. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { type Keyed, KeyedList } from './keyed-list.js';

type Step =
  | { readonly kind: 'append' | 'find'; readonly key: number }
  | { readonly kind: 'remove'; readonly at: number }
  | { readonly kind: 'sort' | 'clear' };

const steps: fc.Arbitrary<Step> = fc.oneof(
  { weight: 8, arbitrary: fc.integer({ min: 0, max: 40 }).map((key) => ({ kind: 'append' as const, key })) },
  { weight: 5, arbitrary: fc.nat(99).map((at) => ({ kind: 'remove' as const, at })) },
  { weight: 5, arbitrary: fc.integer({ min: 0, max: 44 }).map((key) => ({ kind: 'find' as const, key })) },
  { weight: 1, arbitrary: fc.constantFrom({ kind: 'sort' as const }, { kind: 'clear' as const }) },
);

test('it is an array that is searched from the front', () => {
  fc.assert(
    fc.property(fc.array(steps, { minLength: 50, maxLength: 300 }), (walk) => {
      const list = new KeyedList<Keyed>();
      let plain: Keyed[] = [];
      for (const step of walk) {
        if (step.kind === 'append') {
          const item = { key: step.key, place: 0 };
          list.append(item);
          plain.push(item);
        } else if (step.kind === 'remove' && plain.length > 0) {
          const [item] = plain.splice(step.at % plain.length, 1);
          list.remove(item);
        } else if (step.kind === 'find') {
          const at = plain.findIndex(({ key }) => key === step.key);
          assert.equal(list.find(step.key), plain[at]);
          assert.equal(list.visited, at < 0 ? plain.length : at + 1);
        } else if (step.kind === 'sort') {
          list.sort();
          // Stable, and equal keys the other way round.
          plain = plain.reverse().sort((a, b) => a.key - b.key);
        } else if (step.kind === 'clear') {
          list.clear();
          plain = [];
        }
        assert.equal(list.length, plain.length);
      }
      assert.deepEqual(list.items(), plain);
      const visited: Keyed[] = [];
      list.forEach((item) => {
        visited.push(item);
        list.remove(item);
      });
      assert.deepEqual(visited, plain);
      assert.equal(list.length, 0);
    }),
    { numRuns: 200, seed: 3 },
  );
});
