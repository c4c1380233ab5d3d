import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createGenerator, createGeneratorFromState } from './rng.js';

test('xoshiro128** gives the first values of its reference implementation', () => {
  const generator = createGeneratorFromState([1, 2, 3, 4]);
  assert.deepEqual(
    Array.from({ length: 5 }, () => generator.nextUint32()),
    [11520, 0, 5927040, 70819200, 2031721883],
  );
});

test('a seed repeats its sequence and another seed does not', () => {
  const draw = (seed: number): number[] => {
    const generator = createGenerator(seed);
    return Array.from({ length: 8 }, () => generator.nextUint32());
  };
  assert.deepEqual(draw(7), draw(7));
  assert.notDeepEqual(draw(7), draw(8));
});

test('values below a bound are spread evenly', () => {
  const generator = createGenerator(1);
  const counts = new Array<number>(10).fill(0);
  for (let n = 0; n < 10_000; n++) counts[generator.nextBelow(10)]++;
  for (const count of counts) assert.ok(count > 880 && count < 1120, `${count} of 10000 in one tenth`);
});
